"""The adapters inside the real tools; each test is skipped where its tool is not installed."""

import functools
import gzip
import http.server
import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import dedup
from dedup.adapters import frames
from dedup.index import Index, StoreError, record

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

site, out, index, drop = sys.argv[1:]

class News(scrapy.Spider):
    name = "news"
    start_urls = [f"{site}/{page}.html" for page in ("mill", "clerk", "mill-again")]

    def parse(self, response):
        yield {"url": response.url, "html": response.text}

settings = {
    "ITEM_PIPELINES": {"dedup.adapters.scrapy.DedupPipeline": 300},
    "DEDUP_INDEX": index,
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
    out, index = tmp_path / "items.jsonl", tmp_path / "news.index"
    out.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SPIDER, site, str(out), str(index), drop],
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
    with pytest.raises(ValueError, match="is no Parquet or Arrow file"):
        list(arrow.pages(tmp_path / "raw.parquet"))


def archive():
    """A web archive of two pages, an image and a page that was not there."""
    entries = [
        ("https://a.example/mill", "200 OK", "text/html; charset=utf-8", PAGES["mill"].encode()),
        ("https://a.example/logo", "200 OK", "image/png", b"\x89PNG\r\n"),
        ("https://a.example/gone", "404 Not Found", "text/html", b"<p>Not here</p>"),
        ("https://a.example/clerk", "200 OK", "text/html", PAGES["clerk"].encode("utf-16")),
    ]
    for address, status, kind, body in entries:
        response = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {address}\r\n"
            f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{len(body):012d}>\r\n"
            "WARC-Date: 2024-05-06T07:08:09Z\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(response)}\r\n\r\n"
        )
        yield head.encode() + response + b"\r\n\r\n"


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


@needs("fastwarc")
def test_a_file_that_is_no_archive(tmp_path):
    from dedup.adapters import warc

    (tmp_path / "x.warc").write_bytes(b"nothing of the kind\n" * 50)
    (cleaned,) = dedup.clean_many(warc.pages(tmp_path / "x.warc"))
    assert cleaned.failure.error == "not_warc"


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
