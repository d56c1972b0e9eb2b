"""Comparison text: what is left of a paragraph when only its words count.

NFKC, then case folding, then white space and the zero-width characters are dropped. That makes
full width and half width, ligatures and compatibility forms, line breaks and letter case equal.
It keeps what carries meaning: dakuten (ガ is not カ), combining marks, ideographic variants,
numbers and every punctuation mark, curly quotes included.
"""

from __future__ import annotations

import copy
import itertools
import unicodedata
from collections.abc import Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np
import regex

from dedup.strings import StringArray
from dedup.threads import allocate, in_order, slices
from dedup.types import CodePoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Zero width space, non-joiner, joiner, word joiner and byte order mark. `str.split` leaves them.
_ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")

# Paragraphs folded at once: their raw code points stay in the second cache. And in one range, at most.
_CHUNK, _RANGE = 1 << 12, 1 << 16

# Characters that numpy takes as one item, which is four times as fast as the codec; its limit is 2 GB.
_ONE_ITEM = 1 << 28

# What a table of lengths says of a character not met yet, and of one that joins its neighbours.
_UNKNOWN, _JOINS = -1, -2

# What the fold table says of a character that stands for itself, of one that is dropped, of one that
# becomes several, and of one that cannot be folded without its neighbours; 0 is a character not met yet.
_PLAIN, _DROPPED, _EXPANDED, _IN_CONTEXT = 1 << 31, 3 << 30, 1 << 30, 0x7FFFFFFF

# Kana letters, the unified ideographs and Hangul syllables are their own comparison text; they are
# most of the distinct characters of a corpus, so the table need not ask for them one by one.
_UNCHANGED = (slice(0x3041, 0x3097), slice(0x30A1, 0x30FB), slice(0x4E00, 0xA000), slice(0xAC00, 0xD7A4))


def comparison_text(text: str) -> str:
    r"""Return the comparison text of a paragraph.

    This is the definition; `encode` gives the same for many paragraphs at once.

    >>> comparison_text("ＮＨＫ は１０日、\n「ｶﾞｿﾘﾝ」の…")
    'nhkは10日、「ガソリン」の...'
    """
    if text.isascii():
        return "".join(text.lower().split())
    if unicodedata.is_normalized("NFKC", text):
        folded = text.casefold()  # normalising costs 9 us a paragraph, asking costs 0.2 us
    else:
        folded = unicodedata.normalize("NFKC", text).casefold()
    folded = "".join(folded.split())
    for mark in _ZERO_WIDTH:
        folded = folded.replace(mark, "")
    return folded


def origins(text: str, places: Sequence[int], known: NDArray[np.int8]) -> list[tuple[int, int]]:
    """Return for characters of the comparison text, by place, the half-open span of `text` each came from.

    The span is a character, or a grapheme cluster where one holds a character that joins others:
    normalisation joins them only within it. `known` comes from `unknown_lengths` and is filled with
    the lengths of what characters fold to; give the same one to many calls.

    >>> origins("㈱ ｶﾞ", [0, 1, 2, 3], unknown_lengths())
    [(0, 1), (0, 1), (0, 1), (2, 4)]
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    lengths = known[codes]
    if (lengths == _UNKNOWN).any():
        _learn_lengths(codes, known)
        lengths = known[codes]
    if not (lengths == _JOINS).any():
        found = np.searchsorted(np.cumsum(lengths), places, side="right").tolist()
        return [(i, i + 1) for i in found]
    spans = [match.span() for match in regex.finditer(r"\X", text) for _ in comparison_text(match.group())]
    whole = len(comparison_text(text))
    spans = spans if len(spans) == whole else [(0, len(text))] * whole
    return [spans[place] for place in places]


def origins_of_ends(
    texts: Sequence[str],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    known: NDArray[np.int8],
    *,
    compiled: bool = False,
) -> tuple[list[int], list[int]]:
    """Return by text where that starts and ends which became `first` to `last` of its comparison text."""
    if not compiled:
        found = [
            origins(text, ends, known)
            for text, *ends in zip(texts, first.tolist(), last.tolist(), strict=True)
        ]
        return [head[0] for head, _ in found], [tail[1] for _, tail in found]
    from dedup import fold_kernels  # noqa: PLC0415 - numba is optional and slow to import

    raw = code_points(texts)
    _learn_lengths(raw.codes, known)
    starts, ends = fold_kernels.origins((raw.codes, raw.starts, raw.lengths), first, last, known)
    for row in np.flatnonzero(starts < 0).tolist():
        head, tail = origins(texts[row], (int(first[row]), int(last[row])), known)
        starts[row], ends[row] = head[0], tail[1]
    return starts.tolist(), ends.tolist()


def unknown_lengths() -> NDArray[np.int8]:
    """Return a table for `origins` that knows no character yet."""
    return np.full(0x110000, _UNKNOWN, np.int8)


def _learn_lengths(codes: NDArray[np.uint32], known: NDArray[np.int8]) -> None:
    for code in np.flatnonzero(np.bincount(codes[known[codes] == _UNKNOWN])).tolist():
        known[code] = _JOINS if _depends_on_neighbours(code) else len(comparison_text(chr(code)))


def encode(
    texts: Sequence[str], *, compiled: bool = False, workers: int = 1, scratch: str = ""
) -> CodePoints:
    """Return the comparison texts of `texts` as code points, in the order of the texts but for a few.

    Lone surrogates pass through as they are. With `compiled` a kernel folds character by
    character from a table, and only paragraphs that hold a character which depends on its
    neighbours (a combining mark, a jamo) are folded one by one.
    """
    if not compiled:
        return code_points([comparison_text(text) for text in texts])
    return _fold(texts, workers, scratch)


def decode(texts: CodePoints, index: int) -> str:
    """Return comparison text number `index` as a string."""
    start = int(texts.starts[index])
    return decode_codes(texts.codes[start : start + int(texts.lengths[index])])


def decode_all(texts: CodePoints) -> list[str]:
    """Return every comparison text as a string; the texts may overlap."""
    ends = np.cumsum(texts.lengths)
    places = np.repeat(texts.starts - ends + texts.lengths, texts.lengths) + np.arange(texts.lengths.sum())
    whole = decode_codes(texts.codes[places])
    return [whole[a:b] for a, b in zip((ends - texts.lengths).tolist(), ends.tolist(), strict=True)]


def decode_codes(codes: NDArray[np.uint32]) -> str:
    """Return code points as a string, lone surrogates included."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


