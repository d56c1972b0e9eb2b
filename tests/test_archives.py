"""Parquet, Arrow and web archives in and out; each test is skipped where its library is not installed."""

import gzip
import io
import json
import os
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from town import PAGES, example, needs

import dedup
from dedup.read import read
from dedup.settings import ReadSettings
from dedup.write import file_name


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
