"""The judge: every block of a page gets a verdict, from the probability the forest gives it and from rules.

The order of things:

1. *testimony* of each block alone: what forest, trafilatura and lexicon call it;
2. *cards*: lines that quote another site's article, found backwards from their source line;
3. *regions*: in flat text a header that stands alone (`関連記事`) after the body has begun opens a region,
   in which teasers in full prose look exactly like body;
4. *verdict*: cards, regions and repeats decide; the lexicon decides against a forest that is not sure;
   else the forest decides;
5. *context*: a short line between two kept paragraphs is a sub-heading, bullets between title and body sum
   the article up, a name under the title is its author's;
6. *roles*: the kind of what is kept, the reason of what is stripped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import regex

from dedup.lexicon import Lexicon, fold, lexicon_for
from dedup.roles import TABLE_TAGS, is_bullet, is_prose, kind_of, reason_of
from dedup.settings import JudgeSettings
from dedup.types import Block, Evidence, JudgedBlock, Kind, Media, Page, Piece, Reason, Recurrence, Verdict

# The number of an item on a line of its own.
_RANK = regex.compile(r"[\W_]*\d+[\W_]*(?:位)?$")
_RUN = regex.compile(r"[a-z0-9'’]{2,}|[^\W_a-z0-9]+")
# What stands between the title and the first paragraph.
_ABOVE_BODY = frozenset({Reason.BYLINE, Reason.DATELINE, Reason.AGENCY, Reason.CAPTION, Reason.SHARE})
# What a line says of itself that holds inside a region of another reason too.
_OUTSPOKEN = frozenset(
    {
        Reason.ADVERTISEMENT,
        Reason.COMMENTS,
        Reason.COOKIE_NOTICE,
        Reason.COPYRIGHT,
        Reason.NAVIGATION,
        Reason.PAYWALL,
        Reason.SHARE,
        Reason.SUBSCRIPTION,
    }
)
_REGION_REASONS = frozenset({Reason.RELATED, Reason.RANKING, Reason.COMMENTS, Reason.SUBSCRIPTION})


@dataclass(slots=True)
class _Witnessed:
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

    def decide(self, reason: Reason, witness: str, says: str) -> None:
        if self.decided is None:
            self.decided = reason
        self.evidence.append(Evidence(witness, says, -1.0))


def judge(
    page: Page,
    probabilities: np.ndarray,
    recurrences: Sequence[Recurrence],
    settings: JudgeSettings,
) -> tuple[JudgedBlock, ...]:
    """A verdict for every block of a page, in order.

    `probabilities` has shape `(len(page.blocks),)`: how likely each block is content, by the forest.
    `recurrences` says of each block who else carries it; it is empty where that is not known.
    """
    known = recurrences or (Recurrence(),) * len(page.blocks)
    blocks = [_witnessed(b, float(p), r) for b, p, r in zip(page.blocks, probabilities, known, strict=True)]
    _pieces(blocks)
    _outlet(page, blocks, settings)
    _cards(blocks, settings)
    if page.document.media is Media.TEXT:
        _regions(blocks, settings)
    else:
        _other_articles(blocks, settings)
    title = _title(page, blocks, settings)
    _repeats(blocks, title, settings)
    kept = [_is_kept(b, settings) for b in blocks]
    if title is not None:
        kept[title] = True
    if page.document.media is Media.TEXT:
        _above_body(blocks, kept, title, settings)
    _summary(blocks, kept, title)
    _tables(blocks, kept)
    _bridges(blocks, kept, settings)
    return tuple(_judged(page, blocks, kept, title))


def _judged(
    page: Page, blocks: Sequence[_Witnessed], kept: Sequence[bool], title: int | None
) -> Iterator[JudgedBlock]:
    last = max((i for i, keeps in enumerate(kept) if keeps), default=len(blocks))
    region: Reason | None = None
    before: list[Block] = []
    for i, b in enumerate(blocks):
        if kept[i]:
            region = None
            kind = Kind.TITLE if i == title else kind_of(b.block, page.document.media, before)
            verdict = Verdict(kind, None, tuple(b.evidence))
            if i != title:
                before.append(b.block)
        else:
            if i > last and _heads_article(b.block):
                region = Reason.OTHER_ARTICLE
            region = b.header or region
            verdict = Verdict(None, _reason(b, region, above=not before), tuple(b.evidence))
        yield JudgedBlock(b.block, verdict)


def _reason(b: _Witnessed, region: Reason | None, *, above: bool) -> Reason:
    named = reason_of(b.block, b.line, b.header, region, above=above)
    if b.decided is Reason.REPEATED_ON_OUTLET and b.probability < 0.5 and named is not Reason.BOILERPLATE:
        return named  # it would have been stripped all the same, and this says more
    return b.decided or named


def _heads_article(block: Block) -> bool:
    """Whether the block is the title of an article of its own, further down the page."""
    own = "article" in block.path.split("/") and block.tag == "h2"
    return (block.tag == "h1" or own) and block.link_share < 0.5


def _witnessed(block: Block, probability: float, recurrence: Recurrence) -> _Witnessed:
    folded = fold(block.text)
    lexicon = lexicon_for(folded)
    header, line = lexicon.header(folded), lexicon.line(folded)
    if line is None and "figcaption" in (block.tag, *block.path.split("/")):
        line = Reason.CAPTION
    evidence = [Evidence("forest", f"{probability:.2f} likely to be content", round(2 * probability - 1, 4))]
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
        evidence.append(Evidence("outlet", f"stands on {recurrence.pages} more pages of this outlet", -0.5))
    if recurrence.outlets:
        evidence.append(Evidence("outlets", f"stands in {recurrence.outlets} more outlets", 0.5))
    return _Witnessed(block, folded, lexicon, header, line, probability, recurrence, evidence)


def _outlet(page: Page, blocks: Sequence[_Witnessed], settings: JudgeSettings) -> None:
    """What recurs within the outlet is chrome."""
    # Markup tells the place: the lead of an article that returns as a teaser stands elsewhere.
    enough = settings.recurs if page.document.media is Media.HTML else settings.recurs_flat
    for b in blocks:
        if b.recurrence.pages >= enough:
            b.decide(Reason.REPEATED_ON_OUTLET, "outlet", "what recurs within an outlet is its chrome")


def _pieces(blocks: Sequence[_Witnessed]) -> None:
    for b in blocks:
        if b.block.tag in (Piece.PREFIX, Piece.ENTRY_TAIL):
            b.decide(Reason.DATELINE, "division", "stands glued before or behind what it dates")
        elif len(b.folded) <= 40 and b.probability < 0.9 and b.lexicon.is_agency(b.folded):
            b.decide(Reason.AGENCY, "lexicon", "names an agency and no more")
        elif b.lexicon.field("original_title", b.block.text):
            b.decide(Reason.ORIGINAL_TITLE, "lexicon", "names the title of the original")


def _cards(blocks: Sequence[_Witnessed], settings: JudgeSettings) -> None:
    """Cards that quote another site's article: title, date, bullets, and the source line that ends them."""
    for i, b in enumerate(blocks):
        if b.line is not Reason.EMBEDDED_SOURCE:
            continue
        first = i
        while first and i - first <= settings.card_bullets and is_bullet(blocks[first - 1].block):
            first -= 1
        if i - first > settings.card_bullets:
            first = i  # a list of its own
        body = first
        while first and body - first < 3 and not _is_prose_between(blocks[first - 1]):
            first -= 1
            if blocks[first].line is Reason.DATELINE:
                # The title often stands twice, before and behind the date.
                behind = {blocks[k].folded for k in range(first + 1, body)}
                if first and blocks[first - 1].folded in behind:
                    first -= 1
                break
        else:
            first = body
        if first == i:
            reason = Reason.SOURCE_LINE
            b.decide(reason, "lexicon", "names the source")
            continue
        for k in range(first, i + 1):
            blocks[k].decide(
                Reason.EMBEDDED_SOURCE,
                "card",
                f"belongs to the card that line {b.block.line} names the source of",
            )


