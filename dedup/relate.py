"""Relations beyond near-duplicates, from paragraphs: quotations and shared passages.

Joins the stages for these as `cluster` does for links.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dedup import quote, verify
from dedup.cluster import distinct
from dedup.settings import ClusterSettings
from dedup.types import Paragraph, Quotation

_DEFAULTS = ClusterSettings()


def quotations(
    paragraphs: Iterable[Paragraph], settings: ClusterSettings = _DEFAULTS
) -> tuple[Quotation, ...]:
    """Return every paragraph that stands within a longer one without being its near-duplicate.

    Of copies the first in precedence (earliest published) stands for all. The quote is the one with
    fewer shingles; at least `settings.containment` of them stand in the other.
    """
    items = tuple(paragraphs)
    first, texts, compiled = distinct(items, settings)
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
        ends = [items[first[pairs.left[i]]], items[first[pairs.right[i]]]]
        if overlaps[i, 0] > overlaps[i, 1]:
            ends.reverse()
        found.append(Quotation(ends[0], ends[1], float(containment[i]), float(similarity[i])))
    return tuple(found)
