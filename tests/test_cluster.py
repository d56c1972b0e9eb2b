"""Links and clusters against brute force, in any order, on odd input."""

import gzip
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.clustering import cluster, recluster
from dedup.columns import Paragraphs, by_precedence, precedence
from dedup.compare import comparison_text
from dedup.pairing import with_crowds
from dedup.settings import ClusterSettings
from dedup.types import Clustering, Pairs, Paragraph, Relation, Spread

BENCH = Path(__file__).resolve().parents[2] / "shared" / "bench"

WIRE = "市の防災課は十二日、川沿いの三地区に避難指示を出し、学校の体育館など七か所を開放したと発表した。"
REPORT = "The harbour authority said the new breakwater would be finished before the autumn storms arrive."


def paragraphs(*texts: str) -> list[Paragraph]:
    return [Paragraph(f"doc{i}", i, f"outlet{i % 3}", text) for i, text in enumerate(texts)]


def jaccard(one: str, other: str) -> float:
    a, b = (
        {text[i : i + 5] for i in range(max(len(text) - 4, 1))}
        for text in (comparison_text(one), comparison_text(other))
    )
    return len(a & b) / len(a | b)


def pairs(found: Clustering) -> set[frozenset[Paragraph]]:
    """Every pair the links stand for: near links are between texts, whose copies share them."""
    copies: dict[Paragraph, list[Paragraph]] = {}
    for link in found.links:
        if link.kind is Relation.EXACT:
            copies.setdefault(link.left, [link.left]).append(link.right)
    result = {frozenset(pair) for group in copies.values() for pair in itertools.combinations(group, 2)}
    for link in found.links:
        if link.kind is Relation.NEAR:
            for left in copies.get(link.left, [link.left]):
                result |= {frozenset((left, right)) for right in copies.get(link.right, [link.right])}
    return result


SENTENCES = st.lists(
    st.tuples(st.sampled_from([WIRE, REPORT]), st.integers(0, 40), st.text("あx1、", max_size=4)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
    ),
    max_size=10,
)


@settings(deadline=None)
@given(SENTENCES, st.sampled_from([0.5, 0.7, 0.8]), st.randoms(use_true_random=False))
def test_brute_force_and_any_order(texts: list[str], threshold: float, random: object) -> None:
    # So many permutations that no pair of so few paragraphs is missed by chance.
    options = ClusterSettings(threshold=threshold, miss=1e-9, permutations=2000)
    items = paragraphs(*texts)
    found = cluster(items, options)
    expected = {
        frozenset((a, b)) for a, b in itertools.combinations(items, 2) if jaccard(a.text, b.text) >= threshold
    }
    assert pairs(found) == expected
    for link in found.links:
        assert link.similarity == jaccard(link.left.text, link.right.text)
    random.shuffle(items)
    again = cluster(items, options)
    assert again.clusters == found.clusters
    assert list(again.links) == list(found.links)


@settings(deadline=None)
@given(SENTENCES)
def test_every_member_is_similar_to_the_representative(texts: list[str]) -> None:
    found = cluster(paragraphs(*texts), ClusterSettings(threshold=0.7))
    members = [member.paragraph for one in found.clusters for member in one.members]
    assert len(set(members)) == len(members)
    for one in found.clusters:
        assert len(one.members) >= 2
        assert one.members[0].paragraph == one.representative
        for member in one.members:
            assert member.similarity == jaccard(member.paragraph.text, one.representative.text) >= 0.7


def test_a_chain_is_not_a_cluster() -> None:
    chain = [WIRE]
    for mark in "甲乙丙丁戊己庚辛壬癸":
        chain.append(mark * 2 + chain[-1][:-2])
    similar = [jaccard(a, b) for a, b in itertools.pairwise(chain)]
    assert min(similar) >= 0.8 > jaccard(chain[0], chain[-1])
    found = cluster(paragraphs(*chain))
    assert len(found.clusters) > 1
    assert len(found.links) == sum(jaccard(a, b) >= 0.8 for a, b in itertools.combinations(chain, 2))


