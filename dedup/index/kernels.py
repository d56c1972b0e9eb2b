"""Compiled twins of the search in postings and of the filter; needs numba, see `dedup.kernels`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def find(
    rows: Array, starts: Array, buckets: Array, level: tuple[int, int], wanted: Array
) -> tuple[Array, Array]:
    """At which wanted key each match stands, and its text (postings.find).

    `rows` are the bytes of all rows end to end, row `i` is `rows[starts[i] : starts[i + 1]]`; `level` is the
    number of bits that a bucket's place tells and the bytes of a key.
    """
    most = 16 + 2 * wanted.size
    while True:
        at, texts = np.empty(most, np.int64), np.empty(most, np.int64)
        found = _find(rows, starts, buckets, level[0], level[1], wanted, at, texts)
        if found <= most:
            return at[:found], texts[:found]
        most = found


def _search(
    rows: Array, starts: Array, buckets: Array, bits: int, size: int, wanted: Array, at: Array, texts: Array
) -> int:
    found = 0
    first = 0
    mask = (np.int64(1) << np.int64(8 * size)) - np.int64(1)
    for i in range(buckets.size):
        prefix = buckets[i] ^ (np.int64(1) << np.int64(bits))
        begin = starts[i]
        count = (starts[i + 1] - begin) // (size + 4)
        while first < wanted.size and np.int64(wanted[first]) >> np.int64(32 - bits) < prefix:
            first += 1
        while first < wanted.size and np.int64(wanted[first]) >> np.int64(32 - bits) == prefix:
            sought = np.int64(wanted[first]) & mask
            low, high = 0, count
            while low < high:
                middle = (low + high) // 2
                if _number(rows, begin + size * middle, size) < sought:
                    low = middle + 1
                else:
                    high = middle
            while low < count and _number(rows, begin + size * low, size) == sought:
                if found < at.size:
                    at[found] = first
                    texts[found] = _number(rows, begin + size * count + 4 * low, 4)
                found += 1
                low += 1
            first += 1
    return found


def keys_in(rows: Array, starts: Array, buckets: Array, level: tuple[int, int]) -> Array:
    """The keys of rows that are given as to `find` (postings.keys_in)."""
    keys: Array = _keys(rows, starts, buckets, level[0], level[1])
    return keys


def _unpack(rows: Array, starts: Array, buckets: Array, bits: int, size: int) -> Array:
    keys = np.empty(starts[-1] // (size + 4), np.uint32)
    k = 0
    for i in range(buckets.size):
        prefix = (buckets[i] ^ (np.int64(1) << np.int64(bits))) << np.int64(32 - bits)
        for place in range(starts[i], starts[i] + (starts[i + 1] - starts[i]) // (size + 4) * size, size):
            keys[k] = prefix | _number(rows, place, size)
            k += 1
    return keys


def _little_endian(rows: Array, start: int, size: int) -> int:
    number = np.int64(rows[start]) | np.int64(rows[start + 1]) << np.int64(8)
    if size == 4:  # or 2; a loop over them takes three times as long
        number |= np.int64(rows[start + 2]) << np.int64(16) | np.int64(rows[start + 3]) << np.int64(24)
    return number  # type: ignore[return-value]  # an integer to numba


def _bits(key: int) -> int:
    one, low = np.uint64(1), np.uint64(63)
    return one << (np.uint64(key) >> np.uint64(5) & low) | one << (np.uint64(key) & low)  # type: ignore[return-value]


def _set(words: Array, keys: Array) -> None:
    for key in keys:
        words[key >> 11] |= _bits_of(key)


def _ask(words: Array, keys: Array) -> Array:
    answers = np.empty(keys.size, np.bool_)
    for i in range(keys.size):
        bits = _bits_of(keys[i])
        answers[i] = words[keys[i] >> 11] & bits == bits
    return answers


_bits_of = njit(cache=True, nogil=True)(_bits)
put = njit(cache=True, nogil=True)(_set)
may_have = njit(cache=True, nogil=True)(_ask)
_number = njit(cache=True, nogil=True)(_little_endian)
_keys = njit(cache=True, nogil=True)(_unpack)
_find = njit(cache=True, nogil=True)(_search)
