"""Texts as arrays of characters, and what a linear model hears in their runs of characters.

A block's words are weighed without knowing any language: every run of two to four characters is
hashed to a bucket, and each bucket has a trained weight (hashing trick: Weinberger et al., "Feature
Hashing for Large Scale Multitask Learning", ICML 2009). The words that name a block's place (element
path, class and id words) are weighed the same way.
"""

from __future__ import annotations

import math
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from dedup.roles import reasons_of_word
from dedup.types import Block

TEXT_BUCKETS = 1 << 15
PLACE_BUCKETS = 1 << 15
# What a text is asked: whether it is content, the same among short texts, and whether it is one of the lines
# behind an article, above it, or of the chrome within it. HTML is asked the first alone.
QUESTIONS = ("content", "short", "behind", "above", "within")

# Classes of characters, one bit each.
LETTER, UPPER, DIGIT, IDEOGRAPH, KANA, STOP, DOT, CLAUSE, BAR, QUOTE, CLOSING, SPACE, BULLET, SYMBOL = (
    1 << bit for bit in range(14)
)
_NAMED = (
    (STOP, "。！？!?．｡‼⁉।؟۔։"),
    (DOT, ".…‥"),
    (CLAUSE, "、，,;；:：،؛"),
    (BAR, "|｜/／>»›·•＞"),
    (QUOTE, '「『“"«„‘'),
    (CLOSING, "」』”\"’'）)]】»"),
    (BULLET, "•・*-–—●○■□◆▶►✅💡✔☑▪◦‣⁃※▼▲△▽"),
)
# Han and Hangul that stand in every version of Unicode: ideographs here, and folded as they are. With
# them, surrogates and private use are most of the basic plane; to look at each would take .1 s.
_UNIFORM = ((0x3400, 0x4DB6), (0x4E00, 0x9FA6), (0xAC00, 0xD7A4))
_PRIVATE = (0xD800, 0xF900)
_IDEOGRAPHS = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]")
# Only the ends of a block are weighed: chrome shows there, and prose shows soon. Held out, log loss of flat
# text: .303 with 48 and 24 characters, .292 as here, .293 with 400 and 200.
_HEAD, _TAIL = 96, 48
_WORD = re.compile("[a-z]{2,}")
_NEAREST = 3


