"""Gold text: which blocks of a page belong to it, and how near a judge comes to it."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

_CJK = "\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
_TOKEN = re.compile(f"[{_CJK}]|[^\\W{_CJK}]+")
_NOISE = re.compile(r"[\W_]+")
# Places of one block in the gold text that are tried; a line repeated more often is furniture.
_PLACES = 6
# Share of its shingles a block must have in the gold text that is edited there.
_EDITED = 0.6
# Letters from which a block counts by standing in the gold text at all, in order or not.
_LONG = 40


@dataclass(frozen=True, slots=True)
class Score:
    """Mean precision and recall over pages, F1 of the two means, and the number of pages."""

    f1: float
    precision: float
    recall: float
    pages: int


def evaluate(pairs: Iterable[tuple[str, str]]) -> Score:
    """Score pairs of gold text and found text as the article-extraction-benchmark does.

    >>> evaluate([("one two three four five", "one two three four")])
    Score(f1=0.6666666666666666, precision=1.0, recall=0.5, pages=1)
    """
    precision: list[float] = []
    recall: list[float] = []
    count = 0
    for gold, found in pairs:
        wanted, got = token_shingles(gold), token_shingles(found)
        hit = (wanted & got).total()
        count += 1
        if got:
            precision.append(hit / got.total())
        if wanted:
            recall.append(hit / wanted.total())
    p, r = fmean(precision or [0.0]), fmean(recall or [0.0])
    return Score(2 * p * r / (p + r) if p + r else 0.0, p, r, count)


def token_shingles(text: str, n: int = 4) -> Counter[tuple[str, ...]]:
    """Multiset of runs of `n` tokens; a token is a word, or one character of a CJK script."""
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())
    if not tokens:
        return Counter()
    return Counter(tuple(tokens[i : i + n]) for i in range(max(1, len(tokens) - n + 1)))


def align(texts: Sequence[str], gold: str) -> NDArray[np.float64]:
    r"""1.0 for the texts that belong to the gold text, else 0.0.

    Texts that stand in it must do so in order (a teaser that repeats the headline does not count
    twice); the chain that covers most characters wins. Long ones count in any order, and so do
    those that most shingles of stand there.

    >>> align(["Menu", "Rain", "It rained. A lot.", "Rain"], "Rain\\nIt rained. A lot.").tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    whole = squashed(gold)
    words = [squashed(text) for text in texts]
    known = set(token_shingles(gold))
    shares = [0.0 if word in whole else _share(text, known) for word, text in zip(words, texts, strict=True)]
    labels = np.zeros(len(texts))
    labels[_chain(words, whole, shares)] = 1.0
    for i, word in enumerate(words):
        if shares[i] > _EDITED or (len(word) > _LONG and word in whole):
            labels[i] = 1.0
    return labels


def squashed(text: str) -> str:
    """Letters and digits alone, in lower case and compatibility form."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).lower())


def _share(text: str, known: set[tuple[str, ...]]) -> float:
    own = token_shingles(text)
    total = own.total()
    return sum(count for run, count in own.items() if run in known) / total if total >= 4 else 0.0


def _places(word: str, whole: str, share: float) -> list[tuple[int, int, float]]:
    """Where a word may stand in the whole: start, end and weight."""
    if not word:
        return []
    found: list[tuple[int, int, float]] = []
    start = whole.find(word)
    while start >= 0 and len(found) < _PLACES:
        found.append((start, start + len(word), float(len(word))))
        start = whole.find(word, start + 1)
    if not found and share > 0.5:
        for offset in (0, len(word) // 3, len(word) // 2):
            piece = word[offset : offset + 12]
            at = whole.find(piece) if len(piece) >= 8 else -1
            if at >= 0:
                return [(at, at + 1, len(word) * share)]
    return found


def _chain(words: Sequence[str], whole: str, shares: Sequence[float]) -> list[int]:
    """Indices of the words in the heaviest chain of places that goes forward in both texts.

    Of equal chains that wins whose words stand close together.
    """
    steps: list[tuple[int, int]] = []  # word, step before
    ends, values, tops = [0], [0.0], [-1]  # a step for each end that no earlier end beats
    for i, word in enumerate(words):
        stepped = []
        for start, end, weight in _places(word, whole, shares[i]):
            at = bisect_right(ends, start) - 1
            near = 0.5 / (i - steps[tops[at]][0]) if tops[at] >= 0 else 0.0
            stepped.append((end, values[at] + weight + near, tops[at]))
        for end, value, before in stepped:
            at = bisect_right(ends, end)
            if values[at - 1] > value:
                continue
            steps.append((i, before))
            last = at
            while last < len(ends) and values[last] <= value:
                last += 1
            first = at - 1 if ends[at - 1] == end else at
            ends[first:last], values[first:last], tops[first:last] = [end], [value], [len(steps) - 1]
    chosen = []
    top = tops[-1]
    while top >= 0:
        i, top = steps[top]
        chosen.append(i)
    return chosen
