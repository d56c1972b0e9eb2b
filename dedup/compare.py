"""Comparison text: what is left of a paragraph when only its words count.

NFKC, then case folding, then white space and the zero-width characters are dropped. That makes
full width and half width, ligatures and compatibility forms, line breaks and letter case equal.
It keeps what carries meaning: dakuten (ガ is not カ), combining marks, ideographic variants,
numbers and every punctuation mark, curly quotes included.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import regex

from dedup.threads import each, gathered
from dedup.types import CodePoints

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Zero width space, non-joiner, joiner, word joiner and byte order mark. `str.split` leaves them.
_ZERO_WIDTH = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff")

# Paragraphs folded at once; bounds the memory of the raw code points.
_CHUNK = 1 << 14

# What a table of lengths says of a character not met yet, and of one that joins its neighbours.
_UNKNOWN, _JOINS = -1, -2

_NO_NUMBERS = np.empty(0, np.int64)

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
        for code in set(codes[lengths == _UNKNOWN].tolist()):
            known[code] = _JOINS if _depends_on_neighbours(code) else len(comparison_text(chr(code)))
        lengths = known[codes]
    if not (lengths == _JOINS).any():
        found = np.searchsorted(np.cumsum(lengths), places, side="right").tolist()
        return [(i, i + 1) for i in found]
    spans = [match.span() for match in regex.finditer(r"\X", text) for _ in comparison_text(match.group())]
    whole = len(comparison_text(text))
    spans = spans if len(spans) == whole else [(0, len(text))] * whole
    return [spans[place] for place in places]


def unknown_lengths() -> NDArray[np.int8]:
    """Return a table for `origins` that knows no character yet."""
    return np.full(0x110000, _UNKNOWN, np.int8)


def encode(
    texts: Sequence[str], *, compiled: bool = False, workers: int = 1, scratch: str = ""
) -> CodePoints:
    """Return the comparison texts of `texts`, end to end as code points.

    Lone surrogates pass through as they are. With `compiled` a kernel folds character by
    character from a table, and only paragraphs that hold a character which depends on its
    neighbours (a combining mark, a jamo) are folded one by one.
    """
    if not compiled:
        return _code_points([comparison_text(text) for text in texts])
    starts = range(0, len(texts), _CHUNK)
    return _join(each(lambda i: _fold_chunk(texts[i : i + _CHUNK]), starts, workers), scratch)


def decode(texts: CodePoints, index: int) -> str:
    """Return comparison text number `index` as a string."""
    start = int(texts.starts[index])
    return decode_codes(texts.codes[start : start + int(texts.lengths[index])])


def decode_codes(codes: NDArray[np.uint32]) -> str:
    """Return code points as a string, lone surrogates included."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le", "surrogatepass")


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


def _join(chunks: Iterable[CodePoints], scratch: str) -> CodePoints:
    """Put the texts of all chunks end to end; `scratch` names a folder for the file that holds them."""
    starts, lengths = [_NO_NUMBERS], [_NO_NUMBERS]

    def codes() -> Iterator[NDArray[np.uint32]]:
        end = 0
        for chunk in chunks:
            starts.append(chunk.starts + end)
            lengths.append(chunk.lengths)
            end += chunk.codes.size
            yield chunk.codes

    return CodePoints(gathered(codes(), np.uint32, scratch), np.concatenate(starts), np.concatenate(lengths))


def _fold_chunk(texts: Sequence[str]) -> CodePoints:
    """Fold a chunk with the kernel; equal to `_code_points` of the comparison texts."""
    from dedup import kernels  # noqa: PLC0415 - numba is optional and slow to import

    raw = _code_points(texts)
    table, expansions, more = _fold_table(*kernels.count_codes(raw.codes))
    codes = np.empty(raw.codes.size + more + 1, np.uint32)
    starts, lengths = kernels.fold((raw.codes, raw.starts, raw.lengths), table, expansions, codes)
    codes = codes[: int((starts + lengths).max(initial=0))]
    in_context = np.flatnonzero(lengths < 0)
    if in_context.size:
        single = _code_points([comparison_text(texts[row]) for row in in_context.tolist()])
        starts[in_context], lengths[in_context] = single.starts + codes.size, single.lengths
        codes = np.concatenate([codes, single.codes])
    return CodePoints(codes, starts, lengths)


def _fold_table(
    codes: NDArray[np.uint32], counts: NDArray[np.int32]
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], int]:
    """Fold every distinct code point once; `counts` says how often each occurs.

    The first array says by code point what it folds to, where that is one code point; else it holds
    `1 << 30` (nothing), `1 << 31 | characters << 21 | place`, the place being in the second array, or
    `_IN_CONTEXT`. The number is by how many code points all texts may grow.
    """
    table = np.zeros(0x110000, np.uint32)
    for block in _UNCHANGED:
        table[block] = np.arange(block.start, block.stop)
    expansions: list[str] = []
    end = more = 0
    unknown = table[codes] == 0
    for code, count in zip(codes[unknown].tolist(), counts[unknown].tolist(), strict=True):
        text = comparison_text(chr(code))
        if _depends_on_neighbours(code):
            table[code] = _IN_CONTEXT
        elif len(text) == 1:
            table[code] = ord(text)
        elif not text:
            table[code] = 1 << 30
        else:
            table[code] = 1 << 31 | len(text) << 21 | end
            expansions.append(text)
            end += len(text)
            more += count * (len(text) - 1)
    return table, _code_points(expansions).codes, more


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
