"""Compiled twins of the numpy definitions in compare, sign, band and verify.

Needs numba (the extra `fast`). A stage imports this module only when it is asked for compiled
work, so that a small input never waits for a compiler. Every kernel agrees bit for bit with the
plain code beside which it is named; tests compare them. Compiled code is cached on disk.
"""

from __future__ import annotations

import math
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
def _window_hashes(codes: Array, start: int, length: int, width: int, out: Array) -> int:
    """Write the 64-bit hash of every window of a text; one rolling multiply a window."""
    if length == 0:
        return 0
    width = min(width, length)
    leading = np.uint64(1)
    h = np.uint64(0)
    for i in range(width):
        h = h * _M + np.uint64(codes[start + i])
        if i:
            leading *= _M
    out[0] = _mix64(h)
    count = length - width + 1
    for i in range(1, count):
        h = (h - np.uint64(codes[start + i - 1]) * leading) * _M + np.uint64(codes[start + i + width - 1])
        out[i] = _mix64(h)
    return count


@_compile
def folded_lengths(texts: Texts, table: Array) -> Array:
    """Length of every folded text, -1 where a character depends on its neighbours (compare.encode)."""
    raw, starts, lengths = texts
    result = np.zeros(starts.size, np.int64)
    for row in range(starts.size):
        total = 0
        for i in range(starts[row], starts[row] + lengths[row]):
            entry = table[raw[i]]
            if entry < 0x110000:
                total += 1
            elif entry == 0xFFFFFFFF:
                total = -1
                break
            else:
                total += (entry >> 21) & 0x3FF
        result[row] = total
    return result


@_compile
def fold(texts: Texts, table: Array, expansions: Array, out_starts: Array, out: Array) -> None:
    """Write the folded texts; those with a character in context are left to the caller (compare.encode)."""
    raw, starts, lengths = texts
    for row in range(starts.size):
        k = out_starts[row]
        for i in range(starts[row], starts[row] + lengths[row]):
            entry = table[raw[i]]
            if entry < 0x110000:
                out[k] = entry
                k += 1
            elif entry == 0xFFFFFFFF:
                break
            else:
                for j in range((entry >> 21) & 0x3FF):
                    out[k] = expansions[(entry & 0x1FFFFF) + j]
                    k += 1


@_compile
def equal(texts: Texts, one: Array, other: Array) -> bool:
    """Whether every text of `one` equals its partner in `other` (cluster.collapse)."""
    codes, starts, lengths = texts
    for row in range(one.size):
        if lengths[one[row]] != lengths[other[row]]:
            return False
        a, b = starts[one[row]], starts[other[row]]
        for i in range(lengths[one[row]]):
            if codes[a + i] != codes[b + i]:
                return False
    return True


@_compile
def text_hashes(texts: Texts) -> Array:
    """One 64-bit hash a text (sign.text_hashes)."""
    codes, starts, lengths = texts
    result = np.zeros(starts.size, np.uint64)
    for row in range(starts.size):
        h = np.uint64(0)
        for i in range(starts[row], starts[row] + lengths[row]):
            h = h * _M + np.uint64(codes[i]) + np.uint64(1)
        result[row] = _mix64(h)
    return result


@_compile
def signatures(texts: Texts, width: int, a: Array, b: Array) -> Array:
    """MinHash signatures (sign.signatures).

    Four windows at a time, which halves the loads and stores of the signature; the last window is
    repeated up to a multiple of four, which changes no minimum.
    """
    codes, starts, lengths = texts
    result = np.full((starts.size, a.size), np.uint32(0xFFFFFFFF))
    longest = 4
    for row in range(starts.size):
        longest = max(longest, lengths[row] + 4)
    hashes = np.empty(longest, np.uint64)
    mixed = np.empty(longest, np.uint32)
    for row in range(starts.size):
        count = _window_hashes(codes, starts[row], lengths[row], width, hashes)
        for i in range(count):
            mixed[i] = _fmix32(np.uint32(hashes[i] >> np.uint64(32)))
        while count % 4:
            mixed[count] = mixed[count - 1]
            count += 1
        signature = result[row]
        for i in range(0, count, 4):
            h0, h1, h2, h3 = mixed[i], mixed[i + 1], mixed[i + 2], mixed[i + 3]
            for p in range(a.size):
                one = min(np.uint32(a[p] * h0 + b[p]), np.uint32(a[p] * h1 + b[p]))
                two = min(np.uint32(a[p] * h2 + b[p]), np.uint32(a[p] * h3 + b[p]))
                signature[p] = min(signature[p], min(one, two))  # noqa: PLW3301 - numba knows min of two
    return result


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
def _insert(table: Array, stamps: Array, stamp: int, mask: np.uint64, key: np.uint64) -> int:
    """Insert into an open-addressing table; 1 if the key is new under this stamp."""
    slot = key & mask
    while stamps[slot] == stamp:
        if table[slot] == key:
            return 0
        slot = (slot + np.uint64(1)) & mask
    stamps[slot] = stamp
    table[slot] = key
    return 1


@_compile
def _mask(length: int) -> np.uint64:
    """Mask of the least table that stays half empty."""
    capacity = 16
    while capacity < 2 * length:
        capacity *= 2
    return np.uint64(capacity - 1)


