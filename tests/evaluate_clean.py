#!/usr/bin/env python3
"""Measure `dedup.clean` on outlets it has not seen, beside trafilatura on the same pages.

    python tests/evaluate_clean.py train --models DIR [SET ...]
        trains the forests of each fold (a forest never sees the outlets of its own fold) and
        writes them to DIR with the records; takes minutes
    python tests/evaluate_clean.py score --models DIR [--text] [--alone] [SET ...]
        cleans every page with the forest of its fold and prints a row a set: F1, precision,
        recall and pages below .8 of F1, for dedup and for trafilatura (the better of its default
        and its precision mode); `--text` flattens the pages first, and tells how many of the
        titles that the HTML names and the text has were found; `--alone` forgets the other pages
        of the outlet; `--worst N` lists the worst pages
    python tests/evaluate_clean.py transfer [--text] [SET ...]
        trains on all sets but one and prints how the forest, alone, does on that one, for each:
        what to expect of pages that were gathered and labelled by others; takes half an hour
    python tests/evaluate_clean.py ship --models DIR
        copies the forests trained on all pages, and their records, into the package

Pages and gold texts are those of `../shared/eval` (or `--from ROOT`: folders with gold.jsonl and
html/), the measure is that of its evaluate.py. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import trafilatura

import dedup
from dedup import pipeline
from dedup.decode import decode
from dedup.examples import fold_of, read_examples
from dedup.forest import Forest, Model, from_bytes, to_bytes
from dedup.gold import Score, evaluate
from dedup.settings import JudgeSettings
from dedup.title import likeness
from dedup.train import train_all, train_folders, write_models
from dedup.types import Article, Media, Source

ROOT = Path(__file__).resolve().parents[2] / "shared" / "eval"
# A title is right if it shares most words with the line that has it: marks before it are taken off.
ALIKE = 0.8
SETS = ("aed", "fundus", "wcxb_article", "daniel", "l3s", "cwced", "ja", "ja_web")


def write_folds(root: Path, sets: Sequence[str], models: Path) -> None:
    trained = train_folders([root / one for one in sets])
    write_models(trained, models)
    for name, one in trained.items():
        for fold, forest in one.forests.items():
            (models / f"{name}-{fold}.npz").write_bytes(to_bytes(forest))
        print(name, json.dumps(one.record["held_out"], indent=2))
    examples = [example for one in sets for example in read_examples(root / one, Media.HTML)]
    outlets = {example.id: example.outlet for example in examples}
    (models / "outlets.json").write_text(json.dumps(outlets), encoding="utf-8")


def transfer(root: Path, sets: Sequence[str], *, text: bool) -> None:
    media = Media.TEXT if text else Media.HTML
    examples = [example for one in sets for example in read_examples(root / one, media)]
    # As plain dumps too, for flat text: a set and its dumps are held out together.
    folds = [sets.index(example.folder.split()[0]) for example in examples]
    for name, one in train_all(examples, folds).items():
        print(name, json.dumps(one.record["held_out"], indent=2))


def ship(models: Path) -> None:
    package = Path(dedup.__file__).parent / "model"
    for name in Model:
        for suffix in ("npz", "json"):
            (package / f"{name}.{suffix}").write_bytes((models / f"{name}.{suffix}").read_bytes())


def pages(folder: Path, *, text: bool) -> Iterator[tuple[dict[str, str], str]]:
    """The rows of gold.jsonl with the decoded, perhaps flattened, page."""
    from inscriptis import get_text  # noqa: PLC0415

    for line in (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        page, _ = decode(gzip.decompress((folder / "html" / f"{row['id']}.html.gz").read_bytes()), html=True)
        yield row, get_text(page) if text else page


@contextmanager
def unseen(models: Path, fold: int) -> Iterator[None]:
    """The package's forests give way to those that saw no outlet of this fold."""

    def held_out(name: Model, settings: JudgeSettings) -> Forest:
        return from_bytes((models / f"{name}-{fold}.npz").read_bytes())

    with mock.patch.object(pipeline, "load", cache(held_out)):
        yield


