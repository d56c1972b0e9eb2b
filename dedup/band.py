"""Bands of signatures: which pairs are worth verifying.

Locality-sensitive hashing as in Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets",
section 3.4: two texts are a candidate pair when all rows of at least one band agree, which happens
with probability 1 - (1 - s^rows)^bands at Jaccard s. Because every candidate is verified, bands are
chosen for recall alone. Equal keys are found by sorting, not by dictionaries.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from dedup.settings import ClusterSettings
from dedup.types import Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

_M = np.uint64(0x9E3779B97F4A7C15)


def choose_bands(settings: ClusterSettings) -> tuple[int, int]:
    """Return (bands, rows) for the threshold of `settings`.

    The most rows, for the fewest false candidates, with which a pair exactly at the threshold is
    missed with probability `miss` at most and the signature keeps within `permutations`. Below
    the threshold where even one row needs more than that, recall yields: one row a band.

    >>> choose_bands(ClusterSettings(threshold=0.8))
    (16, 6)
    """
    best = (settings.permutations, 1)
    for rows in range(2, settings.permutations + 1):
        agree = settings.threshold**rows
        bands = 1 if agree >= 1 else math.ceil(math.log(settings.miss) / math.log1p(-agree))
        if bands * rows > settings.permutations:
            break
        best = (bands, rows)
    return best


def band_keys(
    signatures: NDArray[np.uint32], bands: int, rows: int, *, compiled: bool = False
) -> NDArray[np.uint64]:
    """Return one 64-bit key a band and text, shape (bands, texts), from shape (texts, bands * rows)."""
    if compiled:
        from dedup import kernels  # noqa: PLC0415 - numba is optional and slow to import

        return kernels.band_keys(signatures, bands, rows)
    keys = np.zeros((bands, signatures.shape[0]), np.uint64)
    for band in range(bands):
        for row in range(rows):
            keys[band] *= _M
            keys[band] += signatures[:, band * rows + row] + np.uint64(1)
    h = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


def candidate_pairs(keys: NDArray[np.uint64], bucket: int) -> Pairs:
    """Return every pair of texts that share a key in at least one band.

    `keys` has shape (bands, texts). A bucket of more than `bucket` texts would make a quadratic
    number of pairs: there each text is paired with the bucket's first, which joins them all, and
    with the next few in the order of the texts, so many that the bucket makes `bucket`^2 pairs.
    """
    texts = keys.shape[1]
    bits = max(texts - 1, 1).bit_length()
    low = np.uint64((1 << bits) - 1)
    numbers = np.arange(texts, dtype=np.uint64)
    found = []
    for band in keys:
        # Key and number in one word sort several times faster than an argsort, and a bucket's
        # texts come out in order. The key loses `bits` bits; what that adds fails verification.
        packed = np.sort((band & ~low) | numbers)
        bucket_of, members = packed & ~low, packed & low
        found.append(_pairs_in_buckets(bucket_of, members, bucket))
    packed_pairs = np.unique(np.concatenate(found)) if found else np.empty(0, np.uint64)
    return Pairs(
        (packed_pairs >> np.uint64(32)).astype(np.int64),
        (packed_pairs & np.uint64(0xFFFFFFFF)).astype(np.int64),
    )


def _pairs_in_buckets(
    bucket_of: NDArray[np.uint64], members: NDArray[np.uint64], bucket: int
) -> NDArray[np.uint64]:
    """Pairs within runs of equal `bucket_of`, each as `left << 32 | right`."""
    starts = np.flatnonzero(np.append(True, bucket_of[1:] != bucket_of[:-1]))
    sizes = np.diff(np.append(starts, bucket_of.size))
    shared = np.repeat(sizes > 1, sizes)
    size, first = np.repeat(sizes, sizes)[shared], np.repeat(starts, sizes)[shared]
    rows = np.flatnonzero(shared)
    reach = np.where(size <= bucket, size, np.maximum(bucket * bucket // size, 1))
    far = rows[rows - first > reach]
    found = [members[first[rows - first > reach]] << np.uint64(32) | members[far]]
    last = first + size - 1
    for distance in itertools.count(1):
        near = (rows + distance <= last) & (distance <= reach)
        rows, last, reach = rows[near], last[near], reach[near]
        if not rows.size:
            return np.concatenate(found)
        found.append(members[rows] << np.uint64(32) | members[rows + distance])
    raise AssertionError  # the loop ends when no text reaches further
