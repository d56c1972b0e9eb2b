"""Train the judge on pages with gold text, and say how well it does on outlets it has not seen.

A folder holds `gold.jsonl` (a row a page: `id`, `outlet`, `gold`) and `html/<id>.html.gz`. Every
page is cut into blocks, the blocks that stand in the gold text are found by aligning both, and a
boosted forest learns to tell them from the rest. The same pages, flattened to plain text, train
the forest for flat text. The extra `train` brings what only training needs.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from dedup.features import features
from dedup.flat import segment_text
from dedup.forest import Forest, probabilities
from dedup.html import segment_html
from dedup.types import Document, Encoding, Media, Page

_FOLDS = 5
# 60,000 to 250,000 blocks of 1,336 pages: small trees, few rounds; found by cross-validation.
_ROUNDS = 250
_PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 2,
    "max_bin": 63,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
_CJK = "\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
_TOKEN = re.compile(f"[{_CJK}]|[^\\W{_CJK}]+")
_NOISE = re.compile(r"[\W_]+")
# A second-level label before a country code belongs to the registry: `asahi.co.jp`.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})


@dataclass(frozen=True, slots=True)
class Example:
    """A page with its gold text. `labels` is 1.0 for the blocks that belong to it, shape `(blocks,)`."""

    id: str
    folder: str
    outlet: str
    page: Page
    gold: str
    labels: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """Mean precision and recall over pages, F1 of the two means, and the number of pages."""

    f1: float
    precision: float
    recall: float
    pages: int


@dataclass(frozen=True, slots=True)
class Trained:
    """A forest and what its training measured: scores by folder on outlets held out."""

    forest: Forest
    scores: dict[str, Score]
    record: dict[str, Any]


def train(folders: Sequence[Path], media: Media) -> Trained:
    """Train a forest for `media` on `folders`. The same pages give the same forest."""
    examples = [example for folder in folders for example in read_examples(folder, media)]
    rows = [features(example.page)[0] for example in examples]
    names = features(examples[0].page)[1]
    held_out = cross_validate(examples, rows)
    scores = {
        folder.name: evaluate(
            (example, chance)
            for example, chance in zip(examples, held_out, strict=True)
            if example.folder == folder.name
        )
        for folder in folders
    }
    forest = fit(examples, rows, names)
    record = {
        "media": str(media),
        "pages": len(examples),
        "blocks": sum(map(len, rows)),
        "outlets": len({example.outlet for example in examples}),
        "folders": {folder.name: sum(e.folder == folder.name for e in examples) for folder in folders},
        "trees": len(forest.roots),
        "parameters": _PARAMETERS,
        "held_out": {
            name: {"f1": round(s.f1, 4), "precision": round(s.precision, 4), "recall": round(s.recall, 4)}
            for name, s in scores.items()
        },
        "note": f"held_out: {_FOLDS}-fold cross-validation, an outlet's pages always in one fold",
    }
    return Trained(forest, scores, record)


def read_examples(folder: Path, media: Media) -> Iterator[Example]:
    """The pages of a folder, segmented and labelled; pages without a block are left out."""
    with (folder / "gold.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            raw = gzip.decompress((folder / "html" / f"{row['id']}.html.gz").read_bytes())
            document = Document(row["id"], row["id"], _decoded(raw), Media.HTML, Encoding("utf-8", "given"))
            page = segment_html(document, witness=media is Media.HTML)
            address = page.metadata.url or row.get("url") or ""
            outlet = registered_domain(urlsplit(address).hostname or row["outlet"])
            if media is Media.TEXT:
                flat = replace(document, text=_flattened(document.text), media=Media.TEXT)
                page = segment_text(flat)
            if page.blocks:
                texts = [block.text for block in page.blocks]
                yield Example(row["id"], folder.name, outlet, page, row["gold"], align(texts, row["gold"]))


def _decoded(raw: bytes) -> str:
    if b"\x1b$" in raw:
        return raw.decode("iso2022_jp", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes  # noqa: PLC0415

        best = from_bytes(raw).best()
        return str(best) if best else raw.decode("utf-8", "replace")


def _flattened(html: str) -> str:
    from inscriptis import get_text  # noqa: PLC0415

    return str(get_text(html))


def registered_domain(host: str) -> str:
    """The part of a host name that its owner registered, by rule of thumb.

    >>> registered_domain("www.asahi.co.jp"), registered_domain("edition.cnn.com")
    ('asahi.co.jp', 'cnn.com')
    """
    labels = host.lower().split(".")
    keep = 3 if len(labels) > 2 and labels[-2] in _REGISTRIES else 2
    return ".".join(labels[-keep:])


def fit(examples: Sequence[Example], rows: Sequence[NDArray[np.float32]], names: Sequence[str]) -> Forest:
    """A forest from labelled rows of features, one array a page."""
    import lightgbm  # noqa: PLC0415  the extra `train`

    data = lightgbm.Dataset(
        np.concatenate(rows),
        np.concatenate([example.labels for example in examples]),
        weight=np.concatenate([_weights(example) for example in examples]),
        free_raw_data=True,
    )
    return _forest(lightgbm.train(_PARAMETERS, data, _ROUNDS).dump_model(), tuple(names))


def _weights(example: Example) -> NDArray[np.float64]:
    """Every page counts alike; within it a block counts by the root of its length."""
    root = np.sqrt([1 + len(_squashed(block.text)) for block in example.page.blocks])
    return np.asarray(root / root.sum() * 50)


def _forest(model: dict[str, Any], names: tuple[str, ...]) -> Forest:
    feature: list[int] = []
    threshold: list[float] = []
    children: list[list[int]] = []
    value: list[float] = []
    depth = 0

    def add(node: dict[str, Any], level: int) -> int:
        nonlocal depth
        depth = max(depth, level)
        index = len(feature)
        leaf = "leaf_value" in node
        feature.append(0 if leaf else node["split_feature"])
        # Rows are float32: a threshold between two of them must not be rounded up to the upper one.
        threshold.append(0.0 if leaf else _float32_below(node["threshold"]))
        value.append(node["leaf_value"] if leaf else 0.0)
        children.append([index, index])
        if not leaf:
            children[index] = [add(node["left_child"], level + 1), add(node["right_child"], level + 1)]
        return index

    roots = [add(tree["tree_structure"], 0) for tree in model["tree_info"]]
    return Forest(
        columns=names,
        feature=np.array(feature, np.int32),
        threshold=np.array(threshold, np.float32),
        children=np.array(children, np.int32),
        value=np.array(value, np.float32),
        roots=np.array(roots, np.int32),
        depth=depth,
    )


def _float32_below(number: float) -> float:
    rounded = np.float32(number)
    return float(rounded if float(rounded) <= number else np.nextafter(rounded, np.float32(-np.inf)))


def fold_of(outlet: str) -> int:
    """The fold an outlet is held out in: the same in every run."""
    return int(hashlib.md5(outlet.encode(), usedforsecurity=False).hexdigest(), 16) % _FOLDS


def cross_validate(
    examples: Sequence[Example], rows: Sequence[NDArray[np.float32]]
) -> list[NDArray[np.float64]]:
    """P(content) of every page's blocks by a forest that saw no page of its outlet."""
    folds = [fold_of(example.outlet) for example in examples]
    held_out: list[NDArray[np.float64]] = [np.zeros(0)] * len(examples)
    for fold in sorted(set(folds)):
        inside = [i for i, f in enumerate(folds) if f != fold]
        if not inside:
            continue
        forest = fit([examples[i] for i in inside], [rows[i] for i in inside], ())
        for i, f in enumerate(folds):
            if f == fold:
                held_out[i] = probabilities(forest, rows[i])
    return held_out


