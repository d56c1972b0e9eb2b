"""Pages with gold text, read from folders and labelled: what the judge is trained on, and measured on.

A folder holds `gold.jsonl` (a row a page: `id`, `outlet`, `gold`) and `html/<id>.html` or `.html.gz`. Every
page is cut into blocks, and the blocks that stand in the gold text are found by aligning both.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from dedup.decode import decode
from dedup.flat import segment_text
from dedup.gold import align
from dedup.html import heard, segment_html
from dedup.title import likeness
from dedup.types import Document, Media, Page

FOLDS = 5
# Blocks of a run that is cut out of a thinned page or stays, the chances that chrome is and that content is,
# and the most blocks of such content.
_RUNS = (1, 2, 3, 5, 8, 12)
_LESS_CHROME, _LESS_CONTENT = 0.4, 0.15
_FEW = 3
# What dumps put before list items, by style, and the elements they put a blank line behind.
_BULLETS = ("", "", "• ", "- ")
_SPACED = frozenset({"p", "h1", "h2", "h3", "blockquote"})
# Longest line that may be a title, in characters, and how much like the title that the HTML names.
_TITLE = 300
_ALIKE = 0.6
# A second-level label before a country code belongs to the registry: `asahi.co.jp`.
_REGISTRIES = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})


Vector = NDArray[np.float64]


class TrainingError(ValueError):
    """A folder that holds no pages with gold text."""


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

    def only(self, chosen: NDArray[np.int64]) -> Example:
        """The page as if it had these blocks alone."""
        page = replace(self.page, blocks=tuple(self.page.blocks[i] for i in chosen.tolist()))
        return replace(self, page=page, labels=self.labels[chosen], titles=self.titles[chosen])

    def kept(self, chances: Vector, threshold: float = 0.5) -> str:
        """The text of the blocks that are content with a chance of `threshold` or more."""
        pairs = zip(self.page.blocks, chances, strict=True)
        return "\n".join(block.text for block, chance in pairs if chance >= threshold)


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
    return int(hashlib.md5(outlet.encode(), usedforsecurity=False).hexdigest(), 16) % FOLDS


def thinned(example: Example) -> NDArray[np.int64]:
    """The blocks of a page that has less chrome, and some less of its article.

    Which chrome stands beside which is an outlet's own; without two fifths of it, cut out in runs, the pages
    of an outlet look like those of several. Held out, the log loss of flat text is .1355 with thinned pages
    beside the others, .1370 without; that of HTML is .0953 either way.
    """
    chance = random.Random(example.id)  # noqa: S311
    kept = np.ones(len(example.labels), bool)
    first = 0
    while first < len(kept):
        run = slice(first, first + chance.choice(_RUNS))
        first = run.stop
        content = example.labels[run].mean()
        least = 1 - (_LESS_CHROME if content == 0 else _LESS_CONTENT if content == 1 else 0)
        kept[run] = (content == 1 and run.stop - run.start > _FEW) or chance.random() < least
    kept |= not (kept & (example.labels > 0)).any()
    return np.flatnonzero(kept)
