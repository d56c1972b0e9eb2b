"""Rules of place: what stands among kept blocks and looks like chrome but for that.

Each changes `kept`, a verdict for every block, in place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from dedup.lexicon import lexicon_for
from dedup.roles import HEADINGS, TABLE_TAGS, is_bullet, is_prose
from dedup.settings import JudgeSettings
from dedup.testimony import Witnessed
from dedup.title import body_of
from dedup.types import Block, Evidence, Reason

# Times that a line stands on a page from which it is no sub-heading.
_OFTEN = 3
# What stands between the title and the first paragraph.
_ABOVE_BODY = frozenset({Reason.BYLINE, Reason.DATELINE, Reason.AGENCY, Reason.CAPTION, Reason.SHARE})


def above_body(
    blocks: Sequence[Witnessed], kept: list[bool], title: int | None, settings: JudgeSettings
) -> None:
    """Above the body of flat text a short line stays only if it is title or bullet, or likely by the forest.

    Short is what is no prose and under `short_line` characters, likely what has `short_sure` or more. Nothing
    changes where there is no body.
    """
    for i in range(body_of(blocks, settings) or 0):
        b = blocks[i]
        short = len(b.block.text) < settings.short_line and not is_prose(b.block)
        unlikely = b.probability < settings.short_sure
        if kept[i] and i != title and short and unlikely and not is_bullet(b.block):
            kept[i] = False
            b.evidence.append(Evidence("context", "a short line above the body", -0.5))


def summary(blocks: Sequence[Witnessed], kept: list[bool], title: int | None) -> None:
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


def posts(blocks: Sequence[Witnessed], kept: list[bool], settings: JudgeSettings) -> None:
    """Keep the posts of a thread that flat text is a digest of: they look like comments, and are the article.

    Each stands under a line that says who wrote it and when. Comments on the digest follow under heads of
    their own, and behind a head of comments there are no posts.
    """
    heads: list[int] = []
    for i, b in enumerate(blocks):
        if heads and (i - heads[-1] > settings.post_lines or b.header is Reason.COMMENTS):
            if len(heads) >= settings.thread_posts:
                break
            heads = []
        if b.lexicon.heads_post(b.folded):
            heads.append(i)
    if len(heads) < settings.thread_posts:
        return
    usual = sorted(behind - head for head, behind in pairwise(heads))[len(heads) // 2]
    for head, behind in pairwise([*heads, min(heads[-1] + usual, len(blocks))]):
        blocks[head].decide(Reason.BYLINE, "lexicon", "says who wrote a post, and when")
        kept[head] = False
        for i in range(head + 1, behind):
            if not (kept[i] or blocks[i].decided or blocks[i].header or blocks[i].line):
                kept[i] = blocks[i].post = True
                blocks[i].evidence.append(Evidence("context", "stands in a post of a thread", 1.0))


def tables_and_lists(
    blocks: Sequence[Witnessed], kept: list[bool], title: int | None, settings: JudgeSettings
) -> None:
    """Keep the whole of a table or list that is half kept or likely, and that of a table within the body.

    Figures, heads and short items look like chrome.
    """
    i = 0
    while i < len(blocks):
        end, table = i + 1, blocks[i].block.tag in TABLE_TAGS
        together = _same_table if table else _same_list
        while end < len(blocks) and end != title and together(blocks[i].block, blocks[end].block):
            end += 1
        rows = range(i, end)
        within = table and i > 0 and end < len(blocks) and kept[i - 1] and kept[end]
        likely = sum(blocks[k].probability for k in rows) >= settings.whole * len(rows)
        half = sum(kept[k] for k in rows) * 2 >= len(rows)
        if within or ((likely or half) and (table or len(rows) > 1)):
            for k in rows:
                named = blocks[k].decided or (not table and (blocks[k].line or blocks[k].header))
                kept[k] = kept[k] or not named
        i = end


def _same_table(one: Block, other: Block) -> bool:
    return other.tag in TABLE_TAGS and one.path.rpartition("/table")[0] == other.path.rpartition("/table")[0]


def _same_list(one: Block, other: Block) -> bool:
    return one.path == other.path and is_bullet(one) and is_bullet(other)


def bridges(blocks: Sequence[Witnessed], kept: list[bool], settings: JudgeSettings) -> None:
    """Keep what stands between kept paragraphs and looks like chrome but for its place.

    A lone line between two paragraphs is a sub-heading, as is a heading of HTML between any two blocks. A run
    of blocks with the same path and class words as the kept ones on both sides is of one piece with them:
    lists of linked places, dialogue.
    """
    standing = Counter(b.folded for b in blocks)
    last: int | None = None
    for i, keeps in enumerate(list(kept)):
        if not keeps:
            continue
        if last is not None and 0 < i - last - 1 <= settings.bridge_blocks:
            run = blocks[last + 1 : i]
            prose = is_prose(blocks[last].block) and is_prose(blocks[i].block)
            lone = len(run) == 1 and (prose or not HEADINGS.isdisjoint(run[0].block.path.split("/")))
            whole = blocks[last : i + 1]
            # What stands between many paragraphs («Article content») is none.
            once = all(standing[b.folded] < _OFTEN for b in run)
            if (
                once
                and all(_may_bridge(b, settings) for b in run)
                and (lone or _siblings(whole) or _prose(whole, settings))
            ):
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


def _may_bridge(b: Witnessed, settings: JudgeSettings) -> bool:
    return not (b.decided or b.line or b.header or b.block.hidden) and b.probability >= settings.bridge


def _prose(run: Sequence[Witnessed], settings: JudgeSettings) -> bool:
    """Whether paragraphs of flat text stand in unbroken sequence, none of them surely chrome."""
    return all(is_prose(b.block) and not b.block.path and b.probability >= settings.bridge_prose for b in run)


def _siblings(run: Sequence[Witnessed]) -> bool:
    return bool(run[0].block.path) and len({(b.block.path, b.block.hints) for b in run}) == 1
