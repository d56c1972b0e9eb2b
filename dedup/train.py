"""Train the judge on pages with gold text, and say how well it does on outlets it has not seen.

A folder holds `gold.jsonl` (a row a page: `id`, `outlet`, `gold`) and `html/<id>.html` or `.html.gz`. Every
page is cut into blocks, and the blocks that stand in the gold text are found by aligning both.
Training a forest has two steps:

1. *linear*: weights for runs of characters and for class words (`dedup.grams`), by logistic
   regression; each page is then scored by weights that saw no page of its fold;
2. *forest*: boosted trees over the features, those scores among them.

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

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from dedup import grams
from dedup.decode import decode
from dedup.features import describe, own
from dedup.flat import segment_text
from dedup.forest import Forest, Model, probabilities, to_bytes
from dedup.gold import Score, align, evaluate, squashed
from dedup.html import heard, segment_html
from dedup.outlet import Trace, learn, recurrences, trace
from dedup.settings import OutletSettings
from dedup.title import likeness
from dedup.types import Document, Media, Page, Recurrence

_OUTLET = OutletSettings()
_FOLDS = 5
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
# Ridge of the linear models, and steps of L-BFGS: first guesses, not tuned.
_RIDGE = 3.0
_STEPS = 30
# What the blocks of a page weigh together.
_PAGE_WEIGHT = 50.0
# What dumps put before list items, by style, and the elements they put a blank line behind.
_BULLETS = ("", "", "• ", "- ")
_SPACED = frozenset({"p", "h1", "h2", "h3", "blockquote"})
# Longest line that may be a title, in characters, and how much like the title that the HTML names.
_TITLE = 300
_ALIKE = 0.6
# A second-level label before a country code belongs to the registry: `asahi.co.jp`.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """A page with its gold text.

    `labels` is 1.0 for the blocks that belong to it, `titles` for those that read like the title that
    the HTML names; both have the shape `(blocks,)`.
    """

    id: str
    folder: str
    outlet: str
    page: Page
    gold: str
    labels: Vector
    titles: Vector

    def kept(self, chances: Vector, threshold: float = 0.5) -> str:
        """The text of the blocks that are content with a chance of `threshold` or more."""
        pairs = zip(self.page.blocks, chances, strict=True)
        return "\n".join(block.text for block, chance in pairs if chance >= threshold)


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


class TrainingError(ValueError):
    """A folder that holds no pages with gold text."""


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

    `weights` are those of text and places, by the fold that they did not see; `all` saw every page.
    """

    rows: list[NDArray[np.float32]]
    names: tuple[str, ...]
    weights: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]]
    all: tuple[NDArray[np.float32], NDArray[np.float32]]


def _described(
    examples: Sequence[Example], known: Sequence[Sequence[Recurrence]], folds: Sequence[int]
) -> _Table:
    inside = _inside(folds)
    chars = [grams.characters([b.text for b in example.page.blocks]) for example in examples]
    text = _Linear([grams.text_buckets(c) for c in chars], examples, grams.TEXT_BUCKETS)
    place = _Linear([_place_pairs(example.page) for example in examples], examples, grams.PLACE_BUCKETS)
    weights = {fold: (text.weights(pages), place.weights(pages)) for fold, pages in inside.items()}
    rows: list[NDArray[np.float32]] = []
    names: tuple[str, ...] = ()
    for i, example in enumerate(examples):
        heard, placed = weights[folds[i]]
        scores = text.score(i, heard), place.score(i, placed)
        columns = own(example.page, chars[i], *scores)
        row, names = describe(example.page, columns, known[i] if known else ())
        rows.append(row)
    everything = range(len(examples))
    return _Table(rows, names, weights, (text.weights(everything), place.weights(everything)))


def _inside(folds: Sequence[int]) -> dict[int, list[int]]:
    """For each fold the pages that its forest sees: those of all others."""
    return {fold: [i for i, own in enumerate(folds) if own != fold] for fold in sorted(set(folds))}


def _grown(examples: Sequence[Example], table: _Table, folds: Sequence[int]) -> Trained:
    forests = {
        fold: _forest(_boost(examples, table.rows, pages), table.names, *table.weights[fold])
        for fold, pages in _inside(folds).items()
        if pages
    }
    held_out = tuple(
        probabilities(forests[fold], row) if fold in forests else np.zeros(len(row))
        for fold, row in zip(folds, table.rows, strict=True)
    )
    forest = _forest(_boost(examples, table.rows, range(len(examples))), table.names, *table.all)
    return Trained(forest, _record(examples, forest, held_out), forests, held_out)


def _titled(examples: Sequence[Example], table: _Table, folds: Sequence[int]) -> Trained:
    """As `_grown`, for the titles of the pages whose text has them.

    Their lines are as good with the weights of content as with weights of their own (right on .81 of the
    held-out pages), and are read once for both.
    """
    chosen = [i for i, example in enumerate(examples) if example.titles.any()]
    titled = [replace(examples[i], labels=examples[i].titles) for i in chosen]
    trained = _grown(titled, replace(table, rows=[table.rows[i] for i in chosen]), [folds[i] for i in chosen])
    right: dict[str, list[bool]] = {}
    for example, chances in zip(titled, trained.held_out, strict=True):
        right.setdefault(example.folder, []).append(bool(example.titles[np.argmax(chances)]))
    scores = {folder: {"right": round(float(np.mean(each)), 4)} for folder, each in right.items()}
    about = f"held_out: {_FOLDS}-fold cross-validation, all pages of an outlet in one fold; share of the"
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
        "about": f"held_out: {_FOLDS}-fold cross-validation, all pages of an outlet in one fold;"
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


