"""Columns of strings as arrays: the same strings, the same clusters, and no reading where nothing is."""

import contextlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.clustering import cluster
from dedup.columns import Paragraphs, by_precedence, precedence
from dedup.compare import comparison_text, decode, encode
from dedup.settings import ClusterSettings
from dedup.strings import DictionaryArray, StringArray

WIRE = ("The ferry to the island runs every hour from Monday.", "市役所は川沿いに避難を呼びかけた。" * 2)
TEXTS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(
        ["The ferry to the island runs every hour from Monday.", "市役所は川沿いの三地区に避難を呼びかけた。"]
    ),
    max_size=12,
)
NAMES = st.lists(st.none() | st.text("aé\0\U0010ffff", max_size=10), max_size=12)


def coded(names: list[str | None]) -> DictionaryArray:
    distinct = list(dict.fromkeys(names))
    return DictionaryArray(distinct, np.array([distinct.index(name) for name in names], np.int64))


@given(TEXTS, st.integers(-13, 13), st.integers(-13, 13), st.sampled_from([1, 2, -1]))
def test_an_array_has_the_strings_it_was_made_of(texts: list[str], first: int, last: int, step: int) -> None:
    array = StringArray.of(texts)
    assert list(array) == texts
    assert [array[i] for i in range(-len(texts), len(texts))] == texts + texts
    assert list(array[first:last:step]) == texts[first:last:step]


@given(NAMES)
def test_a_dictionary_has_the_names_it_was_made_of(names: list[str | None]) -> None:
    assert list(coded(names)) == names
    assert list(coded(names)[1:]) == names[1:]
    ranks = coded(names).ranks(np.arange(len(names)), "b").tolist()
    wanted = sorted({name or "b" for name in names})
    assert [wanted[rank] for rank in ranks] == [name or "b" for name in names]


@pytest.mark.parametrize("workers", [1, 2])
@settings(deadline=None)
@given(texts=TEXTS)
def test_arrays_are_folded_as_strings_are(texts: list[str], workers: int) -> None:
    pytest.importorskip("numba")
    for given_texts in (StringArray.of(texts), StringArray.of(["x", *texts])[1:]):
        found = encode(given_texts, compiled=True, workers=workers)
        assert [decode(found, i) for i in range(len(texts))] == list(map(comparison_text, texts))


@settings(deadline=None)
@given(TEXTS, st.booleans())
def test_arrays_are_clustered_as_strings_are(texts: list[str], compiled: bool) -> None:
    documents = [f"document {i % 3}" for i in range(len(texts))]
    outlets = [(None, "north", "")[i % 3] for i in range(len(texts))]
    options = ClusterSettings(compile_from=0 if compiled else 10**9)
    listed = Paragraphs(documents, texts, outlets=outlets, published=outlets)
    arrays = Paragraphs(
        StringArray.of(documents), StringArray.of(texts), outlets=coded(outlets), published=coded(outlets)
    )
    assert arrays == listed
    assert cluster(arrays, options) == cluster(listed, options)


@given(NAMES)
def test_precedence_by_arrays_is_that_of_the_names(names: list[str | None]) -> None:
    documents = [name or "" for name in names]
    items = Paragraphs(StringArray.of(documents), documents, outlets=coded(names[::-1]))
    found = by_precedence(items, np.arange(len(items)))
    assert [precedence(items[i]) for i in found.tolist()] == sorted(map(precedence, items))


@settings(deadline=None)
@given(st.binary(max_size=40), st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_nothing_is_read_or_written_beyond_bytes_that_are_no_text(data: bytes, starts: list[int]) -> None:
    pytest.importorskip("numba")
    bounds = np.array(sorted(min(start, len(data)) for start in starts), np.int64)
    array = StringArray(np.frombuffer(data, np.uint8), bounds)
    valid = all(_is_text(data[a:b]) for a, b in itertools.pairwise(bounds.tolist()))
    with contextlib.nullcontext() if valid else contextlib.suppress(ValueError):
        found = encode(array, compiled=True)
        assert found.lengths.size == len(array)
        assert not valid or [decode(found, i) for i in range(len(array))] == list(map(comparison_text, array))


@pytest.mark.parametrize("data", [b"abc\xff", b"\x80abc", b"abc\xe3\x81", b"\xf7\xbf\xbf\xbf", b"\xe3abcd"])
def test_what_is_not_utf8_is_an_error(data: bytes) -> None:
    pytest.importorskip("numba")
    array = StringArray(np.frombuffer(data, np.uint8), np.array([0, len(data)]))
    for compiled in (True, False):
        with pytest.raises(ValueError, match=r"UTF-8|utf-8"):
            encode(array, compiled=compiled)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("starts", [[], [0, 5], [-1, 2], [2, 1, 3]])
def test_starts_that_do_not_rise_within_the_data_are_an_error(starts: list[int]) -> None:
    with pytest.raises(ValueError, match="rise"):
        StringArray(np.zeros(4, np.uint8), np.array(starts, np.int64))
