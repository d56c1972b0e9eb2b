"""Pairs of texts that may be alike, and how alike they are.

    signatures -> bands -> candidate pairs -> those whose signatures agree -> true Jaccard

Two texts that share a band but agree in far fewer rows than texts at the threshold do are no
candidates: counting rows costs a hundredth of comparing shingles. All others are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from dedup import band, sign, verify
from dedup.settings import ClusterSettings
from dedup.sorting import argsort
from dedup.threads import allocate, in_order, slices
from dedup.types import CodePoints, Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Texts that are signed at once.
_SLICE = 1 << 13


def verified_pairs(
    distinct: CodePoints, settings: ClusterSettings, *, compiled: bool
) -> tuple[Pairs, NDArray[np.float64]]:
    """Return pairs of texts in no order, and their true Jaccard, whether or not it reaches the threshold.

    `distinct` are texts of which no two are equal. A pair exactly at the threshold is missed with
    probability 1.1 `miss` at most, pairs above with less; in buckets of more than `bucket` texts
    other rules hold (`with_crowds`).
    """
    # In the order of memory, for signing goes through it once; the result is numbered by content again.
    long = np.flatnonzero(distinct.lengths >= settings.min_characters)
    long = long[argsort(distinct.starts[long])]
    texts = CodePoints(distinct.codes, distinct.starts[long], distinct.lengths[long])

    def compared(texts: CodePoints, pairs: Pairs) -> NDArray[np.float64]:
        found = verify.overlaps(texts, pairs, settings.shingle, compiled=compiled, workers=settings.workers)
        return verify.jaccard(found)

    bands, rows = band.choose_bands(settings)
    keys, lowest = _signed(texts, bands, rows, settings, compiled=compiled)
    pairs, crowds = band.candidate_pairs(keys, settings.bucket, compiled=compiled, workers=settings.workers)
    agree = sign.agreements(lowest, pairs, compiled=compiled, workers=settings.workers)
    likely = np.flatnonzero(agree >= band.least_agreement(bands * rows, settings))
    pairs = Pairs(pairs.left[likely], pairs.right[likely])
    similarity = compared(texts, pairs)
    one, other = long[pairs.left], long[pairs.right]
    pairs = Pairs(np.minimum(one, other), np.maximum(one, other))
    if crowds:
        crowds = [np.sort(long[crowd]) for crowd in crowds]
        return with_crowds(pairs, similarity, crowds, lambda tried: compared(distinct, tried), settings)
    return pairs, similarity


def _signed(
    texts: CodePoints, bands: int, rows: int, settings: ClusterSettings, *, compiled: bool
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Band keys of all texts, shape (bands, texts), and the lowest byte of every row of their signatures.

    Signatures are made slice by slice and never all there at once.
    """
    keys = allocate((bands, texts.starts.size), np.uint64, settings.scratch)
    lowest = allocate((texts.starts.size, bands * rows), np.uint8, settings.scratch)

    def fill(part: tuple[int, int]) -> None:
        chosen = slice(*part)
        some = CodePoints(texts.codes, texts.starts[chosen], texts.lengths[chosen])
        signed = sign.signatures(some, settings, bands * rows, compiled=compiled)
        keys[:, chosen] = band.band_keys(signed, bands, rows, compiled=compiled)
        lowest[chosen] = signed  # its lowest byte

    in_order(fill, slices(texts.starts.size, _SLICE), settings.workers)
    return keys, lowest


def with_crowds(
    pairs: Pairs,
    similarity: NDArray[np.float64],
    crowds: list[NDArray[np.int64]],
    compared: Callable[[Pairs], NDArray[np.float64]],
    settings: ClusterSettings,
) -> tuple[Pairs, NDArray[np.float64]]:
    """Add the pairs of buckets too large to pair all with all: round by round, a pivot with all others.

    A text at or above the threshold to the pivot of a round leaves, and what is left when a crowd
    is down to `bucket` texts is paired all with all. After `pivots` rounds a crowd is given up: the
    work stays linear even where many texts share a form letter and nothing else. So in a crowd
    these links are not made: between two texts that a pivot drew out, which are in one star by the
    pivot as a rule, and between two that are left when it is given up.
    """
    known = [(_packed(pairs), similarity)]
    for _ in range(settings.pivots):
        ends = [
            _packed(Pairs(crowd[:1], crowd[1:]))
            if crowd.size > settings.bucket
            else _packed(Pairs(*crowd[np.array(np.triu_indices(crowd.size, 1))]))
            for crowd in crowds
        ]
        tried = band.unpack(np.concatenate(ends))
        known.append((_packed(tried), compared(tried)))
        linked = known[-1][0][known[-1][1] >= settings.threshold]
        crowds = [
            crowd[1:][~np.isin(pivot, linked)]
            for crowd, pivot in zip(crowds, ends, strict=True)
            if crowd.size > settings.bucket
        ]
        if not crowds:
            break
    packed, place = np.unique(np.concatenate([one for one, _ in known]), return_index=True)
    return band.unpack(packed), np.concatenate([values for _, values in known])[place]


def _packed(pairs: Pairs) -> NDArray[np.uint64]:
    return pairs.left.astype(np.uint64) << np.uint64(32) | pairs.right.astype(np.uint64)
