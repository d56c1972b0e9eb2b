"""The sample pages against their hand-made truth (samples/expected)."""

import json
from functools import cache
from pathlib import Path

import pytest

from dedup.pipeline import clean_many, cluster
from dedup.read import read
from dedup.types import Article, Failure

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
TRUTH = sorted(path for path in (SAMPLES / "expected").rglob("*.json") if path.name != "clusters.json")


@cache
def cleaned() -> dict[str, tuple[Article, ...]]:
    """Articles by source, relative to samples/raw."""
    root = SAMPLES / "raw"
    results = list(clean_many(list(read([str(root)]))))
    assert [r.failure for r in results if r.failure] == []
    return {r.source.removeprefix(f"{root}/"): r.articles for r in results}


def expected(path: Path) -> tuple[str, dict]:
    name = str(path.relative_to(SAMPLES / "expected")).removesuffix(".json")
    return name, json.loads(path.read_text("utf-8"))


def ids(path: Path) -> str:
    return expected(path)[0]


def test_every_source_has_a_truth_and_every_truth_a_source():
    assert sorted(cleaned()) == sorted(ids(path) for path in TRUTH)


@pytest.mark.parametrize("path", TRUTH, ids=ids)
def test_the_articles_of_a_page(path):
    name, truth = expected(path)
    articles = cleaned()[name]
    assert [a.title for a in articles] == [a["title"] for a in truth["articles"]]
    for article, want in zip(articles, truth["articles"], strict=True):
        assert [p.block.text for p in article.paragraphs] == [p["text"] for p in want["paragraphs"]]
        assert [p.verdict.kind for p in article.paragraphs] == [p["kind"] for p in want["paragraphs"]]


@pytest.mark.parametrize("path", TRUTH, ids=ids)
def test_the_fields_of_an_article(path):
    name, truth = expected(path)
    for article, want in zip(cleaned()[name], truth["articles"], strict=True):
        for field in ("author", "agency", "outlet", "language", "original_title"):
            assert getattr(article, field) == want[field], field
        assert (article.published or "")[:10] == (want["published"] or "")[:10]


def test_reasons_of_what_is_stripped():
    """Reasons are a judgement; nine in ten must be the one a reader would give, and every text is there."""
    right = total = 0
    for path in TRUTH:
        name, truth = expected(path)
        got = [j for article in cleaned()[name] for j in article.stripped]
        left = {(j.block.text, str(j.verdict.reason)) for j in got}
        texts = [j.block.text for j in got]
        for want in truth["stripped"]:
            assert want["text"] in texts, f"{name}: {want['text']!r} is not among the stripped blocks"
            total += 1
            right += (want["text"], want["reason"]) in left
    assert right / total >= 0.9, f"{right} of {total}"


def test_the_clusters_of_the_samples():
    sources = cleaned()
    root = {article.id: (name, article.ordinal) for name, articles in sources.items() for article in articles}
    found = cluster(article for articles in sources.values() for article in articles)
    got = {frozenset((*root[m.paragraph.document], m.paragraph.index) for m in c.members) for c in found}
    truth = json.loads((SAMPLES / "expected" / "clusters.json").read_text("utf-8"))
    want = {frozenset((source, article, paragraph) for source, article, paragraph in c) for c in truth}
    assert got == want


def test_failures_of_the_samples_are_none():
    assert not [s for s in read([str(SAMPLES / "raw")]) if isinstance(s, Failure)]
