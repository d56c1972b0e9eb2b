"""Compiled twins of the definitions in quote; see kernels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.kernels import _compile, table_mask, window_hashes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Texts = tuple[Array, Array, Array]

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
        for i in range(window_hashes(codes[starts[row] : starts[row] + lengths[row]], width, hashes)):
            place = (hashes[i] >> np.uint64(16)) & mask
            if counts[place] < 65535:
                counts[place] += 1
    return counts


@_compile
def rare_prefixes(
    texts: Texts, seekers: Array, counts: Array, width: int, rule: tuple[float, int, int]
) -> tuple[Array, Array, Array]:
    """The windows by which each seeker looks for a text that holds it (quote).

    Returns their hashes, their owners, and by text how many of them must be found. `rule` is the
    share that may be missing, how many more are looked for, and the bucket. Windows that occur once
    find nobody and are the rarest; a text with more of them than may be missing is left at once,
    and of the others only the windows that occur again are sorted.
    """
    missing, more, bucket = rule
    codes, starts, lengths = texts
    mask = np.uint64(counts.size - 1)
    longest = _longest(lengths, seekers)
    hashes = np.empty(longest, np.uint64)
    keys = np.empty(longest, np.uint64)
    windows = np.empty(1024, np.uint64)
    owners = np.empty(1024, np.int32)
    needed = np.ones(starts.size, np.int64)
    end = 0
    for row in seekers:
        count = window_hashes(codes[starts[row] : starts[row] + lengths[row]], width, hashes)
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
        absent = math.floor(missing * (alone + distinct)) - alone
        prefix = min(absent + more, distinct)
        if end + prefix > windows.size:
            windows = np.concatenate((windows, np.empty(windows.size + prefix, np.uint64)))
            owners = np.concatenate((owners, np.empty(owners.size + prefix, np.int32)))
        begin = end
        for i in range(prefix):
            if keys[i] >> np.uint64(48) <= bucket:
                windows[end] = keys[i] & _LOW48
                owners[end] = row
                end += 1
        # What too many texts have was not looked for, and may be what is there.
        needed[row] = max(end - begin - absent, 1)
    return windows[:end].copy(), owners[:end].copy(), needed


@_compile
def window_places(windows: Array) -> Array:
    """Where each of the sorted `windows` begins, -1 in a free place, by open addressing."""
    mask = table_mask(windows.size)
    first = np.full(int(mask) + 1, -1, np.int32)
    for i in range(windows.size):
        if i == 0 or windows[i] != windows[i - 1]:
            slot = windows[i] & mask
            while first[slot] >= 0:
                slot = (slot + np.uint64(1)) & mask
            first[slot] = i
    return first


@_compile
def prefix_hits(
    texts: Texts, width: int, windows: Array, owners: Array, first: Array, part: tuple[int, int]
) -> Array:
    """Every find of a window in the texts of a part, as `owner << 32 | text`; `windows` sorted (quote).

    `first` comes from `window_places`.
    """
    codes, starts, lengths = texts
    mask = np.uint64(first.size - 1)
    hashes = np.empty(_longest(lengths, np.arange(part[0], part[1])), np.uint64)
    found = np.empty(1024, np.uint64)
    end = 0
    for row in range(part[0], part[1]):
        for i in range(window_hashes(codes[starts[row] : starts[row] + lengths[row]], width, hashes)):
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
                    found[end] = np.uint64(other) << np.uint64(32) | np.uint64(row)
                    end += 1
                at += 1
    return found[:end].copy()
