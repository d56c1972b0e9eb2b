"""Why a page was judged as it was, and why two texts are or are not near-duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from rapidfuzz.distance import Indel

from dedup import band, compare, facts, sign, verify
from dedup.settings import Settings
from dedup.types import Article, Comparison, Edit, JudgedBlock, Pairs, Reason, Relation

_DEFAULTS = Settings()
# Longer texts are not aligned: the time grows with the product of the lengths.
_LONGEST = 20_000


def explain(left: str, right: str, *, settings: Settings = _DEFAULTS) -> Comparison:
    """Compare two texts as clustering would, and say how they come out.

    Texts of more than 20,000 characters are not aligned: they have no edits and no changes.

    >>> found = explain("死者12人、負傷者８人。", "死者13人、負傷者8人。")
    >>> found.left_compared, found.shared_shingles, [(c.left, c.right) for c in found.changes]
    ('死者12人、負傷者8人。', 4, [('12', '13')])
    """
    chosen = settings.cluster
    texts = compare.encode([left, right])
    counts = verify.overlaps(texts, Pairs(np.array([0]), np.array([1])), chosen.shingle)
    ours, theirs, both = (int(number) for number in counts[0])
    similarity = float(verify.jaccard(counts)[0])
    bands, rows = band.choose_bands(chosen)
    keys = band.band_keys(sign.signatures(texts, chosen, bands * rows), bands, rows)
    changes = facts.changes(left, right)
    compared = compare.decode(texts, 0), compare.decode(texts, 1)
    kind: Relation | None = None
    if compared[0] and compared[0] == compared[1]:
        kind = Relation.EXACT
    elif similarity >= chosen.threshold and min(map(len, compared)) >= chosen.min_characters:
        kind = Relation.CHANGED_FACTS if changes else Relation.NEAR
    return Comparison(
        left=left,
        right=right,
        left_compared=compared[0],
        right_compared=compared[1],
        left_shingles=ours,
        right_shingles=theirs,
        shared_shingles=both,
        similarity=similarity,
        containment=both / max(min(ours, theirs), 1),
        kind=kind,
        bands=bands,
        rows=rows,
        shared_bands=tuple(number for number, key in enumerate(keys) if key[0] == key[1]),
        edits=edits(left, right),
        changes=changes,
    )


def edits(left: str, right: str) -> tuple[Edit, ...]:
    """Where two texts differ, by the fewest insertions and deletions, neighbours joined.

    >>> edits("at 10 today", "at 12 today")
    (Edit(left_start=4, left_end=5, right_start=4, right_end=5),)
    """
    if max(len(left), len(right)) > _LONGEST:
        return ()
    found: list[Edit] = []
    for step in Indel.opcodes(left, right):
        if step.tag == "equal":
            continue
        last = found[-1] if found else None
        if last and (last.left_end, last.right_end) == (step.src_start, step.dest_start):
            found[-1] = Edit(last.left_start, step.src_end, last.right_start, step.dest_end)
        else:
            found.append(Edit(step.src_start, step.src_end, step.dest_start, step.dest_end))
    return tuple(found)


def in_order(articles: Iterable[Article]) -> tuple[JudgedBlock, ...]:
    """The blocks of all articles of one document as they stood there, each once.

    A digest strips from each article what belongs to the others: a block is kept if one keeps it.
    """
    blocks: dict[tuple[int, int, str], JudgedBlock] = {}
    for judged in _blocks(articles):
        place = (judged.block.start, judged.block.end, judged.block.text)
        known = blocks.get(place)
        if known is None or known.verdict.reason is Reason.OTHER_ARTICLE:
            blocks[place] = judged
    return tuple(blocks[place] for place in sorted(blocks))


def _blocks(articles: Iterable[Article]) -> Iterator[JudgedBlock]:
    """Of all articles, kept ones first."""
    articles = list(articles)
    for article in articles:
        yield from (article.headline,) if article.headline else ()
        yield from article.paragraphs
    for article in articles:
        yield from article.stripped
