"""The adapters inside the real tools; each test is skipped where its tool is not installed."""

import ast
import functools
import gzip
import http.server
import importlib.util
import io
import json
import os
import subprocess
import sys
import textwrap
import threading
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

import dedup
from dedup.adapters import frames
from dedup.index import Index, StoreError, record
from dedup.read import read
from dedup.settings import ReadSettings
from dedup.write import file_name

ROOT = Path(__file__).resolve().parents[1]
STORY = (
    "The lower mill closed on Friday after the river rose past the second mark, and the grain was moved.",
    "The miller said that the wheel was sound and that work would begin again when the water had gone down.",
)
OTHER = (
    "A new clerk was sworn in at the town hall, the third this year, and asked for a longer table.",
    "The mayor answered that the table had been ordered in the spring and was still on its way by barge.",
)


def page(title, paragraphs):
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    return (
        f"<html><head><title>{title}</title></head><body><nav><a href='/'>Home</a></nav>"
        f"<article><h1>{title}</h1>{body}</article></body></html>"
    )


PAGES = {"mill": page("The mill closes", STORY), "clerk": page("A clerk is sworn in", OTHER)}
TEXT = "\n".join(STORY)


def needs(*modules):
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def example(adapter):
    """The code at the head of an adapter."""
    source = (ROOT / "dedup" / "adapters" / f"{adapter}.py").read_text()
    lines = ast.get_docstring(ast.parse(source)).splitlines()
    return textwrap.dedent("\n".join(line for line in lines if line.startswith("    ")))


@pytest.fixture
def site(tmp_path):
    """Pages served on loopback: two stories, and one of them again at another address."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name, content in (*PAGES.items(), ("mill-again", PAGES["mill"])):
        (folder / f"{name}.html").write_text(content)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *arguments: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


SPIDER = """
import sys
import scrapy
from scrapy.crawler import CrawlerProcess

site, out, drop = sys.argv[1:]

class News(scrapy.Spider):
    name = "news"
    start_urls = [f"{site}/{page}.html" for page in ("mill", "clerk", "mill-again")]

    def parse(self, response):
        yield {"url": response.url, "html": response.text}

settings = {
    "ITEM_PIPELINES": ITEM_PIPELINES,
    "DEDUP_INDEX": DEDUP_INDEX,
    "FEEDS": {out: {"format": "jsonlines"}},
    "CONCURRENT_REQUESTS": 1,
    "TELNETCONSOLE_ENABLED": False,
    "LOG_LEVEL": "WARNING",
}
if drop:
    settings["DEDUP_DROP_SHARE"] = float(drop)
