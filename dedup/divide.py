"""Divide a page: what is glued to a sentence becomes a block, and each article of a digest a page.

Both come before judging, because a sentence that begins with a dateline looks like neither, and
because a region of one article (`関連記事` and what follows) must not reach into the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from dedup.lexicon import lexicon_for, may_have_prefix
from dedup.types import Block, Media, Page, Piece


def unglue(page: Page) -> Page:
    """Cut wire prefixes off the sentences they are glued to, and digest titles off their source and date."""
    blocks: list[Block] = []
    for block in page.blocks:
        if page.document.media is Media.TEXT or may_have_prefix(block.text):
            blocks += _pieces(page, block)
        else:
            blocks.append(block)
    return replace(page, blocks=tuple(blocks))


def split_digest(page: Page) -> tuple[Page, ...]:
    """One page for each article of a digest of flat text; a page that is no digest comes back alone.

    What stands before the first article belongs to it.
    """
    starts = [i for i, block in enumerate(page.blocks) if block.tag == Piece.ENTRY_TITLE]
    if len(starts) < 2:
        return (page,)
    bounds = [0, *starts[1:], len(page.blocks)]
    return tuple(replace(page, blocks=page.blocks[a:b]) for a, b in pairwise(bounds))


def _pieces(page: Page, block: Block) -> Iterator[Block]:
    lexicon = lexicon_for(block.text)
    if page.document.media is Media.TEXT and (cut := lexicon.entry(block.text)):
        yield from _cut(page, block, cut, Piece.ENTRY_TITLE, Piece.ENTRY_TAIL)
    elif (cut := lexicon.prefix(block.text)) and cut < len(block.text):
        yield from _cut(page, block, cut, Piece.PREFIX, block.tag)
    else:
        yield block


def _cut(page: Page, block: Block, cut: int, first: str, second: str) -> Iterator[Block]:
    """The block as two, or whole where the markup hides the place of the cut in the source."""
    head, tail = block.text[:cut].rstrip(), block.text[cut:]
    at = _find(page.document.text, head, tail, block)
    if at is None:
        yield block
        return
    yield replace(block, text=head, end=at, tag=first)
    yield replace(block, text=tail, start=at, tag=second)


def _find(source: str, head: str, tail: str, block: Block) -> int | None:
    """Where `tail` begins in the source: the first place that its opening characters stand past the head."""
    for length in (len(tail), 12, 6, 2):
        at = source.find(tail[:length], block.start + len(head), block.end)
        if at >= 0:
            return at
    return None
