"""Words that two texts share though they differ as wholes: all maximal common spans, in linear time.

A seed is a window of `passage_narrow` code points where half of them or more are kana, ideographs
or Hangul, and of `passage_wide` elsewhere, because ten letters are a word and ten kanji a sentence.
Windows are found by their hash; a window that more than `passage_spread` places have is a formula
and seeds nothing. From every pair of places with one seed the match is extended as far as it goes,
so that a span is found if it holds one seed that is no formula.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from dedup.settings import ClusterSettings
from dedup.sorting import argsort, lexsort
from dedup.threads import allocate, in_order
from dedup.types import CodePoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

# From here on, a code point is of a script that writes words in few characters.
_DENSE = 0x2E80

# Code points whose seeds are sorted at once, about, by all workers: 8 bytes each. Every part goes over all
# texts, which takes 1.1 us a paragraph.
_PART = 1 << 27

# Bits of how many seeds a shelf of a part holds, about, that are sorted while they are in the processor's
# cache: those of a million paragraphs take .35 s in 256 shelves, .55 s as one.
_SHELF = 18
_SPARE = 1 << 10  # more room than an even share, beside an eighth of it


def common_spans(
    texts: CodePoints, sides: NDArray[np.int64], settings: ClusterSettings, *, compiled: bool = False
) -> NDArray[np.int64]:
    """Return the maximal common spans of texts on different sides, shape (spans, 5), sorted, each once.

    `sides` has one number a text, its outlet for instance. Columns: left text, start there, right
    text, start there, length, in code points; left is below right.
    """
    if compiled:
        return distinct_rows(_compiled_spans(texts, sides, settings))
    places = defaultdict(list)
    strings = [_string(texts, i) for i in range(texts.starts.size)]
    for number, text in enumerate(strings):
        for i in range(len(text)):
            seed = _seed(text, i, settings)
            if seed:
                places[seed].append((number, i))
    found = set()
    for held in places.values():
        if len(held) <= settings.passage_spread:
            for (left, i), (right, j) in itertools.combinations(held, 2):
                if sides[left] != sides[right]:
                    start, length = _extend(strings[left], i, strings[right], j)
                    found.add((left, start, right, j - i + start, length))
    return np.array(sorted(found), np.int64).reshape(-1, 5)


def distinct_rows(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct rows of integers that are not negative, sorted.

    >>> distinct_rows(np.array([[2, 1], [1, 3], [2, 1]])).tolist()
    [[1, 3], [2, 1]]
    """
    rows = rows[lexsort(*rows.T)]
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return rows[new]


def _string(texts: CodePoints, index: int) -> str:
    start = int(texts.starts[index])
    codes = texts.codes[start : start + int(texts.lengths[index])]
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _seed(text: str, start: int, settings: ClusterSettings) -> str | None:
    """The seed that begins here, None where the text ends too soon."""
    narrow = text[start : start + settings.passage_narrow]
    dense = 2 * sum(ord(character) >= _DENSE for character in narrow) >= settings.passage_narrow
    width = settings.passage_narrow if dense else settings.passage_wide
    return text[start : start + width] if start + width <= len(text) else None


def _extend(left: str, i: int, right: str, j: int) -> tuple[int, int]:
    """Start in the left text and length of the maximal match through these places."""
    back = 0
    while back < min(i, j) and left[i - back - 1] == right[j - back - 1]:
        back += 1
    ahead = 0
    while i + ahead < len(left) and j + ahead < len(right) and left[i + ahead] == right[j + ahead]:
        ahead += 1
    return i - back, back + ahead


def _compiled_spans(
    texts: CodePoints, sides: NDArray[np.int64], settings: ClusterSettings
) -> NDArray[np.int64]:
    """The same by sorting seeds, part by part of their hashes so that never all are there at once."""
    from dedup import span_kernels  # noqa: PLC0415 - numba is optional and slow to import

    order = argsort(2 * texts.starts + (texts.lengths > 0))  # a text behind an empty one in its place
    arrays = (texts.codes, texts.starts[order], texts.lengths[order])
    widths = (settings.passage_narrow, settings.passage_wide)
    total = int(texts.lengths.sum())
    parts = max(total * settings.workers // _PART, settings.workers - 1)
    bits, place_bits = parts.bit_length(), max(texts.codes.size, 1).bit_length()
    sides = sides[order]
    # Made by numpy, which asks for large pages: both are looked into everywhere.
    known, of_step = np.empty((2, span_kernels.steps(texts.codes.size)), np.int32)
    span_kernels.owners(arrays, known)
    span_kernels.step_sides(arrays, known, sides, of_step)
    rule, rare = (sides, of_step, settings.passage_spread), np.zeros(texts.codes.size, bool)
    shelf_bits = min(max((total >> bits).bit_length() - _SHELF, 0), 8)

    def repeated(number: int) -> NDArray[np.int64]:
        # Without a sign, for whose sake a kernel would look at every place twice.
        rooms = np.full(1 << shelf_bits, (total >> bits + shelf_bits) * 9 // 8 + _SPARE, np.uint64)
        while True:
            begins, counts = np.append(np.uint64(0), np.cumsum(rooms)), np.zeros_like(rooms)
            found = allocate((int(begins[-1]),), np.uint64, settings.scratch)
            shelves = (shelf_bits, begins, counts)
            span_kernels.seeds(arrays, widths, (number, bits, place_bits), shelves, found)
            if (counts <= rooms).all():
                break
            rooms = counts
        kept = []
        for begin, count in zip(begins[:-1].tolist(), counts.tolist(), strict=True):
            shelf = found[begin : begin + count]
            shelf = shelf[: span_kernels.candidates(shelf, place_bits)]
            shelf.sort()
            kept.append(shelf[: span_kernels.runs(arrays, shelf, place_bits, rule, rare)].astype(np.int64))
        return np.concatenate(kept)

    places = in_order(repeated, range(1 << bits), settings.workers)
    found = [span_kernels.spans(arrays, part, (known, sides), widths, rare) for part in places]
    spans = np.concatenate([np.empty((0, 5), np.int64), *found])
    spans[:, [0, 2]] = order[spans[:, [0, 2]]]
    swapped = spans[:, 0] > spans[:, 2]
    spans[swapped] = spans[swapped][:, [2, 3, 0, 1, 4]]
    return spans
