"""The true Jaccard similarity of candidate pairs, from shingle sets, never from signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dedup.threads import in_order, slices
from dedup.types import CodePoints, Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Pairs of one slice of work, at least.
_PAIRS = 1 << 12


def overlaps(
    texts: CodePoints, pairs: Pairs, width: int, *, compiled: bool = False, workers: int = 1
) -> NDArray[np.int64]:
    """Return the distinct shingles of left, of right and of both, shape (pairs, 3).

    The plain code compares sets of strings and is the definition. The kernel compares sets of
    64-bit shingle hashes, which differs only if two shingles of one pair collide: less than once
    in 10^14 pairs of paragraphs.
    """
    result = np.zeros((pairs.left.size, 3), np.int64)
    if compiled:
        from dedup import kernels  # noqa: PLC0415 - numba is optional and slow to import

        arrays, both = (texts.codes, texts.starts, texts.lengths), (pairs.left, pairs.right)
        parts = slices(pairs.left.size, max(_PAIRS, pairs.left.size // (8 * workers)))
        in_order(lambda part: kernels.overlaps(arrays, both, width, *part, result), parts, workers)
        return result
    involved = np.unique(np.concatenate([pairs.left, pairs.right])).tolist()
    shingles = {index: _shingles(texts, index, width) for index in involved}
    for i, (left, right) in enumerate(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)):
        a, b = shingles[left], shingles[right]
        result[i] = len(a), len(b), len(a & b)
    return result


def jaccard(overlaps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the Jaccard similarity of every row of `overlaps`; two empty sets have none."""
    left, right, both = overlaps.T
    similarity: NDArray[np.float64] = both / np.maximum(left + right - both, 1)
    return similarity


def _shingles(texts: CodePoints, index: int, width: int) -> frozenset[str]:
    start = int(texts.starts[index])
    codes = texts.codes[start : start + int(texts.lengths[index])]
    text = codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return frozenset(text[i : i + width] for i in range(max(len(text) - width + 1, min(len(text), 1))))
