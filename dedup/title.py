"""The title of an article, where it stands in the visible text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import regex

from dedup.lexicon import fold
from dedup.roles import is_prose
from dedup.settings import JudgeSettings
from dedup.testimony import Witnessed, is_kept
from dedup.types import Evidence, Media, Page, Piece

_RUN = regex.compile(r"[a-z0-9'’]{2,}|[^\W_a-z0-9]+")


def title_of(
    page: Page, blocks: Sequence[Witnessed], titles: np.ndarray | Sequence[float], settings: JudgeSettings
) -> int | None:
    """Index of the block that is the article's title, if it stands in the visible text.

    `titles` says of each line of flat text how likely it is the title.
    """
    for i, b in enumerate(blocks):
        if b.block.tag == Piece.ENTRY_TITLE:
            return i
    if page.document.media is Media.HTML:
        return _headline(page, blocks, body_of(blocks, settings))
    if not len(titles):
        return None
    likeliest, body = int(np.argmax(titles)), body_of(blocks, settings)
    chance = float(titles[likeliest])
    if chance < (settings.title if body is None or likeliest < body else settings.title_below):
        return None
    blocks[likeliest].evidence.append(
        Evidence("title", f"{chance:.2f} likely, and no line likelier", round(chance, 4))
    )
    return likeliest


def likeness(one: str, other: str) -> float:
    """Jaccard similarity of what two texts are made of: words of alphabets, pairs of other characters.

    >>> likeness("Harbour opens again", "The harbour opens again")
    0.75
    """
    left, right = _grams(fold(one)), _grams(fold(other))
    return len(left & right) / max(len(left | right), 1)


def body_of(blocks: Sequence[Witnessed], settings: JudgeSettings) -> int | None:
    """Index of the first kept paragraph that is longer than a title that reads like a sentence."""
    prose = [i for i, b in enumerate(blocks) if is_prose(b.block) and is_kept(b, settings)]
    long = (i for i in prose if len(blocks[i].folded.encode("utf-8", "replace")) >= settings.lead_bytes)
    return next(long, prose[0] if prose else None)


def _headline(page: Page, blocks: Sequence[Witnessed], first_kept: int | None) -> int | None:
    wanted = _grams(fold(page.metadata.title or ""))
    limit = len(blocks) if first_kept is None else first_kept + 1
    best, best_score = None, 0.5
    for i, b in enumerate(blocks[: limit + 3]):
        if b.block.hidden or len(b.folded) > 300 or not (own := _grams(b.folded)):
            continue
        score = len(own & wanted) / len(own | wanted) if wanted else 0.0
        score += 0.3 * (b.block.tag == "h1") + 0.1 * (b.block.tag == "h2") - 0.3 * (b.block.link_share > 0.5)
        if score > best_score:
            best, best_score = i, score
    return best


# The lines above the article come back on every page of an outlet.
@lru_cache(maxsize=2048)
def _grams(text: str) -> frozenset[str]:
    """What two texts may have in common: words of alphabets, pairs of other characters."""
    found = set[str]()
    for run in _RUN.findall(text):
        found |= {run} if run.isascii() else {run[i : i + 2] for i in range(max(1, len(run) - 1))}
    return frozenset(found)
