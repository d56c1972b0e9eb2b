"""The functions that Spark's tasks call, joined without Spark: the clusters are those of the local engine."""

import importlib.util
import random
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dedup import clustering, facts
from dedup.settings import ClusterSettings
from dedup.types import Paragraph

if importlib.util.find_spec("pyspark") is None or importlib.util.find_spec("pyarrow") is None:
    pytest.skip("pyspark is not installed (the extra `spark`)", allow_module_level=True)

import pyarrow as pa

from dedup.spark import blobs, candidates, components, members, texts

ROOT = Path(__file__).resolve().parents[1]

# Compiling would take longer than these small corpora; c20000 is compared with compiled code.
PLAIN = ClusterSettings(compile_from=1 << 40)
HOT = "One notice that stands on a great many pages of the crawl, word for word, below every article."


def local(rows):
    paragraphs = [Paragraph(name, 0, outlet, text, published) for name, outlet, published, text in rows]
    return list(facts.mark_changed_facts(clustering.cluster(paragraphs, PLAIN).clusters))


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


def crowd(seed: int, size: int):
    """Fillings of a form letter: more in one bucket than are paired all with all."""
    numbers = random.Random(seed)
    form = sentence(numbers, 40)
    return [
        (f"form-{n}", "west", None, edited(numbers, form, numbers.choice((1, 2, 4)))) for n in range(size)
    ]


def chain(seed: int, length: int):
    """Paragraphs each of which is a near-duplicate of the next, and of few others."""
    numbers = random.Random(seed)
    words = sentence(numbers, 40).split()
    rows = []
    for n in range(length):
        rows.append((f"chain-{n}", f"outlet{n % 7}", None, " ".join(words)))
        words = [*words[1:], "".join(numbers.choices("abcdefghijk", k=6))]
    return rows


def by_home(rows, homes):
    found = {home: [] for home in homes}
    for row in rows:
        found[row.home].append(row)
    return list(found.values())


def exchanged(work, rows, homes):
    return [row for part in by_home(rows, homes) for row in work(iter(part))]


class Members:
    """Stands for a DataFrame of members."""

    def __init__(self, batches):
        self._batches = batches

    def toArrow(self):  # noqa: N802
        return pa.Table.from_batches(self._batches)


def clustered(rows, homes, buckets, parts, most=10**6):
    """What `job.find_members` does, with so many partitions; an exchange is a sort by home."""
    homes, buckets, parts = blobs.homes(homes), blobs.homes(buckets), blobs.homes(parts)
    batches = pa.Table.from_batches([articles(rows)]).to_batches(max_chunksize=97)
    read = [texts._collapse(batches[i::3], settings=PLAIN, homes=homes, strong=False) for i in range(3)]
    collapsed = [row for some in read for row in blobs.from_spark(some)]
    held = exchanged(partial(texts._reduce, settings=PLAIN), collapsed, homes)
    keys = candidates._keys(iter(held), settings=PLAIN, buckets=buckets)
    work = partial(candidates._pairs, settings=PLAIN, homes=homes, most=most)
    found = exchanged(work, keys, buckets)
    asked = [*held, *(row for row in found if row.kind == "ask")]
    answers = exchanged(partial(candidates._answers, homes=homes), asked, homes)
    known = [*answers, *(row for row in found if row.kind != "ask")]
    links = exchanged(partial(candidates._links, settings=PLAIN, homes=homes), known, homes)
    shares = [iter(links[i :: len(parts)]) for i in range(len(parts))]
    edges = [row for share in shares for row in components._joined(share)]
    edges = stars_of(edges, parts) if len(parts) > 1 else edges
    labels = list(members._to_texts(iter(edges), homes=homes))
    nodes = exchanged(partial(members._by_component, homes=homes), [*held, *links, *labels], homes)
    stars = [
        batch
        for part in by_home(nodes, homes)
        for batch in members._stars(blobs.to_spark(part), settings=PLAIN)
    ]
    ids = pa.Table.from_batches(list(texts._identify(batches, settings=PLAIN, strong=False)))
    joined = ids.join(pa.Table.from_batches(stars), "id", join_type="inner").combine_chunks()
    kinds = [row.kind for row in found]
    return members.to_clusters(Members(list(members._members(joined.to_batches())))), kinds


