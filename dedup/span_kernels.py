"""Compiled twins of the numpy and Python definitions in passages; see kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.kernels import _compile, _longest, table_mask, window_hashes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Texts = tuple[Array, Array, Array]

_DENSE = 0x2E80
_WIDE = np.uint64(0xA24BAED4963EE407)  # keeps the hashes of the two widths apart


@_compile
def _seed_hashes(
    codes: Array, start: int, length: int, widths: tuple[int, int], work: tuple[Array, Array]
) -> int:
    """Write the hash of the seed at every place of a text into work[0], 0 where there is none."""
    narrow, wide = widths
    hashes, other = work
    if length < narrow:
        return 0
    count = window_hashes(codes[start : start + length], narrow, hashes)
    long = 0
    if length >= wide:
        long = window_hashes(codes[start : start + length], wide, other)
    dense = 0
    for i in range(narrow - 1):
        dense += codes[start + i] >= _DENSE
    for i in range(count):
        dense += codes[start + i + narrow - 1] >= _DENSE
        if 2 * dense < narrow:
            hashes[i] = other[i] ^ _WIDE if i < long else np.uint64(0)
        dense -= codes[start + i] >= _DENSE
    return count


@_compile
def seeds(texts: Texts, widths: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Every seed that may occur twice: hashes, texts and places (passages).

    A table first counts seeds by hash; collisions let too many pass, never too few.
    """
    codes, starts, lengths = texts
    mask = min(table_mask(codes.size), np.uint64((1 << 28) - 1))
    seen = np.zeros(int(mask) + 1, np.uint8)
    longest = _longest(lengths, np.arange(starts.size))
    work = (np.empty(longest, np.uint64), np.empty(longest, np.uint64))
    for row in range(starts.size):
        for i in range(_seed_hashes(codes, starts[row], lengths[row], widths, work)):
            slot = work[0][i] & mask
            seen[slot] += seen[slot] < 2
    total = 0
    for row in range(starts.size):
        for i in range(_seed_hashes(codes, starts[row], lengths[row], widths, work)):
            total += work[0][i] != 0 and seen[work[0][i] & mask] == 2
    hashes, owners, places = np.empty(total, np.uint64), np.empty(total, np.int32), np.empty(total, np.int32)
    end = 0
    for row in range(starts.size):
        for i in range(_seed_hashes(codes, starts[row], lengths[row], widths, work)):
            if work[0][i] and seen[work[0][i] & mask] == 2:
                hashes[end], owners[end], places[end] = work[0][i], row, i
                end += 1
    return hashes, owners, places


@_compile
def _rare_places(hashes: Array, at: Array, size: int, spread: int) -> Array:
    """By code point, whether a seed begins there that occurs twice or more and is no formula."""
    rare = np.zeros(size, np.bool_)
    begin = 0
    for i in range(hashes.size):
        if i + 1 == hashes.size or hashes[i + 1] != hashes[begin]:
            if 2 <= i + 1 - begin <= spread:
                for k in range(begin, i + 1):
                    rare[at[k]] = True
            begin = i + 1
    return rare


@_compile
def _match(codes: Array, a: int, b: int, limit: int) -> int:
    length = 0
    while length < limit and codes[a + length] == codes[b + length]:
        length += 1
    return length


@_compile
def _continues(codes: Array, a: int, b: int, limit: int, widths: tuple[int, int]) -> bool:
    """Whether the seed one place before `a` stands before `b` as well; both texts have `limit` left."""
    if codes[a - 1] != codes[b - 1]:
        return False
    narrow, wide = widths
    length = 1 + _match(codes, a, b, min(limit, wide - 1))
    if length >= wide:
        return True
    dense = 0
    for i in range(narrow):
        dense += codes[a - 1 + i] >= _DENSE
    return 2 * dense >= narrow


@_compile
def spans(texts: Texts, sides: Array, found: Texts, widths: tuple[int, int], spread: int) -> Array:
    """Extend every pair of places that share a seed, but not where the seed before is shared (passages)."""
    codes, starts, lengths = texts
    hashes, owners, places = found
    at = starts[owners] + places
    rare = _rare_places(hashes, at, codes.size, spread)
    result = np.empty((1024, 5), np.int64)
    end = 0
    begin = 0
    for i in range(hashes.size):
        if i + 1 != hashes.size and hashes[i + 1] == hashes[begin]:
            continue
        last = i + 1 if i + 1 - begin <= spread else begin
        for k in range(begin, last):
            left, x = owners[k], places[k]
            for m in range(k + 1, last):
                right, y = owners[m], places[m]
                if sides[left] == sides[right]:
                    continue
                a, b = at[k], at[m]
                ahead = min(lengths[left] - x, lengths[right] - y)
                if x and y and rare[a - 1] and rare[b - 1] and _continues(codes, a, b, ahead, widths):
                    continue
                back = 0
                while back < min(x, y) and codes[a - back - 1] == codes[b - back - 1]:
                    back += 1
                if end == result.shape[0]:
                    result = np.concatenate((result, np.empty_like(result)))
                result[end, 0], result[end, 1] = left, x - back
                result[end, 2], result[end, 3] = right, y - back
                result[end, 4] = back + _match(codes, a, b, ahead)
                end += 1
        begin = i + 1
    return result[:end].copy()