# Reading ---------------------------------------------------------------------------------------


def read_examples(folder: Path, media: Media) -> Iterator[Example]:
    """The pages of a folder, segmented and labelled; pages without a block are left out.

    For flat text every page is flattened twice, as text browsers lay it out and as a plain dump of its
    blocks: a judge that saw one way only would take its blank lines and bullets for evidence.
    """
    for row in _gold(folder):
        raw = _html(folder, row["id"])
        text, encoding = decode(raw, html=True)
        document = Document(row["id"], row["id"], text, Media.HTML, encoding, url=row.get("url"))
        page = segment_html(document)
        # The forest is not asked for what only the data has.
        page = replace(page, blocks=tuple(block for block in page.blocks if not block.from_data))
        page = heard(page) if media is Media.HTML else page
        address = page.metadata.url or row.get("url") or ""
        outlet = registered_domain(urlsplit(address).hostname or row["outlet"])
        pages = {folder.name: page}
        if media is Media.TEXT:
            flat = {folder.name: _laid_out(text), f"{folder.name} dumped": _dumped(page)}
            pages = {n: segment_text(replace(document, text=t, media=media)) for n, t in flat.items()}
        for name, one in pages.items():
            if one.blocks:
                texts = [block.text for block in one.blocks]
                titles = _titles(texts, page.metadata.title or "")
                yield Example(row["id"], name, outlet, one, row["gold"], align(texts, row["gold"]), titles)


def _titles(texts: Sequence[str], title: str) -> Vector:
    return np.array([float(len(text) <= _TITLE and likeness(text, title) >= _ALIKE) for text in texts])


def _gold(folder: Path) -> list[dict[str, Any]]:
    try:
        lines = (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        for row in rows:
            row["id"], row["outlet"], row["gold"]
    except FileNotFoundError as error:
        raise TrainingError(f"{folder} has no gold.jsonl; it holds a row a page: id, outlet, gold") from error
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"a row of {folder / 'gold.jsonl'} has no id, outlet and gold ({error})"
        ) from error
    return rows


def _html(folder: Path, name: str) -> bytes:
    place = folder / "html" / f"{name}.html"
    packed = place.with_name(f"{name}.html.gz")
    try:
        return gzip.decompress(packed.read_bytes()) if packed.exists() else place.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise TrainingError(f"the page of the row {name!r} can't be read: {error}") from error


def _laid_out(html: str) -> str:
    from inscriptis import get_text  # noqa: PLC0415

    return str(get_text(html))


def _dumped(page: Page) -> str:
    """A line a block, in one of four styles by the page's id: blank lines and bullets differ."""
    style = zlib.crc32(page.document.key.encode()) % 4
    lines = []
    for block in page.blocks:
        if not block.hidden:
            bullet = _BULLETS[style] if block.tag == "li" else ""
            lines.append(bullet + block.text)
            if style == 1 or (style > 1 and block.tag in _SPACED):
                lines.append("")
    return "\n".join(lines)


def registered_domain(host: str) -> str:
    """The part of a host name that its owner registered, by rule of thumb.

    >>> registered_domain("www.asahi.co.jp"), registered_domain("edition.cnn.com")
    ('asahi.co.jp', 'cnn.com')
    """
    labels = host.lower().split(".")
    keep = 3 if len(labels) > 2 and labels[-2] in _REGISTRIES else 2
    return ".".join(labels[-keep:])


def fold_of(outlet: str) -> int:
    """The fold an outlet is held out in: the same in every run."""
    return int(hashlib.md5(outlet.encode(), usedforsecurity=False).hexdigest(), 16) % _FOLDS


# Weights ---------------------------------------------------------------------------------------


def _weights(example: Example) -> Vector:
    """Every page counts alike; within it a block counts by the root of its length."""
    root = np.sqrt([1 + len(squashed(block.text)) for block in example.page.blocks])
    return np.asarray(root / root.sum() * _PAGE_WEIGHT)


def _place_pairs(page: Page) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found = [sorted(grams.place_buckets(block)) for block in page.blocks]
    owners = np.repeat(np.arange(len(found)), [len(buckets) for buckets in found])
    return owners, np.array([b for buckets in found for b in buckets], np.int64)


class _Linear:
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
        self._labels = [example.labels for example in examples]
        self._weights = [_weights(example) for example in examples]
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

    def weights(self, pages: Sequence[int]) -> NDArray[np.float32]:
        """The weight of each bucket, fitted on some of the pages."""
        from scipy.optimize import minimize  # noqa: PLC0415
        from scipy.sparse import vstack  # noqa: PLC0415

        if not pages:
            return np.zeros(self._buckets, np.float32)
        matrix = vstack([self._pages[i] for i in pages]).tocsr()
        transposed = matrix.T.tocsr()
        labels = np.concatenate([self._labels[i] for i in pages])
        weights = np.concatenate([self._weights[i] for i in pages])

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


# Trees -----------------------------------------------------------------------------------------


def _boost(
    examples: Sequence[Example], rows: Sequence[NDArray[np.float32]], pages: Sequence[int]
) -> dict[str, Any]:
    """Trees boosted on some of the pages (`rows` holds the features of all), as LightGBM describes them."""
    import lightgbm  # noqa: PLC0415

    data = lightgbm.Dataset(
        np.concatenate([rows[i] for i in pages]),
        np.concatenate([examples[i].labels for i in pages]),
        weight=np.concatenate([_weights(examples[i]) for i in pages]),
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