def evaluate(pages: Iterable[tuple[Example, NDArray[np.float64]]], threshold: float = 0.5) -> Score:
    """Score pages judged block by block, as the article-extraction-benchmark does."""
    precision, recall, count = [], [], 0
    for example, chance in pages:
        kept = (block.text for block, p in zip(example.page.blocks, chance, strict=True) if p >= threshold)
        gold, found = token_shingles(example.gold), token_shingles("\n".join(kept))
        hit = (gold & found).total()
        count += 1
        if found:
            precision.append(hit / found.total())
        if gold:
            recall.append(hit / gold.total())
    p, r = fmean(precision or [0.0]), fmean(recall or [0.0])
    return Score(2 * p * r / (p + r) if p + r else 0.0, p, r, count)


def token_shingles(text: str, n: int = 4) -> Counter[tuple[str, ...]]:
    """Multiset of runs of `n` tokens; a token is a word, or one character of a CJK script."""
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())
    if not tokens:
        return Counter()
    return Counter(tuple(tokens[i : i + n]) for i in range(max(1, len(tokens) - n + 1)))


# Aligning -------------------------------------------------------------------------------------

# Places of one block in the gold text that are tried; a line repeated more often is furniture.
_PLACES = 6
# Share of its shingles a block must have in the gold text that is edited there.
_EDITED = 0.6
# Letters from which a block counts by standing in the gold text at all, in order or not.
_LONG = 40


