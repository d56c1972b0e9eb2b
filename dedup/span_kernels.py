"""Compiled twins of the numpy and Python definitions in passages; see kernels.

Here texts come in the order of their starts. A place is an index into the code points of all
texts. A seed is written as one word, hash above and place below, because such words sort several
times faster than hashes that move something along; what the hash loses by that, the match finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.kernels import _BLOCK, _M, _compile, _mix64, block_polynomials

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Texts = tuple[Array, Array, Array]

_DENSE = 0x2E80
_WIDE = np.uint64(0xA24BAED4963EE407)  # keeps the hashes of the two widths apart

# Bits of the filter of a shelf at most: what is filled with the seeds of one text over and over may be large.
_FILTER = 1 << 28

# The text that holds a place is written down for every 2^4 places.
_STEP = 4


@_compile
def seeds(
    texts: Texts,
    widths: tuple[int, int],
    part: tuple[int, int, int],
    shelves: tuple[int, Array, Array],
    out: Array,
) -> None:
    """Write the seeds of one part, those whose upper bits are its number, each on the shelf of its next bits.

    `part` is its number, its bits and the bits of a place. `shelves` are their bits, where each begins in
    `out` (and the last ends), and how many seeds it has, which is counted; what finds no room is not written.
    """
    codes, starts, lengths = texts
    narrow, wide = widths
    shelf_bits, begins, counts = shelves
    number, bits = np.uint64(part[0]), np.uint64(part[1])
    low = (np.uint64(1) << np.uint64(part[2])) - np.uint64(1)
    # And one more each, because a shift by 64 is undefined.
    down, to_shelf = np.uint64(63) - bits, np.uint64(63 - shelf_bits)
    size = _BLOCK
    for length in lengths:
        size = max(size, length)
    hashes, long = np.empty(size, np.uint64), np.empty(size, np.uint64)
    dense, many = np.empty(size, np.bool_), np.empty(size, np.uint16)
    power = np.uint64(1)
    for _ in range(narrow):
        power *= _M
    done = 0
    while done < starts.size:
        begin = last = starts[done]
        first = done
        while done < starts.size and starts[done] + lengths[done] <= begin + size:
            last = max(last, starts[done] + lengths[done])
            done += 1
        block = codes[begin:last]
        windows = max(block.size - narrow + 1, 0)
        block_polynomials(block, narrow, hashes)
        if wide == 2 * narrow:
            for i in range(block.size - wide + 1):
                long[i] = hashes[i] * power + hashes[i + narrow]
        else:
            block_polynomials(block, wide, long)
        # A pass each, over all texts of the block: short loops without branches are vector instructions.
        for i in range(block.size):
            dense[i] = block[i] >= _DENSE
        many[:windows] = 0
        for k in range(narrow):
            for i in range(windows):
                many[i] += dense[i + k]
        for i in range(windows):
            dense[i] = 2 * many[i] >= narrow
            hashes[i] = _mix64(hashes[i] if dense[i] else long[i] ^ _WIDE)
        for row in range(first, done):
            start, length = starts[row] - begin, lengths[row]
            for i in range(start, start + length - narrow + 1):
                h = hashes[i]
                seed = (h << bits) & ~low | np.uint64(begin + i)
                shelf = (seed >> np.uint64(1)) >> to_shelf
                place = begins[shelf] + counts[shelf]
                if place < begins[shelf + 1]:
                    out[place] = seed
                # Which part a seed is in cannot be foretold, so it is no branch.
                there = dense[i] | (i + wide <= start + length)
                counts[shelf] += there & ((h >> np.uint64(1)) >> down == number)


def steps(places: int) -> int:
    """How many steps so many places are."""
    return (places >> _STEP) + 1


@_compile
def owners(texts: Texts, result: Array) -> None:
    """The first text that holds a place from which on it is looked for, by step of places."""
    _, starts, _ = texts
    row = 0
    for step in range(result.size):
        while row + 1 < starts.size and starts[row + 1] <= step << _STEP:
            row += 1
        result[step] = row


@_compile
def _owner(starts: Array, first: int, place: int) -> int:
    """The text that holds a place, or is the last before it, if no text before `first` does."""
    row = int(first)
    while row + 1 < starts.size and starts[row + 1] <= place:
        row += 1
    return row


@_compile
def step_sides(texts: Texts, known: Array, sides: Array, result: Array) -> None:
    """By step of places the side of the text that holds all of them, else their first owner inverted."""
    _, starts, lengths = texts
    for step in range(known.size):
        row = known[step]
        result[step] = ~row
        begin = step << _STEP
        if starts[row] <= begin and begin + (1 << _STEP) <= starts[row] + lengths[row]:
            result[step] = sides[row]


@_compile
def candidates(found: Array, place_bits: int) -> int:
    """Keep the seeds that may have an equal one, in any order, and return how many: to be sorted are a third.

    A Bloom filter of one hash (Bloom 1970) that counts to two, with 8 to 16 bits a seed. Of a million
    paragraphs it and what is left to sort take .25 s where sorting all takes .39 s; with half the bits .27 s.
    """
    size = 64
    while size < 8 * found.size and size < _FILTER:
        size *= 2
    once, twice = np.zeros(size // 64, np.uint64), np.zeros(size // 64, np.uint64)
    down, mask = np.uint64(place_bits), np.uint64(size - 1)
    for seed in found:
        place = (seed >> down) & mask
        word, bit = place >> np.uint64(6), np.uint64(1) << (place & np.uint64(63))
        twice[word] |= once[word] & bit
        once[word] |= bit
    end = 0
    for i in range(found.size):
        place = (found[i] >> down) & mask
        found[end] = found[i]
        end += (twice[place >> np.uint64(6)] >> (place & np.uint64(63))) & np.uint64(1)
    return end


@_compile
def _repeated(found: Array, low: np.uint64) -> int:
    """Keep the seeds that stand beside an equal one; return how many. Most do not, without a pattern."""
    end = 0
    before = False
    for i in range(found.size):
        after = i + 1 < found.size and found[i + 1] ^ found[i] <= low
        found[end] = found[i]
        end += before | after
        before = after
    return end


@_compile
def runs(texts: Texts, found: Array, place_bits: int, rule: tuple[Array, Array, int], rare: Array) -> int:
    """Keep the places of seeds that several sides have and that are no formula; return how many they are.

    `found` are the seeds of one part, sorted; the places are written over them, a run's first inverted.
    `rule` are the sides of the texts, those of the steps, and in how many places a seed is no formula.
    `rare` is set where such a seed begins.
    """
    sides, of_step, spread = rule
    low = (np.uint64(1) << np.uint64(place_bits)) - np.uint64(1)
    found = found[: _repeated(found, low)]
    # The sides first, where one look into memory need not wait for the one before.
    side = np.empty(found.size, np.int64)
    for i in range(found.size):
        side[i] = of_step[(found[i] & low) >> np.uint64(_STEP)]
    for i in range(found.size):
        if side[i] < 0:
            side[i] = sides[_owner(texts[1], int(~side[i]), int(found[i] & low))]
    end = begin = 0
    several = False
    for i in range(1, found.size + 1):
        if i < found.size and found[i] ^ found[begin] <= low:
            several |= side[i] != side[begin]
            continue
        if several and i - begin <= spread:
            for k in range(begin, i):
                place = found[k] & low
                rare[place] = True
                found[end] = ~place if k == begin else place
                end += 1
        begin, several = i, False
    return end


@_compile
def _match(codes: Array, a: int, b: int, limit: int) -> int:
    length = 0
    while length < limit and codes[a + length] == codes[b + length]:
        length += 1
    return length


@_compile
def _seed_width(codes: Array, a: int, limit: int, widths: tuple[int, int]) -> int:
    """Width of the seed that begins at `a`, of which `limit` code points are there."""
    narrow, wide = widths
    dense = 0
    for code in codes[a : a + min(narrow, limit)]:
        dense += code >= _DENSE
    return narrow if 2 * dense >= narrow else wide


@_compile
def spans(
    texts: Texts, places: Array, rule: tuple[Array, Array], widths: tuple[int, int], rare: Array
) -> Array:
    """Extend every pair of places with one seed, but not where the seed before is shared (passages)."""
    codes, starts, lengths = texts
    known, sides = rule
    result = np.empty((1024, 5), np.int64)
    end = first = 0
    for m in range(places.size):
        if places[m] < 0:
            first = m
            continue
        b = places[m]
        right = _owner(starts, known[b >> _STEP], b)
        y = b - starts[right]
        for k in range(first, m):
            a = places[k] if k > first else ~places[k]
            left = _owner(starts, known[a >> _STEP], a)
            if sides[left] == sides[right]:
                continue
            x = a - starts[left]
            limit = min(lengths[left] - x, lengths[right] - y)
            before = x and y and rare[a - 1] and rare[b - 1] and codes[a - 1] == codes[b - 1]
            ahead = _match(codes, a, b, limit)
            if before and ahead + 1 >= _seed_width(codes, a - 1, limit + 1, widths):
                continue
            if ahead < _seed_width(codes, a, limit, widths):
                continue
            back = 0
            while back < min(x, y) and codes[a - back - 1] == codes[b - back - 1]:
                back += 1
            if end == result.shape[0]:
                result = np.concatenate((result, np.empty_like(result)))
            result[end, 0], result[end, 1] = left, x - back
            result[end, 2], result[end, 3] = right, y - back
            result[end, 4] = back + ahead
            end += 1
    return result[:end].copy()
