"""The Spark engine beside the local one: the same clusters and articles, on real Spark."""

import gzip
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dedup import compare, sign
from dedup.decode import decode
from dedup.read import read
from dedup.types import Media

if importlib.util.find_spec("pyspark") is None:
    pytest.skip("pyspark is not installed (the extra `spark`)", allow_module_level=True)
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("no Java runtime", allow_module_level=True)

import pyarrow as pa
from pyarrow import parquet
from pyspark.sql.functions import col, concat, lit
from test_spark_parts import HOT, PLAIN, chain, crowd, local, small_corpus

from dedup import spark
from dedup.spark import blobs, components, job
from dedup.spark.stages import Stages
from dedup_cli.main import app

# PySpark warns of pandas 3, which nothing here uses, and leaves sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT.parent / "shared" / "bench"
# A virtual machine that lives for a minute: its second compiler costs more than it saves.
QUICK = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "2",
    "spark.log.level": "ERROR",
}


@pytest.fixture(scope="module")
def session():
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    made = spark.session("local[2]", QUICK)
    yield made
    made.stop()


def frame_of(session, rows):
    """Articles of one paragraph each: (id, outlet, published, text)."""
    return session.createDataFrame(rows, "id string, outlet string, published string, text string")


def hot(session, copies):
    name = concat(lit("hot"), col("id").cast("string"))
    outlet = concat(lit("site"), (col("id") % 50).cast("string"))
    rows = session.range(copies, numPartitions=4).select(name.alias("id"), outlet.alias("outlet"))
    return rows.withColumn("published", lit(None).cast("string")).withColumn("text", lit(HOT))


@pytest.mark.slow
def test_clusters_are_those_of_the_local_engine(session, tmp_path):
    """Copies, near-duplicates, a crowded bucket, a chain, and one paragraph on 200,000 pages."""
    copies = 200_000
    rows = [*small_corpus(1, 100), *crowd(2, 300), *chain(3, 300)]
    frame = frame_of(session, rows).repartition(3).union(hot(session, copies))
    stages = Stages(session, str(tmp_path), "test")
    members = job.find_members(frame, PLAIN, stages, partitions=3, links_a_task=20_000).persist()
    rows += [(f"hot{n}", f"site{n % 50}", None, HOT) for n in range(copies)]
    want = local(rows)
    assert spark.to_clusters(members) == want
    assert len(want) > 30
    assert [len(one.members) for one in want[:1]] == [copies]
    told = spark.cluster_rows(members).toArrow().to_pylist()
    assert {(row["id"], row["kind"], row["spread"], row["size"], tuple(row["outlets"])) for row in told} == {
        (one.id, one.kind, one.spread, len(one.members), one.outlets) for one in want
    }
    # No task holds the copies: they are one text after the first exchange.
    held = session.read.parquet(f"{tmp_path}/texts").select("count").collect()
    assert sum(row["count"] for row in held) == len({text.lower() for _, _, _, text in rows})


def test_texts_with_one_hash_are_told_apart(session, tmp_path):
    """A Thue-Morse word and its complement collide under a polynomial modulo 2^64."""
    one, other = "a", "b"
    for _ in range(11):
        one, other = one + other, other + one
    rows = [("1", None, None, one), ("2", None, None, other), ("3", None, None, other)]
    members = spark.cluster(frame_of(session, rows), partitions=2, work=str(tmp_path))
    assert spark.to_clusters(members) == local(rows)
    assert (tmp_path / "strong-texts").exists()


@pytest.mark.slow
def test_components_of_a_chain_of_10_000_links(session, tmp_path):
    numbers = np.random.default_rng(4)
    names = numbers.permutation(10_001).astype(np.uint64)
    left, right = np.minimum(names[1:], names[:-1]), np.maximum(names[1:], names[:-1])
    pairs = numbers.permutation(left.size)
    rows = [
        blobs.Row(0, "link", blobs.table("link", left[some], right[some], np.ones(some.size)))
        for some in np.array_split(pairs, 20)
    ]
    rows.append(blobs.Row(0, "link", blobs.table("link", [20_000, 20_000], [20_001, 20_002], [1.0, 1.0])))
    links = blobs.frame_of(session, rows)
    stages = Stages(session, str(tmp_path), "test")
    found = components.components(links, blobs.homes(4), stages)
    edges = components._edges(blobs.from_spark(found.where("kind = 'edge'").toArrow().to_batches()))
    assert edges[0].tolist() == [*range(1, 10_001), 20_001, 20_002]
    assert edges[1].tolist() == [0] * 10_000 + [20_000] * 2


def test_homes_are_where_spark_puts_them(session):
    for count in (1, 3, 200):
        places = session.range(5000).selectExpr("int(id) n", f"pmod(hash(int(id)), {count}) place")
        least = places.groupBy("place").min("n").orderBy("place").toArrow()["min(n)"].to_pylist()
        assert tuple(least) == blobs.homes(count)


def written(folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.rglob("_SUCCESS")}


def test_a_job_goes_on_from_its_stages(session, tmp_path):
    rows = small_corpus(5, 40)
    frame = frame_of(session, rows)
    spark.cluster(frame, partitions=2, work=str(tmp_path))
    made = {
        path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("_SUCCESS") for path in [path.parent]
    }
    shutil.rmtree(tmp_path / "stars")
    members = spark.cluster(frame, partitions=2, work=str(tmp_path), resume=True)
    assert spark.to_clusters(members) == local(rows)
    again = {
        path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("_SUCCESS") for path in [path.parent]
    }
    assert {name for name in again if again[name] != made[name]} == {"stars"}


