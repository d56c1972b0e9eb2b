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
from dedup.threads import in_order
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
    (12, 5)
    """
    best = (settings.permutations, 1)
    for rows in range(2, settings.permutations + 1):
        agree = settings.threshold**rows
        bands = 1 if agree >= 1 else math.ceil(math.log(settings.miss) / math.log1p(-agree))
        if bands * rows > settings.permutations:
            break
        best = (bands, rows)
    return best


def least_agreement(permutations: int, settings: ClusterSettings) -> int:
    """Return in how many rows of their signatures two texts agree at least to be worth verifying.

    Of pairs exactly at the threshold a share `miss` / 10 at most agrees in fewer; rows agree
    independently with the probability of the Jaccard similarity.

    >>> least_agreement(60, ClusterSettings(threshold=0.8))
    38
    """
    agree = min(max(settings.threshold, 1e-12), 1 - 1e-12)
    log, log_not = math.log(agree), math.log1p(-agree)
    ways = missed = 0.0  # ways as a logarithm, for it outgrows a float
    for least in range(permutations):
        missed += math.exp(ways + least * log + (permutations - least) * log_not)
        if missed > settings.miss / 10:
            return least
        ways += math.log((permutations - least) / (least + 1))
    return permutations


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


def candidate_pairs(
    keys: NDArray[np.uint64], bucket: int, *, compiled: bool = False, workers: int = 1
) -> tuple[Pairs, list[NDArray[np.int64]]]:
    """Return the pairs of texts that share a key in at least one band, and the crowded buckets.

    `keys` has shape (bands, texts). A bucket of more than `bucket` texts would make a quadratic
    number of pairs: its texts are returned as they are, sorted, each such group once.
    """
    found = in_order(lambda band: _buckets(band, bucket, compiled=compiled), keys, workers)
    packed = np.concatenate([np.empty(0, np.uint64), *(pairs for pairs, _ in found)])
    crowds = {crowd.tobytes(): crowd for _, more in found for crowd in more}
    return unpack(packed), [crowds[key] for key in sorted(crowds)]


def unpack(packed: NDArray[np.uint64]) -> Pairs:
    """Return pairs given as `left << 32 | right`, in any order and repeated or not."""
    packed = np.sort(packed)  # several times faster than numpy's unique
    # Where it cannot be foretold what is left out, this takes a fifth of the time of a mask.
    packed = np.compress(np.append(True, packed[1:] != packed[:-1])[: packed.size], packed)
    numbers = packed.view(np.int64)
    return Pairs(numbers >> 32, numbers & 0xFFFFFFFF)


def _buckets(
    band: NDArray[np.uint64], bucket: int, *, compiled: bool
) -> tuple[NDArray[np.uint64], list[NDArray[np.int64]]]:
    """Pairs within the buckets of one band, as `left << 32 | right`, and the buckets above `bucket`."""
    bits = np.uint64(max(band.size - 1, 1).bit_length())
    low = (np.uint64(1) << bits) - np.uint64(1)
    # Key and number in one word sort several times faster than an argsort, and a bucket's texts
    # come out in order. The key loses `bits` bits; what that adds fails verification.
    packed = band & ~low
    packed |= np.arange(band.size, dtype=np.uint64)
    packed.sort()
    if compiled:
        from dedup import kernels  # noqa: PLC0415 - numba is optional and slow to import

        pairs, crowded = kernels.bucket_pairs(packed, low, bucket)
        return pairs, [(packed[first:last] & low).astype(np.int64) for first, last in crowded.tolist()]
    joined = np.zeros(band.size + 1, bool)  # to the text before
    joined[1:-1] = (packed[1:] ^ packed[:-1]) <= low
    inside = np.flatnonzero(joined)
    begins = inside[~joined[inside - 1]] - 1
    ends = inside[~joined[inside + 1]] + 1
    crowds = []
    for i in np.flatnonzero(ends - begins > bucket).tolist():
        crowds.append((packed[begins[i] : ends[i]] & low).astype(np.int64))
        joined[begins[i] : ends[i]] = False
    rows = np.flatnonzero(joined)
    found = [np.empty(0, np.uint64)]
    for distance in itertools.count(1):
        found.append((packed[rows - distance] & low) << np.uint64(32) | packed[rows] & low)
        rows = rows[joined[rows - distance]]
        if not rows.size:
            break
    return np.concatenate(found), crowds
