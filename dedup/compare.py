"""Comparison text: what is left of a paragraph when only its words count.

NFKC, then case folding, then white space and the zero-width characters are dropped. That makes
full width and half width, ligatures and compatibility forms, line breaks and letter case equal.
It keeps what carries meaning: dakuten (ガ is not カ), combining marks, ideographic variants,
numbers and every punctuation mark, curly quotes included.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import regex

from dedup.types import CodePoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Zero width space, non-joiner, joiner, word joiner and byte order mark. `str.split` leaves them.
_ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")

# Paragraphs folded at once; bounds the memory of the raw code points.
_CHUNK = 1 << 15

# What the fold table says of a character that cannot be folded without its neighbours.
_IN_CONTEXT = 0xFFFFFFFF

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
        folded = text.lower()
    elif unicodedata.is_normalized("NFKC", text):
        folded = text.casefold()  # normalising costs 9 us a paragraph, asking costs 0.2 us
    else:
        folded = unicodedata.normalize("NFKC", text).casefold()
    folded = "".join(folded.split())
    for mark in _ZERO_WIDTH:
        folded = folded.replace(mark, "")
    return folded


def origins(text: str, known: dict[str, str | None]) -> list[tuple[int, int]]:
    """Return for every character of the comparison text the half-open span of `text` it came from.

    The span is a character, or a grapheme cluster where one holds a character that joins others:
    normalisation joins them only within it.

    `known` is filled with what single characters fold to; give the same one to many calls.

    >>> origins("㈱ ｶﾞ", {})
    [(0, 1), (0, 1), (0, 1), (2, 4)]
    """
    for character in set(text) - known.keys():
        joins = _depends_on_neighbours(ord(character))
        known[character] = None if joins else comparison_text(character)
    folded = [known[character] for character in text]
    if None not in folded:
        return [(i, i + 1) for i, new in enumerate(folded) for _ in new or ""]
    spans = [match.span() for match in regex.finditer(r"\X", text) for _ in comparison_text(match.group())]
    whole = len(comparison_text(text))
    return spans if len(spans) == whole else [(0, len(text))] * whole


def encode(texts: Sequence[str], *, compiled: bool = False) -> CodePoints:
    """Return the comparison texts of `texts`, end to end as code points.

    Lone surrogates pass through as they are. With `compiled` a kernel folds character by
    character from a table, and only paragraphs that hold a character which depends on its
    neighbours (a combining mark, a jamo) are folded one by one.
    """
    if compiled:
        return _join([_fold_chunk(texts[i : i + _CHUNK]) for i in range(0, len(texts), _CHUNK)])
    return _code_points([comparison_text(text) for text in texts])


def decode(texts: CodePoints, index: int) -> str:
    """Return comparison text number `index` as a string."""
    start = int(texts.starts[index])
    return decode_codes(texts.codes[start : start + int(texts.lengths[index])])


def decode_codes(codes: NDArray[np.uint32]) -> str:
    """Return code points as a string, lone surrogates included."""
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def equal(
    texts: CodePoints, one: NDArray[np.int64], other: NDArray[np.int64], *, compiled: bool = False
) -> bool:
    """Whether every text number of `one` stands for the same text as its partner in `other`."""
    if compiled:
        from dedup import kernels  # noqa: PLC0415 - numba is optional and slow to import

        return kernels.equal((texts.codes, texts.starts, texts.lengths), one, other)
    return all(
        decode(texts, a) == decode(texts, b) for a, b in zip(one.tolist(), other.tolist(), strict=True)
    )


def _code_points(texts: Sequence[str]) -> CodePoints:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), "<u4")
    return CodePoints(codes.astype(np.uint32, copy=False), np.cumsum(lengths) - lengths, lengths)


def _join(chunks: Sequence[CodePoints]) -> CodePoints:
    if not chunks:
        return _code_points([])
    sizes = np.array([chunk.codes.size for chunk in chunks])
    shifts = np.cumsum(sizes) - sizes
    return CodePoints(
        np.concatenate([chunk.codes for chunk in chunks]),
        np.concatenate([chunk.starts + shift for chunk, shift in zip(chunks, shifts, strict=True)]),
        np.concatenate([chunk.lengths for chunk in chunks]),
    )


def _fold_chunk(texts: Sequence[str]) -> CodePoints:
    """Fold a chunk with the kernel; equal to `_code_points` of the comparison texts."""
    from dedup import kernels  # noqa: PLC0415 - numba is optional and slow to import

    raw = _code_points(texts)
    table, expansions = _fold_table(raw.codes)
    arrays = (raw.codes, raw.starts, raw.lengths)
    lengths = kernels.folded_lengths(arrays, table)
    in_context = np.flatnonzero(lengths < 0).tolist()
    single = _code_points([comparison_text(texts[row]) for row in in_context])
    lengths[in_context] = single.lengths
    starts = np.cumsum(lengths) - lengths
    codes = np.empty(int(lengths.sum()), np.uint32)
    kernels.fold(arrays, table, expansions, starts, codes)
    for i, row in enumerate(in_context):
        begin = int(single.starts[i])
        codes[starts[row] : starts[row] + lengths[row]] = single.codes[begin : begin + int(single.lengths[i])]
    return CodePoints(codes, starts, lengths)


def _fold_table(codes: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Fold every distinct character of `codes` once.

    The first array says by code point what it folds to, where that is one code point; else it
    holds `1 << 31 | characters << 21 | place`, the place being in the second array, or `_IN_CONTEXT`.
    """
    table = np.zeros(0x110000, np.uint32)
    unknown = np.zeros(0x110000, bool)
    unknown[codes] = True
    for block in _UNCHANGED:
        table[block] = np.arange(block.start, block.stop)
        unknown[block] = False
    expansions: list[str] = []
    end = 0
    for code in np.flatnonzero(unknown).tolist():
        text = comparison_text(chr(code))
        if _depends_on_neighbours(code):
            table[code] = _IN_CONTEXT
        elif len(text) == 1:
            table[code] = ord(text)
        else:
            table[code] = 1 << 31 | len(text) << 21 | end
            expansions.append(text)
            end += len(text)
    return table, _code_points(expansions).codes


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
