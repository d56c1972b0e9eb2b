"""Relations beyond near-duplicates, from paragraphs: quotations and shared passages.

Joins the stages for these as `cluster` does for links.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from dedup import compare, quote, verify
from dedup.clustering import Distinct, distinct, grouped
from dedup.columns import precedence
from dedup.passages import common_spans
from dedup.settings import ClusterSettings
from dedup.types import Cluster, CodePoints, Paragraph, Passage, Place, Quotation, Relation
from dedup.words import content_words, whole_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEFAULTS = ClusterSettings()

# Characters of scripts that write words in few of them; see passages.
_DENSE = re.compile("[\u2e80-\U0010ffff]")


def quotations(
    paragraphs: Iterable[Paragraph], settings: ClusterSettings = _DEFAULTS
) -> tuple[Quotation, ...]:
    """Return every paragraph that stands within a longer one without being its near-duplicate.

    Of copies the first in precedence (earliest published) stands for all. The quote is the one with
    fewer shingles; at least `settings.containment` of them stand in the other.
    """
    items = tuple(paragraphs)
    held = distinct(items, settings)
    texts, compiled = held.texts, held.compiled
    pairs = quote.candidate_containments(texts, settings, compiled=compiled)
    overlaps = verify.overlaps(texts, pairs, settings.shingle, compiled=compiled, workers=settings.workers)
    similarity = verify.jaccard(overlaps)
    containment = overlaps[:, 2] / np.maximum(overlaps[:, :2].min(axis=1), 1)
    sought = np.where(overlaps[:, 0] <= overlaps[:, 1], texts.lengths[pairs.left], texts.lengths[pairs.right])
    kept = np.flatnonzero(
        (containment >= settings.containment)
        & (similarity < settings.threshold)
        & (sought >= settings.min_characters)
    )
    found = []
    for i in kept.tolist():
        ends = [items[held.first(pairs.left[i])], items[held.first(pairs.right[i])]]
        if overlaps[i, 0] > overlaps[i, 1]:
            ends.reverse()
        found.append(Quotation(ends[0], ends[1], float(containment[i]), float(similarity[i])))
    return tuple(found)


def passages(
    paragraphs: Iterable[Paragraph],
    clusters: Iterable[Cluster],
    settings: ClusterSettings = _DEFAULTS,
) -> tuple[Passage, ...]:
    """Return the rare words that paragraphs of different outlets share though they differ as wholes.

    `clusters` are those of the same paragraphs: a cluster's representative and its copies stand
    for its members, so that near-duplicates are not told again. Paragraphs without an outlet count
    by document. Passages come heaviest first, then longest; every copy is a place.
    """
    items = tuple(paragraphs)
    held = distinct(items, settings)
    near = {
        member.paragraph
        for cluster in clusters
        for member in cluster.members
        if member.kind is not Relation.EXACT
    }
    documents = {paragraph.document for paragraph in near}  # a name is looked up faster than all of it
    standing = [items[number] for number in held.order[held.starts[:-1]].tolist()]
    kept = np.array(
        [n for n, item in enumerate(standing) if item.document not in documents or item not in near], np.int64
    )
    texts = CodePoints(held.texts.codes, held.texts.starts[kept], held.texts.lengths[kept])
    spans = common_spans(texts, _sides(items, held)[kept], settings, compiled=held.compiled)
    # Every span stands in two texts; a place is told once, however many pairs share it.
    spots = np.unique(np.concatenate([spans[:, [0, 1, 4]], spans[:, [2, 3, 4]]]), axis=0)
    words = CodePoints(texts.codes, texts.starts[spots[:, 0]] + spots[:, 1], spots[:, 2])
    order, bounds = grouped(words, settings.workers, compiled=held.compiled)
    known = compare.unknown_lengths()
    found = []
    for begin, end in itertools.pairwise(bounds.tolist()):
        shared = compare.decode(words, order[begin])
        at = spots[order[begin:end]]
        weight, places = len(shared), []
        for text, start in zip(kept[at[:, 0]].tolist(), at[:, 1].tolist(), strict=True):
            for item in (items[number] for number in held.copies(text)):
                head, tail = compare.origins(item.text, (start, start + len(shared) - 1), known)
                places.append(Place(item, head[0], tail[1]))
                weight = min(weight, _weight(places[-1], shared, settings))
            if weight < settings.passage_content:
                break
        else:
            places.sort(key=lambda place: (precedence(place.paragraph), place.start))
            found.append(_passage(shared, weight, places))
    return tuple(sorted(found, key=lambda passage: (-passage.weight, -len(passage.text), passage.id)))


def _sides(items: Sequence[Paragraph], held: Distinct) -> NDArray[np.int64]:
    """A number for every text: its outlet's, or one of its own where several have it."""
    numbers: dict[tuple[str, str], int] = {}
    of_item = np.array([numbers.setdefault(_side(item), len(numbers)) for item in items], np.int64)
    of_place = of_item[held.order]
    if not of_place.size:
        return of_place
    least, most = (edge.reduceat(of_place, held.starts[:-1]) for edge in (np.minimum, np.maximum))
    return np.where(least == most, least, len(numbers) + np.arange(least.size))


def _side(paragraph: Paragraph) -> tuple[str, str]:
    return ("outlet", paragraph.outlet) if paragraph.outlet else ("document", paragraph.document)


def _weight(place: Place, words: str, settings: ClusterSettings) -> int:
    """Content words of a place, 0 where it is too short: in scripts with spaces it needs whole words."""
    span = (place.paragraph.text, place.start, place.end)
    dense = 2 * len(_DENSE.findall(words)) >= len(words)
    if not dense and whole_words(*span) < settings.passage_words:
        return 0
    return content_words(*span, least=settings.passage_content)


def _passage(words: str, weight: int, places: list[Place]) -> Passage:
    first = places[0]
    outlets = {place.paragraph.outlet for place in places}
    return Passage(
        id=blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest(),
        text=first.paragraph.text[first.start : first.end],
        weight=weight,
        outlets=tuple(sorted(outlet for outlet in outlets if outlet is not None)),
        places=tuple(places),
    )
