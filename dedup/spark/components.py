"""Connected components of links, by alternating large stars and small stars.

Kiveris, Lattanzi, Mirrokni, Rastogi and Vassilvitskii, "Connected components in MapReduce and beyond" (2014):
a large star joins the greater neighbours of a text to its least one, a small star the lesser ones. A chain
of n links takes a number of rounds that grows with its logarithm. What one partition holds is joined
before the first round, so that links of a single partition take none.

Every round is a stage (see `Stages`), and the one before it is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dedup.spark.blobs import Row, apply, exchange, gathered, numbers, send, table
from dedup.spark.stages import Stages

if TYPE_CHECKING:
    from numpy.typing import NDArray


def components(links: Any, homes: Sequence[int], stages: Stages) -> Any:
    """Edges from every text but the least of its component (left) to that one (right)."""
    from pyspark.sql import functions  # noqa: PLC0415 - not everywhere

    found = apply(links.repartition(len(homes)), _joined)
    if len(homes) == 1:
        return stages.keep("components-0", lambda: found)
    step = 0
    while True:
        both = apply(found, partial(_both_ways, homes=homes))
        large = apply(exchange(both, len(homes)), partial(_large_stars, homes=homes))
        found = stages.keep(f"components-{step}", partial(_same, large))
        if step:
            stages.drop(f"components-{step - 1}")
        unfinished = found.where(functions.col("kind") == "open")
        if not stages.fact(f"open-{step}", unfinished.count):
            return found
        found = apply(exchange(apply(found, partial(_to_greater, homes=homes)), len(homes)), _small_stars)
        step += 1


def _same(frame: Any) -> Any:
    return frame


def roots(left: NDArray[np.int64], right: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """For each of `count` nodes the least node of its component.

    >>> roots(np.array([0, 3, 4]), np.array([1, 4, 5]), 6).tolist()
    [0, 0, 2, 3, 3, 3]
    """
    parent = np.arange(count)
    while left.size:
        one, other = parent[left], parent[right]
        apart = one != other
        if not apart.any():
            break
        left, right = left[apart], right[apart]
        one, other = one[apart], other[apart]
        np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
        while (parent != parent[parent]).any():
            parent = parent[parent]
    return parent


def _joined(rows: Iterator[Row]) -> Iterator[Row]:
    """Links of a partition as stars."""
    links = gathered(rows, "link")["link"]
    ends = np.concatenate([numbers(links, "left"), numbers(links, "right")])
    ids, ends = np.unique(ends, return_inverse=True)
    least = roots(ends[: links.num_rows], ends[links.num_rows :], ids.size)
    joined = np.flatnonzero(least != np.arange(ids.size))
    yield Row(0, "edge", table("edge", ids[joined], ids[least[joined]]))


def _edges(rows: Iterator[Row]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The edges of a partition, each once, by their left ends."""
    edges = gathered(rows, "edge")["edge"]
    left, right = numbers(edges, "left"), numbers(edges, "right")
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = np.append(True, (left[1:] != left[:-1]) | (right[1:] != right[:-1]))[: left.size]
    return left[new], right[new]


def _sent(left: NDArray[np.uint64], right: NDArray[np.uint64], homes: Sequence[int]) -> Iterator[Row]:
    place = (left % np.uint64(len(homes))).astype(np.int64)
    yield from send("edge", table("edge", left, right), place, homes)


def _both_ways(rows: Iterator[Row], *, homes: Sequence[int]) -> Iterator[Row]:
    left, right = _edges(rows)
    yield from _sent(np.concatenate([left, right]), np.concatenate([right, left]), homes)


def _to_greater(rows: Iterator[Row], *, homes: Sequence[int]) -> Iterator[Row]:
    left, right = _edges(rows)
    yield from _sent(np.maximum(left, right), np.minimum(left, right), homes)


def _large_stars(rows: Iterator[Row], *, homes: Sequence[int]) -> Iterator[Row]:
    """The greater neighbours of every text to the least; a text is open if that is no star yet."""
    text, neighbour = _edges(rows)
    if not text.size:
        return
    begins = np.flatnonzero(np.append(True, text[1:] != text[:-1]))
    least = np.minimum(neighbour[begins], text[begins])  # neighbours come in order
    neighbours = np.diff(np.append(begins, text.size))
    unfinished = (least < text[begins]) & (neighbours > 1)
    least = np.repeat(least, neighbours)
    greater = neighbour > text
    yield Row(homes[0], "edge", table("edge", neighbour[greater], least[greater]))
    yield Row(homes[0], "open", table("open", text[begins][unfinished]))


def _small_stars(rows: Iterator[Row]) -> Iterator[Row]:
    """The lesser neighbours of every text, and the text, to the least of them."""
    text, neighbour = _edges(rows)
    if not text.size:
        return
    begins = np.flatnonzero(np.append(True, text[1:] != text[:-1]))
    least = np.repeat(neighbour[begins], np.diff(np.append(begins, text.size)))
    other = neighbour != least
    left = np.concatenate([text[begins], neighbour[other]])
    right = np.concatenate([neighbour[begins], least[other]])
    yield Row(0, "edge", table("edge", left, right))