@settings(deadline=None)
@given(SENTENCES, st.sampled_from([0.7, 0.8, 0.9]))
def test_stored_links_give_the_clusters_of_a_higher_threshold(texts: list[str], threshold: float) -> None:
    options = ClusterSettings(threshold=0.6, miss=1e-9, permutations=2000)
    stored = list(cluster(paragraphs(*texts), options).links)
    anew = cluster(paragraphs(*texts), replace(options, threshold=threshold))
    assert recluster(reversed(stored), threshold).clusters == anew.clusters


def test_the_histogram_counts_what_a_lower_threshold_would_add() -> None:
    texts = [WIRE, "甲乙丙丁" + WIRE[:-4]]
    similarity = jaccard(*texts)
    found = cluster(paragraphs(*texts), ClusterSettings(threshold=similarity + 0.01))
    assert found.clusters == ()
    assert found.histogram[int(similarity / 0.05)] == 1 == sum(found.histogram)


@settings(max_examples=20, deadline=None)
@given(SENTENCES)
def test_compiled_gives_the_same(texts: list[str]) -> None:
    pytest.importorskip("numba")
    plain = cluster(paragraphs(*texts))
    fast = cluster(paragraphs(*texts), ClusterSettings(compile_from=0))
    assert fast.clusters == plain.clusters
    assert list(fast.links) == list(plain.links)


def test_the_earliest_of_equals_represents() -> None:
    items = [
        Paragraph("a", 0, "north", WIRE),
        Paragraph("b", 0, "south", WIRE, published="2026-02-05"),
        Paragraph("c", 0, "east", WIRE, published="2026-02-04"),
    ]
    (found,) = cluster(items).clusters
    assert found.representative.document == "c"
    assert found.kind is Relation.EXACT
    assert found.outlets == ("east", "north", "south")
    assert [member.paragraph.document for member in found.members] == ["c", "b", "a"]


def test_the_text_with_most_links_represents() -> None:
    middle, earlier, later = WIRE, "甲乙丙" + WIRE[:-2], WIRE[2:] + "子丑"
    items = [
        replace(item, published=day)
        for item, day in zip(
            paragraphs(middle, earlier, later), ["2026-02-02", "2026-02-01", "2026-02-03"], strict=True
        )
    ]
    threshold = min(jaccard(middle, earlier), jaccard(middle, later))
    assert jaccard(earlier, later) < threshold
    (found,) = cluster(items, ClusterSettings(threshold=threshold)).clusters
    assert found.representative.text == middle
    assert found.kind is Relation.NEAR


def test_short_paragraphs_join_only_as_copies() -> None:
    found = cluster(
        paragraphs("写真は記念式典の会場前。", "写真は記念式典の会場前、", "写真は　記念式典の会場前。")
    )
    assert [[member.paragraph.document for member in one.members] for one in found.clusters] == [
        ["doc0", "doc2"]
    ]


def test_one_outlet_alone_shows() -> None:
    items = [Paragraph(str(i), 0, "north", WIRE) for i in range(3)]
    assert cluster(items).clusters[0].outlets == ("north",)
    assert cluster(items).clusters[0].spread is Spread.WITHIN_OUTLET
    assert cluster([*items, Paragraph("x", 0, None, WIRE)]).clusters[0].spread is Spread.UNKNOWN
    assert cluster([*items, Paragraph("x", 0, "south", WIRE)]).clusters[0].spread is Spread.ACROSS_OUTLETS
    nowhere = [Paragraph(str(i), 0, None, WIRE) for i in range(3)]
    assert cluster(nowhere).clusters[0].outlets == ()


ODD = {
    "nothing": [],
    "empty text": ["", "", " \n"],
    "one character": ["あ", "い"],
    "lone surrogates": ["\ud800" * 40, "\udfff" * 40],
    "only zero width": ["\u200b" * 50, "\ufeff"],
}


