"""The adapters inside the real tools; each test is skipped where its tool is not installed."""

import functools
import gzip
import http.server
import importlib.util
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from town import OTHER, PAGES, ROOT, STORY, TEXT, example, needs

from dedup.adapters import frames
from dedup.index import Index, StoreError, record


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
