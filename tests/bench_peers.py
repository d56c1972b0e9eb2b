#!/usr/bin/env python3
"""What dedup and trafilatura keep of the sample pages, as a table for the README.

    python tests/bench_peers.py

Of every block that samples/expected names, it is looked for whether its words stand in what came out.
`kept` is the share of the body's characters that do, `chrome` that of the characters around the body
(a word of it that the body has too counts).
trafilatura gets the pages decoded, and flat text with each line as a paragraph; both of its modes are
shown. The samples are our own writing and were in view while the rules were made: for pages that were
not, see evaluate_clean.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from evaluate_clean import baseline

import dedup
from dedup.decode import decode
from dedup.pipeline import clean_many, learn
from dedup.read import read
from dedup.types import Media, Source

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
Extractor = Callable[[Source], str]


def expected(source: Source) -> tuple[list[str], list[str]]:
    """The texts of the body and those around it."""
    row = json.loads((SAMPLES / "expected" / f"{source.key}.json").read_text("utf-8"))
    body = [block["text"] for article in row["articles"] for block in article["paragraphs"]]
    return body, [block["text"] for block in row["stripped"]]


def ours(sources: list[Source]) -> Extractor:
    found = clean_many(sources, profiles=learn(sources))
    texts = {one.source: "\n".join(article.text for article in one.articles) for one in found}
    return lambda source: texts[source.name]


def trafilatura(*, precise: bool) -> Extractor:
    def extract(source: Source) -> str:
        text = source.content
        if isinstance(text, bytes):
            text, _ = decode(text, html=source.media is Media.HTML)
        return baseline(text, text=source.media is Media.TEXT, precise=precise)

    return extract


def shares(sources: list[Source], extract: Extractor) -> Iterator[float]:
    """The shares of the body and of the chrome that are kept."""
    kept = [0, 0]
    total = [0, 0]
    for source in sources:
        out = folded(extract(source))
        for kind, blocks in enumerate(expected(source)):
            for block in map(folded, blocks):
                total[kind] += len(block)
                kept[kind] += len(block) * (block in out)
    yield from (part / whole for part, whole in zip(kept, total, strict=True))


def folded(text: str) -> str:
    return "".join(text.split())


def main() -> None:
    found = [one for one in read([SAMPLES / "raw"]) if isinstance(one, dedup.Source)]
    systems = {
        "dedup": ours(found),
        "trafilatura": trafilatura(precise=False),
        "trafilatura, favor_precision": trafilatura(precise=True),
    }
    print("| | HTML: kept | chrome | flat text: kept | chrome |\n|---|---|---|---|---|")
    for name, extract in systems.items():
        row = [
            f"{share:.1%}"
            for media in (Media.HTML, Media.TEXT)
            for share in shares([one for one in found if one.media is media], extract)
        ]
        print(f"| {name} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
