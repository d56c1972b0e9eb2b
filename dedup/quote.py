"""Paragraphs inside longer paragraphs: containment, which Jaccard cannot see.

A prefix join (Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins in data
cleaning", 2006; Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", 2007): when at
most m of a text's n features are missing from another, the other has one of any m + 1 of them;
looking for those that are rarest in the corpus leaves few pairs to verify, and misses none. We look
for the m + 4 rarest, of which the other then has four (Wang, Li and Feng, "Can we beat the prefix
filtering?", 2012): on c200000 that leaves a fourth of the pairs to verify.

The features are windows twice as wide as a shingle. Shingles themselves would do for Japanese, but
five English letters are never rare: on c20000 they gave 220,000 pairs for 2,700 quotations. An edit
that breaks k shingles in a row breaks k + width of these windows, and every edit within a text
breaks `width - 1` shingles or more, so a text that keeps a share c of its shingles keeps all but
2.5 (1 - c) of these windows. LSH Ensemble took 60 times as long on 4,000 documents and found .88.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from dedup.settings import ClusterSettings
from dedup.types import CodePoints, Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray


# Windows that are looked for beyond those that may be missing, and must be found.
_MORE = 4

# Texts in which windows are looked for at once.
_HOLDERS = 1 << 16


def candidate_containments(texts: CodePoints, settings: ClusterSettings, *, compiled: bool = False) -> Pairs:
    """Return the pairs of texts one of which may hold a share `settings.containment` of the other.

    Only texts of `min_characters` or more are sought in others. A window that more than `bucket`
    texts have finds nobody: without that, a template filled in 100,000 times is compared with
    itself. A quotation is missed only if its rarest windows are all that common, or if its shingles
    stand in the other text but not in rows: of the 2,674 of c20000, found by counting all shingles
    of all texts, one (a list of sources whose names come in another order).
    """
    parts, needed = _compiled_finds(texts, settings) if compiled else _plain_finds(texts, settings)
    packed = [np.empty(0, np.uint64)]
    for finds in parts:
        found, times = np.unique(finds, return_counts=True)
        seeker, holder = found >> np.uint64(32), found & np.uint64(0xFFFFFFFF)
        enough = times >= needed[seeker.astype(np.int64)]
        low, high = np.minimum(seeker, holder)[enough], np.maximum(seeker, holder)[enough]
        packed.append(low << np.uint64(32) | high)
    both = np.unique(np.concatenate(packed))
    return Pairs((both >> np.uint64(32)).astype(np.int64), (both & np.uint64(0xFFFFFFFF)).astype(np.int64))


def _missing(settings: ClusterSettings) -> float:
    """Share of a text's windows that may be missing from a text that quotes it."""
    return min(2.5 * (1 - settings.containment), 1.0)


def _plain_finds(
    texts: CodePoints, settings: ClusterSettings
) -> tuple[Iterable[NDArray[np.uint64]], NDArray[np.int64]]:
    """Every find as `seeker << 32 | holder`, and the finds that each seeker needs: the definition.

    The finds come in parts, all of one holder in one.
    """
    sets = []
    for start, length in zip(texts.starts.tolist(), texts.lengths.tolist(), strict=True):
        text = texts.codes[start : start + length].astype("<u4").tobytes()
        width = min(2 * settings.shingle, length)
        sets.append({text[4 * i : 4 * (i + width)] for i in range(length - width + 1)} if length else set())
    count = Counter(window for one in sets for window in one)
    seekers: defaultdict[bytes, list[int]] = defaultdict(list)
    needed = np.ones(len(sets), np.int64)
    for number, one in enumerate(sets):
        if texts.lengths[number] >= settings.min_characters:
            missing = math.floor(_missing(settings) * len(one))
            rarest = sorted(one, key=lambda window: (count[window], window))[: missing + _MORE]
            common = sum(count[window] > settings.bucket for window in rarest)
            needed[number] = max(len(rarest) - common - missing, 1)
            for window in rarest:
                if 1 < count[window] <= settings.bucket:
                    seekers[window].append(number)
    found = [
        seeker << 32 | number
        for number, one in enumerate(sets)
        for window in one & seekers.keys()
        for seeker in seekers[window]
        if seeker != number
    ]
    return [np.array(found, np.uint64)], needed


def _compiled_finds(
    texts: CodePoints, settings: ClusterSettings
) -> tuple[Iterable[NDArray[np.uint64]], NDArray[np.int64]]:
    """The same with hashed counts: collisions make a window look commoner, which changes the order alone."""
    from dedup import quote_kernels  # noqa: PLC0415 - numba is optional and slow to import

    arrays = (texts.codes, texts.starts, texts.lengths)
    width = 2 * settings.shingle
    counts = quote_kernels.window_counts(arrays, width)
    seekers = np.flatnonzero(texts.lengths >= settings.min_characters)
    rule = (_missing(settings), _MORE, settings.bucket)
    windows, owners, needed = quote_kernels.rare_prefixes(arrays, seekers, counts, width, rule)
    order = np.argsort(windows)
    windows, owners = windows[order], owners[order]
    del order
    first = quote_kernels.window_places(windows)
    # Finds are many times as many as pairs: never all of them at once.
    count = texts.starts.size
    parts = [(start, min(start + _HOLDERS, count)) for start in range(0, count, _HOLDERS)]
    return (quote_kernels.prefix_hits(arrays, width, windows, owners, first, part) for part in parts), needed
