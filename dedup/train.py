"""Train the judge on pages with gold text, and say how well it does on outlets it has not seen.

Training a forest has two steps:

1. *linear*: weights for runs of characters and for class words (`dedup.grams`), by logistic
   regression; each page is then scored by weights that saw no page of its fold;
2. *forest*: boosted trees over the features, those scores among them; flat text is seen as it is and
   thinned, without a part of its chrome and a few of its paragraphs (see `examples.thinned`).

Tried and left out, each by cross-validation over outlets on HTML (mean F1 of eight sets, .934): a second
extractor (resiliparse) as a witness (+.000), little weight for the 45 pages that fail worst (-.000),
a threshold of .4 or .6 (-.001), neighbours' odds mixed in (-.003), dropping kept blocks far from the
rest (-.001 to +.000), filling short gaps (+.000). On flat text, naive Bayes weights in place of the
regression: area under the curve .885 where it has .929.

For HTML there are two forests. The quick one sees pages as a first look does, without trafilatura and
without their outlet. What it holds of pages it did not see says at which places the outlets have their
content; with that and trafilatura the other is trained. The same pages, flattened to plain text, train
the forest for flat text and, from the titles that the HTML names, one that tells the title. The extra
`train` brings what only training needs (lightgbm with scipy, inscriptis).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup import grams
from dedup.examples import FOLDS, Example, TrainingError, Vector, fold_of, read_examples, thinned
from dedup.features import describe, own
from dedup.forest import Forest, Model, probabilities, to_bytes
from dedup.gold import Score, evaluate
from dedup.linear import Linear, asked, place_pairs, weights_of
from dedup.outlet import Trace, learn, recurrences, trace
from dedup.settings import OutletSettings
from dedup.types import Media, Page, Recurrence

_OUTLET = OutletSettings()
_ROUNDS = 250
_PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    # With 150 trees of 24 leaves at .08 the mean F1 over eight sets is .002 lower.
    "learning_rate": 0.05,
    "num_leaves": 40,
    "max_depth": 10,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 4,
    "max_bin": 63,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,  # the same forest on any machine
    "verbose": -1,
}


@dataclass(frozen=True, slots=True)
class Trained:
    """A forest, its record, and what cross-validation made.

    `forests` has a forest for each fold that saw none of its outlets; `held_out` the chances of each
    example's blocks by that forest.
    """

    forest: Forest
    record: dict[str, Any]
    forests: dict[int, Forest]
    held_out: tuple[Vector, ...]


def train_folders(folders: Sequence[Path]) -> dict[Model, Trained]:
    """The forests for HTML and for flat text, trained on all pages.

    Raises `TrainingError` for a folder without pages.
    """
    trained: dict[Model, Trained] = {}
    for media in Media:
        examples = [example for folder in folders for example in read_examples(folder, media)]
        if len({fold_of(example.outlet) for example in examples}) < 2:
            raise TrainingError("too few outlets to hold one out; give pages of ten outlets or more")
        trained |= train_all(examples)
    return trained


def write_models(trained: Mapping[Model, Trained], folder: Path) -> None:
    """Write each forest with its record where `JudgeSettings.models` finds them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, one in trained.items():
        record = json.dumps(one.record, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{name}.json").write_text(record, encoding="utf-8")
        (folder / f"{name}.npz").write_bytes(to_bytes(one.forest))


def train_all(examples: Sequence[Example], folds: Sequence[int] | None = None) -> dict[Model, Trained]:
    """The forests for pages of one medium, outlet evidence among the features.

    The same pages in the same order give the same forests. `folds` has the fold that each page is held out
    in; it is that of its outlet where none are given.
    """
    if not examples or examples[0].page.document.media is Media.TEXT:
        folds = folds or [fold_of(example.outlet) for example in examples]
        table = _described(examples, evidence(examples), folds)
        return {Model.FLAT: _grown(examples, table, folds), Model.TITLE: _titled(examples, table, folds)}
    unseen = [replace(example, page=_unextracted(example.page)) for example in examples]
    quick = train(unseen, folds=folds)
    return {Model.QUICK: quick, Model.HTML: train(examples, evidence(examples, quick.held_out), folds)}


def _unextracted(page: Page) -> Page:
    return replace(page, blocks=tuple(replace(block, extracted=None) for block in page.blocks))


def evidence(examples: Sequence[Example], chances: Sequence[Vector] = ()) -> list[tuple[Recurrence, ...]]:
    """For each example what the other pages of its outlet in its folder say of its blocks."""
    traces: list[Trace | None] = []
    by_folder: dict[str, list[Trace]] = {}
    for i, example in enumerate(examples):
        document = replace(example.page.document, outlet=example.outlet, key=example.id)
        page = replace(example.page, document=document)
        found = trace(page, _OUTLET, chances[i] if chances else None)
        traces.append(found)
        if found:
            by_folder.setdefault(example.folder, []).append(found)
    profiles = {folder: learn(found, _OUTLET) for folder, found in by_folder.items()}
    return [
        recurrences(profiles[example.folder], found, _OUTLET)
        for example, found in zip(examples, traces, strict=True)
    ]


def train(
    examples: Sequence[Example],
    known: Sequence[Sequence[Recurrence]] = (),
    folds: Sequence[int] | None = None,
) -> Trained:
    """Train a forest on pages of one medium; `known` is the `evidence` of each example's blocks."""
    folds = folds or [fold_of(example.outlet) for example in examples]
    return _grown(examples, _described(examples, known, folds), folds)


@dataclass(frozen=True, slots=True)
class _Table:
    """Features of the blocks of each example, scored by weights that saw no page of its fold.

    `thinned` has each flat example with fewer blocks, and their features; `weights` are those of text and
    places, by the fold that they did not see; `all` saw every page.
    """

    rows: list[NDArray[np.float32]]
    thinned: list[tuple[Example, NDArray[np.float32]]]
    names: tuple[str, ...]
    weights: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]
    all: tuple[NDArray[np.float32], NDArray[np.float32]]


