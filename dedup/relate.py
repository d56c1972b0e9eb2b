"""Relations beyond near-duplicates, from paragraphs: quotations and shared passages.

Joins the stages for these as `cluster` does for links.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from dedup import compare, quote, verify
from dedup.clustering import distinct, precedence
from dedup.passages import common_spans
from dedup.settings import ClusterSettings
from dedup.types import Cluster, CodePoints, Paragraph, Passage, Place, Quotation, Relation
from dedup.words import content_words, whole_words

_DEFAULTS = ClusterSettings()


def quotations(
    paragraphs: Iterable[Paragraph], settings: ClusterSettings = _DEFAULTS
) -> tuple[Quotation, ...]:
    """Return every paragraph that stands within a longer one without being its near-duplicate.

    Of copies the first in precedence (earliest published) stands for all. The quote is the one with
    fewer shingles; at least `settings.containment` of them stand in the other.
    """
    items = tuple(paragraphs)
    copies, texts, compiled = distinct(items, settings)
    pairs = quote.candidate_containments(texts, settings, compiled=compiled)
    overlaps = verify.overlaps(texts, pairs, settings.shingle, compiled=compiled)
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
        ends = [items[copies[pairs.left[i]][0]], items[copies[pairs.right[i]][0]]]
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
    copies, texts, compiled = distinct(items, settings)
    near = {
        member.paragraph
        for cluster in clusters
        for member in cluster.members
        if member.kind is not Relation.EXACT
    }
    kept = [number for number, held in enumerate(copies) if items[held[0]] not in near]
    texts = CodePoints(texts.codes, texts.starts[kept], texts.lengths[kept])
    copies = [copies[number] for number in kept]
    names = [{_side(items[i]) for i in held} for held in copies]
    # A text that several outlets have is compared with every other.
    keys = [name.pop() if len(name) == 1 else ("", str(i)) for i, name in enumerate(names)]
    numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    sides = np.array([numbers[key] for key in keys], np.int64)
    held_at: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    for left, i, right, j, length in common_spans(texts, sides, settings, compiled=compiled).tolist():
        start = int(texts.starts[left]) + i
        held_at[compare.decode_codes(texts.codes[start : start + length])].update(((left, i), (right, j)))

    known: dict[str, str | None] = {}

    @lru_cache(maxsize=10_000)  # of this call alone
    def origins(paragraph: int) -> list[tuple[int, int]]:
        return compare.origins(items[paragraph].text, known)

    found = []
    for words, spans in held_at.items():
        places = []
        for text, start in spans:
            for number in copies[text]:
                origin = origins(number)
                places.append(Place(items[number], origin[start][0], origin[start + len(words) - 1][1]))
        weight = min(content_words(place.paragraph.text, place.start, place.end) for place in places)
        if weight >= settings.passage_content and _long_enough(places[0], words, settings):
            places.sort(key=lambda place: (precedence(place.paragraph), place.start))
            found.append(_passage(words, weight, places))
    return tuple(sorted(found, key=lambda passage: (-passage.weight, -len(passage.text), passage.id)))


def _side(paragraph: Paragraph) -> tuple[str, str]:
    return ("outlet", paragraph.outlet) if paragraph.outlet else ("document", paragraph.document)


def _long_enough(place: Place, words: str, settings: ClusterSettings) -> bool:
    """Scripts with few characters a word are measured in characters, others in whole words."""
    if 2 * sum(ord(character) >= 0x2E80 for character in words) >= len(words):
        return True
    return whole_words(place.paragraph.text, place.start, place.end) >= settings.passage_words


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
