"""Shingles and MinHash signatures, bit-equal to datasketch's.

A shingle is a window of code points of the comparison text; a text shorter than the window is one
shingle. Its hash is a polynomial of the code points modulo 2^64 (Karp and Rabin, "Efficient
randomized pattern-matching algorithms", 1987) put through the finalizer of splitmix64 (Steele,
Lea and Flood, "Fast splittable pseudorandom number generators", 2014). Verification compares all
64 bits; signatures take the upper 32, as `datasketch.MinHash(scheme="affine32")` expects, and the
permutations are datasketch's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from datasketch import MinHash

from dedup.settings import ClusterSettings
from dedup.threads import in_order, slices
from dedup.types import CodePoints, Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Factors = tuple[NDArray[np.uint32], NDArray[np.uint32]]

_SCHEME = "affine32"
_M = 0x9E3779B97F4A7C15

# Windows handled at once, so that the arrays of one pass stay in the processor's cache.
_CHUNK = 1 << 16

# Permutations are made up to a multiple of this for the kernel's vectors; what is added is cut off.
_LANES = 8

# Texts of one slice of work.
_ROWS = 1 << 13


def shingle_hash(shingle: str) -> int:
    """Return the 32-bit hash of a shingle; pass it to datasketch as `hashfunc`.

    >>> shingle_hash("台湾を巡る") == shingle_hash("台湾を巡る") < 2**32
    True
    """
    codes = np.array([ord(character) for character in shingle], np.uint32)
    return int(window_hashes(codes, len(shingle))[0]) >> 32


def window_hashes(codes: NDArray[np.uint32], width: int) -> NDArray[np.uint64]:
    """Return the 64-bit hash of every window of `width` code points, in order."""
    width = min(width, codes.size)
    if width == 0:
        return np.empty(0, np.uint64)
    hashes = np.zeros(codes.size - width + 1, np.uint64)
    for i in range(width):
        hashes *= np.uint64(_M)
        hashes += codes[i : codes.size - width + 1 + i]
    return _mix(hashes)


def shingles(texts: CodePoints, index: int, width: int) -> NDArray[np.uint64]:
    """Return the shingle set of one text: its distinct window hashes, sorted."""
    start = int(texts.starts[index])
    return np.unique(window_hashes(texts.codes[start : start + int(texts.lengths[index])], width))


def text_hashes(texts: CodePoints, *, compiled: bool = False, workers: int = 1) -> NDArray[np.uint64]:
    """Return one 64-bit hash a text, the same polynomial over the whole of it."""
    hashes = np.zeros(texts.starts.size, np.uint64)
    if compiled:
        from dedup import kernels  # noqa: PLC0415

        arrays = (texts.codes, texts.starts, texts.lengths)
        parts = slices(hashes.size, _ROWS)
        in_order(lambda part: kernels.text_hashes(arrays, *part, hashes), parts, workers)
        return hashes
    powers = np.ones(max(int(texts.lengths.max(initial=0)), 1), np.uint64)
    np.cumprod(np.full(powers.size - 1, _M, np.uint64), out=powers[1:])
    for i, (start, length) in enumerate(zip(texts.starts.tolist(), texts.lengths.tolist(), strict=True)):
        codes = texts.codes[start : start + length].astype(np.uint64) + np.uint64(1)
        hashes[i] = (codes * powers[:length][::-1]).sum(dtype=np.uint64)
    return _mix(hashes)


def factors_of(settings: ClusterSettings, permutations: int) -> Factors:
    """Return datasketch's permutations: what each multiplies with and adds."""
    a, b = MinHash(num_perm=permutations, seed=settings.seed, scheme=_SCHEME).permutations
    return a, b


