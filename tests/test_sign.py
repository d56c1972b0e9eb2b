"""Signatures are datasketch's, bands are MinHashLSH's, and compiled code is the plain code."""

import importlib.util
import itertools

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.band import band_keys, candidate_pairs, choose_bands, least_agreement
from dedup.compare import encode
from dedup.settings import ClusterSettings
from dedup.sign import agreements, from_datasketch, shingle_hash, signatures, text_hashes, to_datasketch
from dedup.types import Pairs
from dedup.verify import jaccard, overlaps

SETTINGS = ClusterSettings()
TEXTS = st.lists(st.text(st.sampled_from("ab首相は、9\U0001f600"), max_size=30), max_size=12)


def shingles(text: str) -> set[str]:
    return {text[i : i + 5] for i in range(max(len(text) - 4, min(len(text), 1)))}


@settings(deadline=None)
@given(TEXTS)
def test_signatures_are_bit_equal_to_datasketch(texts: list[str]) -> None:
    ours = signatures(encode(texts), SETTINGS, 64)
    for text, signature in zip(texts, ours, strict=True):
        theirs = MinHash(num_perm=64, seed=SETTINGS.seed, hashfunc=shingle_hash, scheme="affine32")
        theirs.update_batch(shingles(text))
        assert theirs.hashvalues.dtype == signature.dtype
        assert np.array_equal(theirs.hashvalues, signature)


@settings(deadline=None)
@given(TEXTS)
def test_compiled_code_agrees_bit_for_bit(texts: list[str]) -> None:
    pytest.importorskip("numba")
    encoded = encode(texts)
    ours = signatures(encoded, SETTINGS, 60)
    assert np.array_equal(ours, signatures(encoded, SETTINGS, 60, compiled=True))
    assert np.array_equal(text_hashes(encoded), text_hashes(encoded, compiled=True))
    assert np.array_equal(band_keys(ours, 10, 6), band_keys(ours, 10, 6, compiled=True))
    left, right = np.triu_indices(len(texts), 1)
    pairs = Pairs(left.astype(np.int64), right.astype(np.int64))
    assert np.array_equal(overlaps(encoded, pairs, 5), overlaps(encoded, pairs, 5, compiled=True))


@settings(deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_rows_in_any_order(texts: list[str], random: object) -> None:
    pytest.importorskip("numba")
    encoded = encode(texts)
    rows = np.array(random.sample(range(len(texts)), len(texts)), np.int64)
    ours = signatures(encoded, SETTINGS, 20)
    assert np.array_equal(signatures(encoded, SETTINGS, 20, rows=rows), ours[rows])
    assert np.array_equal(signatures(encoded, SETTINGS, 20, rows=rows, compiled=True), ours[rows])


def test_round_trip_through_datasketch() -> None:
    ours = signatures(encode(["首相は十日、記者団に述べた。", "The minister resigned."]), SETTINGS, 32)
    sketches = to_datasketch(ours, SETTINGS)
    assert np.array_equal(from_datasketch(sketches), ours)
    sketches[0].update("さらに一つ")
    assert not np.array_equal(from_datasketch(sketches), ours)


def test_sketches_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="scheme"):
        from_datasketch([MinHash(scheme="legacy")])
    with pytest.raises(ValueError, match="seed"):
        from_datasketch([MinHash(seed=1), MinHash(seed=2)])
    assert from_datasketch([]).size == 0


def test_candidates_are_the_pairs_of_datasketch_lsh() -> None:
    rng = np.random.default_rng(7)
    base = ["".join(rng.choice(list("abcdefgh "), 60)) for _ in range(80)]
    edited = [text[:k] + "x" + text[k:] for k, text in enumerate(base)]
    sketch = signatures(encode(base + edited), SETTINGS, 60)
    index = MinHashLSH(num_perm=60, params=(10, 6))
    objects = to_datasketch(sketch, SETTINGS)
    for number, one in enumerate(objects):
        index.insert(number, one)
    theirs = {(min(i, j), max(i, j)) for i, one in enumerate(objects) for j in index.query(one) if i != j}
    ours, _ = candidate_pairs(band_keys(sketch, 10, 6), SETTINGS.bucket)
    assert len(theirs) > 50
    assert set(zip(ours.left.tolist(), ours.right.tolist(), strict=True)) == theirs


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=9, max_size=9), max_size=3),
    st.integers(1, 4),
    st.integers(1, 2),
    st.booleans(),
)
def test_buckets_are_paired_or_told_as_crowded(
    keys: list[list[int]], bucket: int, workers: int, compiled: bool
) -> None:
    if compiled:
        pytest.importorskip("numba")
    shape = np.array(keys, np.uint64).reshape(-1, 9) << np.uint64(40)
    pairs, crowds = candidate_pairs(shape, bucket, workers=workers, compiled=compiled)
    held = {(b, key): [i for i, k in enumerate(row) if k == key] for b, row in enumerate(keys) for key in row}
    expected = {
        pair for one in held.values() if len(one) <= bucket for pair in itertools.combinations(one, 2)
    }
    assert set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == expected
    assert len(expected) == pairs.left.size
    large = {tuple(one) for one in held.values() if len(one) > bucket}
    assert {tuple(crowd.tolist()) for crowd in crowds} == large
    assert len(crowds) == len(large)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=2, max_size=6))
def test_agreements_are_counted(rows: list[list[int]]) -> None:
    table = np.array(rows, np.uint8)
    left, right = np.triu_indices(len(rows), 1)
    expected = [
        sum(a == b for a, b in zip(rows[i], rows[j], strict=True)) for i, j in zip(left, right, strict=True)
    ]
    assert agreements(table, Pairs(left, right)).tolist() == expected
    if importlib.util.find_spec("numba"):
        assert agreements(table, Pairs(left, right), compiled=True, workers=2).tolist() == expected


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
def test_few_pairs_at_the_threshold_agree_too_little(threshold: float) -> None:
    settings = ClusterSettings(threshold=threshold)
    agree = np.random.default_rng(3).binomial(60, threshold, 100_000)
    assert (agree < least_agreement(60, settings)).mean() <= settings.miss / 8
    assert (agree < least_agreement(60, settings) + 1).mean() > settings.miss / 12


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
def test_bands_find_pairs_at_the_threshold(threshold: float) -> None:
    settings = ClusterSettings(threshold=threshold)
    bands, rows = choose_bands(settings)
    assert bands * rows <= settings.permutations
    assert (1 - threshold**rows) ** bands <= settings.miss or rows == 1


@settings(deadline=None)
@given(TEXTS)
def test_jaccard_is_of_the_sets(texts: list[str]) -> None:
    left, right = np.triu_indices(len(texts), 1)
    found = jaccard(overlaps(encode(texts), Pairs(left.astype(np.int64), right.astype(np.int64)), 5))
    for i, j, value in zip(left.tolist(), right.tolist(), found.tolist(), strict=True):
        a, b = shingles("".join(texts[i].split())), shingles("".join(texts[j].split()))
        assert value == len(a & b) / max(len(a | b), 1)