def _is_prose_between(b: _Witnessed) -> bool:
    """Whether the block ends the search for the head of a card: a whole paragraph or a header."""
    return b.header is not None or b.decided is not None or (len(b.folded) > 200 and b.line is None)


def _regions(blocks: Sequence[_Witnessed], settings: JudgeSettings) -> None:
    """Strip what follows a header that stands alone once the body has begun, until prose runs on again."""
    i, body = 0, 0
    while i < len(blocks):
        b = blocks[i]
        if b.header not in _REGION_REASONS or body < settings.region_body or b.decided:
            body += len(b.block.text) if b.probability >= settings.keep and is_prose(b.block) else 0
            i += 1
            continue
        end = _region_end(blocks, i + 1, settings)
        reason = b.header
        for k in range(i, end):
            inner = blocks[k]
            reason = inner.header or reason
            outspoken = inner.line if inner.line in _OUTSPOKEN and not _RANK.match(inner.folded) else reason
            inner.decide(outspoken, "region", f"stands under «{b.block.text[:40]}» of line {b.block.line}")
        i = end


def _other_articles(blocks: Sequence[_Witnessed], settings: JudgeSettings) -> None:
    """Cut a page where the title of another article stands, once the body has been read."""
    body, containers = 0, set[tuple[str, str]]()
    for i, b in enumerate(blocks):
        if _is_kept(b, settings) and is_prose(b.block):
            body += 1
            containers.add((b.block.path, b.block.hints))
        if body < settings.other_article or not _heads_article(b.block):
            continue
        behind = [x.block for x in blocks[i + 1 :] if _is_kept(x, settings) and is_prose(x.block)]
        if all((x.path, x.hints) not in containers for x in behind):
            for x in blocks[i:]:
                if x.probability >= settings.keep:
                    x.decide(
                        Reason.OTHER_ARTICLE, "markup", f"stands behind the title of line {b.block.line}"
                    )
            return


