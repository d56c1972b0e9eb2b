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
    """The value of the block `step` blocks ahead (before, where it is negative), along the last axis.

    >>> beside(np.array([1.0, 2.0, 3.0]), -1, 0.0).tolist()
    [0.0, 1.0, 2.0]
    """
    n = values.shape[-1]
    out = np.full(values.shape, missing)
    out[..., max(-step, 0) : max(n - step, 0)] = values[..., max(step, 0) : max(n + step, 0)]
    return out


def sums(values: Column, *radii: int) -> list[Column]:
    """Sums over the `radius` blocks before each, and over those behind it, along the last axis.

    Both for each of the radii in turn, each of the shape of `values`.

    >>> [side.tolist() for side in sums(np.array([1.0, 2.0, 4.0]), 1, 2)]
    [[0.0, 1.0, 2.0], [2.0, 4.0, 0.0], [0.0, 1.0, 3.0], [6.0, 4.0, 0.0]]
    """
    n = values.shape[-1]
    index, total = np.arange(n), np.zeros((*values.shape[:-1], n + 1))
    np.cumsum(values, axis=-1, out=total[..., 1:])
    sides = []
    for radius in radii:
        sides.append(total[..., :-1] - total.take(np.maximum(index - radius, 0), axis=-1))
        sides.append(total.take(np.minimum(index + radius + 1, n), axis=-1) - total[..., 1:])
    return sides


def greatest(values: Column, radius: int, missing: float) -> tuple[Column, Column]:
    """The greatest of the `radius` values before each, and of those behind it.

    >>> [side.tolist() for side in greatest(np.array([3.0, 1.0, 2.0]), 2, -1.0)]
    [[-1.0, 3.0, 3.0], [2.0, 2.0, -1.0]]
    """
    padded = np.pad(values, radius, constant_values=missing)
    found = np.lib.stride_tricks.sliding_window_view(padded, radius).max(axis=1)
    return found[: len(values)], found[radius + 1 : radius + 1 + len(values)]
