"""The Spark engine beside the local one: the same clusters and articles, on real Spark."""

import importlib.util
import os
import random
import shutil
from pathlib import Path

import pytest

from dedup import clustering, facts
from dedup.settings import ClusterSettings
from dedup.types import Paragraph

if importlib.util.find_spec("pyspark") is None:
    pytest.skip("pyspark is not installed (the extra `spark`)", allow_module_level=True)
if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    pytest.skip("no Java runtime", allow_module_level=True)

from dedup import spark

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


def local(rows):
    paragraphs = [Paragraph(name, 0, outlet, text, published) for name, outlet, published, text in rows]
    return list(facts.mark_changed_facts(clustering.cluster(paragraphs, ClusterSettings()).clusters))


def sentence(numbers: random.Random, words: int = 30) -> str:
    return " ".join("".join(numbers.choices("abcdefghijklmnoprstuvw", k=6)) for _ in range(words))


def edited(numbers: random.Random, text: str, edits: int) -> str:
    words = text.split()
    for place in numbers.sample(range(len(words)), edits):
        words[place] = str(numbers.randrange(1000))
    return " ".join(words)


def small_corpus(seed: int, bases: int):
    """Paragraphs with copies, near-duplicates, dates and missing outlets, all our own."""
    numbers = random.Random(seed)
    rows = []
    for base in range(bases):
        text = sentence(numbers)
        for copy in range(numbers.choice((1, 1, 1, 2, 5))):
            words = edited(numbers, text, numbers.choice((0, 0, 1, 1, 2)))
            outlet = numbers.choice(("north", "south", "east", None))
            day = numbers.choice((None, "2026-02-03", "2026-02-04"))
            rows.append((f"{base}-{copy}", outlet, day, numbers.choice((words, words.upper()))))
    numbers.shuffle(rows)
    return rows


def test_clusters_are_those_of_the_local_engine(session, tmp_path):
    rows = small_corpus(1, 400)
    members = spark.cluster(frame_of(session, rows).repartition(3), partitions=3, work=str(tmp_path))
    want = local(rows)
    assert spark.to_clusters(members) == want
    assert len(want) > 100
    told = {row["id"]: row for row in spark.cluster_rows(members).toArrow().to_pylist()}
    assert {
        (one.id, one.kind, one.spread, len(one.members), one.outlets, one.representative.document)
        for one in want
    } == {
        (
            name,
            row["kind"],
            row["spread"],
            row["size"],
            tuple(row["outlets"]),
            row["representative"]["document"],
        )
        for name, row in told.items()
    }