process = CrawlerProcess(settings)
process.crawl(News)
process.start()
"""


def crawl(tmp_path, site, drop=""):
    out = tmp_path / "items.jsonl"
    out.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", example("scrapy") + SPIDER, site, str(out), drop],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    lines = out.read_text().splitlines() if out.exists() else []
    return {item["url"].rsplit("/")[-1]: item["dedup"] for item in map(json.loads, lines)}


@needs("scrapy")
def test_a_spider_gets_articles_and_what_was_known(tmp_path, site):
    items = crawl(tmp_path, site)
    assert items.keys() == {"mill.html", "clerk.html", "mill-again.html"}
    (mill,), (clerk,) = items["mill.html"], items["clerk.html"]
    assert (mill["title"], mill["text"].splitlines()) == ("The mill closes", list(STORY))
    assert clerk["known"]["share"] == 0
    shares = sorted(items[name][0]["known"]["share"] for name in ("mill.html", "mill-again.html"))
    assert shares == [0.0, 1.0]
    with Index(tmp_path / "news.index") as index:
        assert index.stats().articles == 3
        assert index.check() == []
    # Tomorrow everything was seen.
    assert all(one[0]["known"]["first_seen"] for one in crawl(tmp_path, site).values())


@needs("scrapy")
def test_a_spider_drops_what_was_seen_if_told_to(tmp_path, site):
    items = crawl(tmp_path, site, "0.9")
    assert len(items) == 2
    assert "clerk.html" in items


@needs("datatrove")
def test_datatrove_cleans_and_marks(tmp_path):
    from datatrove.data import Document

    from dedup.adapters.datatrove import DedupClean, DedupMark

    documents = [
        Document(text=PAGES["mill"], id="1", metadata={"url": "https://north.example/mill"}),
        Document(text=PAGES["clerk"], id="2", metadata={"url": "https://north.example/clerk"}),
        Document(text=PAGES["mill"], id="3", metadata={"url": "https://south.example/mill"}),
        Document(text="<html><body></body></html>", id="4"),
    ]
    step = DedupClean()
    cleaned = list(step.run(iter(documents)))
    assert [one.text for one in cleaned] == ["\n".join(STORY), "\n".join(OTHER), "\n".join(STORY)]
    assert cleaned[0].metadata["title"] == "The mill closes"
    marked = list(DedupMark(str(tmp_path / "i")).run(iter(cleaned)))
    assert [one.metadata["dedup"]["share"] for one in marked] == [0, 0, 1]
    assert marked[2].metadata["dedup"]["seen_in"] == [marked[0].id]
    kept = list(DedupMark(str(tmp_path / "j"), drop_share=0.8).run(iter(cleaned)))
    assert [one.id for one in kept] == [cleaned[0].id, cleaned[1].id]


@needs("datatrove", "orjson")
def test_datatrove_runs_them_in_a_pipeline(tmp_path):
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    from dedup.adapters.datatrove import DedupClean, DedupMark

    (tmp_path / "raw").mkdir()
    rows = [{"text": PAGES[name], "id": str(n)} for n, name in enumerate(("mill", "clerk", "mill"))]
    (tmp_path / "raw" / "pages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    steps = [
        JsonlReader(str(tmp_path / "raw")),
        DedupClean(),
        DedupMark(str(tmp_path / "news.index")),
        JsonlWriter(str(tmp_path / "out"), compression=None),
    ]
    LocalPipelineExecutor(steps, logging_dir=str(tmp_path / "log")).run()
    (written,) = (tmp_path / "out").iterdir()
    marks = [json.loads(line)["metadata"]["dedup"] for line in written.read_text().splitlines()]
    assert len(marks) == 3
    assert marks[0]["share"] == 0


@needs("datasets")
def test_hugging_face_datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    import datasets

    datasets.disable_progress_bars()
    addresses = [f"https://{outlet}.example/{n}" for outlet, n in (("a", 1), ("a", 2), ("b", 1))]
    pages = [PAGES[name] for name in ("mill", "clerk", "mill")]
    raw = datasets.Dataset.from_dict({"html": pages, "url": addresses})
    cleaned = raw.map(frames.Clean(), batched=True, remove_columns=raw.column_names)
    assert cleaned["title"][:] == ["The mill closes", "A clerk is sworn in", "The mill closes"]
    marked = cleaned.map(frames.Mark(str(tmp_path / "i")), batched=True)
    assert marked["share"][:] == [0, 0, 1]
    assert marked["seen_in"][2] == [cleaned["id"][0]]


@needs("pandas")
def test_pandas_columns(tmp_path):
    import pandas as pd

    columns = {"html": [*PAGES.values(), None], "url": ["https://a.example/1", "https://a.example/2", None]}
    frame = pd.DataFrame(columns, index=[5, 7, 9])
    cleaned = frame.join(frames.pandas_clean(frame["html"], frame["url"]))
    assert cleaned["dedup_title"].to_list()[:2] == ["The mill closes", "A clerk is sworn in"]
    assert cleaned["dedup_articles"].to_list() == [1, 1, 0]
    assert "neither" in cleaned["dedup_error"][9]
    texts = cleaned["dedup_text"][:2]
    marks = frames.pandas_mark(str(tmp_path / "i"), cleaned["dedup_id"][:2], texts)
    assert marks["dedup_share"].to_list() == [0, 0]
    again = frames.pandas_mark(str(tmp_path / "i"), pd.Series(["x", "y"]), texts)
    assert again["dedup_share"].to_list() == [1, 1]


@needs("polars")
def test_polars_columns(tmp_path):
    import polars as pl

    frame = pl.DataFrame({"html": [PAGES["mill"], PAGES["clerk"], None]})
    cleaned = frame.with_columns(frames.polars_clean(frame["html"]).struct.unnest())
    assert cleaned["dedup_title"].to_list() == ["The mill closes", "A clerk is sworn in", None]
    assert cleaned["dedup_articles"].to_list() == [1, 1, 0]
    marks = frames.polars_mark(str(tmp_path / "i"), ["a", "b", "c"], [TEXT, None, TEXT])
    assert marks.struct.field("dedup_share").to_list() == [0, 0, 1]
    assert marks.struct.field("dedup_seen_in").to_list() == [[], [], ["a"]]


@needs("pyarrow")
@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_articles_go_through_parquet_and_arrow_unchanged(tmp_path, suffix):
    from dedup.adapters import arrow
    from dedup.rows import article_row

    articles = [one for name, html in PAGES.items() for one in dedup.clean(html, f"https://a.example/{name}")]
    place = tmp_path / f"articles.{suffix}"
    assert arrow.write(place, articles) == 2
    assert [article_row(one) for one in arrow.articles(place)] == [article_row(one) for one in articles]
    assert [one.name for one in tmp_path.iterdir()] == [place.name]


@needs("pyarrow")
def test_pages_come_out_of_parquet(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    from dedup.adapters import arrow

    rows = [
        {"html": PAGES["mill"], "url": "https://a.example/1"},
        {"html": None, "url": "https://a.example/2"},
    ]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "raw.parquet")
    good, bad = dedup.clean_many(arrow.pages(tmp_path / "raw.parquet"))
    assert good.articles[0].title == "The mill closes"
    assert bad.failure.error == "bad_record"
    (tmp_path / "raw.parquet").write_bytes(b"no parquet at all")
    (bad,) = arrow.pages(tmp_path / "raw.parquet")
    assert bad.error == "not_parquet"
    with pytest.raises(ValueError, match="is no Parquet or Arrow file"):
        list(arrow.articles(tmp_path / "raw.parquet"))


@needs("pyarrow")
@pytest.mark.parametrize("chunks", [1, 3])
def test_a_table_is_clustered_without_strings(chunks):
    import pyarrow as pa

    from dedup.adapters import arrow

    mill = "The lower mill closed on Friday after ninety years, and its forty hands were told at noon."
    rows = [
        {"id": "a", "text": mill, "outlet": "north", "published": "2026-02-02"},
        {"id": "b", "text": mill.replace("Friday", "Monday"), "outlet": "south", "published": "2026-02-01"},
        {"id": "c", "text": None, "outlet": None, "published": None},
        {"id": "d", "text": mill.upper(), "outlet": None, "published": None},
    ]
    whole = pa.concat_tables([pa.Table.from_pylist(rows)] * chunks).slice(0, 4)
    if chunks > 1:
        outlets = whole["outlet"].dictionary_encode()
        whole = pa.concat_tables([whole.slice(0, 1), whole.slice(1)]).set_column(2, "outlet", outlets)
    items = arrow.paragraphs(whole)
    assert [(one.document, one.outlet, one.text, one.published) for one in items] == [
        (row["id"], row["outlet"], row["text"] or "", row["published"]) for row in rows
    ]
    found = dedup.cluster(items)
    assert [[member.paragraph.document for member in one.members] for one in found] == [["b", "a", "d"]]
    assert found[0].outlets == ("north", "south")
    from_lists = dedup.Paragraphs(
        *(list(one) for one in (items.documents, items.texts)), outlets=items.outlets
    )
    assert dedup.cluster(from_lists)[0].outlets == ("north", "south")
    assert arrow.paragraphs(whole.slice(2), text="published", document="text")[0].text == ""
    assert len(arrow.paragraphs(whole.slice(4))) == 0


@needs("pyarrow")
@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"text": ["a"]}, "no column 'id', only text"),
        ({"text": ["a"], "id": [1]}, "'id' holds int64, not strings"),
        ({"text": [b"a"], "id": ["1"]}, "'text' holds binary, not strings"),
    ],
)
def test_a_table_without_texts_is_an_error(columns, says):
    import pyarrow as pa

    from dedup.adapters import arrow

    with pytest.raises(ValueError, match=says):
        arrow.paragraphs(pa.table(columns))


def entry(address, body, *, status="200 OK", kind="text/html", headers=""):
    """A response in a web archive."""
    response = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{headers}\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {address}\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{len(body):012d}>\r\n"
        "WARC-Date: 2024-05-06T07:08:09Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(response)}\r\n\r\n"
    )
    return head.encode() + response + b"\r\n\r\n"


def archive():
    """A web archive of two pages, an image and a page that was not there."""
    yield entry("https://a.example/mill", PAGES["mill"].encode(), kind="text/html; charset=utf-8")
    yield entry("https://a.example/logo", b"\x89PNG\r\n", kind="image/png")
    yield entry("https://a.example/gone", b"<p>Not here</p>", status="404 Not Found")
    yield entry("https://a.example/clerk", PAGES["clerk"].encode("utf-16"))


@needs("fastwarc")
@pytest.mark.parametrize("packed", [False, True], ids=["warc", "warc.gz"])
def test_pages_come_out_of_a_web_archive(tmp_path, packed):
    from dedup.adapters import warc

    content = io.BytesIO()
    for entry in archive():
        content.write(gzip.compress(entry) if packed else entry)
    place = tmp_path / ("crawl.warc.gz" if packed else "crawl.warc")
    place.write_bytes(content.getvalue())
    cleaned = list(dedup.clean_many(warc.pages(place)))
    assert [one.articles[0].title for one in cleaned] == ["The mill closes", "A clerk is sworn in"]
    assert [one.articles[0].url for one in cleaned] == ["https://a.example/mill", "https://a.example/clerk"]


def chunks(content):
    parts = (content[:7], content[7:], b"")
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


@needs("fastwarc")
@pytest.mark.parametrize(
    ("headers", "send"),
    [
        ("Content-Encoding: gzip\r\n", gzip.compress),
        ("Content-Encoding: deflate\r\n", zlib.compress),
        ("Transfer-Encoding: chunked\r\n", chunks),
        (
            "Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n",
            lambda content: chunks(gzip.compress(content)),
        ),
        ("Content-Encoding: gzip\r\n", bytes),  # what was sent is not what is stored
        ("Transfer-Encoding: chunked\r\nContent-Encoding: br\r\n", bytes),
    ],
)
def test_a_page_is_read_as_it_was_meant_however_it_was_sent(headers, send):
    from dedup.adapters import warc

    content = PAGES["mill"].encode()
    (page,) = warc.entries(io.BytesIO(entry("https://a.example/", send(content), headers=headers)), "x", "x")
    assert page.content == content


@needs("fastwarc", "pyarrow")
def test_members_cannot_lead_out_of_the_output_folder(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet
    from typer.testing import CliRunner

    from dedup_cli.main import app

    names = ["../../x", "/etc/x", "..", "a/../../b", "file:///etc/passwd", "https://a.example/../../../x"]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.warc").write_bytes(b"".join(entry(one, PAGES["mill"].encode()) for one in names))
    rows = [{"id": one, "html": PAGES["clerk"]} for one in names]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "raw" / "b.parquet")
    before = set(tmp_path.rglob("*"))
    out = tmp_path / "deep" / "out"
    done = CliRunner().invoke(app, ["clean", str(tmp_path / "raw"), "--format", "md", "-o", f"{out}/"])
    assert done.exit_code == 0, done.output
    written = set(tmp_path.rglob("*")) - before
    assert len([path for path in written if path.is_file()]) == 2 * len(names)
    assert all(path in (out.parent, out) or path.parent == out for path in written)


@needs("fastwarc", "pyarrow")
def test_archives_and_tables_are_inputs(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    raw = tmp_path / "raw" / "south"
    raw.mkdir(parents=True)
    (raw / "a.warc.gz").write_bytes(b"".join(map(gzip.compress, archive())))
    (raw / "b.warc").write_bytes(b"".join(archive()))
    (raw / "unnamed").write_bytes(b"".join(archive()))
    when = datetime(2024, 5, 6, tzinfo=UTC)
    rows = [
        {"id": 7, "html": PAGES["mill"].encode(), "outlet": "mill.example", "published": when},
        {"id": 8, "html": " ", "outlet": None, "published": None},
    ]
    parquet.write_table(pa.Table.from_pylist(rows), raw / "c.parquet")
    sources = list(read([tmp_path / "raw", raw / "unnamed"]))
    told = [
        (os.path.relpath(one.name, raw), one.key) if isinstance(one, dedup.Source) else one.error
        for one in sources
    ]
    assert told == [
        ("a.warc.gz#1", "south/a.warc.gz#1"),
        ("a.warc.gz#4", "south/a.warc.gz#4"),
        ("b.warc#1", "south/b.warc#1"),
        ("b.warc#4", "south/b.warc#4"),
        ("c.parquet#1", "south/c.parquet#7"),
        "empty",
        ("unnamed#1", "unnamed#1"),
        ("unnamed#4", "unnamed#4"),
    ]
    assert (sources[4].outlet, sources[4].published) == ("mill.example", when.isoformat())
    with (raw / "b.warc").open("rb") as file:
        assert [one.name for one in read(["-"], standard_input=file)] == ["-#1", "-#4"]
    done = subprocess.run(
        [sys.executable, "-m", "dedup_cli", "clean", tmp_path / "raw"], capture_output=True, check=False
    )
    titles = [json.loads(line)["title"] for line in done.stdout.splitlines()]
    assert (done.returncode, titles.count("The mill closes"), len(titles)) == (3, 3, 5)


HOSTILE_ARCHIVES = {
    "no archive": (b"nothing of the kind\n" * 50, ["not_warc"]),
    "a length beyond the end": (
        entry("u", PAGES["mill"].encode()).replace(b"Content-Length: 6", b"Content-Length: 9999999996"),
        None,
    ),
    "a negative length": (b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: -5\r\n\r\n", None),
    "no end of a header": (b"WARC/1.0\r\nX: " + b"a" * 5_000_000, ["not_warc"]),
    "a page too large": (entry("u", b"<p>" + b"a" * 60_000), ["too_large"]),
    "a page that unpacks without end": (
        entry("u", gzip.compress(bytes(5_000_000)), headers="Content-Encoding: gzip\r\n"),
        ["too_large"],
    ),
    "an archive that unpacks without end": (gzip.compress(entry("u", bytes(60_000_000))), ["bomb"]),
    "packed as nothing reads": (entry("u", b"\x0b\x02\x80", headers="Content-Encoding: br\r\n"), ["packed"]),
    "cut short": (gzip.compress(b"".join(archive()))[:-200], None),
    "half a page": (b"".join(archive())[:-900], None),
    "a name that steers": (entry("http://a\x1b[31m\xff/\u202e/../../x", PAGES["mill"].encode()), []),
    "a charset that is none": (entry("u", PAGES["mill"].encode(), kind="text/html; charset=\0x"), []),
    "nothing in a page": (entry("u", b" "), ["empty"]),
    "chunks of any length": (
        entry("u", b"ffffffff\r\nab", headers="Transfer-Encoding: chunked\r\n"),
        None,
    ),
}


@needs("fastwarc")
@pytest.mark.parametrize("name", HOSTILE_ARCHIVES)
def test_no_archive_harms(tmp_path, name):
    content, errors = HOSTILE_ARCHIVES[name]
    place = tmp_path / ("x.warc.gz" if content[:2] == b"\x1f\x8b" else "x.warc")
    place.write_bytes(content)
    found = list(read([place], settings=ReadSettings(max_bytes=50_000)))
    cleaned = list(dedup.clean_many(found))
    failures = [one.failure.error for one in cleaned if one.failure]
    assert errors is None or failures == errors
    for one in cleaned:
        assert one.source.startswith(str(place))
        for article in one.articles:
            assert file_name(article, ".md").isprintable()
            assert "/" not in file_name(article, ".md")


@needs("pyarrow")
def test_tables_that_unpack_without_end(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    few = ReadSettings(max_bytes=50_000)
    zeros = pa.table({"html": ["\0" * 5_000_000]})
    parquet.write_table(zeros, tmp_path / "a.parquet", compression="zstd", use_dictionary=False)
    (bad,) = read([tmp_path / "a.parquet"], settings=few)
    assert bad.error == "bomb"
    # One value in many rows: there once in memory too.
    shared = pa.table({"html": pa.array(["a" * 60_000]).dictionary_encode().take(pa.array([0] * 20_000))})
    parquet.write_table(shared, tmp_path / "b.parquet", compression="none")
    assert (tmp_path / "b.parquet").stat().st_size < 100_000
    assert {one.error for one in read([tmp_path / "b.parquet"], settings=few)} == {"too_large"}
    (tmp_path / "c.arrow").write_bytes(b"ARROW1\0\0" + bytes(100))
    (bad,) = read([tmp_path / "c.arrow"])
    assert bad.error == "not_parquet"


@pytest.mark.parametrize(
    ("name", "library", "extra"), [("x.warc", "fastwarc", "warc"), ("x.parquet", "pyarrow", "parquet")]
)
def test_an_input_whose_reader_is_missing_is_told(monkeypatch, tmp_path, name, library, extra):
    (tmp_path / name).write_bytes(b"x")
    for module in ("arrow", "warc"):
        monkeypatch.delitem(sys.modules, f"dedup.adapters.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, f"{library}.warc", None)
    (bad,) = read([tmp_path / name])
    assert (bad.error, f"pip install 'news-dedup[{extra}]'" in bad.message) == ("extra", True)


@needs("fastwarc")
def test_a_file_that_is_no_archive(tmp_path):
    from dedup.adapters import warc

    (tmp_path / "x.warc").write_bytes(b"nothing of the kind\n" * 50)
    (cleaned,) = dedup.clean_many(warc.pages(tmp_path / "x.warc"))
    assert cleaned.failure.error == "not_warc"


@needs("pyarrow")
def test_the_example_of_arrow_runs(tmp_path, monkeypatch):
    import pyarrow as pa
    from pyarrow import parquet

    monkeypatch.chdir(tmp_path)
    pages = [PAGES["mill"], PAGES["mill"], PAGES["clerk"]]
    rows = [{"html": html, "url": f"https://{n}.example/"} for n, html in enumerate(pages)]
    parquet.write_table(pa.Table.from_pylist(rows), "raw.parquet")
    names = {"dedup": dedup}
    exec(example("arrow"), names)
    assert [len(one.members) for one in names["clusters"]] == [2, 2]


@needs("fastwarc")
def test_the_example_of_warc_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("crawl.warc.gz").write_bytes(gzip.compress(b"".join(archive())))
    names = {"dedup": dedup}
    exec(example("warc"), names)
    assert [one.articles[0].title for one in names["cleaned"]] == ["The mill closes", "A clerk is sworn in"]


@needs("datatrove", "orjson")
def test_the_example_of_datatrove_runs(tmp_path, monkeypatch):
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    from dedup.adapters.datatrove import DedupClean, DedupMark

    monkeypatch.chdir(tmp_path)
    Path("raw").mkdir()
    Path("raw/pages.jsonl").write_text("".join(json.dumps({"html": one}) + "\n" for one in PAGES.values()))
    names = {one.__name__: one for one in (JsonlReader, JsonlWriter, DedupClean, DedupMark)}
    exec(example("datatrove"), names)
    LocalPipelineExecutor(names["pipeline"], logging_dir="log").run()
    (written,) = Path("out").iterdir()
    assert gzip.decompress(written.read_bytes()).count(b'"share":0.0') == 2


@needs("datasets", "pandas", "polars")
def test_the_examples_of_frames_run(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    import datasets
    import pandas as pd
    import polars as pl

    datasets.disable_progress_bars()
    monkeypatch.chdir(tmp_path)
    columns = {"html": list(PAGES.values()), "url": ["https://a.example/1", "https://a.example/2"]}
    titles = ["The mill closes", "A clerk is sworn in"]
    names = vars(frames) | {"dataset": datasets.Dataset.from_dict(columns)}
    clean, mark, *tables = example("frames").splitlines()
    exec(f"dataset = {clean}\nmarked = {mark}", names)
    assert names["marked"]["title"][:] == titles
    assert names["marked"]["share"][:] == [0, 0]
    for line, library in zip(tables, (pd, pl), strict=True):
        names["frame"] = library.DataFrame(columns)
        exec(line, names)
        assert list(names["frame"]["dedup_title"]) == titles


@pytest.mark.parametrize(
    ("adapter", "library", "extra"),
    [
        ("scrapy", "scrapy", "scrapy"),
        ("datatrove", "datatrove", "datatrove"),
        ("arrow", "pyarrow", "parquet"),
        ("warc", "fastwarc", "warc"),
    ],
)
def test_a_missing_extra_is_told(monkeypatch, adapter, library, extra):
    for name in [name for name in sys.modules if name == library or name.startswith(f"{library}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"dedup.adapters.{adapter}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    if library == "scrapy":
        monkeypatch.setitem(sys.modules, "itemadapter", None)
    with pytest.raises(StoreError, match=rf"pip install 'news-dedup\[{extra}\]'"):
        importlib.import_module(f"dedup.adapters.{adapter}")


def test_marks_name_other_articles_best_first(tmp_path):
    near = TEXT.replace("Friday", "Monday")
    with Index(tmp_path / "i") as index:
        index.add(record("near", *near.splitlines()))
        index.add(record("exact", *STORY))
    (mark,) = frames.mark_texts(str(tmp_path / "i"), ["x"], [TEXT])
    assert mark["seen_in"] == ["exact", "near"]
    assert mark["share"] == 1
