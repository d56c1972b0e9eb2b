"""Linear models over runs of characters and class words: a column of features for each question.

Logistic regression on hashed features (see `dedup.grams`), fitted on pages with gold text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup import grams
from dedup.examples import Example, Vector
from dedup.gold import squashed
from dedup.types import Page

# Ridge of the linear models, and steps of L-BFGS. Held out, log loss of the texts of HTML, of flat text, and
# of places: .349, .325 and .215 with 3 and 30 steps; .305, .303 and .205 as here; .1 or 150 steps differ by
# .003.
_RIDGE = 0.3
_STEPS = 60
# What the blocks of a page weigh together.
_PAGE_WEIGHT = 50.0
# Characters below which a text is short, and lines next to an article that are asked for.
_SHORT = 80
_NEXT = 3


def weights_of(example: Example) -> Vector:
    """Every page counts alike; within it a block counts by the root of its length."""
    root = np.sqrt([1 + len(squashed(block.text)) for block in example.page.blocks])
    return np.asarray(root / root.sum() * _PAGE_WEIGHT)


def asked(example: Example, question: str) -> tuple[Vector, Vector]:
    """The right answers of a page's blocks to one of `grams.QUESTIONS`, and what each block weighs."""
    if question == "content":
        return example.labels, weights_of(example)
    if question == "short":
        short = np.array([len(block.text) < _SHORT for block in example.page.blocks])
        return example.labels, weights_of(example) * short
    answers = np.zeros(len(example.labels))
    if len(content := np.flatnonzero(example.labels)):
        first, last = int(content[0]), int(content[-1])
        if question == "behind":
            answers[last + 1 : last + 1 + _NEXT] = 1.0
        elif question == "above":
            answers[max(first - _NEXT, 0) : first] = 1.0
        else:
            answers[first:last] = 1.0 - example.labels[first:last]
    return answers, np.full(len(answers), _PAGE_WEIGHT / len(answers))


def place_pairs(page: Page) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Block and bucket of every word that names the place of a block: two arrays of one length."""
    found = [sorted(grams.place_buckets(block)) for block in page.blocks]
    owners = np.repeat(np.arange(len(found)), [len(buckets) for buckets in found])
    return owners, np.array([b for buckets in found for b in buckets], np.int64)


class Linear:
    """Logistic regression on hashed features, page by page."""

    def __init__(
        self,
        pairs: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
        examples: Sequence[Example],
        buckets: int,
    ) -> None:
        self._pages = [
            self._matrix(owners, found, len(example.labels), buckets)
            for (owners, found), example in zip(pairs, examples, strict=True)
        ]
        self._buckets = buckets

    @staticmethod
    def _matrix(owners: NDArray[np.int64], found: NDArray[np.int64], rows: int, buckets: int) -> Any:
        from scipy.sparse import csr_matrix  # noqa: PLC0415

        number = np.bincount(owners, minlength=rows)
        values = (1 / np.sqrt(np.maximum(number, 1)))[owners].astype(np.float32)
        return csr_matrix((values, (owners, found)), shape=(rows, buckets))

    def score(self, page: int, weights: NDArray[np.float32]) -> Vector:
        """The score of each of a page's blocks by these weights."""
        return np.asarray(self._pages[page] @ weights, np.float64)

    def weights(self, pages: Sequence[int], asked: Sequence[tuple[Vector, Vector]]) -> NDArray[np.float32]:
        """The weight of each bucket, fitted on some of the pages; `asked` has answers and weights of all."""
        from scipy.optimize import minimize  # noqa: PLC0415
        from scipy.sparse import vstack  # noqa: PLC0415

        if not pages:
            return np.zeros(self._buckets, np.float32)
        matrix = vstack([self._pages[i] for i in pages]).tocsr()
        transposed = matrix.T.tocsr()
        labels = np.concatenate([asked[i][0] for i in pages])
        weights = np.concatenate([asked[i][1] for i in pages])

        def loss(point: Vector) -> tuple[float, Vector]:
            bias, inner = point[0], point[1:]
            odds = matrix @ inner.astype(np.float32) + bias
            residual = weights * (1 / (1 + np.exp(-odds)) - labels)
            value = (weights * (np.logaddexp(0, odds) - labels * odds)).sum() + _RIDGE / 2 * inner @ inner
            slope = transposed @ residual.astype(np.float32) + _RIDGE * inner
            return float(value), np.append(residual.sum(), slope)

        found = minimize(
            loss, np.zeros(1 + self._buckets), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}
        )
        # As it will be stored.
        return np.asarray(found.x[1:].astype(np.float16), np.float32)
