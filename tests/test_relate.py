"""Quotations against brute force."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.compare import comparison_text
from dedup.relate import passages, quotations
from dedup.rows import read_articles
from dedup.settings import ClusterSettings
from dedup.sharing import relations
from dedup.types import Paragraph
from dedup.write import json_line

SENTENCES = [
    "知事は「堤防のかさ上げを来年度中に終えたい」と述べ、国に追加の支援を求めた。",
    "県によると、浸水した住宅は百二十棟に上り、避難所には今も六十人が身を寄せている。",
    "The ferry company said its evening sailings would resume once the pier had been inspected.",
    "川沿いの工場は操業を止めたままで、再開の見通しは立っていないという。",
]


def shingles(text: str) -> set[str]:
    text = comparison_text(text)
    return {text[i : i + 5] for i in range(max(len(text) - 4, min(len(text), 1)))}


PARAGRAPHS = st.lists(
    st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=3)
    .map("".join)
    .flatmap(
        lambda text: st.tuples(
            st.just(text), st.integers(0, 12), st.integers(0, 12), st.text("あx、", max_size=3)
        )
    )
    .map(lambda cut: cut[0][cut[1] :] + cut[3] if cut[2] > 6 else cut[3] + cut[0][: len(cut[0]) - cut[2]]),
    max_size=8,
)


@settings(deadline=None)
@given(PARAGRAPHS, st.randoms(use_true_random=False))
@pytest.mark.parametrize("compile_from", [0, 10**9], ids=["compiled", "plain"])
def test_quotations_are_complete(compile_from: int, texts: list[str], random: object) -> None:
    if not compile_from:
        pytest.importorskip("numba")
    options = ClusterSettings(compile_from=compile_from)
    items = [Paragraph(str(i), 0, None, text) for i, text in enumerate(texts)]
    expected = set()
    first = {comparison_text(item.text): item for item in reversed(items)}
    for one, other in itertools.permutations(first.values(), 2):
        a, b = shingles(one.text), shingles(other.text)
        if len(comparison_text(one.text)) < 30 or not b or len(a) > len(b):
            continue
        if len(a & b) / len(a) >= 0.8 and len(a & b) / len(a | b) < 0.8:
            expected.add((frozenset((one, other)), len(a & b) / len(a), len(a & b) / len(a | b)))
    found = quotations(items, options)
    assert {(frozenset((q.quote, q.source)), q.containment, q.similarity) for q in found} == expected
    for one in found:
        assert len(shingles(one.quote.text)) <= len(shingles(one.source.text))
    random.shuffle(items)
    assert quotations(items, options) == found


def test_a_quote_within_a_report() -> None:
    report = SENTENCES[1] + SENTENCES[0] + SENTENCES[3]
    items = [Paragraph("long", 4, "north", report), Paragraph("short", 0, "south", SENTENCES[0])]
    (found,) = quotations(items)
    assert (found.quote.document, found.source.document) == ("short", "long")
    assert found.containment == 1.0
    assert found.similarity < 0.5


def test_what_is_told_of_the_work_only_grows_and_no_result_depends_on_it() -> None:
    rows = [{"id": name, "outlet": name, "text": "\n".join(SENTENCES)} for name in ("north", "south")]
    articles = list(read_articles([json_line(row) for row in rows], "rows"))
    said = []
    found = relations(articles, told=lambda *told: said.append(told))
    parts = list(dict.fromkeys(part for part, _, _ in said))
    assert parts == ["links", "changed facts", "stories", "quotations", "passages"]
    assert all(0 <= done <= total for _, done, total in said)
    shares = [done / total for _, done, total in said]
    assert shares == sorted(shares)
    assert shares[-1] > 0.2
    untold = relations(articles)
    assert found.clusters == untold.clusters != ()
    assert list(found.links) == list(untold.links)


@pytest.mark.parametrize("relation", ["quotations", "passages"])
def test_the_same_by_any_number_of_workers_and_on_disk(relation: str, tmp_path: Path) -> None:
    pytest.importorskip("numba")
    rng = np.random.default_rng(7)
    words = ["".join(map(chr, word)) for word in rng.integers(0x4E00, 0x9FFF, (480, 4))]
    quotes = ["は".join(words[i : i + 8]) + "。" for i in range(0, 480, 8)]
    texts = [*quotes, *(a + b for a, b in itertools.pairwise(quotes))]
    items = [Paragraph(str(i), 0, f"outlet {i % 3}", text) for i, text in enumerate(texts)]

    def found(**options: object) -> Sequence[object]:
        chosen = ClusterSettings(compile_from=0, **options)
        return quotations(items, chosen) if relation == "quotations" else passages(items, (), chosen)

    assert len(found()) >= 59
    assert found(workers=2) == found(workers=3, scratch=str(tmp_path)) == found()
    assert list(tmp_path.iterdir()) == []
