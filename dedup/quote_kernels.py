"""Compiled twins of the definitions in quote; see kernels.

Arrays of hundreds of megabytes are looked into at random here. Each text is therefore gone through
in several short loops, whose looks do not wait for each other as those of one long loop would.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.kernels import _compile, _place, table_mask, window_hashes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Texts = tuple[Array, Array, Array]

# Counts end here.
MOST = 255


@_compile
def _longest(lengths: Array) -> int:
    longest = 1
    for length in lengths:
        longest = max(longest, length)
    return longest


@_compile
def window_counts(texts: Texts, width: int, part: tuple[int, int], counts: Array) -> None:
    """Count every window of the part of `counts` from and to, at its hash modulo their size (quote)."""
    codes, starts, lengths = texts
    first, last = np.uint64(part[0]), np.uint64(part[1])
    mask = np.uint64(counts.size - 1)
    hashes = np.empty(_longest(lengths), np.uint64)
    for row in range(starts.size):
        mine = 0
        for h in hashes[: window_hashes(codes[starts[row] : starts[row] + lengths[row]], width, hashes)]:
            hashes[mine] = h & mask
            mine += (hashes[mine] >= first) & (hashes[mine] < last)
        for place in hashes[:mine]:
            counts[place] += counts[place] < MOST


@_compile
def rare_prefixes(
    texts: Texts,
    width: int,
    counts: Array,
    rule: tuple[float, int, int, int, int],
    part: tuple[int, int],
    out: tuple[Array, Array],
) -> int:
    """Write the windows by which each text of a part looks for one that holds it (quote); return how many.

    `out` are the windows, hash above and text below in as many bits as `rule` says, and by text how
    many of its windows must be found. `rule` is the share that may be missing, how many more are
    looked for, the bucket, the length from which a text is sought, and those bits. Windows that occur
    once find nobody and are the rarest; a text with more of them than may be missing is left at once.
    """
    missing, more, bucket, least, bits = rule
    codes, starts, lengths = texts
    windows, needed = out
    mask = np.uint64(counts.size - 1)
    low = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    longest = _longest(lengths[part[0] : part[1]])
    hashes, times = np.empty(longest, np.uint64), np.empty(longest, np.int64)
    table = np.empty(int(table_mask(longest)) + 1, np.uint64)
    by_count = np.empty(MOST + 2, np.int64)
    end = 0
    for row in range(part[0], part[1]):
        if lengths[row] < least:
            continue
        count = window_hashes(codes[starts[row] : starts[row] + lengths[row]], width, hashes)
        again = 0
        for i in range(count):
            times[i] = counts[hashes[i] & mask]
            again += times[i] > 1
        alone = count - again
        if alone > math.floor(missing * count):
            continue
        # Each window once, and how many of them occur how often.
        size = table_mask(again)
        table[: int(size) + 1] = np.uint64(0)
        by_count[:] = 0
        distinct = 0
        for i in range(count):
            key = hashes[i] + np.uint64(hashes[i] == 0)
            slot = _place(table, size, key)
            if times[i] > 1 and not table[slot]:
                table[slot] = key
                hashes[distinct], times[distinct] = hashes[i], times[i]
                by_count[times[i]] += 1
                distinct += 1
        absent = math.floor(missing * (alone + distinct)) - alone
        prefix = min(absent + more, distinct)
        # All windows up to a count, and of those that occur once more often as many as are wanted.
        limit = 1
        below = 0
        while limit <= MOST and below + by_count[limit] <= prefix:
            below += by_count[limit]
            limit += 1
        at_limit = prefix - below
        begin = end
        for i in range(distinct):
            chosen = times[i] < limit
            if times[i] == limit and at_limit > 0:
                chosen = True
                at_limit -= 1
            windows[end] = hashes[i] & ~low | np.uint64(row)
            end += chosen & (times[i] <= bucket)
        # What too many texts have was not looked for, and may be what is there.
        needed[row] = max(end - begin - absent, 1)
    return end


@_compile
def window_places(windows: Array, bits: int) -> Array:
    """By the upper `bits` of a hash, where the sorted windows with these or more begin."""
    places = np.empty((1 << bits) + 1, np.int32)
    down = np.uint64(64 - bits)
    at = 0
    for head in range(places.size - 1):
        while at < windows.size and windows[at] >> down < np.uint64(head):
            at += 1
        places[head] = at
    places[-1] = windows.size
    return places


@_compile
def holders(
    texts: Texts, width: int, index: tuple[Array, Array, Array], bits: tuple[int, int], part: tuple[int, int]
) -> Array:
    """The texts of a part in which enough windows of another are found, as pairs `low << 32 | high` (quote).

    `index` are the sorted windows, their places, and how many each text needs; `bits` those of a text's
    number, and those of a hash by which places are known.
    """
    windows, places, needed = index
    codes, starts, lengths = texts
    low, down = (np.uint64(1) << np.uint64(bits[0])) - np.uint64(1), np.uint64(64 - bits[1])
    longest = _longest(lengths[part[0] : part[1]])
    hashes, heads = np.empty(longest, np.uint64), np.empty(longest, np.uint64)
    begins, ends = np.empty(longest, np.int64), np.empty(longest, np.int64)
    asked, wanted = np.full(starts.size, -1, np.int32), np.empty(starts.size, np.int32)
    sought = np.empty(starts.size + 1, np.int64)
    found = np.empty(1024, np.uint64)
    end = 0
    for row in range(part[0], part[1]):
        there = window_hashes(codes[starts[row] : starts[row] + lengths[row]], width, hashes)
        for i in range(there):
            head = np.int64(hashes[i] >> down)
            begins[i], ends[i] = places[head], places[head + 1]
        for i in range(there):
            heads[i] = windows[min(begins[i], windows.size - 1)]
        count = 0
        for i in range(there):
            for at in range(begins[i], ends[i]):
                window = heads[i] if at == begins[i] else windows[at]
                if (window ^ hashes[i]) > low:
                    continue
                other = np.int64(window & low)
                if asked[other] != row:
                    asked[other], wanted[other] = row, needed[other]
                wanted[other] -= 1
                sought[count] = other
                count += wanted[other] == 0
        # An array that may grow slows every loop down in which it stands.
        if end + count > found.size:
            found = np.concatenate((found, np.empty(found.size + count, np.uint64)))
        for other in sought[:count]:
            if other != row:
                low_end, high_end = min(row, other), max(row, other)
                found[end] = np.uint64(low_end) << np.uint64(32) | np.uint64(high_end)
                end += 1
    return found[:end].copy()
