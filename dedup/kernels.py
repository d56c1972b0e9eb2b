"""Compiled twins of the numpy definitions in sign, band, verify and clustering.

Needs numba (the extra `fast`). A stage imports this module only when it is asked for compiled
work, so that a small input never waits for a compiler. Every kernel agrees bit for bit with the
plain code beside which it is named; tests compare them. Compiled code is cached on disk. Kernels
release the interpreter's lock and write only where they are told to, so that threads share them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Texts = tuple[Array, Array, Array]  # codes, starts, lengths of types.CodePoints

_F = TypeVar("_F", bound=Callable[..., object])

# Multiplier of the polynomial hashes and the constants of the splitmix64 finalizer; see sign.py.
_M = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)

# Code points hashed at once: the arrays of one pass stay in the second cache, and the loops are
# long enough for vector instructions (text by text they take three times as long).
_BLOCK = 1 << 14

# Texts whose characters are fetched from memory at once before they are compared: the pairs of a million
# paragraphs take a third less time than one by one (with 16: a fifth).
_AHEAD = 64


def _compile(function: _F) -> _F:
    return cast("_F", njit(cache=True, nogil=True)(function))


@_compile
def _mix64(h: np.uint64) -> np.uint64:
    h ^= h >> np.uint64(30)
    h *= _MIX1
    h ^= h >> np.uint64(27)
    h *= _MIX2
    return h ^ (h >> np.uint64(31))


@_compile
def _fmix32(h: np.uint32) -> np.uint32:
    h ^= h >> np.uint32(16)
    h = np.uint32(h * np.uint32(0x85EBCA6B))
    h ^= h >> np.uint32(13)
    h = np.uint32(h * np.uint32(0xC2B2AE35))
    return np.uint32(h ^ (h >> np.uint32(16)))


@_compile
def _hash_of_five(a: np.uint32, b: np.uint32, c: np.uint32, d: np.uint32, e: np.uint32) -> np.uint64:
    two, three = _M * _M, _M * _M * _M
    h = np.uint64(a) * (two * two) + np.uint64(b) * three + np.uint64(c) * two
    return _mix64(h + (np.uint64(d) * _M + np.uint64(e)))


@_compile
def window_hashes(codes: Array, width: int, out: Array) -> int:
    """Write the 64-bit hash of every window; return how many there are (sign.window_hashes).

    For one text at a time: windows of five without waiting for each other, others by a rolling multiply.
    """
    length = codes.size
    if length == 0:
        return 0
    if width == 5 and length >= 5:
        c0, c1, c2, c3, c4 = codes[: length - 4], codes[1:], codes[2:], codes[3:], codes[4:]
        for i in range(length - 4):
            out[i] = _hash_of_five(c0[i], c1[i], c2[i], c3[i], c4[i])
        return length - 4
    width = min(width, length)
    leading = np.uint64(1)
    h = np.uint64(0)
    for i in range(width):
        h = h * _M + np.uint64(codes[i])
        if i:
            leading *= _M
    out[0] = _mix64(h)
    count = length - width + 1
    for i in range(1, count):
        h = (h - np.uint64(codes[i - 1]) * leading) * _M + np.uint64(codes[i + width - 1])
        out[i] = _mix64(h)
    return count


@_compile
def block_hashes(codes: Array, width: int, out: Array) -> None:
    """The same for many texts end to end, in loops without dependence from window to window.

    Windows that reach over the end of a text are written too; the caller leaves them out.
    """
    block_polynomials(codes, width, out)
    for i in range(codes.size - width + 1):
        out[i] = _mix64(out[i])


@_compile
def block_polynomials(codes: Array, width: int, out: Array) -> None:
    """What `block_hashes` mixes. The width is built up by doubling: a window of 2k is two windows of k."""
    length = codes.size
    for i in range(length):
        out[i] = np.uint64(codes[i])
    bit = 1
    while bit * 2 <= width:
        bit *= 2
    have = 1
    power = _M
    bit //= 2
    while bit:
        for i in range(length - 2 * have + 1):
            out[i] = out[i] * power + out[i + have]
        have *= 2
        power *= power
        if width & bit:
            for i in range(length - have):
                out[i] = out[i] * _M + np.uint64(codes[i + have])
            have += 1
            power *= _M
        bit //= 2


@_compile
def _mixed(codes: Array, width: int, hashes: Array, out: Array) -> None:
    """Write the 32 bits of every window that the permutations take; in one pass for windows of five."""
    if width != 5:
        block_hashes(codes, width, hashes)
        for i in range(codes.size):
            out[i] = _fmix32(np.uint32(hashes[i] >> np.uint64(32)))
        return
    count = max(codes.size - 4, 0)
    c0, c1, c2, c3, c4 = codes[:count], codes[1:], codes[2:], codes[3:], codes[4:]
    for i in range(count):
        out[i] = _fmix32(np.uint32(_hash_of_five(c0[i], c1[i], c2[i], c3[i], c4[i]) >> np.uint64(32)))


@_compile
def text_hashes(texts: Texts, first: int, last: int, out: Array) -> None:
    """One 64-bit hash a text (sign.text_hashes). Four characters a step, for they wait for each other."""
    codes, starts, lengths = texts
    two, three, four = _M * _M, _M * _M * _M, _M * _M * _M * _M
    one = np.uint64(1)
    for row in range(first, last):
        h = np.uint64(0)
        text = codes[starts[row] : starts[row] + lengths[row]]
        whole = text.size - text.size % 4
        for i in range(0, whole, 4):
            c0, c1 = np.uint64(text[i]) + one, np.uint64(text[i + 1]) + one
            c2, c3 = np.uint64(text[i + 2]) + one, np.uint64(text[i + 3]) + one
            h = h * four + (c0 * three + c1 * two + c2 * _M + c3)
        for i in range(whole, text.size):
            h = h * _M + np.uint64(text[i]) + one
        out[row] = _mix64(h)


@_compile
def _minima(mixed: Array, a: Array, b: Array, signature: Array) -> None:
    """The least value of every permutation over `mixed`.

    Eight windows at a time, so that eight products share one load and one store; the last eight
    may overlap those before, which changes no minimum.
    """
    signature[:] = np.uint32(0xFFFFFFFF)
    count = mixed.size
    if count < 8:
        for h in mixed:
            for p in range(a.size):
                signature[p] = min(signature[p], np.uint32(a[p] * h + b[p]))
        return
    for k in range(0, count, 8):
        i = min(k, count - 8)
        h0, h1, h2, h3 = mixed[i], mixed[i + 1], mixed[i + 2], mixed[i + 3]
        h4, h5, h6, h7 = mixed[i + 4], mixed[i + 5], mixed[i + 6], mixed[i + 7]
        for p in range(a.size):
            m, n = a[p], b[p]
            one = min(np.uint32(m * h0 + n), np.uint32(m * h1 + n))
            two = min(np.uint32(m * h2 + n), np.uint32(m * h3 + n))
            three = min(np.uint32(m * h4 + n), np.uint32(m * h5 + n))
            four = min(np.uint32(m * h6 + n), np.uint32(m * h7 + n))
            least = min(min(one, two), min(three, four))  # noqa: PLW3301 - numba knows min of two
            signature[p] = min(signature[p], least)


@_compile
def signatures(
    texts: Texts, rows: Array, order: Array, width: int, factors: tuple[Array, Array], out: Array
) -> None:
    """Write the MinHash signatures of the texts `rows`, gone through in `order`, that of their starts.

    More permutations may be made than written (sign.signatures).
    """
    codes, starts, lengths = texts
    a, b = factors
    size = _BLOCK
    for row in rows:
        size = max(size, lengths[row])
    hashes, mixed = np.empty(size, np.uint64), np.empty(size, np.uint32)
    signature = np.empty(a.size, np.uint32)
    done = 0
    while done < rows.size:
        begin = end = starts[rows[order[done]]]
        first = done
        while done < rows.size and starts[rows[order[done]]] + lengths[rows[order[done]]] <= begin + size:
            row = rows[order[done]]
            end = max(end, starts[row] + lengths[row])  # texts may be empty, or overlap
            done += 1
        _mixed(codes[begin:end], width, hashes, mixed)
        for place in order[first:done]:
            start, length = starts[rows[place]], lengths[rows[place]]
            count = length - width + 1
            if 0 < length < width:
                window_hashes(codes[start : start + length], width, hashes)
                mixed[start - begin] = _fmix32(np.uint32(hashes[0] >> np.uint64(32)))
                count = 1
            _minima(mixed[start - begin : start - begin + max(count, 0)], a, b, signature)
            for p in range(out.shape[1]):
                out[place, p] = signature[p]


@_compile
def band_keys(signatures: Array, bands: int, rows: int) -> Array:
    """One 64-bit key a band and text, shape (bands, texts) (band.band_keys)."""
    count = signatures.shape[0]
    result = np.empty((bands, count), np.uint64)
    for i in range(count):
        for band in range(bands):
            key = np.uint64(0)
            for row in range(rows):
                key = key * _M + np.uint64(signatures[i, band * rows + row]) + np.uint64(1)
            result[band, i] = _mix64(key)
    return result


@_compile
def bucket_pairs(packed: Array, low: np.uint64, bucket: int) -> tuple[Array, Array]:
    """Pairs within buckets, as `left << 32 | right`, and where crowds start and end (band._buckets).

    `packed` is sorted, a bucket's keys differ in the bits `low` alone, which number its texts; a crowd is a
    bucket of more than `bucket`.
    """
    pairs = crowds = 0
    begin = 0
    for end in range(1, packed.size + 1):
        if end == packed.size or packed[end] ^ packed[end - 1] > low:
            size = end - begin
            if size > bucket:
                crowds += 1
            else:
                pairs += size * (size - 1) // 2
            begin = end
    found, crowded = np.empty(pairs, np.uint64), np.empty((crowds, 2), np.int64)
    pairs = crowds = 0
    begin = 0
    for end in range(1, packed.size + 1):
        if end == packed.size or packed[end] ^ packed[end - 1] > low:
            if end - begin > bucket:
                crowded[crowds] = begin, end
                crowds += 1
            else:
                for right in range(begin + 1, end):
                    for left in range(begin, right):
                        found[pairs] = (packed[left] & low) << np.uint64(32) | packed[right] & low
                        pairs += 1
            begin = end
    return found, crowded


@_compile
def agreements(rows: Array, pairs: tuple[Array, Array], first: int, last: int, out: Array) -> None:
    """In how many columns two rows agree (sign.agreements)."""
    left, right = pairs
    for i in range(first, last):
        one, other = rows[left[i]], rows[right[i]]
        same = 0
        for k in range(one.size):
            same += one[k] == other[k]
        out[i] = same


@_compile
def table_mask(length: int) -> np.uint64:
    """Mask of the least table that stays three quarters empty."""
    capacity = 16
    while capacity < 4 * length:
        capacity *= 2
    return np.uint64(capacity - 1)


@_compile
def _place(table: Array, mask: np.uint64, key: np.uint64) -> np.uint64:
    """Where `key` is in an open-addressing table, or would be; 0 is a free place."""
    slot = key & mask
    while table[slot] and table[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@_compile
def _fill(table: Array, mask: np.uint64, keys: Array) -> int:
    """Clear the table and put the keys into it; return how many are distinct."""
    table[: int(mask) + 1] = np.uint64(0)
    distinct = 0
    for key in keys:
        slot = _place(table, mask, key)
        distinct += table[slot] == 0
        table[slot] = key
    return distinct


@_compile
def _shingles(texts: Texts, row: int, width: int, out: Array) -> int:
    """Window hashes of a text, none of them 0, which marks a free place in a table."""
    codes, starts, lengths = texts
    count = window_hashes(codes[starts[row] : starts[row] + lengths[row]], width, out)
    for i in range(count):
        out[i] += np.uint64(out[i] == 0)
    return count


@_compile
def _touch(texts: Texts, rows: Array) -> int:
    """Look at every sixteenth character, so that the cache fetches all texts at once, not one by one."""
    codes, starts, lengths = texts
    total = 0
    for row in rows:
        for i in range(starts[row], starts[row] + lengths[row], 16):
            total += codes[i]
    return total


@_compile
def overlaps(texts: Texts, pairs: tuple[Array, Array], width: int, first: int, last: int, out: Array) -> None:
    """Distinct shingles of left, of right and of both, shape (pairs, 3) (verify.overlaps).

    Pairs come sorted by `left`, so its table is filled once for all its partners. Of the text on the
    right only shingles that are not shared need a table, to be counted once. Only as much of a
    table is used as a text needs, so that it stays in the first cache.
    """
    left, right = pairs
    longest = 1
    for i in range(first, last):
        longest = max(longest, texts[2][left[i]], texts[2][right[i]])
    capacity = int(table_mask(longest)) + 1
    table, other = np.empty(capacity, np.uint64), np.empty(capacity, np.uint64)
    shared_with = np.full(capacity, -1, np.int64)  # the last pair that shares what is at this place
    hashes = np.empty(longest, np.uint64)
    size = 0
    mask = table_mask(1)
    for i in range(first, last):
        if (i - first) % _AHEAD == 0:
            out[i, 2] = _touch(texts, right[i : min(i + _AHEAD, last)])
        if i == first or left[i] != left[i - 1]:
            mask = table_mask(texts[2][left[i]])
            size = _fill(table, mask, hashes[: _shingles(texts, left[i], width, hashes)])
        shared = rest = 0
        for key in hashes[: _shingles(texts, right[i], width, hashes)]:
            slot = _place(table, mask, key)
            if table[slot]:
                shared += shared_with[slot] != i
                shared_with[slot] = i
            else:
                hashes[rest] = key
                rest += 1
        out[i, 0], out[i, 2] = size, shared
        out[i, 1] = shared + _fill(other, table_mask(rest), hashes[:rest])


@_compile
def centres(order: Array, bounds: Array, partners: Array) -> tuple[Array, Array]:
    """Who takes each text, and by which link (clustering._centres)."""
    centre = np.full(order.size, -1, np.int64)
    by = np.full(order.size, -1, np.int64)
    for text in order:
        if centre[text] < 0:
            centre[text] = text
            for k in range(bounds[text], bounds[text + 1]):
                if centre[partners[k]] < 0:
                    centre[partners[k]] = text
                    by[partners[k]] = k
    return centre, by