def stars_of(edges, parts):
    """The loop of `components.components`."""
    while True:
        both = components._both_ways(iter(edges), homes=parts)
        large = exchanged(partial(components._large_stars, homes=parts), both, parts)
        if not any(row.kind == "open" and row.rows.num_rows for row in large):
            return [row for row in large if row.kind == "edge"]
        lesser = components._to_greater(iter(large), homes=parts)
        edges = exchanged(components._small_stars, lesser, parts)


def articles(rows):
    columns = dict(
        zip(("id", "outlet", "published", "text"), map(list, zip(*rows, strict=True)), strict=True)
    )
    return pa.RecordBatch.from_pydict(columns, pa.schema([(name, pa.string()) for name in columns]))


def test_clusters_are_the_same_in_any_number_of_partitions():
    """Copies, near-duplicates, crowded buckets and a chain."""
    rows = [*small_corpus(1, 200), *crowd(2, 500), *chain(3, 500)]
    want = local(rows)
    for partitions in ((3, 2, 1), (5, 7, 3)):
        got, kinds = clustered(rows, *partitions)
        assert got == want
        assert "crowd" in kinds
    assert len(want) > 60


def test_a_crowd_in_parts_loses_no_member_here():
    rows = crowd(2, 500)
    got, _ = clustered(rows, 3, 2, 2, most=150)
    together = {tuple(sorted(m.paragraph.document for m in one.members)) for one in got}
    assert together == {tuple(sorted(m.paragraph.document for m in one.members)) for one in local(rows)}


def test_a_chain_of_10_000_links_is_one_component():
    numbers = np.random.default_rng(4)
    names = numbers.permutation(10_001).astype(np.uint64)
    left, right = np.minimum(names[1:], names[:-1]), np.maximum(names[1:], names[:-1])
    shares = np.array_split(numbers.permutation(left.size), 4)
    links = [blobs.table("link", left[some], right[some], np.ones(some.size)) for some in shares]
    edges = [row for some in links for row in components._joined(iter([blobs.Row(0, "link", some)]))]
    found = components._edges(iter(stars_of(edges, blobs.homes(4))))
    assert found[0].tolist() == list(range(1, 10_001))
    assert not found[1].any()


def test_copies_collapse_where_they_are_read():
    batch = pa.RecordBatch.from_pydict(
        {"id": [str(n) for n in range(1000)], "outlet": ["o"] * 1000, "published": ["p"] * 1000}
        | {"text": [HOT, HOT.upper()] * 500}
    )
    found = texts._collapse([batch], settings=ClusterSettings(), homes=blobs.homes(4), strong=False)
    (row,) = blobs.from_spark(found)
    assert row.rows.to_pylist() == [
        {
            "id": row.rows.column("id")[0].as_py(),
            "size": 1000,
            "document": "0",
            "index": 0,
            "outlet": "o",
            "published": "p",
            "text": HOT,
        }
    ]


def test_a_crowd_in_parts_keeps_the_links_to_its_first_text():
    ids = np.arange(10, 35, dtype=np.uint64)
    rows = list(candidates._crowd(0, ids, blobs.homes(3), most=10))
    parts = [set(row.rows.column("id").to_pylist()) for row in rows if row.kind == "crowd"]
    assert [len(part) for part in parts] == [11, 11, 5]
    assert set.union(*parts) == set(ids.tolist())
    assert set.intersection(*parts) == {10}
    asked = {(one["id"], one["to"]) for row in rows if row.kind == "ask" for one in row.rows.to_pylist()}
    assert len(asked) == 27


def test_without_pyspark_the_library_works_and_says_what_to_install():
    code = (
        "import sys; sys.modules['pyspark'] = None\n"
        "import dedup; dedup.cluster(dedup.clean('A line of text.'))\n"
        "assert 'dedup.spark' not in sys.modules and 'pyarrow' not in sys.modules\n"
        "import dedup.spark"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert "pyspark is not installed; pip install 'news-dedup[spark]'" in told.stderr