def align(texts: Sequence[str], gold: str) -> NDArray[np.float64]:
    r"""1.0 for the texts that belong to the gold text, else 0.0.

    Texts that stand in it must do so in order (a teaser that repeats the headline does not count
    twice); the chain that covers most characters wins. Long ones count in any order, and so do
    those that most shingles of stand there.

    >>> align(["Menu", "Rain", "It rained. A lot.", "Rain"], "Rain\\nIt rained. A lot.").tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    whole = _squashed(gold)
    words = [_squashed(text) for text in texts]
    known = set(token_shingles(gold))
    shares = [0.0 if word in whole else _share(text, known) for word, text in zip(words, texts, strict=True)]
    labels = np.zeros(len(texts))
    labels[_chain(words, whole, shares)] = 1.0
    for i, word in enumerate(words):
        if shares[i] > _EDITED or (len(word) > _LONG and word in whole):
            labels[i] = 1.0
    return labels


def _squashed(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).lower())


def _share(text: str, known: set[tuple[str, ...]]) -> float:
    own = token_shingles(text)
    total = own.total()
    return sum(count for run, count in own.items() if run in known) / total if total >= 4 else 0.0


def _places(word: str, whole: str, share: float) -> list[tuple[int, int, float]]:
    """Where a word may stand in the whole: start, end and weight."""
    if not word:
        return []
    found: list[tuple[int, int, float]] = []
    start = whole.find(word)
    while start >= 0 and len(found) < _PLACES:
        found.append((start, start + len(word), float(len(word))))
        start = whole.find(word, start + 1)
    if not found and share > 0.5:
        for offset in (0, len(word) // 3, len(word) // 2):
            piece = word[offset : offset + 12]
            at = whole.find(piece) if len(piece) >= 8 else -1
            if at >= 0:
                return [(at, at + 1, len(word) * share)]
    return found


def _chain(words: Sequence[str], whole: str, shares: Sequence[float]) -> list[int]:
    """Indices of the words in the heaviest chain of places that goes forward in both texts."""
    steps: list[tuple[int, int]] = []  # word, step before
    ends, values, tops = [0], [0.0], [-1]  # a step for each end that no earlier end beats
    for i, word in enumerate(words):
        found: list[tuple[int, int, float]] = []
        for start, end, weight in _places(word, whole, shares[i]):
            at = bisect_right(ends, start) - 1
            found.append((end, values[at] + weight + 0.01, tops[at]))
        for end, value, before in found:
            at = bisect_right(ends, end)
            if values[at - 1] >= value:
                continue
            steps.append((i, before))
            last = at
            while last < len(ends) and values[last] <= value:
                last += 1
            first = at - 1 if ends[at - 1] == end else at
            ends[first:last], values[first:last], tops[first:last] = [end], [value], [len(steps) - 1]
    chosen = []
    top = tops[-1]
    while top >= 0:
        i, top = steps[top]
        chosen.append(i)
    return chosen


# Writing --------------------------------------------------------------------------------------


def record_text(trained: Trained) -> str:
    """The record of a training as JSON."""
    return json.dumps(trained.record, indent=2, ensure_ascii=False) + "\n"
