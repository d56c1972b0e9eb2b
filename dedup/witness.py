"""trafilatura as a witness: which share of every block it kept.

Its text has no positions, so it is matched with the blocks in order. Both are reduced to letters
and digits; the places where a block could stand in the output form a chain of steps forward in
both, and the chain that covers most characters wins. A line that occurs twice on the page (a
headline that is a teaser too) is so matched where its neighbours are.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

import trafilatura

from dedup.settings import HtmlSettings

# Without a handler its warnings would be printed to standard error.
logging.getLogger("trafilatura").addHandler(logging.NullHandler())

_NOISE = re.compile(r"[\W_]+")
# Characters of output below which its other extractors are asked: its own limit for a page without text.
# It concerns 80 of 1,336 pages, and brings ja_web from .855 to .895; the other sets stay within .0004.
# An ideograph says about as much as two letters: four of the six pages of daniel are full articles.
_LITTLE = 250
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Letters below which a block must be a whole line of the output: shorter ones stand in any prose.
_SHORT = 12
# Places tried for one block; a line repeated more often is no evidence.
_PLACES = 8
_SHINGLE = 6


def extracted_shares(
    text: str, whole: Callable[[], str], blocks: Sequence[str], settings: HtmlSettings
) -> Sequence[float | None]:
    """Share of each block's characters (0 to 1) that trafilatura keeps of a page.

    `text` is the page without what it does not look at if it is fast, `whole` gives all of it.
    All are `None` where the page is above the witness limits of `settings`, and 0 where
    trafilatura finds nothing or fails.
    """
    if len(blocks) > settings.witness_blocks or len(text) > settings.witness_characters:
        return [None] * len(blocks)
    try:
        output = _extract(text, fast=True)
        if len(output) + len(_IDEOGRAPH.findall(output[:_LITTLE])) < _LITTLE:
            output = _extract(whole(), fast=False)
    except Exception:  # it walks the tree recursively in places; a page must not be lost for that
        output = ""
    return match_blocks(blocks, output)


def _extract(text: str, *, fast: bool) -> str:
    """`fast` leaves out the other extractors that trafilatura compares its result with.

    It takes .58 of the time, and the forest trained on it is as good (mean F1 of eight sets .944, before
    .940); but they find something on pages where it finds next to nothing itself.
    """
    return trafilatura.extract(text, favor_precision=True, include_comments=False, fast=fast) or ""


def match_blocks(blocks: Sequence[str], output: str) -> list[float]:
    r"""Share of each of `blocks` that stands in `output`, matched in order.

    >>> match_blocks(["News", "A headline", "The whole text.", "A headline"], "A headline\nThe whole text.")
    [0.0, 1.0, 1.0, 0.0]
    """
    kept, line_starts = _lines(output)
    words = [_squashed(block) for block in blocks]
    chain = _best_chain(words, [_places(word, kept, line_starts) for word in words])
    shares: list[float] = []
    behind = 0
    following = sorted(chain.values())
    for index, word in enumerate(words):
        if index in chain:
            behind = chain[index] + len(word)
            shares.append(1.0)
        elif len(word) < _SHORT:
            shares.append(0.0)
        else:
            ahead = bisect_left(following, behind)
            gap = kept[behind : following[ahead] if ahead < len(following) else len(kept)]
            shares.append(_overlap(word, gap))
    return shares


def _lines(output: str) -> tuple[str, dict[str, list[int]]]:
    """The output squashed, and where in it a line or a cell of a table row begins."""
    parts: list[str] = []
    starts: dict[str, list[int]] = {}
    length = 0
    for line in output.split("\n"):
        cells = [cell for cell in map(_squashed, line.split("|")) if cell]
        row = "".join(cells)
        if row:
            starts.setdefault(row, []).append(length)
        for cell in cells:
            if cell != row:
                starts.setdefault(cell, []).append(length)
            length += len(cell)
        parts.append(row)
    return "".join(parts), starts


def _squashed(text: str) -> str:
    return _NOISE.sub("", unicodedata.normalize("NFC", text))


def _places(word: str, kept: str, line_starts: dict[str, list[int]]) -> list[int]:
    """Positions in `kept` at which a block may stand; short ones must be a line of their own."""
    if word in line_starts or len(word) < _SHORT:
        return line_starts.get(word, [])[:_PLACES]
    places: list[int] = []
    position = kept.find(word)
    while position >= 0 and len(places) < _PLACES:
        places.append(position)
        position = kept.find(word, position + len(word))
    return places


class _Step(NamedTuple):
    value: float
    block: int
    place: int
    before: _Step | None


def _best_chain(words: Sequence[str], places: Sequence[Sequence[int]]) -> dict[int, int]:
    """Place of each block in the chain that covers most characters.

    Heaviest increasing subsequence: `ends` and `steps` are the chains found so far that no other
    beats in both end and value. Of equal chains that wins whose blocks stand close together, then
    the first; of two blocks that could begin a chain the later, for it is closer to what follows.
    """
    ends: list[int] = []
    steps: list[_Step] = []
    for block, word in enumerate(words):
        found = []
        for place in places[block]:
            index = bisect_right(ends, place) - 1
            before = steps[index] if index >= 0 else None
            near = 0.5 / (block - before.block) if before and ends[index] == place else 0.0
            found.append(_Step((before.value if before else 0.0) + len(word) + near, block, place, before))
        for step in found:
            end = step.place + len(word)
            index = bisect_right(ends, end)
            rival = steps[index - 1] if index else None
            if rival and (
                rival.value > step.value or (rival.value == step.value and rival.before is not step.before)
            ):
                continue
            first = bisect_left(ends, end)
            last = first
            while last < len(ends) and steps[last].value <= step.value:
                last += 1
            ends[first:last] = [end]
            steps[first:last] = [step]
    chain: dict[int, int] = {}
    best = steps[-1] if steps else None
    while best:
        chain[best.block] = best.place
        best = best.before
    return chain


def _overlap(word: str, gap: str) -> float:
    """Share of the shingles of `word` that stand in `gap`."""
    if len(gap) < _SHINGLE:
        return 0.0
    known = {gap[index : index + _SHINGLE] for index in range(len(gap) - _SHINGLE + 1)}
    count = len(word) - _SHINGLE + 1
    return sum(word[index : index + _SHINGLE] in known for index in range(count)) / count
