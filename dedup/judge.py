"""The judge: every block of a page gets a verdict, from the probability the forest gives it and from rules.

The order of things:

1. *testimony* of each block alone: what forest, trafilatura, lexicon, markup and outlet call it;
2. *strip*: what is chrome for certain: pieces cut off a line and lines the lexicon is certain of, sentences
   that ask for consent, what recurs on the outlet, cards that quote another site's article; then in flat
   text the region under a header that stands alone (`関連記事`), in which teasers in full prose look exactly
   like body, and comments that are signed; in HTML the comments and a second article;
3. *title*, and with it known the repeats within the document;
4. *verdict*: what was stripped stays so; the lexicon decides against a forest that is not sure; else the
   forest decides, with a lower bar on a page that lets expect little; the title is kept in any case;
5. *context*: in flat text a short line above the body goes, and the posts of a thread stay; bullets between
   title and body sum the article up, a name under the title is its author's, tables and lists are kept
   whole, a short line between two kept paragraphs is a sub-heading;
6. *roles*: the kind of what is kept, the reason of what is stripped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from dedup.context import above_body, bridges, posts, summary, tables_and_lists
from dedup.expected import bar
from dedup.roles import is_bullet, is_prose, kind_of, reason_of
from dedup.settings import JudgeSettings
from dedup.strip import (
    cards,
    comments,
    consent,
    other_articles,
    outlet_chrome,
    pieces,
    regions,
    repeats,
    signed_comments,
)
from dedup.testimony import Witnessed, heads_article, is_kept, witnessed
from dedup.title import title_of
from dedup.types import Evidence, JudgedBlock, Kind, Media, Page, Reason, Recurrence, Verdict


def judge(
    page: Page,
    probabilities: np.ndarray,
    recurrences: Sequence[Recurrence],
    settings: JudgeSettings,
    source: str = "forest",
    titles: np.ndarray | Sequence[float] = (),
) -> tuple[JudgedBlock, ...]:
    """A verdict for every block of a page, in order.

    `probabilities` has shape `(len(page.blocks),)`: how likely each block is content, by the forest or, where
    `source` says `place`, by the places its outlet is known for.
    `recurrences` says of each block who else carries it; it is empty where that is not known. `titles` says
    of each line of flat text how likely it is the title; HTML names its own.
    """
    usual = settings.keep
    probabilities = np.where([block.from_data for block in page.blocks], settings.data, probabilities)
    if source == "forest":
        settings = replace(settings, keep=bar(page, probabilities, settings))
    known = recurrences or (Recurrence(),) * len(page.blocks)
    blocks = [
        witnessed(b, float(p), r, source) for b, p, r in zip(page.blocks, probabilities, known, strict=True)
    ]
    pieces(blocks)
    consent(blocks, settings)
    outlet_chrome(page, blocks, settings)
    cards(blocks, settings)
    if page.document.media is Media.TEXT:
        signed_comments(blocks, settings)
        regions(blocks, settings)
    else:
        comments(blocks, settings)
        other_articles(blocks, settings)
    title = title_of(page, blocks, titles, settings)
    repeats(blocks, title, settings)
    kept = [is_kept(b, settings) for b in blocks]
    for b in (b for b, keeps in zip(blocks, kept, strict=True) if keeps and b.probability < usual):
        b.evidence.append(Evidence("page", f"little else is likely: {settings.keep:.2f} is enough here", 0.5))
    if title is not None:
        kept[title] = True
    if page.document.media is Media.TEXT:
        above_body(blocks, kept, title, settings)
        posts(blocks, kept, settings)
    summary(blocks, kept, title)
    tables_and_lists(blocks, kept, title, settings)
    bridges(blocks, kept, settings)
    return tuple(_judged(page, blocks, kept, title))


def _judged(
    page: Page, blocks: Sequence[Witnessed], kept: Sequence[bool], title: int | None
) -> Iterator[JudgedBlock]:
    last = max((i for i, keeps in enumerate(kept) if keeps), default=len(blocks))
    region: Reason | None = None
    above, paragraphs = True, 0
    for i, b in enumerate(blocks):
        if kept[i]:
            region = None
            kind = Kind.PARAGRAPH if b.post else kind_of(b.block, page.document.media, paragraphs)
            kind = Kind.TITLE if i == title else kind
            verdict = Verdict(kind, None, tuple(b.evidence))
            if i != title:
                above = False
                paragraphs += is_prose(b.block) and not is_bullet(b.block)
        else:
            if i > last and heads_article(b.block):
                region = Reason.OTHER_ARTICLE
            region = b.header or region
            verdict = Verdict(None, _reason(b, region, above=above), tuple(b.evidence))
        yield JudgedBlock(b.block, verdict)


def _reason(b: Witnessed, region: Reason | None, *, above: bool) -> Reason:
    # What recurs, and would be stripped all the same, has a name that says more.
    nameable = b.decided is Reason.REPEATED_ON_OUTLET and 0 < b.probability < 0.5
    if b.decided and not nameable:
        return b.decided
    named = reason_of(b.block, b.line, b.header, region, above=above)
    return b.decided or named if named is Reason.BOILERPLATE else named
