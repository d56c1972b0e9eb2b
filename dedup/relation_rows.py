"""Clusters, links, quotations, passages and stories as rows, and link rows read back.

The order of the fields is part of the format. `document` is an article's id, `paragraph` counts its
paragraphs from 0; spans are half-open character offsets into the paragraph's text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from dedup.types import (
    Change,
    Cluster,
    Fact,
    Failure,
    Link,
    Member,
    Paragraph,
    Passage,
    Quotation,
    Relation,
    Story,
    Version,
)

Row = dict[str, Any]


def cluster_row(cluster: Cluster) -> Row:
    """One line of `clusters.jsonl`.

    `similarity` is the Jaccard similarity to the representative (0 to 1); `changes` are the facts in
    which a member differs from the representative (`left`).
    """
    return {
        "id": cluster.id,
        "kind": cluster.kind.value,
        "spread": cluster.spread.value,
        "size": len(cluster.members),
        "outlets": list(cluster.outlets),
        "representative": paragraph_row(cluster.representative),
        "members": [_member_row(member) for member in cluster.members],
    }


def link_row(link: Link) -> Row:
    """One line of `links.jsonl`: a pair whose Jaccard similarity was computed, and the facts that differ."""
    return {
        "kind": link.kind.value,
        "similarity": link.similarity,
        "left": paragraph_row(link.left),
        "right": paragraph_row(link.right),
        "changes": [change_row(change) for change in link.changes],
    }


def quotation_row(quotation: Quotation) -> Row:
    """One line of `quotations.jsonl`: `containment` is the share of the quote that the source holds."""
    return {
        "kind": "quotation",
        "containment": quotation.containment,
        "similarity": quotation.similarity,
        "quote": paragraph_row(quotation.quote),
        "source": paragraph_row(quotation.source),
    }


def passage_row(passage: Passage) -> Row:
    """One line of `passages.jsonl`: words in common, and where they stand in each paragraph."""
    return {
        "id": passage.id,
        "kind": "passage",
        "text": passage.text,
        "weight": passage.weight,
        "outlets": list(passage.outlets),
        "places": [
            {**paragraph_row(place.paragraph), "start": place.start, "end": place.end}
            for place in passage.places
        ],
    }


def story_row(story: Story) -> Row:
    """One line of `stories.jsonl`: the first version, then the others and what they made of it."""
    return {
        "id": story.id,
        "outlets": list(story.outlets),
        "versions": [_version_row(version) for version in story.versions],
    }


def paragraph_row(paragraph: Paragraph) -> Row:
    """A paragraph and where it stands."""
    return {
        "document": paragraph.document,
        "paragraph": paragraph.index,
        "outlet": paragraph.outlet,
        "published": paragraph.published,
        "text": paragraph.text,
    }


def _member_row(member: Member) -> Row:
    return {
        **paragraph_row(member.paragraph),
        "similarity": member.similarity,
        "kind": member.kind.value,
        "changes": [change_row(change) for change in member.changes],
    }


def change_row(change: Change) -> Row:
    """A changed fact: what it is, and where it stands in either text."""
    return {
        "fact": change.fact.value,
        "left": {"text": change.left, "start": change.left_start, "end": change.left_end},
        "right": {"text": change.right, "start": change.right_start, "end": change.right_end},
    }


def _version_row(version: Version) -> Row:
    return {
        "document": version.document,
        "outlet": version.outlet,
        "published": version.published,
        "carriage": version.carriage.value,
        "of_first": version.of_first,
        "of_this": version.of_this,
        "in_order": version.in_order,
        "added": [{"paragraph": one.index, "text": one.text} for one in version.added],
        "left_out": [{"paragraph": one.index, "text": one.text} for one in version.left_out],
    }


def is_link(line: bytes) -> bool:
    """Whether a line of JSON is a row of `link_row`, and not of an article."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(row, Mapping) and isinstance(row.get("left"), Mapping) and "right" in row


def read_links(lines: Iterable[bytes], name: str) -> Iterator[Link | Failure]:
    """Links from the lines of `links.jsonl`, and a `Failure` for each line that is none.

    `name` is what the user calls the input; failures are named `name#3` for line 3.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _link(json.loads(line))
            except (ValueError, RecursionError, KeyError, TypeError):
                message = "the line is no link as `dedup cluster --links` writes them"
                yield Failure(f"{name}#{number}", "bad_record", message)


def _link(row: Mapping[str, Any]) -> Link:
    similarity, kind = row["similarity"], Relation(row["kind"])
    if not isinstance(similarity, int | float) or not 0 <= similarity <= 1 or not math.isfinite(similarity):
        raise ValueError(similarity)
    changes = tuple(map(_change, row.get("changes", ())))
    return Link(_paragraph(row["left"]), _paragraph(row["right"]), kind, float(similarity), changes)


def _change(row: Mapping[str, Any]) -> Change:
    left, right = ((row[side]["text"], row[side]["start"], row[side]["end"]) for side in ("left", "right"))
    return Change(Fact(row["fact"]), *left, *right)


def _paragraph(row: Mapping[str, Any]) -> Paragraph:
    document, index, text = row["document"], row["paragraph"], row["text"]
    optional = (row["outlet"], row["published"])
    if not (isinstance(document, str) and isinstance(index, int) and isinstance(text, str)):
        raise ValueError(document)
    if not all(one is None or isinstance(one, str) for one in optional):
        raise ValueError(optional)
    return Paragraph(document, index, row["outlet"], text, row["published"])