@dataclass(frozen=True, slots=True)
class Characters:
    """The texts of a page's blocks in one array, a line feed before and behind each.

    Text `i` is `codes[starts[i] : starts[i] + lengths[i]]`; `classes` are the bits of each character,
    `folded` its compatibility form in lower case, with 0 for every digit; `owner` is the text that a
    position belongs to, its line feed before included.
    """

    codes: NDArray[np.uint16]
    classes: NDArray[np.uint16]
    folded: NDArray[np.uint32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    owner: NDArray[np.int64]

    def count(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """How many characters of each text are in `mask`, which has the shape of `codes` and no line feed."""
        return np.add.reduceat(mask.view(np.uint8), self.starts, dtype=np.uint32).astype(np.float64)

    def are(self, bits: int) -> NDArray[np.bool_]:
        """Which characters are of any of the classes."""
        return np.asarray((self.classes & np.uint16(bits)) != 0)


def characters(texts: Sequence[str]) -> Characters:
    """The characters of one or more texts, none of them empty."""
    joined = "\n" + "\n".join(texts) + "\n"
    wide = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes = np.minimum(wide, 0xFFFD).astype(np.uint16)  # planes above are rare and all alike here
    lengths = np.array([len(text) for text in texts], np.int64)
    starts = 1 + np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
    owner = np.repeat(np.arange(len(texts)), lengths + 1)
    classes, folded = _tables()
    return Characters(codes, classes[codes], folded[codes], starts, lengths, np.append(owner, len(texts) - 1))


@cache
def _tables() -> tuple[NDArray[np.uint16], NDArray[np.uint32]]:
    """Classes and folded form of every character of the basic plane."""
    classes = np.zeros(0x10000, np.uint16)
    folded = np.arange(0x10000, dtype=np.uint32)
    various = np.ones(0x10000, bool)
    various[slice(*_PRIVATE)] = False
    for start, end in _UNIFORM:
        classes[start:end], various[start:end] = IDEOGRAPH, False
    for code in np.flatnonzero(various).tolist():
        char = chr(code)
        category = unicodedata.category(char)
        if category in {"Cn", "Co", "Cs"}:
            continue
        if _IDEOGRAPHS.match(char):
            classes[code] |= IDEOGRAPH
        elif category[0] in "LM":
            classes[code] |= LETTER | (UPPER if category == "Lu" else 0)
        classes[code] |= (KANA if "ぁ" <= char <= "ゟ" else 0) | (DIGIT if category == "Nd" else 0)
        classes[code] |= (SPACE if char.isspace() else 0) | (SYMBOL if category[0] == "S" else 0)
        simple = unicodedata.normalize("NFKC", char).casefold()
        if category == "Nd":
            folded[code] = ord("0")
        elif len(simple) == 1:
            folded[code] = ord(simple)
    for bit, members in _NAMED:
        for char in members:
            classes[min(ord(char), 0xFFFD)] |= bit
    return classes, folded


def hashes(folded: NDArray[np.uint32], n: int) -> NDArray[np.uint32]:
    """A 32-bit hash of the run of `n` characters at each position, shape `(len(folded) - n + 1,)`."""
    last = max(len(folded) - n + 1, 0)
    out = np.full(last, 2166136261 ^ n, np.uint32)  # FNV-1a, mixed once more at each step
    for i in range(n):
        out = (out ^ folded[i : i + last]) * np.uint32(16777619)
        out ^= out >> np.uint32(15)
    return out


def text_buckets(chars: Characters) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Text number and bucket of every run that is weighed: two arrays of one length."""
    owners, buckets = [], []
    before = chars.starts[chars.owner] - 1
    behind = before + chars.lengths[chars.owner] + 1
    position = np.arange(len(chars.codes))
    near = (position - before < _HEAD) | (behind - position < _TAIL)
    for n in (2, 3, 4):
        found = hashes(chars.folded, n)
        chosen = np.flatnonzero(near[: len(found)] & (position + n - 1 <= behind)[: len(found)])
        owners.append(chars.owner[chosen])
        buckets.append((found[chosen] % TEXT_BUCKETS).astype(np.int64))
    return np.concatenate(owners), np.concatenate(buckets)


def weigh_texts(chars: Characters, weights: NDArray[np.float32]) -> list[NDArray[np.float64]]:
    """The scores of the texts by each row of weights: their buckets, over the root of their number."""
    owners, buckets = text_buckets(chars)
    count = len(chars.lengths)
    number = np.bincount(owners, minlength=count)
    root = np.sqrt(np.maximum(number, 1))
    return [np.bincount(owners, row[buckets], count) / root for row in weights]


def place_buckets(block: Block) -> frozenset[int]:
    """The buckets of the words that name a block's place; none for flat text."""
    if not block.path:
        return frozenset()
    names = block.hints.split()
    far, near = map(_far_buckets, names[:-_NEAREST]), map(_near_buckets, names[-_NEAREST:])
    return _path_buckets(block.path).union(_last_buckets(block.path, tuple(names[-2:])), *far, *near)


def weigh_places(blocks: Sequence[Block], weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """The score of each block's place, as `weigh_texts`; 0 for flat text."""
    weight = weights.data.__getitem__  # few of thousands are asked for
    known: dict[tuple[str, str], float] = {}
    for block in blocks:
        key = block.path, block.hints
        if key not in known:
            buckets = place_buckets(block)
            known[key] = math.fsum(map(weight, buckets)) / math.sqrt(max(len(buckets), 1))
    return np.array([known[block.path, block.hints] for block in blocks])


def _bucket(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % PLACE_BUCKETS


# A page repeats its places, and pages of one outlet, or made with one software, share them.
@lru_cache(maxsize=8192)
def _path_buckets(path: str) -> frozenset[int]:
    tags = path.split("/")
    words = {*(f"in {tag}" for tag in tags), *(f"{n} {'/'.join(tags[-n:])}" for n in (2, 3, 4)), path}
    return frozenset(map(_bucket, words))


@lru_cache(maxsize=8192)
def _last_buckets(path: str, names: tuple[str, ...]) -> frozenset[int]:
    """Buckets of the class or id words nearest to the block, with the element and with each other."""
    tag = path.rpartition("/")[2]
    words = [f"{tag} {name}" for name in names[-1:]] + [" ".join(names)] * (len(names) > 1)
    return frozenset(map(_bucket, words))


@lru_cache(maxsize=8192)
def _far_buckets(name: str) -> frozenset[int]:
    """Buckets of a class or id word that stands far from the block."""
    parts = _WORD.findall(name)
    found = {_bucket(f"class {part}") for part in parts}
    if len(parts) > 1:
        found.add(_bucket(f"whole {'-'.join(parts)}"))
    return frozenset(found.union(_bucket(f"reason {reason}") for reason in _reasons(name)))


@lru_cache(maxsize=8192)
def _near_buckets(name: str) -> frozenset[int]:
    near = [*_WORD.findall(name), *(f"reason {reason}" for reason in _reasons(name))]
    return _far_buckets(name).union(_bucket(f"near {part}") for part in near)


def _reasons(name: str) -> list[str]:
    """What a class or id word says of its element, in whatever language: its reasons by their tier."""
    return [f"{tier} {reason}" for tier, reason in enumerate(reasons_of_word(name)) if reason]
