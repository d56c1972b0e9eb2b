"""Sorting by words that hold a key and its place agrees with numpy's stable sorts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedup.sorting import argsort, lexsort

# Few distinct keys, keys that leave room for their places, and keys that do not.
KEYS = st.one_of(st.integers(0, 3), st.integers(0, 2**40), st.integers(2**64 - 40, 2**64 - 1))


@given(st.lists(KEYS, max_size=40))
def test_equal_keys_keep_their_order(keys: list[int]) -> None:
    given_keys = np.array(keys, np.uint64)
    before = given_keys.copy()
    assert argsort(given_keys).tolist() == np.argsort(given_keys, kind="stable").tolist()
    assert np.array_equal(given_keys, before)


@given(st.lists(st.tuples(st.integers(0, 3), KEYS), max_size=40))
def test_the_first_key_counts_most(rows: list[tuple[int, int]]) -> None:
    keys = [np.array(column, np.uint64) for column in zip(*rows, strict=True)] or [np.empty(0, np.uint64)] * 2
    assert lexsort(*keys).tolist() == np.lexsort(keys[::-1]).tolist()


def test_keys_that_differ_only_where_their_place_stands_are_sorted_too() -> None:
    keys = np.array([2**63 + 1, 2**63, 2**63 + 2], np.uint64)
    assert argsort(keys).tolist() == [1, 0, 2]