def _region_end(blocks: Sequence[_Witnessed], begin: int, settings: JudgeSettings) -> int:
    """Where the body goes on: the first of `region_resume` paragraphs of prose in unbroken sequence."""
    run = 0
    for k in range(begin, len(blocks)):
        resumes = (
            is_prose(blocks[k].block) and blocks[k].line is None and blocks[k].probability >= settings.sure
        )
        run = run + 1 if resumes else 0
        if run == settings.region_resume:
            return k + 1 - run
    return len(blocks)


def _title(page: Page, blocks: Sequence[_Witnessed], settings: JudgeSettings) -> int | None:
    """Index of the block that is the article's title, if it stands in the visible text."""
    for i, b in enumerate(blocks):
        if b.block.tag == Piece.ENTRY_TITLE:
            return i
    first_kept = _body(blocks, settings)
    if page.document.media is Media.HTML:
        return _headline(page, blocks, first_kept)
    return _first_line_title(blocks, first_kept)


def _body(blocks: Sequence[_Witnessed], settings: JudgeSettings) -> int | None:
    """Index of the first kept paragraph that is longer than a title that reads like a sentence."""
    prose = [i for i, b in enumerate(blocks) if _is_kept(b, settings) and is_prose(b.block)]
    long = (i for i in prose if len(blocks[i].folded.encode("utf-8", "replace")) >= settings.lead_bytes)
    return next(long, prose[0] if prose else None)


def _headline(page: Page, blocks: Sequence[_Witnessed], first_kept: int | None) -> int | None:
    wanted = _grams(fold(page.metadata.title or ""))
    limit = len(blocks) if first_kept is None else first_kept + 1
    best, best_score = None, 0.5
    for i, b in enumerate(blocks[: limit + 3]):
        own = _grams(b.folded)
        if not own or b.block.hidden or len(b.folded) > 300:
            continue
        score = len(own & wanted) / len(own | wanted) if wanted else 0.0
        score += 0.3 * (b.block.tag == "h1") + 0.1 * (b.block.tag == "h2") - 0.3 * (b.block.link_share > 0.5)
        if score > best_score:
            best, best_score = i, score
    return best


def _first_line_title(blocks: Sequence[_Witnessed], first_kept: int | None) -> int | None:
    """In flat text: the line before the body that shares most of its words with it and is no chrome."""
    if first_kept is None:
        return None
    body = set[str]()
    for b in blocks[first_kept : first_kept + 12]:
        body |= _grams(b.folded)
    best, best_score = None, 0.25
    for i, b in enumerate(blocks[:first_kept]):
        if not 8 <= len(b.folded) <= 160 or b.header or b.line or b.decided or b.folded.endswith("。"):
            continue
        own = _grams(b.folded)
        # Section names share words with the body too, but are short.
        score = len(own & body) / max(len(own), 1) * min(1.0, len(b.folded) / 20)
        if score > best_score:  # of equals the first: a repeated title is a duplicate
            best, best_score = i, score
    return best


def _above_body(
    blocks: Sequence[_Witnessed], kept: list[bool], title: int | None, settings: JudgeSettings
) -> None:
    """Above the body of flat text only a sure forest keeps a short line that is neither title nor bullet."""
    for i in range(_body(blocks, settings) or 0):
        b = blocks[i]
        if kept[i] and i != title and b.probability < settings.sure and not is_prose(b.block):
            if is_bullet(b.block):
                continue
            kept[i] = False
            b.evidence.append(Evidence("context", "a short line above the body", -0.5))


