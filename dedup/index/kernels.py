"""Compiled twin of the search in postings; needs numba, see `dedup.kernels`."""

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


def _little_endian(rows: Array, start: int, size: int) -> int:
    number = np.int64(0)
    for k in range(size):
        number |= np.int64(rows[start + k]) << np.int64(8 * k)
    return number  # type: ignore[return-value]  # an integer to numba


_number = njit(cache=True, nogil=True)(_little_endian)
_find = njit(cache=True, nogil=True)(_search)
