"""Shared passages: every span is found, and only words that say something count."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.clustering import cluster
from dedup.compare import comparison_text, encode, origins, unknown_lengths
from dedup.passages import common_spans
from dedup.relate import passages
from dedup.settings import ClusterSettings
from dedup.types import Paragraph

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"

PIECES = [
    "港の岸壁工事は年内に終わり",
    "と明らかにした。",
    "委員会は三つの案を比べ、",
    "the harbour wall was raised by two metres",
    " told reporters on Monday",
    "漁",
    "ab",
]
TEXTS = st.lists(st.lists(st.sampled_from(PIECES), max_size=5).map("".join), max_size=7)


def brute_force(texts: list[str], sides: list[int], options: ClusterSettings) -> set[tuple[int, ...]]:
    """Every maximal common span with a seed that is no formula, by trying all pairs of places."""
    places: dict[str, int] = {}
    seeds = []
    for text in texts:
        at = {}
        for i in range(len(text)):
            narrow = text[i : i + options.passage_narrow]
            dense = 2 * sum(c >= "\u2e80" for c in narrow) >= options.passage_narrow
            width = options.passage_narrow if dense else options.passage_wide
            if i + width <= len(text):
                at[i] = text[i : i + width]
                places[at[i]] = places.get(at[i], 0) + 1
        seeds.append(at)
    found = set()
    for left, a in enumerate(texts):
        for right in range(left + 1, len(texts)):
            if sides[left] == sides[right]:
                continue
            b = texts[right]
            for i in range(len(a)):
                for j in range(len(b)):
                    if a[i] != b[j] or (i and j and a[i - 1] == b[j - 1]):
                        continue
                    n = 0
                    while i + n < len(a) and j + n < len(b) and a[i + n] == b[j + n]:
                        n += 1
                    inside = [s for p, s in seeds[left].items() if i <= p and p + len(s) <= i + n]
                    if any(places[seed] <= options.passage_spread for seed in inside):
                        found.add((left, i, right, j, n))
    return found


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.integers(2, 6), st.lists(st.integers(0, 2), min_size=7, max_size=7))
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
def test_every_maximal_span(compiled: bool, texts: list[str], spread: int, sides: list[int]) -> None:
    if compiled:
        pytest.importorskip("numba")
    options = ClusterSettings(passage_spread=spread)
    found = common_spans(encode(texts), np.array(sides[: len(texts)]), options, compiled=compiled)
    folded = [comparison_text(text) for text in texts]
    assert list(map(tuple, found.tolist())) == sorted(brute_force(folded, sides, options))


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.integers(0, 4))
def test_shelves_that_overflow_lose_nothing(texts: list[str], bits: int) -> None:
    pytest.importorskip("numba")
    encoded, sides = encode(texts), np.arange(len(texts))
    found = common_spans(encoded, sides, ClusterSettings(), compiled=True)
    with patch.multiple("dedup.passages", _SHELF=bits, _SPARE=0, _PART=1 << 7):
        assert common_spans(encoded, sides, ClusterSettings(), compiled=True).tolist() == found.tolist()


@settings(deadline=None)
@given(st.text(st.sampled_from("aＡｶﾞガ㈱ \n\u200b…각ệ👍🏽"), max_size=20))
def test_origins_name_where_each_character_came_from(text: str) -> None:
    folded = comparison_text(text)
    spans = origins(text, range(len(folded)), unknown_lengths())
    assert len(spans) == len(folded)
    for character, (start, end) in zip(folded, spans, strict=True):
        assert character in comparison_text(text[start:end])


SHARED = {
    "a sentence out of the wire": (
        "市議会の質疑では、新しい給水塔の建設費が当初の見積もりを超えたことが問われた。",
        "住民説明会。新しい給水塔の建設費が当初の見積もりを超えた理由は資材の値上がりだという。",
        "新しい給水塔の建設費が当初の見積もりを超えた",
    ),
    "English words": (
        "In a letter, the mayor called the bridge repairs slower than every earlier flood season.",
        "Shops lost money because “the bridge repairs slower than every earlier flood” kept buyers out.",
        "the bridge repairs slower than every earlier flood",
    ),
    "other width and case": (
        "ＮＰＯによると第２給水塔の完成は来春になる見込みで、工事は続く。",
        "一方、第2給水塔の完成は来春になるとの説明もあった。",
        "第２給水塔の完成は来春になる",
    ),
}

NOTHING = {
    "a reporting formula": ("市長は辞任する考えを明らかにした。", "社長は計画を見直す考えを明らかにした。"),
    "names and titles": (
        "山本太郎国土交通大臣と田中花子官房長官は席を立った。",
        "夕食会で山本太郎国土交通大臣と田中花子官房長官は隣り合った。",
    ),
    "an English formula": (
        "The striker will not play, a club official told reporters at a news conference on Monday.",
        "Prices will rise, the grocer said, as his deputy told reporters at a news conference on Monday.",
    ),
    "an English name": (
        "It was Prime Minister Alexander Montgomery Featherstone who paid.",
        "He met Prime Minister Alexander Montgomery Featherstone in spring.",
    ),
    "a word and its gloss": (
        "各国はリチウムイオン(二次電池)を増やす。",
        "工場ではリチウムイオン（二次電池）が足りない。",
    ),
    "too few words": ("The unprecedented restructuring failed.", "An unprecedented restructuring worked."),
}


@pytest.mark.parametrize("case", SHARED.values(), ids=SHARED.keys())
def test_shared_words_are_told_with_their_places(case: tuple[str, str, str]) -> None:
    left, right, words = case
    items = [Paragraph("a", 3, "north", left, "2026-01-01"), Paragraph("b", 0, "south", right)]
    (found,) = passages(items, ())
    assert words in found.text
    assert found.outlets == ("north", "south")
    assert [place.paragraph.document for place in found.places] == ["a", "b"]
    for place in found.places:
        span = place.paragraph.text[place.start : place.end]
        assert comparison_text(span) == comparison_text(found.text)


PARTS = [
    "市場の改修は秋に終わる",
    "ガス管の工事",
    "ｶﾞｽ管の工事",
    "か\u3099",
    "、",
    " ",
    "㈱",
    "the harbour wall rose by two metres ",
]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.sampled_from(PARTS), min_size=1, max_size=6).map("".join), max_size=7))
def test_compiled_passages_are_the_same(texts: list[str]) -> None:
    pytest.importorskip("numba")
    items = [Paragraph(str(i), 0, f"outlet{i % 3}", text) for i, text in enumerate(texts)]
    clusters = cluster(items).clusters
    plain = passages(items, clusters)
    assert passages(items, clusters, ClusterSettings(compile_from=0)) == plain
    assert passages(items, tuple(clusters)) == plain


@pytest.mark.parametrize("pair", NOTHING.values(), ids=NOTHING.keys())
def test_formulas_and_names_count_for_nothing(pair: tuple[str, str]) -> None:
    items = [Paragraph(str(i), 0, f"outlet{i}", text) for i, text in enumerate(pair)]
    assert passages(items, ()) == ()


def test_one_outlet_shares_nothing_with_itself() -> None:
    left, right, _ = SHARED["a sentence out of the wire"]
    items = [Paragraph("a", 0, "north", left), Paragraph("b", 0, "north", right)]
    assert passages(items, ()) == ()
    assert len(passages([*items, Paragraph("c", 0, "south", right)], ())[0].places) == 3


def test_near_duplicates_are_not_told_again() -> None:
    left, _, _ = SHARED["a sentence out of the wire"]
    items = [Paragraph("a", 0, "north", left), Paragraph("b", 0, "south", "【本紙】" + left)]
    assert passages(items, cluster(items).clusters) == ()


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the first real documents are not beside the project")
def test_the_first_real_documents() -> None:
    items = [
        Paragraph(path.name, number, None, line)
        for path in sorted(SEEDS.glob("*.txt"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines())
    ]
    found = passages(items, cluster(items).clusters)
    assert len(found) == 6
    assert "武器売却について" in found[0].text
    assert not any("国家主席" in passage.text or "明らか" in passage.text for passage in found)