@pytest.mark.parametrize("texts", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("compile_from", [0, 10**9], ids=["compiled", "plain"])
def test_odd_texts_join_nothing(texts: list[str], compile_from: int) -> None:
    if not compile_from:
        pytest.importorskip("numba")
    found = cluster(paragraphs(*texts), ClusterSettings(compile_from=compile_from))
    assert found.clusters == ()
    assert list(found.links) == []


def test_an_id_used_twice_loses_nothing() -> None:
    twice = [
        Paragraph("same", 0, None, WIRE),
        Paragraph("same", 0, None, WIRE),
        Paragraph("same", 0, None, REPORT),
    ]
    (found,) = cluster(twice).clusters
    assert [member.paragraph.text for member in found.members] == [WIRE, WIRE]


def test_equal_paragraphs_are_one_in_stored_links() -> None:
    twice = [
        Paragraph("same", 0, None, WIRE),
        Paragraph("same", 0, None, WIRE),
        Paragraph("b", 0, None, WIRE),
    ]
    found = cluster(twice)
    assert len(found.clusters[0].members) == 3
    assert len(recluster(found.links, 0.8).clusters[0].members) == 2


def test_texts_that_collide_under_the_polynomial_hash_stay_apart() -> None:
    # Thue-Morse: equal under every polynomial hash modulo 2^64, whatever its base.
    bits = [i.bit_count() & 1 for i in range(2048)]
    one, other = "".join("ab"[bit] for bit in bits), "".join("ba"[bit] for bit in bits)
    found = cluster(paragraphs(one, other, one))
    assert {len(c.members) for c in found.clusters if c.kind is Relation.EXACT} <= {2}
    exact = [link for link in found.links if link.kind is Relation.EXACT]
    assert [(link.left.document, link.right.document) for link in exact] == [("doc0", "doc2")]


def test_many_equal_paragraphs_are_one_cluster() -> None:
    (found,) = cluster([Paragraph(str(i), 0, None, WIRE) for i in range(3000)]).clusters
    assert len(found.members) == 3000


@settings(max_examples=10, deadline=None)
@given(SENTENCES, st.integers(1, 4))
def test_a_crowd_loses_no_member(texts: list[str], bucket: int) -> None:
    """All texts lie in one bucket: one band of one row, and a threshold that all of them reach."""
    items = paragraphs(*texts)
    whole = cluster(items, ClusterSettings(threshold=0.5, miss=1e-9, permutations=2000))
    crowded = cluster(items, ClusterSettings(threshold=0.5, miss=1e-9, permutations=2000, bucket=bucket))
    assert set(crowded.links) <= set(whole.links)
    joined = {frozenset(member.paragraph for member in one.members) for one in crowded.clusters}
    members = {paragraph for one in joined for paragraph in one}
    assert members == {member.paragraph for one in whole.clusters for member in one.members}


def test_fillings_of_a_template_are_linear_and_one_cluster() -> None:
    letter = "拝啓、{}様。当社の定期点検は予定どおり終わり、設備に異常は見つかりませんでした。"
    items = paragraphs(*(letter.format(f"{i:04}") for i in range(3000)))
    found = cluster(items, ClusterSettings(threshold=0.6))
    assert len(found.clusters[0].members) >= 0.99 * 3000  # bands miss a few, as they do anywhere
    assert len(found.links) < 200 * 3000  # of 4.5 million


@pytest.mark.parametrize(("pivots", "lost"), [(2, {(1, 2), (8, 9)}), (4, {(1, 2), (8, 9)}), (5, {(1, 2)})])
def test_what_a_crowd_loses(pivots: int, lost: set[tuple[int, int]]) -> None:
    """Pairs of which both left with a pivot, and pairs of those that are left when it is given up."""
    similar = {(0, 1), (0, 2), (1, 2), (3, 4), (8, 9)}

    def compared(pairs: Pairs) -> np.ndarray:
        ends = zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)
        return np.array([float(pair in similar) for pair in ends])

    none, options = np.empty(0, np.int64), ClusterSettings(bucket=3, pivots=pivots)
    pairs, similarity = with_crowds(Pairs(none, none), none.astype(float), [np.arange(10)], compared, options)
    found = zip(pairs.left[similarity == 1].tolist(), pairs.right[similarity == 1].tolist(), strict=True)
    assert similar - set(found) == lost
    assert pairs.left.size <= pivots * 10


@pytest.mark.parametrize(
    "options", [{"workers": 2}, {"workers": 3, "scratch": "."}], ids=["threads", "files"]
)
def test_the_same_by_any_number_of_workers_and_on_disk(options: dict[str, object], tmp_path: Path) -> None:
    pytest.importorskip("numba")
    if "scratch" in options:
        options["scratch"] = str(tmp_path)
    rng = np.random.default_rng(5)
    texts = []
    for _ in range(400):
        text = "".join(chr(c) for c in rng.integers(0x4E00, 0x9FFF, 60))
        texts += [text, text[1:] + "あ", text]
    plain = ClusterSettings(compile_from=0)
    one, other = cluster(paragraphs(*texts), plain), cluster(paragraphs(*texts), replace(plain, **options))
    assert list(one.links) == list(other.links)
    assert one.clusters == other.clusters
    assert one.histogram == other.histogram
    assert list(tmp_path.iterdir()) == []


