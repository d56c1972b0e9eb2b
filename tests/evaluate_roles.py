#!/usr/bin/env python3
"""Confusion table of the kinds and reasons that `dedup.clean` gives, against roles given by hand.

python tests/evaluate_roles.py
    on the samples: a row for each kind or reason of samples/expected, then what it was called
python tests/evaluate_roles.py ../shared/eval/ja_roles
    on files of lines with their role (line_no, role, text), taken as flat text: a row a role
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

import dedup
from dedup.pipeline import clean_many, learn
from dedup.read import read
from dedup.types import Article, JudgedBlock

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
Table = dict[str, Counter[str]]


def name_of(judged: JudgedBlock) -> str:
    return str(judged.verdict.kind or judged.verdict.reason)


def samples() -> Table:
    table: Table = defaultdict(Counter)
    root = SAMPLES / "raw"
    sources = list(read([str(root)]))
    for cleaned in clean_many(sources, profiles=learn(sources)):
        name = cleaned.source.removeprefix(f"{root}/")
        truth = json.loads((SAMPLES / "expected" / f"{name}.json").read_text("utf-8"))
        got: dict[str, list[str]] = defaultdict(list)
        for article in cleaned.articles:
            for judged in (*article.paragraphs, *article.stripped):
                got[judged.block.text].append(name_of(judged))
        kept = [(p["text"], p["kind"]) for a in truth["articles"] for p in a["paragraphs"]]
        for text, want in [*kept, *((s["text"], s["reason"]) for s in truth["stripped"])]:
            called = got[text]
            table[want][called.pop(called.index(want) if want in called else 0) if called else "-"] += 1
    return table


def lines(folder: Path) -> Table:
    table: Table = defaultdict(Counter)
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        called = by_line(dedup.clean("\n".join(row["text"] for row in rows)))
        for number, row in enumerate(rows, 1):
            table[row["role"]][called.get(number, "-")] += 1
    return table


def by_line(articles: list[Article]) -> dict[int, str]:
    """What each line is called: by the last of its pieces."""
    blocks = [
        judged
        for article in articles
        for judged in (*article.paragraphs, *article.stripped, *filter(None, [article.headline]))
    ]
    return {judged.block.line: name_of(judged) for judged in sorted(blocks, key=lambda j: j.block.start)}


def main() -> None:
    table = lines(Path(sys.argv[1])) if len(sys.argv) > 1 else samples()
    right = sum(row[name] for name, row in table.items())
    for name, row in sorted(table.items(), key=lambda item: -item[1].total()):
        told = ", ".join(f"{called} {count}" for called, count in row.most_common())
        print(f"{name:20} {row.total():5}  {told}")
    print(f"{'all':20} {sum(row.total() for row in table.values()):5}  same name: {right}")


if __name__ == "__main__":
    main()