def signatures(
    texts: CodePoints,
    settings: ClusterSettings,
    permutations: int,
    *,
    rows: NDArray[np.int64] | None = None,
    factors: Factors | None = None,
    compiled: bool = False,
) -> NDArray[np.uint32]:
    """Return MinHash signatures, shape (texts, permutations); of the texts `rows` alone if they are given.

    `factors` are those of `factors_of`, for who signs few texts many times: making them takes .3 ms.

    Row `i` equals the hash values of a datasketch MinHash with the same seed that was updated
    with the shingles of text `i` under `shingle_hash`. A text without characters keeps
    datasketch's empty signature.
    """
    if rows is None:
        rows = np.arange(texts.starts.size)
    a, b = factors or factors_of(settings, permutations)
    if compiled:
        from dedup import kernels  # noqa: PLC0415

        arrays = (texts.codes, texts.starts, texts.lengths)
        order = np.argsort(texts.starts[rows], kind="stable")  # the kernel goes through the codes once
        signed = np.empty((rows.size, permutations), np.uint32)
        more = np.zeros(-permutations % _LANES, np.uint32)
        padded = np.append(a, more), np.append(b, more)  # np.pad takes .04 ms
        kernels.signatures(arrays, rows, order, settings.shingle, padded, signed)
        return signed
    result = np.full((rows.size, permutations), 0xFFFFFFFF, np.uint32)
    for i, (start, length) in enumerate(
        zip(texts.starts[rows].tolist(), texts.lengths[rows].tolist(), strict=True)
    ):
        hashes = window_hashes(texts.codes[start : start + length], settings.shingle)
        mixed = _fmix32((hashes >> np.uint64(32)).astype(np.uint32))
        for k in range(0, mixed.size, _CHUNK):
            values = (mixed[k : k + _CHUNK, None] * a + b).min(axis=0)
            np.minimum(result[i], values, out=result[i])
    return result


def agreements(
    rows: NDArray[np.uint8], pairs: Pairs, *, compiled: bool = False, workers: int = 1
) -> NDArray[np.int64]:
    """Return in how many columns the two rows of every pair agree."""
    result = np.empty(pairs.left.size, np.int64)
    if compiled:
        from dedup import kernels  # noqa: PLC0415

        ends = (pairs.left, pairs.right)
        parts = slices(result.size, 8 * _ROWS)
        in_order(lambda part: kernels.agreements(rows, ends, *part, result), parts, workers)
        return result
    for first, last in slices(result.size, _ROWS):
        result[first:last] = (rows[pairs.left[first:last]] == rows[pairs.right[first:last]]).sum(axis=1)
    return result


def to_datasketch(signatures: NDArray[np.uint32], settings: ClusterSettings) -> list[MinHash]:
    """Return the signatures as datasketch objects, for its LSH indexes and other tools."""
    permutations = MinHash(num_perm=signatures.shape[1], seed=settings.seed, scheme=_SCHEME).permutations
    return [
        MinHash(
            seed=settings.seed,
            hashfunc=shingle_hash,
            hashvalues=signature,
            permutations=permutations,
            scheme=_SCHEME,
        )
        for signature in signatures
    ]


def from_datasketch(sketches: Sequence[MinHash]) -> NDArray[np.uint32]:
    """Return the hash values of datasketch objects, shape (sketches, permutations).

    Raises ValueError where a sketch was made with another scheme, seed or number of permutations
    than the first, because such values cannot be compared.
    """
    for sketch in sketches:
        if sketch.scheme != _SCHEME:
            raise ValueError(f"expected a MinHash with scheme {_SCHEME}, got {sketch.scheme}")
        if sketch.seed != sketches[0].seed or len(sketch) != len(sketches[0]):
            raise ValueError("the sketches differ in seed or number of permutations")
    if not sketches:
        return np.empty((0, 0), np.uint32)
    return np.stack([np.asarray(sketch.hashvalues, np.uint32) for sketch in sketches])


def _mix(h: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Apply the finalizer of splitmix64, element by element."""
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


def _fmix32(h: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Apply the finalizer of MurmurHash3, datasketch's own first step in this scheme."""
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))
