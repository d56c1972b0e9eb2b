"""Values along the blocks of a page: how far others are, what stands beside, sums and maxima around."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Columns = dict[str, Column]

# Blocks from which on something is far.
FAR = 50


def since(mask: NDArray[np.bool_]) -> Column:
    """How many blocks ago the last block in `mask` stood (0 for itself), `FAR` + 1 at most.

    >>> since(np.array([False, True, False])).tolist()
    [51.0, 0.0, 1.0]
    """
    index = np.arange(len(mask))
    last = np.maximum.accumulate(np.where(mask, index, -FAR - 1))
    return np.minimum(index - last, FAR + 1).astype(float)


def until(mask: NDArray[np.bool_]) -> Column:
    """How many blocks ahead the next block in `mask` stands; see `since`."""
    return since(mask[::-1])[::-1]


def beside(values: Column, step: int, missing: float) -> Column:
    """The value of the block `step` blocks ahead (before, where it is negative).

    >>> beside(np.array([1.0, 2.0, 3.0]), -1, 0.0).tolist()
    [0.0, 1.0, 2.0]
    """
    n = len(values)
    out = np.full(n, missing)
    out[max(-step, 0) : max(n - step, 0)] = values[max(step, 0) : max(n + step, 0)]
    return out


def sums(values: Column, radius: int) -> tuple[Column, Column]:
    """Sums over the `radius` blocks before each, and over those behind it.

    >>> [side.tolist() for side in sums(np.array([1.0, 2.0, 4.0]), 2)]
    [[0.0, 1.0, 3.0], [6.0, 4.0, 0.0]]
    """
    n = len(values)
    index, total = np.arange(n), np.concatenate([[0.0], np.cumsum(values)])
    before = total[index] - total[np.maximum(index - radius, 0)]
    return before, total[np.minimum(index + radius + 1, n)] - total[index + 1]


def greatest(values: Column, radius: int, missing: float) -> tuple[Column, Column]:
    """The greatest of the `radius` values before each, and of those behind it.

    >>> [side.tolist() for side in greatest(np.array([3.0, 1.0, 2.0]), 2, -1.0)]
    [[-1.0, 3.0, 3.0], [2.0, 2.0, -1.0]]
    """
    padded = np.pad(values, radius, constant_values=missing)
    found = np.lib.stride_tricks.sliding_window_view(padded, radius).max(axis=1)
    return found[: len(values)], found[radius + 1 : radius + 1 + len(values)]