def _described(
    examples: Sequence[Example], known: Sequence[Sequence[Recurrence]], folds: Sequence[int]
) -> _Table:
    chars = [grams.characters([b.text for b in example.page.blocks]) for example in examples]
    text = Linear([grams.text_buckets(c) for c in chars], examples, grams.TEXT_BUCKETS)
    place = Linear([place_pairs(example.page) for example in examples], examples, grams.PLACE_BUCKETS)
    flat = bool(examples) and examples[0].page.document.media is Media.TEXT
    answers = [
        [asked(example, question) for example in examples]
        for question in (grams.QUESTIONS if flat else grams.QUESTIONS[:1])
    ]

    def fitted(pages: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return np.array([text.weights(pages, each) for each in answers]), place.weights(pages, answers[0])

    weights = {fold: fitted(pages) for fold, pages in _inside(folds).items()}
    rows: list[NDArray[np.float32]] = []
    fewer: list[tuple[Example, NDArray[np.float32]]] = []
    names: tuple[str, ...] = ()
    for i, example in enumerate(examples):
        heard, placed = weights[folds[i]]
        scores, at = [text.score(i, each) for each in heard], place.score(i, placed)
        told = known[i] if known else ()
        row, names = describe(example.page, own(example.page, chars[i], scores, at), told)
        rows.append(row)
        if flat:
            chosen = thinned(example)
            part = example.only(chosen)
            letters = grams.characters([block.text for block in part.page.blocks])
            columns = own(part.page, letters, [score[chosen] for score in scores], at[chosen])
            told = [told[k] for k in chosen.tolist()] if told else ()
            fewer.append((part, describe(part.page, columns, told)[0]))
    return _Table(rows, fewer, names, weights, fitted(range(len(examples))))


def _inside(folds: Sequence[int]) -> dict[int, list[int]]:
    """For each fold the pages that its forest sees: those of all others."""
    return {fold: [i for i, own in enumerate(folds) if own != fold] for fold in sorted(set(folds))}


def _grown(examples: Sequence[Example], table: _Table, folds: Sequence[int]) -> Trained:
    forests = {
        fold: _forest(_boost(examples, table, pages), table.names, *table.weights[fold])
        for fold, pages in _inside(folds).items()
        if pages
    }
    held_out = tuple(
        probabilities(forests[fold], row) if fold in forests else np.zeros(len(row))
        for fold, row in zip(folds, table.rows, strict=True)
    )
    forest = _forest(_boost(examples, table, range(len(examples))), table.names, *table.all)
    return Trained(forest, _record(examples, forest, held_out), forests, held_out)


def _titled(examples: Sequence[Example], table: _Table, folds: Sequence[int]) -> Trained:
    """As `_grown`, for the titles of the pages whose text has them; none of these pages is thinned.

    Their lines are as good with the weights of content as with weights of their own (right on .81 of the
    held-out pages), and are read once for both.
    """
    chosen = [i for i, example in enumerate(examples) if example.titles.any()]
    titled = [replace(examples[i], labels=examples[i].titles) for i in chosen]
    table = replace(table, rows=[table.rows[i] for i in chosen], thinned=[])
    trained = _grown(titled, table, [folds[i] for i in chosen])
    right: dict[str, list[bool]] = {}
    for example, chances in zip(titled, trained.held_out, strict=True):
        right.setdefault(example.folder, []).append(bool(example.titles[np.argmax(chances)]))
    scores = {folder: {"right": round(float(np.mean(each)), 4)} for folder, each in right.items()}
    about = f"held_out: {FOLDS}-fold cross-validation, all pages of an outlet in one fold; share of the"
    about += " pages whose text has the title that the HTML names, of which the likeliest line is it"
    return replace(trained, record=trained.record | {"held_out": scores, "about": about})


def _record(examples: Sequence[Example], forest: Forest, held_out: Sequence[Vector]) -> dict[str, Any]:
    folders = list(dict.fromkeys(example.folder for example in examples))
    return {
        "media": str(examples[0].page.document.media),
        "pages": {name: sum(e.folder == name for e in examples) for name in folders},
        "blocks": sum(len(example.labels) for example in examples),
        "outlets": len({example.outlet for example in examples}),
        "trees": len(forest.roots),
        "parameters": _PARAMETERS,
        "held_out": {name: _rounded(scores_of(examples, held_out, name)) for name in folders},
        "about": f"held_out: {FOLDS}-fold cross-validation, all pages of an outlet in one fold;"
        " blocks kept at 0.5, no rules",
    }


def scores_of(examples: Sequence[Example], chances: Sequence[Vector], folder: str) -> Score:
    """The score of the pages of a folder, judged by the forest alone."""
    return evaluate(
        (example.gold, example.kept(chance))
        for example, chance in zip(examples, chances, strict=True)
        if example.folder == folder
    )


def _rounded(score: Score) -> dict[str, float]:
    return {name: round(getattr(score, name), 4) for name in ("f1", "precision", "recall")}


def _boost(examples: Sequence[Example], table: _Table, pages: Sequence[int]) -> dict[str, Any]:
    """Trees boosted on some of the pages, as they are and thinned, as LightGBM describes them."""
    import lightgbm  # noqa: PLC0415

    seen = [(examples[i], table.rows[i]) for i in pages]
    seen += [table.thinned[i] for i in pages] if table.thinned else []
    data = lightgbm.Dataset(
        np.concatenate([rows for _, rows in seen]),
        np.concatenate([example.labels for example, _ in seen]),
        weight=np.concatenate([weights_of(example) for example, _ in seen]),
    )
    model: dict[str, Any] = lightgbm.train(_PARAMETERS, data, _ROUNDS).dump_model()
    return model


def _forest(
    model: dict[str, Any],
    names: tuple[str, ...],
    text_weights: NDArray[np.float32],
    place_weights: NDArray[np.float32],
) -> Forest:
    feature: list[int] = []
    threshold: list[float] = []
    below: list[int] = []
    value: list[float] = []
    roots: list[int] = []
    depth = 0
    for tree in model["tree_info"]:
        roots.append(len(feature))
        queue = [(tree["tree_structure"], 0)]
        first = len(feature)
        for node, level in queue:  # breadth first: two children stand side by side
            depth = max(depth, level)
            leaf = "leaf_value" in node
            below.append(len(feature) if leaf else first + len(queue))
            feature.append(0 if leaf else node["split_feature"])
            threshold.append(np.inf if leaf else _float32_below(node["threshold"]))
            value.append(node["leaf_value"] if leaf else 0.0)
            if not leaf:
                queue += [(node["left_child"], level + 1), (node["right_child"], level + 1)]
    return Forest(
        columns=names,
        feature=np.array(feature, np.intp),
        threshold=np.array(threshold, np.float32),
        below=np.array(below, np.intp),
        value=np.array(value, np.float32),
        roots=np.array(roots, np.intp),
        depth=depth,
        text_weights=text_weights,
        place_weights=place_weights,
    )


def _float32_below(number: float) -> float:
    """Rows are float32: a threshold between two of them must not be rounded up to the upper one."""
    rounded = np.float32(number)
    return float(rounded if float(rounded) <= number else np.nextafter(rounded, np.float32(-np.inf)))
