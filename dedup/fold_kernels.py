"""Compiled twins of compare: UTF-8 to code points, code points to comparison text and back, equality.

See kernels.py for what holds of all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.kernels import _compile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Texts = tuple[Array, Array, Array]  # codes, starts, lengths of types.CodePoints


@_compile
def utf8_lengths(data: Array, starts: Array, first: int, last: int, out: Array) -> None:
    """Write how many characters each string has: its bytes that continue none (strings.StringArray)."""
    for row in range(first, last):
        out[row] = 0
        for byte in data[starts[row] : starts[row + 1]]:
            out[row] += (byte & 0xC0) != 0x80


@_compile
def utf8_codes(data: Array, out: Array) -> int:
    """Write the code points of UTF-8 and return their number; -1 for what cannot be read (compare.encode).

    `out` has a place for every byte that continues none, so that no input makes it write elsewhere.
    """
    i = count = 0
    while i < data.size:
        byte = np.uint32(data[i])
        if byte < 0x80:
            out[count] = byte
            i += 1
        else:
            more = 1 + int(byte >= 0xE0) + int(byte >= 0xF0)
            if byte < 0xC0 or i + more >= data.size:
                return -1
            code = byte & np.uint32(0x3F >> more)
            for j in range(i + 1, i + 1 + more):
                code = (code << np.uint32(6)) | np.uint32(data[j] & 0x3F)
            if code > 0x10FFFF:
                return -1
            out[count] = code
            i += 1 + more
        count += 1
    return count


@_compile
def unknown_codes(raw: Array, table: Array) -> Array:
    """The distinct code points that the fold table does not know; it marks them (compare._FoldTable)."""
    found = np.empty(table.size, np.uint32)
    count = 0
    for code in raw:
        if not table[code]:
            table[code] = 1
            found[count] = code
            count += 1
    return found[:count].copy()


@_compile
def fold(
    texts: Texts, table: Array, expansions: Array, begin: tuple[int, int], out: Texts
) -> tuple[int, int]:
    """Write the folded texts end to end, from a row and a place in `out` on (compare.encode).

    Returns the row and the place where it ended: behind the last, or at the first row with a code
    point that the table does not know. A text with a character that depends on its neighbours, or
    for which there is no room, is left to the caller: its length is -1. `out` has room for all that
    is not expanded. Spaces are as frequent as words, so they are dropped without a branch; four
    characters a step, because one branch then does for all of them.
    """
    raw, starts, lengths = texts
    codes, out_starts, out_lengths = out
    first, place = begin
    one, plain, low = np.uintp(1), np.uint32(0x80000000), np.uint32(0x1FFFFF)
    drop = np.uint32(30)
    last = np.uintp(starts[-1] + lengths[-1])
    k = np.uintp(place)
    for row in range(first, starts.size):
        start = k
        i = np.uintp(starts[row])
        end = i + np.uintp(lengths[row])
        length = 0
        while i < end:
            while i + np.uintp(4) <= end:
                a, b = table[raw[i]], table[raw[i + one]]
                c, d = table[raw[i + np.uintp(2)]], table[raw[i + np.uintp(3)]]
                if a & b & c & d < plain:
                    break
                codes[k] = a & low
                k += one - np.uintp((a >> drop) & one)
                codes[k] = b & low
                k += one - np.uintp((b >> drop) & one)
                codes[k] = c & low
                k += one - np.uintp((c >> drop) & one)
                codes[k] = d & low
                k += one - np.uintp((d >> drop) & one)
                i += np.uintp(4)
            if i == end:
                break
            a = table[raw[i]]
            i += one
            if a >= plain:
                codes[k] = a & low
                k += one - np.uintp((a >> drop) & one)
            elif a == 0:
                return row, int(start)
            else:
                more = np.uintp((a >> np.uint32(21)) & np.uint32(0x1FF))
                if a == np.uint32(0x7FFFFFFF) or k + more + (last - i) > np.uintp(codes.size):
                    k = start
                    length = -1
                    break
                for j in range(more):
                    codes[k] = expansions[np.uintp(a & low) + np.uintp(j)]
                    k += one
        out_starts[row] = int(start)
        out_lengths[row] = length + int(k - start)
    return starts.size, int(k)


@_compile
def origins(texts: Texts, first: Array, last: Array, known: Array) -> tuple[Array, Array]:
    """Where the span from `first` to `last` of each folded text came from (compare.origins_of_ends).

    `known` is the length that each code point folds to. A text with one that depends on its
    neighbours is left to the caller: -1.
    """
    codes, starts, lengths = texts
    heads, tails = np.full(starts.size, -1, np.int64), np.full(starts.size, -1, np.int64)
    for row in range(starts.size):
        text = codes[starts[row] : starts[row] + lengths[row]]
        folded = 0
        for i in range(text.size):
            length = known[text[i]]
            if length < 0:
                heads[row] = -1
                break
            if folded <= first[row] < folded + length:
                heads[row] = i
            if folded <= last[row] < folded + length:
                tails[row] = i + 1
            folded += length
    return heads, tails


@_compile
def equal(texts: Texts, one: Array, other: Array) -> bool:
    """Whether every text of `one` equals its partner in `other` (compare.equal)."""
    codes, starts, lengths = texts
    for row in range(one.size):
        if lengths[one[row]] != lengths[other[row]]:
            return False
        a, b = starts[one[row]], starts[other[row]]
        for i in range(lengths[one[row]]):
            if codes[a + i] != codes[b + i]:
                return False
    return True
