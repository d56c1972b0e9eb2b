"""The trained judge: the chance that a block is content, or the title, from its features.

A forest of decision trees (gradient boosting) as plain arrays. It is trained by `dedup.train` and
evaluated here with numpy alone: all blocks walk down all trees at once, one level a step.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from dedup import features
from dedup.expected import bar
from dedup.grams import QUESTIONS
from dedup.series import Columns
from dedup.settings import JudgeSettings
from dedup.types import Media, Page, Recurrence

_DEFAULTS = JudgeSettings()
# Blocks on either side among which the share of prose is told.
_AROUND = 10
_OTHER = "the model was trained on other features; train it again with dedup train"


class Model(StrEnum):
    """The forests that `dedup train` writes, by the names of their files."""

    HTML = "html"
    # HTML that trafilatura did not see.
    QUICK = "quick"
    FLAT = "flat"
    # Which line of flat text is its title; the others tell content.
    TITLE = "title"


class ModelError(ValueError):
    """A folder without the forests of `dedup train`, or with those of another version."""


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees in one table of nodes.

    Node `i` sends a row to node `below[i]`, or to the next where its value in column `feature[i]` is
    above `threshold[i]`; a leaf sends every row to itself and adds `value[i]` to the log-odds of
    what is asked. `roots` are the first nodes of the trees, `depth` the longest way down,
    `columns` the names of the features in order, `text_weights` and `place_weights` what the
    features weigh words with (see `dedup.grams`).
    """

    columns: tuple[str, ...]
    feature: NDArray[np.intp]
    threshold: NDArray[np.float32]
    below: NDArray[np.intp]
    value: NDArray[np.float32]
    roots: NDArray[np.intp]
    depth: int
    text_weights: NDArray[np.float32]
    place_weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the blocks of a page say by themselves, by the weights of a forest; see `features.read_page`."""

    columns: Columns
    text_weights: NDArray[np.float32]
    place_weights: NDArray[np.float32]


def load(model: Model, settings: JudgeSettings = _DEFAULTS) -> Forest:
    """One of the forests; see `JudgeSettings.models`. Raises `ModelError` where the folder holds none."""
    return _read(settings.models, model)


@cache
def _read(folder: str, name: str) -> Forest:
    """Read once: a run has one set of forests, and reading takes 3 ms."""
    place = Path(folder) if folder else files("dedup").joinpath("model")
    try:
        return from_bytes(place.joinpath(f"{name}.npz").read_bytes())
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelError(
            f"{folder} holds no model {name}.npz ({error}); write it with dedup train"
        ) from error


def digest(settings: JudgeSettings) -> str:
    """Tells the forests of `settings.models` from others."""
    place = Path(settings.models) if settings.models else files("dedup").joinpath("model")
    made = hashlib.blake2b(digest_size=16)
    for name in sorted(Model):
        made.update(hashlib.blake2b(place.joinpath(f"{name}.npz").read_bytes()).digest())
    return made.hexdigest()


def from_bytes(content: bytes) -> Forest:
    """Read what `to_bytes` wrote. Raises `ValueError` or `KeyError` where it is something else."""
    with np.load(io.BytesIO(content), allow_pickle=False) as table:
        return Forest(
            columns=tuple(str(name) for name in table["columns"]),
            feature=table["feature"].astype(np.intp),
            threshold=table["threshold"].astype(np.float32),
            below=table["below"].astype(np.intp),
            value=table["value"].astype(np.float32),
            roots=table["roots"].astype(np.intp),
            depth=int(table["depth"]),
            text_weights=table["text_weights"].astype(np.float32),
            place_weights=table["place_weights"].astype(np.float32),
        )


def to_bytes(forest: Forest) -> bytes:
    """The forest as an npz file without pickles; equal forests give equal bytes."""
    out = io.BytesIO()
    np.savez_compressed(
        out,
        columns=np.array(forest.columns),
        feature=forest.feature.astype(np.uint16),
        threshold=forest.threshold,
        below=forest.below.astype(np.int32),
        value=forest.value,
        roots=forest.roots.astype(np.int32),
        depth=np.int32(forest.depth),
        text_weights=forest.text_weights.astype(np.float16),
        place_weights=forest.place_weights.astype(np.float16),
    )
    return out.getvalue()


def read_page(forest: Forest, page: Page) -> Reading:
    """What `score` needs of a page before trafilatura and the outlet are heard: half of its time.

    Raises `ModelError` for a forest that was trained on other features.
    """
    if len(forest.text_weights) != (len(QUESTIONS) if page.document.media is Media.TEXT else 1):
        raise ModelError(_OTHER)
    weights = forest.text_weights, forest.place_weights
    return Reading(features.read_page(page, *weights) if page.blocks else {}, *weights)


def score(
    forest: Forest,
    page: Page,
    known: Sequence[Recurrence] = (),
    settings: JudgeSettings = _DEFAULTS,
    reading: Reading | None = None,
    first: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """P(content) of each block of the page, shape `(len(page.blocks),)`; `known` as for `features`.

    `reading` is that of the page, perhaps before trafilatura was heard; it is made anew for a forest that
    weighs words otherwise. `first` is what another forest said of the blocks by then: it keeps a say.

    Where the forest would keep next to nothing of what trafilatura keeps, trafilatura's blocks have at
    least the probability from which a block is kept. Raises `ModelError` for a forest that was trained on
    other features.
    """
    if not page.blocks:
        return np.zeros(0)
    if reading is None or not _weigh_alike(reading, forest):
        reading = read_page(forest, page)
    chances = _chances(forest, page, reading, known)
    if page.document.media is Media.TEXT:
        return _by_pieces(forest, page, reading, known, chances, settings)
    if first is not None:
        weight = settings.first
        chances = _chance((1 - weight) * _odds(chances) + weight * _odds(first))
    size = np.array([len(block.text) for block in page.blocks])
    others = np.array([(block.extracted or 0.0) > 0.5 for block in page.blocks])
    least = settings.witness_share * size[others].sum()
    if size[chances >= bar(page, chances, settings)].sum() > least:
        return chances
    return np.where(others, np.maximum(chances, settings.keep), chances)


def title_score(
    forest: Forest, page: Page, known: Sequence[Recurrence] = (), reading: Reading | None = None
) -> NDArray[np.float64]:
    """P(title) of each line of flat text, shape `(len(page.blocks),)`; the rest is as for `score`."""
    if not page.blocks:
        return np.zeros(0)
    if reading is None or not _weigh_alike(reading, forest):
        reading = read_page(forest, page)
    return _chances(forest, page, reading, known)


def _weigh_alike(reading: Reading, forest: Forest) -> bool:
    return np.array_equal(reading.text_weights, forest.text_weights) and np.array_equal(
        reading.place_weights, forest.place_weights
    )


def _chances(
    forest: Forest, page: Page, reading: Reading, known: Sequence[Recurrence]
) -> NDArray[np.float64]:
    rows, columns = features.describe(page, reading.columns, known)
    if columns != forest.columns:
        raise ModelError(_OTHER)
    return probabilities(forest, rows)


def _by_pieces(
    forest: Forest,
    page: Page,
    reading: Reading,
    known: Sequence[Recurrence],
    chances: NDArray[np.float64],
    settings: JudgeSettings,
) -> NDArray[np.float64]:
    """Long stretches of prose judged piece by piece, each as if the page held no more of them.

    Where an article is far longer than those the forest has seen, its places and sums are those of pages
    that are long for their lists and comments.
    """
    long = _stretches(reading.columns["sentence_chars"] > 0, settings)
    pieces = -(-int(long.sum()) // settings.long_prose)
    if not pieces:
        return chances
    piece = np.where(long, (np.cumsum(long) - 1) * pieces // long.sum(), 0)
    # What is not in a stretch goes with the piece before it.
    piece = np.maximum.accumulate(piece)
    outside, found = np.flatnonzero(~long), chances.copy()
    for number in range(pieces):
        own = np.flatnonzero(long & (piece == number))
        first, last = np.searchsorted(outside, (own[0], own[-1]))
        others = outside[max(first - settings.long_around, 0) : last + settings.long_around]
        chosen = np.sort(np.concatenate([own, others]))
        part = replace(page, blocks=tuple(page.blocks[i] for i in chosen.tolist()))
        columns = {name: column[chosen] for name, column in reading.columns.items()}
        told = [known[i] for i in chosen.tolist()] if known else ()
        judged = _chances(forest, part, replace(reading, columns=columns), told)
        here = piece[chosen] == number
        found[chosen[here]] = judged[here]
    return found


def _stretches(prose: NDArray[np.bool_], settings: JudgeSettings) -> NDArray[np.bool_]:
    """Which blocks stand in a long stretch: most blocks around each of its blocks are prose."""
    width = 2 * _AROUND + 1
    if len(prose) < max(settings.long_prose, width):
        return np.zeros(len(prose), bool)
    number = np.convolve(np.ones(len(prose)), np.ones(width), "same")
    dense = np.convolve(prose, np.ones(width), "same") >= settings.long_share * number
    run = np.cumsum(dense & ~np.append(False, dense[:-1])) * dense  # number of the run, 0 outside
    return np.asarray(dense & (np.bincount(run)[run] >= settings.long_prose))


def probabilities(forest: Forest, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the forest says of each row of features, as chances of shape `(len(rows),)`."""
    # A tree's rows stand side by side, and so do a column's values: neighbours in memory.
    columns = np.ascontiguousarray(rows.T)
    values, column, roots, n = columns.ravel(), forest.feature * len(rows), forest.roots, len(rows)

    def down(at: NDArray[np.intp], row: NDArray[np.intp]) -> NDArray[np.intp]:
        """The nodes a level below those of `at`, at which the rows `row` are."""
        # `take` needs three quarters of the time of an index in brackets.
        place = column.take(at)
        place += row
        above = values.take(place) > forest.threshold.take(at)
        at = forest.below.take(at)
        at += above
        return at

    # At the root all rows of a tree go by one column.
    at = forest.below[roots, None] + (columns[forest.feature[roots]] > forest.threshold[roots, None])
    row, half = np.arange(n), forest.depth // 2
    for _ in range(half):
        at = down(at, row)
    # Two thirds have reached a leaf by now; the others go on alone.
    at = at.ravel()
    going = np.flatnonzero(forest.below.take(at) != at)
    still, row = at[going], going % n
    for _ in range(half + 1, forest.depth):
        still = down(still, row)
    at[going] = still
    return _chance(forest.value.take(at).reshape(len(roots), n).sum(axis=0, dtype=np.float64))


def _chance(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def _odds(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of chances, none of them certain."""
    bounded = np.clip(chances, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(bounded / (1 - bounded)))