def cleaned(sources: Sequence[Source], models: Path, *, alone: bool) -> list[tuple[Article, ...]]:
    """The articles of each source, by forests that have not seen its outlet."""
    folds = [fold_of(source.outlet or source.name) for source in sources]
    articles: list[tuple[Article, ...]] = [()] * len(sources)
    for fold in sorted(set(folds)):
        chosen = [i for i, own in enumerate(folds) if own == fold]
        with unseen(models, fold):
            pages = [sources[i] for i in chosen]
            profiles = pipeline.Profiles({}, {}) if alone else pipeline.learn(pages)
            for i, found in zip(chosen, pipeline.clean_many(pages, profiles=profiles), strict=True):
                if found.failure:
                    print(f"  {found.source}: {found.failure.message}", file=sys.stderr)
                articles[i] = found.articles
    return articles


def titled(root: Path, articles: Mapping[str, tuple[Article, ...]]) -> str:
    """The share of right titles, of the flat pages of a folder whose text has the title of the HTML."""
    right = []
    for example in read_examples(root, Media.TEXT):
        if example.folder == root.name and example.titles.any():
            lines = np.flatnonzero(example.titles)
            texts = [example.page.blocks[i].text for i in lines]
            found = [article.title for article in articles[example.id] if article.title]
            right.append(any(likeness(title, text) > ALIKE for title in found for text in texts))
    return f"  {np.mean(right):6.3f} of {len(right)}"


def baseline(page: str, *, text: bool, precise: bool) -> str:
    if text:
        lines = (f"<p>{html.escape(line)}</p>" for line in page.splitlines() if line.strip())
        page = f"<html><body>{''.join(lines)}</body></html>"
    try:
        return trafilatura.extract(page, include_comments=False, favor_precision=precise) or ""
    except Exception:
        return ""


def score_sets(root: Path, sets: Sequence[str], models: Path, *, text: bool, alone: bool, worst: int) -> None:
    outlets = json.loads((models / "outlets.json").read_text(encoding="utf-8"))
    media = Media.TEXT if text else Media.HTML
    print(
        f"{'set':14} {'pages':>5}  {'dedup F1':>8}  {'P':>5}  {'R':>5}  {'<.8':>4}  {'trafilatura F1':>14}"
        + "  titles" * text
    )
    failing: list[tuple[float, str, str]] = []
    for one in sets:
        rows = list(pages(root / one, text=text))
        sources = [
            Source(
                row["id"],
                row["id"],
                page,
                media,
                url=row.get("url"),
                outlet=outlets.get(row["id"], row["outlet"]),
            )
            for row, page in rows
        ]
        articles = cleaned(sources, models, alone=alone)
        texts = ["\n".join(article.text for article in found) for found in articles]
        found = [(row["gold"], text) for (row, _), text in zip(rows, texts, strict=True)]
        ours = evaluate(found)
        each = [evaluate([pair]).f1 for pair in found]
        theirs = max(
            evaluate((row["gold"], baseline(page, text=text, precise=precise)) for row, page in rows).f1
            for precise in (False, True)
        )
        low = sum(f1 < 0.8 for f1 in each)
        by_id = {row["id"]: found for (row, _), found in zip(rows, articles, strict=True)}
        named = titled(root / one, by_id) if text else ""
        print(row_of(one, ours, low, theirs) + named, flush=True)
        failing += [(f1, one, row["id"]) for f1, (row, _) in zip(each, rows, strict=True)]
    for f1, one, page_id in sorted(failing)[:worst]:
        print(f"  {f1:.2f}  {one:14} {page_id}")


def row_of(name: str, ours: Score, low: int, theirs: float) -> str:
    counts = f"{ours.precision:5.3f}  {ours.recall:5.3f}  {low:4}"
    return f"{name:14} {ours.pages:5}  {ours.f1:8.4f}  {counts}  {theirs:14.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", choices=["train", "score", "transfer", "ship"])
    parser.add_argument("sets", nargs="*", metavar="SET")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--from", dest="root", type=Path, default=ROOT)
    parser.add_argument("--text", action="store_true")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--worst", type=int, default=0)
    args = parser.parse_intermixed_args()
    sets = args.sets or [name for name in SETS if (args.root / name).is_dir()]
    if args.verb == "transfer":
        transfer(args.root, sets, text=args.text)
    elif args.models is None:
        parser.error(f"{args.verb} needs --models DIR")
    elif args.verb == "train":
        write_folds(args.root, sets, args.models)
    elif args.verb == "ship":
        ship(args.models)
    else:
        score_sets(args.root, sets, args.models, text=args.text, alone=args.alone, worst=args.worst)


if __name__ == "__main__":
    main()
