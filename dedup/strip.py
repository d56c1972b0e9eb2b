"""Rules that strip: what is chrome for certain, whatever the forest says of it.

Each looks at the blocks of a page in order and decides the reason of those it is sure of.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from dedup.lexicon import lexicon
from dedup.roles import is_bullet, is_prose
from dedup.settings import JudgeSettings
from dedup.testimony import Witnessed, heads_article, is_kept, recurs
from dedup.types import Block, Page, Piece, Reason

# The number of an item on a line of its own.
_RANK = regex.compile(r"[\W_]*\d+[\W_]*(?:位)?$")
# A line that says who wrote a comment, and when: «3. Maud March 4, 2025 at 9:15 am»; in characters.
_SIGNATURE = 80
_DATED = regex.compile(r"\d{1,2}:\d{2}|(?<!\d)(?:19|20)\d{2}(?!\d)")
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
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
# Blocks of a dialog of consent, its header among them, of which one names what it is about.
_DIALOG = 4
_REGION_REASONS = frozenset(
    {Reason.RELATED, Reason.RANKING, Reason.COMMENTS, Reason.COOKIE_NOTICE, Reason.SUBSCRIPTION}
)


def pieces(blocks: Sequence[Witnessed]) -> None:
    """What was cut off a line, and whole lines that are one thing beyond doubt."""
    for b in blocks:
        if b.block.tag in (Piece.PREFIX, Piece.ENTRY_TAIL):
            b.decide(Reason.DATELINE, "division", "stands glued before or behind what it dates")
        elif len(b.folded) <= 40 and b.probability < 0.9 and b.lexicon.is_agency(b.folded):
            b.decide(Reason.AGENCY, "lexicon", "names an agency and no more")
        elif b.probability == 0:
            continue  # it recurs on the outlet, and will be stripped for that
        elif b.lexicon.field("original_title", b.block.text):
            b.decide(Reason.ORIGINAL_TITLE, "lexicon", "names the title of the original")
        elif reason := b.lexicon.certain(b.folded):
            b.decide(reason, "lexicon", f"is {reason} beyond doubt")


def consent(blocks: Sequence[Witnessed], settings: JudgeSettings) -> None:
    """Whole sentences that ask for consent, on a page that is about something else."""
    prose = [b for b in blocks if b.probability >= settings.keep and is_prose(b.block)]
    asking = [b for b in prose if b.lexicon.asks_for_consent(b.folded)]
    others = [b for b in prose if all(b is not one for one in asking)][: settings.consent_paragraphs]
    if others and not any(b.lexicon.speaks_of_consent(b.folded) for b in others):
        for b in asking:
            b.decide(Reason.COOKIE_NOTICE, "lexicon", "asks for consent, and the article is not about it")


def outlet_chrome(page: Page, blocks: Sequence[Witnessed], settings: JudgeSettings) -> None:
    """What recurs within the outlet is chrome."""
    for b in blocks:
        if recurs(b.recurrence, b.probability, page.document.media, settings):
            b.decide(Reason.REPEATED_ON_OUTLET, "outlet", "what recurs within an outlet is its chrome")


def cards(blocks: Sequence[Witnessed], settings: JudgeSettings) -> None:
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
        while first and body - first < 3 and not _ends_card(blocks[first - 1]):
            first -= 1
            if blocks[first].line is Reason.DATELINE:
                if first and _is_head(blocks[first - 1], blocks[first:body]):
                    first -= 1
                break
        else:
            # Bullets without a date above them are a list of the article's own.
            b.decide(Reason.SOURCE_LINE, "lexicon", "names the source")
            continue
        for k in range(first, i + 1):
            blocks[k].decide(
                Reason.EMBEDDED_SOURCE,
                "card",
                f"belongs to the card that line {b.block.line} names the source of",
            )


def _is_head(b: Witnessed, card: Sequence[Witnessed]) -> bool:
    """Whether the block is the title of a card that begins with a date: repeated there, or beside it."""
    beside = bool(b.block.path) and b.block.path == card[0].block.path and not is_prose(b.block)
    return beside or any(b.folded == x.folded for x in card[1:])


def _ends_card(b: Witnessed) -> bool:
    """Whether the block ends the search for the head of a card: a whole paragraph or a header."""
    return b.header is not None or b.decided is not None or (len(b.folded) > 200 and b.line is None)


def regions(blocks: Sequence[Witnessed], settings: JudgeSettings) -> None:
    """Strip what follows a header that stands alone once the body has begun, until prose runs on again.

    Only in Japanese does a header open a region that would hold much kept prose beside what stands before.
    """
    i, body = 0, 0
    japanese = any(_KANA.search(b.folded) for b in blocks)
    while i < len(blocks):
        b = blocks[i]
        if b.header not in _REGION_REASONS or body < settings.region_body or b.decided:
            body += len(b.block.text) if b.probability >= settings.keep and is_prose(b.block) else 0
            i += 1
            continue
        end = _region_end(blocks, i + 1, settings)
        swallowed = sum(
            len(x.block.text) for x in blocks[i:end] if is_prose(x.block) and is_kept(x, settings)
        )
        bounded = not (japanese and b.lexicon is lexicon("ja")) and not _opens_dialog(blocks[i:end])
        if bounded and swallowed > settings.region_share * body:
            i += 1
            continue
        reason = b.header
        for k in range(i, end):
            inner = blocks[k]
            reason = inner.header or reason
            outspoken = inner.line if inner.line in _OUTSPOKEN and not _RANK.match(inner.folded) else reason
            inner.decide(outspoken, "region", f"stands under «{b.block.text[:40]}» of line {b.block.line}")
        i = end


def _opens_dialog(region: Sequence[Witnessed]) -> bool:
    """Whether a dialog of consent stands under its header, however long it is."""
    return region[0].header is Reason.COOKIE_NOTICE and any(
        is_prose(b.block) and b.lexicon.speaks_of_consent(b.folded) for b in region[1:_DIALOG]
    )


def _region_end(blocks: Sequence[Witnessed], begin: int, settings: JudgeSettings) -> int:
    """Where the body goes on: the first of `region_resume` paragraphs of prose in unbroken sequence."""
    run = 0
    for k in range(begin, len(blocks)):
        resumes = (
            is_prose(blocks[k].block)
            and blocks[k].line is None
            and blocks[k].probability >= settings.region_sure
        )
        run = run + 1 if resumes else 0
        if run == settings.region_resume:
            return k + 1 - run
    return len(blocks)


def comments(blocks: Sequence[Witnessed], settings: JudgeSettings) -> None:
    """In HTML what stands behind the head of the comments, once the body has begun: readers write prose too.

    A link to the comments heads nothing.
    """
    body = 0
    for i, b in enumerate(blocks):
        heads = b.decided is Reason.COMMENTS and b.block.link_share < 0.5
        if heads and body >= settings.other_article:
            _strip_comments(b, blocks[i + 1 :], settings)
            return
        body += is_prose(b.block) and is_kept(b, settings)


def signed_comments(blocks: Sequence[Witnessed], settings: JudgeSettings) -> None:
    """The same in flat text, where a head of comments is believed if the lines behind it are signed or dated.

    Held out, F1 with it and without: l3s .906 (.899), daniel .920 (.917), aed .916 (.915), no page worse.
    """
    body = 0
    for i, b in enumerate(blocks):
        heads = b.header is Reason.COMMENTS and b.decided in (None, Reason.COMMENTS)
        if heads and body >= settings.comments_body:
            near = blocks[i + 1 : i + 1 + settings.comments_signed * settings.comments_lines]
            if sum(_is_signature(x) for x in near) >= settings.comments_signed:
                _strip_comments(b, blocks[i + 1 :], settings)
                return
        if b.probability >= settings.keep and is_prose(b.block):
            body += len(b.block.text)


def _is_signature(b: Witnessed) -> bool:
    named = b.line in (Reason.BYLINE, Reason.DATELINE, Reason.COMMENTS) or b.header is Reason.COMMENTS
    return named or (len(b.block.text) <= _SIGNATURE and _DATED.search(b.block.text) is not None)


def _strip_comments(head: Witnessed, below: Sequence[Witnessed], settings: JudgeSettings) -> None:
    for b in below:
        if b.probability >= settings.keep:
            b.decide(
                Reason.COMMENTS,
                "region",
                f"stands under «{head.block.text[:40]}» of line {head.block.line}",
            )


def other_articles(blocks: Sequence[Witnessed], settings: JudgeSettings) -> None:
    """Cut a page where another article begins behind the body: at a title signed or dated, or at a twin.

    A twin is an `h1` that stands just where the first did, beside the text and not in it: the page loads
    one article after the other.
    """
    prose = [is_prose(b.block) and is_kept(b, settings) for b in blocks]
    last = {(b.block.path, b.block.hints): i for i, b in enumerate(blocks) if prose[i]}
    first = next((b.block for b in blocks if b.block.tag == "h1" and heads_article(b.block)), None)
    # How far the places reach at which the body stood so far.
    body, reach, hints = 0, 0, set[str]()
    for i, b in enumerate(blocks):
        if prose[i]:
            body += 1
            reach = max(reach, last[b.block.path, b.block.hints])
            hints.add(b.block.hints)
        if body < settings.other_article or not heads_article(b.block):
            continue
        # Sections of one article have titles too, but no byline or date below them.
        signed = any(x.line in (Reason.BYLINE, Reason.DATELINE) for x in blocks[i + 1 : i + 6])
        elsewhere = signed and reach <= i
        twin = first and _are_twins(first, b.block) and b.block.hints not in hints
        if elsewhere or twin:
            for x in blocks[i:]:
                if x.probability >= settings.keep:
                    x.decide(
                        Reason.OTHER_ARTICLE, "markup", f"stands behind the title of line {b.block.line}"
                    )
            return


def _are_twins(first: Block, other: Block) -> bool:
    same_place = (first.path, first.hints, first.tag) == (other.path, other.hints, other.tag)
    return same_place and first.text != other.text


def repeats(blocks: Sequence[Witnessed], title: int | None, settings: JudgeSettings) -> None:
    """Of a block that stands twice in the document the first is judged, the others are duplicates."""
    seen: dict[str, int] = {}
    if title is not None:
        seen[blocks[title].folded] = title
    for i, b in enumerate(blocks):
        is_title = title is not None and b.folded == blocks[title].folded
        least = settings.repeat_title if is_title else settings.repeat_characters
        if i == title or b.decided or len(b.folded) < least:
            continue
        if b.folded in seen and is_kept(b, settings):
            line = blocks[seen[b.folded]].block.line
            b.decide(Reason.DUPLICATE, "document", f"stands on line {line} already")
        elif is_kept(b, settings):
            seen[b.folded] = i
