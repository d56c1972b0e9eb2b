"""What is known of a block before it is judged: what forest, lexicon, markup and outlet say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dedup.lexicon import Lexicon, fold, lexicon_for
from dedup.roles import named_by_markup
from dedup.settings import JudgeSettings
from dedup.types import Block, Evidence, Media, Page, Reason, Recurrence

# What stands around the sentences of an article, in words that few sentences have. In HTML the words
# of other chrome ("newsletter", "cookies", "shop") are left to the forest: articles are about them too.
_FURNITURE = frozenset(
    {
        Reason.AGENCY,
        Reason.BYLINE,
        Reason.CAPTION,
        Reason.COPYRIGHT,
        Reason.DATELINE,
        Reason.RELATED,
        Reason.SHARE,
        Reason.SOURCE_LINE,
    }
)
# Boxes of chrome that hold whole sentences.
_BOXES = frozenset(
    {
        Reason.ADVERTISEMENT,
        Reason.CAPTION,
        Reason.COMMENTS,
        Reason.COOKIE_NOTICE,
        Reason.RANKING,
        Reason.RELATED,
        Reason.SUBSCRIPTION,
    }
)


# Characters of the shortest article that a page may clearly hold: one that seems empty is not clear.
_LEAST = 200.0


@dataclass(slots=True)
class Witnessed:
    """A block under judgement: what is known of it so far."""

    block: Block
    folded: str
    lexicon: Lexicon
    header: Reason | None
    line: Reason | None
    probability: float
    recurrence: Recurrence
    evidence: list[Evidence]
    decided: Reason | None = None
    # Whether it stands in a post of a thread, where no line is a heading for being short.
    post: bool = False

    def decide(self, reason: Reason, witness: str, says: str) -> None:
        """Strip the block for `reason`, if nothing did before, and note what `witness` says against it."""
        if self.decided is None:
            self.decided = reason
        self.evidence.append(Evidence(witness, says, -1.0))


def witnessed(block: Block, probability: float, recurrence: Recurrence, source: str) -> Witnessed:
    """Hear all witnesses of a block; `probability` (0 to 1) is what `source` says, `forest` or `place`.

    A probability of 0 says that the block recurs on its outlet; there the word lists, which are most of
    the cost, would only tell what to call it.
    """
    folded = fold(block.text)
    lexicon = lexicon_for(folded)
    header = line = None
    if probability > 0:
        header, line = lexicon.header(folded), lexicon.line(folded)
    if line is None and (block.tag == "figcaption" or "figcaption" in block.path.split("/")):
        line = Reason.CAPTION
    evidence = [_FROM_DATA if block.from_data else _likely(source, probability)]
    if block.extracted is not None:
        evidence.append(
            Evidence("trafilatura", f"kept {block.extracted:.0%} of it", round(2 * block.extracted - 1, 4))
        )
    if line is not None:
        evidence.append(Evidence("lexicon", f"reads like {line}", -0.5))
    if header is not None:
        evidence.append(Evidence("lexicon", f"reads like the header of {header}", -0.5))
    if block.hidden:
        evidence.append(Evidence("markup", "hidden from readers", -0.5))
    if recurrence.pages:
        evidence.append(_recurs(recurrence.pages))
    if recurrence.outlets:
        evidence.append(Evidence("outlets", f"stands in {recurrence.outlets} more outlets", 0.5))
    return Witnessed(block, folded, lexicon, header, line, probability, recurrence, evidence)


_FROM_DATA = Evidence("data", "stands beside the title in the data that the page is made from", 1.0)


# Most blocks of an outlet that is known recur on as many pages, at places of the same few chances.
@lru_cache(maxsize=1024)
def _likely(source: str, probability: float) -> Evidence:
    return Evidence(source, f"{probability:.2f} likely content", round(2 * probability - 1, 4))


@lru_cache(maxsize=1024)
def _recurs(pages: int) -> Evidence:
    return Evidence("outlet", f"stands on {pages} more pages of this outlet", -0.5)


def recurs(recurrence: Recurrence, probability: float, media: Media, settings: JudgeSettings) -> bool:
    """Whether a block recurs within its outlet as chrome does: widely if it reads like content for certain.

    News that goes on repeats a paragraph of background in the next article.
    """
    # Markup tells the place: the lead of an article that returns as a teaser stands elsewhere.
    enough = settings.recurs if media is Media.HTML else settings.recurs_flat
    widely = max(settings.recurs_sure, settings.recurs_share * recurrence.of)
    return recurrence.pages >= (widely if probability >= settings.sure else enough)


def is_clear(
    page: Page, chances: NDArray[np.float64], known: Sequence[Recurrence], settings: JudgeSettings
) -> bool:
    """Whether an HTML page can be judged without trafilatura; `chances` is P(content) of each block.

    It can if the characters that are expected to be misjudged are few beside those expected to be
    content, and no block waits for its word (see `JudgeSettings.doubt` and `boxed`). About what recurs
    within the outlet (`known`, empty where that is not known) there is no doubt.
    """
    if known:
        sure = [recurs(one, p, Media.HTML, settings) for one, p in zip(known, chances.tolist(), strict=True)]
        chances = np.where(sure, 0.0, chances)
    size = np.array([len(block.text) for block in page.blocks], np.float64)
    wrong, content = (size * np.minimum(chances, 1 - chances)).sum(), (size * chances).sum()
    if wrong >= settings.doubt * max(float(content), _LEAST):
        return False
    open_to = np.flatnonzero((chances >= settings.keep) & (chances < settings.boxed))
    return all(named_by_markup(page.blocks[i]) not in _BOXES for i in open_to)


def is_kept(b: Witnessed, settings: JudgeSettings) -> bool:
    """Whether the block is content by all that is known so far."""
    if b.decided:
        return False
    named = b.line or b.header
    if named is None:
        return b.probability >= (settings.boxed if _is_boxed(b) else settings.keep)
    if b.block.path and named_by_markup(b.block) is named:
        return b.probability >= settings.agreed
    if b.block.path and named not in _FURNITURE:
        return b.probability >= settings.keep
    return b.probability >= settings.sure


def _is_boxed(b: Witnessed) -> bool:
    """Whether it stands in a box whose class words name chrome, and trafilatura did not keep it."""
    return b.block.extracted is not None and b.block.extracted < 0.5 and named_by_markup(b.block) in _BOXES


def heads_article(block: Block) -> bool:
    """Whether the block is the title of an article of its own, further down the page."""
    own = block.tag == "h2" and "article" in block.path.split("/")
    return (block.tag == "h1" or own) and block.link_share < 0.5