@_compile
def overlaps(texts: Texts, left: Array, right: Array, width: int) -> Array:
    """Distinct shingles of left, of right and of both, shape (pairs, 3) (verify.overlaps).

    Pairs come sorted by `left`, so its table is filled once for all its partners. Tables are
    cleared by counting up a stamp, not by writing, and only as much of them is used as a text
    needs, so that they stay in the first cache.
    """
    codes, starts, lengths = texts
    longest = 1
    for i in range(left.size):
        longest = max(longest, lengths[left[i]], lengths[right[i]])
    capacity = int(_mask(longest)) + 1
    table, stamps = np.empty(capacity, np.uint64), np.full(capacity, -1, np.int64)
    other, other_stamps = np.empty(capacity, np.uint64), np.full(capacity, -1, np.int64)
    hashes = np.empty(longest, np.uint64)
    result = np.zeros((left.size, 3), np.int64)
    size = 0
    filled = -1
    mask = _mask(1)
    for i in range(left.size):
        if i == 0 or left[i] != left[i - 1]:
            filled = i
            size = 0
            mask = _mask(lengths[left[i]])
            for k in range(_window_hashes(codes, starts[left[i]], lengths[left[i]], width, hashes)):
                size += _insert(table, stamps, filled, mask, hashes[k])
        distinct = 0
        shared = 0
        other_mask = _mask(lengths[right[i]])
        for k in range(_window_hashes(codes, starts[right[i]], lengths[right[i]], width, hashes)):
            key = hashes[k]
            if _insert(other, other_stamps, i, other_mask, key):
                distinct += 1
                slot = key & mask
                while stamps[slot] == filled:
                    if table[slot] == key:
                        shared += 1
                        break
                    slot = (slot + np.uint64(1)) & mask
        result[i, 0] = size
        result[i, 1] = distinct
        result[i, 2] = shared
    return result


_LOW48 = np.uint64((1 << 48) - 1)


@_compile
def _longest(lengths: Array, rows: Array) -> int:
    longest = 1
    for row in rows:
        longest = max(longest, lengths[row])
    return longest


@_compile
def window_counts(texts: Texts, width: int) -> Array:
    """How often every window occurs, at its hash's upper 48 bits modulo the size, up to 65535 (quote)."""
    codes, starts, lengths = texts
    size = 1 << 16
    while size < 2 * codes.size and size < 1 << 27:
        size *= 2
    mask = np.uint64(size - 1)
    counts = np.zeros(size, np.uint16)
    hashes = np.empty(_longest(lengths, np.arange(starts.size)), np.uint64)
    for row in range(starts.size):
        for i in range(_window_hashes(codes, starts[row], lengths[row], width, hashes)):
            place = (hashes[i] >> np.uint64(16)) & mask
            if counts[place] < 65535:
                counts[place] += 1
    return counts


@_compile
def rare_prefixes(
    texts: Texts, seekers: Array, counts: Array, width: int, missing: float, bucket: int
) -> tuple[Array, Array]:
    """The windows by which each seeker looks for a text that holds it: hashes and owners (quote).

    Windows that occur once find nobody and are the rarest; a text with more of them than may be
    missing is left at once, and of the others only the windows that occur again are sorted.
    """
    codes, starts, lengths = texts
    mask = np.uint64(counts.size - 1)
    longest = _longest(lengths, seekers)
    hashes = np.empty(longest, np.uint64)
    keys = np.empty(longest, np.uint64)
    windows = np.empty(1024, np.uint64)
    owners = np.empty(1024, np.int64)
    end = 0
    for row in seekers:
        count = _window_hashes(codes, starts[row], lengths[row], width, hashes)
        again = 0
        for i in range(count):
            window = hashes[i] >> np.uint64(16)
            if counts[window & mask] > 1:
                keys[again] = np.uint64(counts[window & mask]) << np.uint64(48) | window
                again += 1
        alone = count - again
        if alone > math.floor(missing * count):
            continue
        keys[:again].sort()
        distinct = 0
        for i in range(again):
            if i == 0 or keys[i] != keys[i - 1]:
                keys[distinct] = keys[i]
                distinct += 1
        prefix = min(math.floor(missing * (alone + distinct)) + 1 - alone, distinct)
        if end + prefix > windows.size:
            windows = np.concatenate((windows, np.empty(windows.size + prefix, np.uint64)))
            owners = np.concatenate((owners, np.empty(owners.size + prefix, np.int64)))
        for i in range(prefix):
            if keys[i] >> np.uint64(48) <= bucket:
                windows[end] = keys[i] & _LOW48
                owners[end] = row
                end += 1
    return windows[:end].copy(), owners[:end].copy()


@_compile
def prefix_hits(texts: Texts, width: int, windows: Array, owners: Array) -> Array:
    """Pairs of a text and the owner of one of its windows; `windows` come sorted (quote)."""
    codes, starts, lengths = texts
    mask = _mask(windows.size)
    first = np.full(int(mask) + 1, -1, np.int64)  # where a window's owners begin, by open addressing
    for i in range(windows.size):
        if i == 0 or windows[i] != windows[i - 1]:
            slot = windows[i] & mask
            while first[slot] >= 0:
                slot = (slot + np.uint64(1)) & mask
            first[slot] = i
    hashes = np.empty(_longest(lengths, np.arange(starts.size)), np.uint64)
    found = np.empty(1024, np.uint64)
    end = 0
    for row in range(starts.size):
        for i in range(_window_hashes(codes, starts[row], lengths[row], width, hashes)):
            window = hashes[i] >> np.uint64(16)
            slot = window & mask
            while first[slot] >= 0 and windows[first[slot]] != window:
                slot = (slot + np.uint64(1)) & mask
            at = first[slot]
            while 0 <= at < windows.size and windows[at] == window:
                other = owners[at]
                if other != row:
                    if end == found.size:
                        found = np.concatenate((found, np.empty(found.size, np.uint64)))
                    found[end] = np.uint64(min(row, other)) << np.uint64(32) | np.uint64(max(row, other))
                    end += 1
                at += 1
    return found[:end].copy()