def _summary(blocks: Sequence[_Witnessed], kept: list[bool], title: int | None) -> None:
    """Keep two or more bullets between the title and the first prose; a name there is a byline."""
    if title is None:
        return
    k, bullets = title + 1, list[int]()
    while k < len(blocks) and not (kept[k] and is_prose(blocks[k].block) and not is_bullet(blocks[k].block)):
        b = blocks[k]
        if b.decided is None and not kept[k] and lexicon_for(b.block.text).is_name(b.block.text):
            b.decide(Reason.BYLINE, "context", "a name under the title")
        elif b.decided is None and b.line is None and is_bullet(b.block) and len(b.block.text) >= 12:
            bullets.append(k)
        elif b.line not in _ABOVE_BODY and b.decided not in _ABOVE_BODY:
            return
        k += 1
    if len(bullets) >= 2 and k < len(blocks):
        for i in bullets:
            kept[i] = True
            blocks[i].evidence.append(Evidence("context", "a bullet between title and body", 1.0))


def _tables(blocks: Sequence[_Witnessed], kept: list[bool]) -> None:
    """Keep the whole of a table within the body or half kept: figures and heads look like chrome."""
    i = 0
    while i < len(blocks):
        end = i + 1
        if blocks[i].block.tag in TABLE_TAGS:
            while end < len(blocks) and _same_table(blocks[i].block, blocks[end].block):
                end += 1
            rows = range(i, end)
            within = i > 0 and end < len(blocks) and kept[i - 1] and kept[end]
            if within or sum(kept[k] for k in rows) * 2 >= len(rows):
                for k in rows:
                    kept[k] = kept[k] or blocks[k].decided is None
        i = end


def _same_table(one: Block, other: Block) -> bool:
    return other.tag in TABLE_TAGS and one.path.rpartition("/table")[0] == other.path.rpartition("/table")[0]


def _bridges(blocks: Sequence[_Witnessed], kept: list[bool], settings: JudgeSettings) -> None:
    """Keep what stands between kept paragraphs and looks like chrome but for its place.

    A lone line between two paragraphs is a sub-heading. In HTML a run of blocks with the same path and
    class words as the kept ones on both sides is of one piece with them: lists of linked places, dialogue.
    """
    last: int | None = None
    for i, keeps in enumerate(list(kept)):
        if not keeps:
            continue
        if last is not None and 0 < i - last - 1 <= settings.bridge_blocks:
            run = blocks[last + 1 : i]
            lone = len(run) == 1 and is_prose(blocks[last].block) and is_prose(blocks[i].block)
            if all(_may_bridge(b, settings) for b in run) and (lone or _siblings(blocks[last : i + 1])):
                for k in range(last + 1, i):
                    kept[k] = True
                    blocks[k].evidence.append(Evidence("context", "stands between kept paragraphs", 0.5))
        last = i
    for i in range(len(blocks) - 2):
        heads = (
            is_bullet(blocks[i + 1].block) and is_bullet(blocks[i + 2].block) and kept[i + 1] and kept[i + 2]
        )
        if heads and not kept[i] and not is_bullet(blocks[i].block) and _may_bridge(blocks[i], settings):
            kept[i] = True
            blocks[i].evidence.append(Evidence("context", "stands over kept bullets", 0.5))


def _may_bridge(b: _Witnessed, settings: JudgeSettings) -> bool:
    return not (b.decided or b.line or b.header or b.block.hidden) and b.probability >= settings.bridge


def _siblings(run: Sequence[_Witnessed]) -> bool:
    return bool(run[0].block.path) and len({(b.block.path, b.block.hints) for b in run}) == 1


def _grams(text: str) -> set[str]:
    """What two texts may have in common: words of alphabets, pairs of other characters."""
    found = set[str]()
    for run in _RUN.findall(text):
        found |= {run} if run.isascii() else {run[i : i + 2] for i in range(max(1, len(run) - 1))}
    return found


def _repeats(blocks: Sequence[_Witnessed], title: int | None, settings: JudgeSettings) -> None:
    """Of a block that stands twice in the document the first is judged, the others are duplicates."""
    seen: dict[str, int] = {}
    if title is not None:
        seen[blocks[title].folded] = title
    for i, b in enumerate(blocks):
        is_title = title is not None and b.folded == blocks[title].folded
        least = settings.repeat_title if is_title else settings.repeat_characters
        if i == title or b.decided or len(b.folded) < least:
            continue
        if b.folded in seen and _is_kept(b, settings):
            line = blocks[seen[b.folded]].block.line
            b.decide(Reason.DUPLICATE, "document", f"stands on line {line} already")
        elif _is_kept(b, settings):
            seen[b.folded] = i


def _is_kept(b: _Witnessed, settings: JudgeSettings) -> bool:
    if b.decided:
        return False
    if not (b.line or b.header):
        return b.probability >= settings.keep
    return b.probability >= (settings.sure_html if b.block.path else settings.sure)