def test_paragraphs_are_made_only_where_words_are_shared() -> None:
    class Lazy(Sequence[Paragraph]):
        asked: ClassVar[set[int]] = set()

        def __len__(self) -> int:
            return len(texts)

        def __getitem__(self, index: int) -> Paragraph:
            self.asked.add(index)
            return paragraphs(*texts)[index]

    texts = [WIRE, REPORT, WIRE[:-1], "短い。"]
    assert cluster(Lazy(), texts=texts).clusters == cluster(paragraphs(*texts)).clusters
    assert Lazy.asked == {0, 2}


def test_links_are_a_sequence() -> None:
    found = cluster(paragraphs(WIRE, WIRE[:-1], WIRE))
    assert [link.kind for link in found.links] == [Relation.NEAR, Relation.EXACT]
    assert found.links[-1] == found.links[1]
    assert found.links[:1] == [found.links[0]]
    with pytest.raises(IndexError):
        found.links[2]


def test_clusters_are_a_sequence_and_arrays() -> None:
    items = paragraphs(WIRE, REPORT, WIRE[:-1], WIRE, REPORT.upper())
    found = cluster(items).clusters
    assert [len(one.members) for one in found] == [3, 2]
    assert found[-1] == found[1] == found[0:2][1] == found[::-1][0]
    assert found == tuple(found)
    assert found != tuple(found)[:1]
    with pytest.raises(IndexError):
        found[2]
    for number, one in enumerate(found):
        of_this = slice(*found.starts[number : number + 2])
        assert [items[i] for i in found.members[of_this]] == [member.paragraph for member in one.members]
        assert found.similarity[of_this].tolist() == [member.similarity for member in one.members]
        assert found.exact[of_this].tolist() == [member.kind is Relation.EXACT for member in one.members]


def test_results_stay_when_the_list_changes() -> None:
    items = paragraphs(WIRE, WIRE)
    found = cluster(items)
    items.clear()
    assert found.links[0].left.text == WIRE
    assert len(found.clusters[0].members) == 2


@settings(max_examples=50, deadline=None)
@given(SENTENCES)
def test_columns_are_clustered_as_paragraphs_are(texts: list[str]) -> None:
    items = paragraphs(*texts)
    columns = Paragraphs(
        [one.document for one in items],
        texts,
        outlets=[one.outlet for one in items],
        indices=[one.index for one in items],
    )
    assert columns == items
    assert cluster(columns) == cluster(items)


def test_columns_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="length"):
        Paragraphs(["a"], [WIRE, REPORT])


NAMES = st.text("aé\0\ud800\U0010ffff", max_size=10)


@given(
    st.lists(
        st.builds(
            Paragraph,
            document=NAMES,
            index=st.integers(0, 2),
            outlet=st.none() | NAMES,
            text=NAMES,
            published=st.none() | NAMES,
        )
    )
)
def test_precedence_is_that_of_the_whole_names(items: list[Paragraph]) -> None:
    found = by_precedence(items, np.arange(len(items)))
    assert [precedence(items[i]) for i in found] == sorted(map(precedence, items))


@pytest.mark.skipif(not BENCH.is_dir(), reason="the benchmark corpus is not beside the project")
@pytest.mark.parametrize("threshold", [0.7, 0.8])
def test_recall_and_precision_on_planted_pairs(threshold: float) -> None:
    pytest.importorskip("numba")
    with gzip.open(BENCH / "c20000.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    items = [Paragraph(str(row["id"]), 0, row["src"], row["text"]) for row in rows]
    truth = np.load(BENCH / "c20000.truth.npz")
    expected = {
        frozenset((items[x], items[y]))
        for x, y, j in zip(truth["x"].tolist(), truth["y"].tolist(), truth["j"].tolist(), strict=True)
        if j >= threshold - 1e-6
    }
    found = pairs(cluster(items, ClusterSettings(threshold=threshold, min_characters=0)))
    assert found <= expected
    assert len(found) >= 0.998 * len(expected)
