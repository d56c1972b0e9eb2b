"""Paragraphs inside longer paragraphs: containment, which Jaccard cannot see.

A prefix join (Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data
cleaning", 2006; Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", 2007): when at
most m of a text's n features are missing from another, the other has one of any m + 1 of them;
looking for those that are rarest in the corpus leaves few pairs to verify, and misses none. We look
for the m + 10 rarest, of which the other then has ten (Wang, Li and Feng, "Can we beat the prefix
filtering?", 2012): on c200000 that leaves 362,000 pairs to verify where m + 1 leave millions.

The features are windows twice as wide as a shingle. Shingles themselves would do for Japanese, but
five English letters are never rare: on c20000 they gave 220,000 pairs for 2,700 quotations. An edit
that breaks k shingles in a row breaks k + width of these windows, and every edit within a text
breaks `width - 1` shingles or more, so a text that keeps a share c of its shingles keeps all but
2.25 (1 - c) of these windows. Where the text says its words again in another order, shingles that
were broken stand elsewhere, and more windows are missing than that: we let 3.25 (1 - c) be. LSH
Ensemble took 60 times as long on 4,000 documents and found .88.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from dedup.settings import ClusterSettings
from dedup.threads import allocate, in_order, slices
from dedup.types import CodePoints, Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Windows that may be missing for every shingle that is, and windows that are looked for beyond those
# that may be missing, which must be found. 2.5 and 4 missed 1 of 2,674 quotations of c20000 and 16 of
# 37,067 of c200000, these none and 1; 3.5 and 12 miss none, and take a quarter longer.
_BROKEN, _MORE = 3.25, 10

# Texts of one slice of work, and most counts of windows: a byte each.
_ROWS, _COUNTS = 1 << 15, 1 << 28


def candidate_containments(texts: CodePoints, settings: ClusterSettings, *, compiled: bool = False) -> Pairs:
    """Return the pairs of texts one of which may hold a share `settings.containment` of the other.

    Only texts of `min_characters` or more are sought in others. A window that more than `bucket`
    texts have (254 in compiled code, if that is less) finds nobody: without that, a template filled
    in 100,000 times is compared with itself. A quotation is missed only if its rarest windows are
    all that common, or if its words stand in the other text in so different an order that more
    windows are missing than we let be (`_BROKEN`): of the 2,674 quotations of c20000, found by
    counting all shingles of all texts, none.
    """
    found = _compiled_pairs(texts, settings) if compiled else _plain_pairs(texts, settings)
    both = np.sort(found)
    both = both[np.append(True, both[1:] != both[:-1])[: both.size]]
    return Pairs((both >> np.uint64(32)).astype(np.int64), (both & np.uint64(0xFFFFFFFF)).astype(np.int64))


def _missing(settings: ClusterSettings) -> float:
    """Share of a text's windows that may be missing from a text that quotes it."""
    return min(_BROKEN * (1 - settings.containment), 1.0)


def _plain_pairs(texts: CodePoints, settings: ClusterSettings) -> NDArray[np.uint64]:
    """Pairs as `low << 32 | high`: the definition."""
    sets = []
    for start, length in zip(texts.starts.tolist(), texts.lengths.tolist(), strict=True):
        text = texts.codes[start : start + length].astype("<u4").tobytes()
        width = min(2 * settings.shingle, length)
        sets.append({text[4 * i : 4 * (i + width)] for i in range(length - width + 1)} if length else set())
    count = Counter(window for one in sets for window in one)
    seekers: defaultdict[bytes, list[int]] = defaultdict(list)
    needed = [1] * len(sets)
    for number, one in enumerate(sets):
        if texts.lengths[number] >= settings.min_characters:
            missing = math.floor(_missing(settings) * len(one))
            rarest = sorted(one, key=lambda window: (count[window], window))[: missing + _MORE]
            common = sum(count[window] > settings.bucket for window in rarest)
            needed[number] = max(len(rarest) - common - missing, 1)
            for window in rarest:
                if 1 < count[window] <= settings.bucket:
                    seekers[window].append(number)
    found = []
    for number, one in enumerate(sets):
        times = Counter(seeker for window in one & seekers.keys() for seeker in seekers[window])
        found += [
            min(seeker, number) << 32 | max(seeker, number)
            for seeker, windows in times.items()
            if windows >= needed[seeker] and seeker != number
        ]
    return np.array(found, np.uint64)


def _compiled_pairs(texts: CodePoints, settings: ClusterSettings) -> NDArray[np.uint64]:
    """The same with hashed counts: collisions make a window look commoner, which changes the order alone."""
    from dedup import quote_kernels as kernels  # noqa: PLC0415 - numba is optional and slow to import

    arrays, width = (texts.codes, texts.starts, texts.lengths), 2 * settings.shingle
    size = min(1 << max(2 * texts.codes.size, 1).bit_length(), _COUNTS)
    counts = np.zeros(size, np.uint8)
    counted = slices(size, -(-size // settings.workers))
    in_order(lambda part: kernels.window_counts(arrays, width, part, counts), counted, settings.workers)
    # Texts have room for as many windows as they may need; what is written is moved together.
    least, bits = settings.min_characters, texts.starts.size.bit_length()
    most = (_missing(settings) * texts.lengths).astype(np.int64) + _MORE + 1
    room = np.append(0, np.cumsum(np.where(texts.lengths >= least, most, 0)))
    windows = allocate((int(room[-1]),), np.uint64, settings.scratch)
    needed = np.ones(texts.starts.size, np.int32)
    rule = (_missing(settings), _MORE, min(settings.bucket, kernels.MOST - 1), least, bits)
    parts = slices(texts.starts.size, _ROWS)

    def rarest(part: tuple[int, int]) -> NDArray[np.uint64]:
        out = windows[room[part[0]] : room[part[1]]]
        return out[: kernels.rare_prefixes(arrays, width, counts, rule, part, (out, needed))]

    end = 0
    for some in in_order(rarest, parts, settings.workers):
        windows[end : end + some.size] = some
        end += some.size
    windows = windows[:end]
    windows.sort()
    head = max(end.bit_length() - 1, 1)
    index = (windows, kernels.window_places(windows, head), needed)
    found = in_order(
        lambda part: kernels.holders(arrays, width, index, (bits, head), part), parts, settings.workers
    )
    return np.concatenate([np.empty(0, np.uint64), *found])