@pytest.mark.slow
@pytest.mark.skipif(not BENCH.is_dir(), reason="needs ../shared/bench")
def test_recall_on_c20000(session, tmp_path):
    with gzip.open(BENCH / "c20000.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    # As paragraphs of articles are: one line, without white space around it.
    rows = [(str(row["id"]), row["src"], None, " ".join(row["text"].split("\n")).strip()) for row in rows]
    columns = dict(zip(("id", "outlet", "published", "text"), zip(*rows, strict=True), strict=True))
    schema = pa.schema([(name, pa.string()) for name in columns])
    parquet.write_table(pa.table({k: list(v) for k, v in columns.items()}, schema), tmp_path / "c.parquet")
    frame = session.read.parquet(str(tmp_path / "c.parquet"))
    members = spark.cluster(frame, partitions=2, work=str(tmp_path / "work"))
    assert spark.to_clusters(members) == local(rows)
    found = [
        row.rows
        for row in blobs.from_spark(session.read.parquet(str(tmp_path / "work/links")).toArrow().to_batches())
    ]
    text_ids = sign.text_hashes(compare.encode([text for *_, text in rows]))
    linked = {
        (a, b)
        for some in found
        for a, b in zip(*(some.column(n).to_pylist() for n in ("left", "right")), strict=True)
    }
    truth = np.load(BENCH / "c20000.truth.npz")
    lengths = [len(compare.comparison_text(text)) for *_, text in rows]
    hits = total = 0
    for x, y, j in zip(truth["x"].tolist(), truth["y"].tolist(), truth["j"].tolist(), strict=True):
        if j >= 0.8 and (j == 1 or min(lengths[x], lengths[y]) >= 30):
            total += 1
            one, other = sorted((int(text_ids[x]), int(text_ids[y])))
            hits += one == other or (one, other) in linked
    assert hits / total >= 0.998


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(spark.JavaError, match="install Java 17"):
        spark.check_java()
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    with pytest.raises(spark.JavaError, match="is version 11"):
        spark.check_java()


def samples_as_records(path):
    """The samples that have an outlet or an address, a record each."""
    with path.open("w", encoding="utf-8") as file:
        for number, source in enumerate(read([str(ROOT / "samples" / "raw")])):
            text, _ = decode(source.content, source.declared_encoding, html=source.media is Media.HTML)
            row = {"id": str(number), source.media.value: text, "url": source.url}
            file.write(json.dumps({**row, "outlet": source.outlet or source.folder}) + "\n")


def rows_of(folder):
    lines = [line for path in sorted(folder.glob("*.json")) for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


@pytest.mark.slow
def test_the_command_does_what_it_does_without_spark(session, tmp_path, monkeypatch, capsys):
    """The articles and clusters of the samples, pages judged by what others of their outlet have."""
    monkeypatch.chdir(tmp_path)
    samples_as_records(tmp_path / "pages.jsonl")
    app(["run", "pages.jsonl", "-o", "out", "--quiet"], standalone_mode=False)
    app(["run", "pages.jsonl", "-o", "spark", "--engine", "spark=local[2]"], standalone_mode=False)
    want = [json.loads(line) for line in (tmp_path / "out/articles.jsonl").read_text("utf-8").splitlines()]
    got = {row.pop("id"): row for row in rows_of(tmp_path / "spark/articles")}
    assert {row["id"] for row in want} == set(got)
    for row in want:
        other = got[row.pop("id")]
        assert other.pop("source").endswith(f"pages.jsonl#{int(row.pop('source').partition('#')[2]) - 1}")
        assert other == row
    clusters = [
        json.loads(line) for line in (tmp_path / "out/clusters.jsonl").read_text("utf-8").splitlines()
    ]
    members = rows_of(tmp_path / "spark/members")
    for row in clusters:
        mine = [dict(one) for one in members if one["cluster"] == row["id"]]
        representative = [one for one in mine if one.pop("representative")]
        for one in mine:
            del one["cluster"]
        assert sorted(mine, key=place_of) == sorted(row["members"], key=place_of)
        assert [place_of(one) for one in representative] == [place_of(row["representative"])]
        del row["members"]
    assert sorted(rows_of(tmp_path / "spark/clusters"), key=lambda row: row["id"]) == sorted(
        clusters, key=lambda row: row["id"]
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pages.jsonl", "spark"]
    assert f"{len(clusters)} clusters" in capsys.readouterr().err


def place_of(row):
    return row["document"], row["paragraph"]


KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_spark as t
work = Path(sys.argv[1])
made = t.spark.session("local-cluster[2,1,2048]", {**t.QUICK, "spark.executor.memory": "1g",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"})
rows = t.small_corpus(6, 150)

def executors():
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline")
            if is_executor(path.read_bytes()) and mine(path.parent)]

def is_executor(command):
    return b"CoarseGrainedExecutorBackend" in command and command.partition(b"\\0")[0].endswith(b"java")

def mine(process):
    while process.name not in ("0", "1"):
        if process.name == str(os.getpid()):
            return True
        process = Path("/proc") / (process / "stat").read_text().rpartition(")")[2].split()[1]
    return False

killed = []
def kill():
    while not (work / "candidates" / "_SUCCESS").exists():
        time.sleep(0.05)
    killed.append(executors()[0])
    os.kill(killed[0], signal.SIGKILL)

thread = threading.Thread(target=kill)
thread.start()
members = t.spark.cluster(t.frame_of(made, rows).repartition(4), partitions=4, work=str(work))
same = t.spark.to_clusters(members) == t.local(rows)
thread.join()
print("killed", len(killed), "same", same)
made.stop()
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for executors in /proc")
def test_an_executor_killed_in_the_middle_changes_nothing(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / "work"), str(ROOT / "tests")]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    told = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
        cwd=tmp_path,
    )
    assert "killed 1 same True" in told.stdout, [
        line for line in told.stderr.splitlines() if "Error" in line or "File" in line
    ][:40]