def equal(
    texts: CodePoints, one: NDArray[np.int64], other: NDArray[np.int64], *, compiled: bool = False
) -> bool:
    """Whether every text number of `one` stands for the same text as its partner in `other`."""
    if compiled:
        from dedup import fold_kernels  # noqa: PLC0415 - numba is optional and slow to import

        return fold_kernels.equal((texts.codes, texts.starts, texts.lengths), one, other)
    return all(
        decode(texts, a) == decode(texts, b) for a, b in zip(one.tolist(), other.tolist(), strict=True)
    )


def code_points(texts: Sequence[str], lengths: NDArray[np.int64] | None = None) -> CodePoints:
    """Return texts as they are as code points; `lengths` are theirs, if they are known."""
    if lengths is None:
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    joined = "".join(texts)
    if 0 < len(joined) <= _ONE_ITEM:
        codes = np.array([joined]).view(np.uint32)
    else:
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), "<u4")
    return CodePoints(codes.astype(np.uint32, copy=False), np.cumsum(lengths) - lengths, lengths)


def _fold(texts: Sequence[str], workers: int, scratch: str) -> CodePoints:
    """Fold texts with the kernel; equal to `code_points` of the comparison texts but for gaps between them.

    Each range of texts has a part of the result, each worker a fold table, so that workers share nothing.
    """
    given = _lengths(texts, workers)
    parts = slices(len(texts), max(min(_RANGE, -(-len(texts) // workers)), 1))
    # Folding expands a few characters and drops spaces; memory that stays unused is never touched.
    rooms = [int(given[slice(*part)].sum()) * 9 // 8 for part in parts]
    bounds = list(itertools.pairwise(itertools.accumulate(rooms, initial=0)))
    codes = allocate((sum(rooms),), np.uint32, scratch)
    starts, lengths = np.empty_like(given), np.empty_like(given)
    known = _FoldTable()
    if len(parts) > 1:  # what most of them will meet
        known.learn(code_points(texts[:: -(-len(texts) // _CHUNK)]).codes)
    tables: SimpleQueue[_FoldTable] = SimpleQueue()
    for _ in range(workers):
        tables.put(copy.deepcopy(known))

    def fold(number: int) -> None:
        part, (begin, end) = slice(*parts[number]), bounds[number]
        some, out = texts[part], CodePoints(codes[begin:end], starts[part], lengths[part])
        table = tables.get()
        try:
            used = _fold_range(some, given[part], table, out)
        finally:
            tables.put(table)
        left = np.flatnonzero(out.lengths < 0)
        single = code_points([comparison_text(some[row]) for row in left.tolist()])
        if single.codes.size <= end - begin - used:
            out.codes[used : used + single.codes.size] = single.codes
            out.starts[left], out.lengths[left] = single.starts + used, single.lengths
        out.starts[:] += begin

    in_order(fold, range(len(parts)), workers)
    left = np.flatnonzero(lengths < 0)  # for which there was no room
    if left.size:
        single = code_points([comparison_text(texts[row]) for row in left.tolist()])
        starts[left], lengths[left] = single.starts + codes.size, single.lengths
        codes = np.concatenate([codes, single.codes])
    return CodePoints(codes, starts, lengths)


def _fold_range(texts: Sequence[str], given: NDArray[np.int64], table: _FoldTable, out: CodePoints) -> int:
    """Fold texts of the lengths `given` into `out`; return how much of its codes is used.

    A text that has to be folded by itself gets the length -1.
    """
    from dedup import fold_kernels  # noqa: PLC0415 - numba is optional and slow to import

    end, later = 0, int(given.sum())
    for first, last in slices(len(texts), _CHUNK):
        raw = _unfolded(texts[first:last], given[first:last])
        later -= raw.codes.size
        # What comes later must find room, whatever expands here.
        room = (out.codes[: out.codes.size - later], out.starts[first:last], out.lengths[first:last])
        row = 0
        while row < last - first:
            row, end = fold_kernels.fold(
                (raw.codes, raw.starts, raw.lengths), table.entries, table.expansions, (row, end), room
            )
            if row < last - first:
                table.learn(raw.codes[raw.starts[row] :])
    return end


def _lengths(texts: Sequence[str], workers: int) -> NDArray[np.int64]:
    """Return how many characters each text has."""
    if not isinstance(texts, StringArray):
        return np.fromiter(map(len, texts), np.int64, len(texts))
    from dedup import fold_kernels  # noqa: PLC0415 - numba is optional and slow to import

    lengths = np.empty(len(texts), np.int64)
    arrays, parts = (texts.data, texts.starts), slices(len(texts), _RANGE)
    in_order(lambda part: fold_kernels.utf8_lengths(*arrays, *part, lengths), parts, workers)
    return lengths


def _unfolded(texts: Sequence[str], lengths: NDArray[np.int64]) -> CodePoints:
    """The same as `code_points`; where texts are bytes, by a kernel that releases the interpreter's lock."""
    if not isinstance(texts, StringArray):
        return code_points(texts, lengths)
    from dedup import fold_kernels  # noqa: PLC0415

    ends = np.cumsum(lengths)
    codes = np.empty(int(ends[-1]), np.uint32)
    if fold_kernels.utf8_codes(texts.data[texts.starts[0] : texts.starts[-1]], codes) != codes.size:
        raise ValueError("a column of texts is not UTF-8")
    return CodePoints(codes, ends - lengths, lengths)


class _FoldTable:
    """What every code point met so far folds to, each asked for once.

    An entry is `_PLAIN` with the code point it becomes, `_DROPPED`, `_EXPANDED` with
    `characters << 21` and their place in `expansions`, or `_IN_CONTEXT`.
    """

    def __init__(self) -> None:
        self.entries = np.zeros(0x110000, np.uint32)
        self.expansions = np.empty(0, np.uint32)
        for block in _UNCHANGED:
            self.entries[block] = np.arange(block.start, block.stop) | _PLAIN

    def learn(self, codes: NDArray[np.uint32]) -> None:
        """Fold those of these code points that are not known yet, one by one."""
        from dedup import fold_kernels  # noqa: PLC0415 - numba is optional and slow to import

        expansions = [self.expansions]
        end = self.expansions.size
        for code in fold_kernels.unknown_codes(codes, self.entries).tolist():
            text = comparison_text(chr(code))
            if _depends_on_neighbours(code):
                self.entries[code] = _IN_CONTEXT
            elif len(text) == 1:
                self.entries[code] = _PLAIN | ord(text)
            elif not text:
                self.entries[code] = _DROPPED
            else:
                self.entries[code] = _EXPANDED | len(text) << 21 | end
                expansions.append(code_points([text]).codes)
                end += len(text)
        self.expansions = np.concatenate(expansions)


def _depends_on_neighbours(code: int) -> bool:
    """Whether normalisation may join or reorder this character with the one before it.

    Only marks, conjoining jamo and a few vowel signs beyond the basic plane compose with what
    stands before them (UAX #15, NFC_Quick_Check=Maybe); the test is wider than that on purpose.
    """
    return 0x10000 <= code < 0x1F000 or any(
        0x1100 <= ord(c) < 0x1200  # Hangul jamo, and the two blocks that extend it
        or 0xA960 <= ord(c) < 0xA980
        or 0xD7B0 <= ord(c) < 0xD800
        or unicodedata.category(c).startswith("M")
        for c in unicodedata.normalize("NFKC", chr(code))
    )
