"""Near-duplicates that state something else: which numbers, dates and names differ.

The texts are aligned by insertions and deletions (rapidfuzz's `Indel`; `difflib` is 600 times
slower and its heuristics misalign long Japanese paragraphs), and a fact is changed where the place
it is aligned with holds another fact of the same kind. A fact that only one text has is an
addition or a cut, not a change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import overload
from unicodedata import normalize

from rapidfuzz.distance import Indel

from dedup.types import Change, Cluster, Link, Member, Relation
from dedup.words import Token, facts

# Longer texts are not aligned: the time grows with the product of the lengths.
_LONGEST = 20_000
# Texts whose facts are remembered while links are marked.
_REMEMBERED = 1_000


def changes(left: str, right: str) -> tuple[Change, ...]:
    """Return the facts of `left` that stand otherwise in `right`.

    >>> [(change.left, change.right) for change in changes("死者12人、負傷者八人。", "死者13人、負傷者8人。")]
    [('12', '13')]
    """
    return _changes(left, right, facts)


def _changes(left: str, right: str, facts_of: Callable[[str], Sequence[Token]]) -> tuple[Change, ...]:
    if max(len(left), len(right)) > _LONGEST:
        return ()
    ours, theirs = facts_of(left), facts_of(right)
    if _bag(ours) == _bag(theirs):
        return ()
    place = _Alignment(left, right)
    found = []
    for token in ours:
        start, end = place.of_start(token.start), place.of_end(token.end)
        partners = [
            other for other in theirs if other.fact is token.fact and other.start < end and start < other.end
        ]
        if partners and all(other.value != token.value for other in partners):
            other = partners[0]
            found.append(
                Change(
                    token.fact,
                    left[token.start : token.end],
                    token.start,
                    token.end,
                    right[other.start : other.end],
                    other.start,
                    other.end,
                )
            )
    return tuple(found)


class MarkedLinks(Sequence[Link]):
    """Links with the facts that differ, looked for when a link is looked at.

    Takes .5 ms for a pair of which neither text was in a pair shortly before, most of it for finding
    the facts of each text.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links

    def __len__(self) -> int:
        return len(self._links)

    @overload
    def __getitem__(self, index: int) -> Link: ...
    @overload
    def __getitem__(self, index: slice) -> list[Link]: ...
    def __getitem__(self, index: int | slice) -> Link | list[Link]:
        if isinstance(index, slice):
            return list(_marked_links(self._links[index]))
        (link,) = _marked_links([self._links[index]])
        return link

    def __iter__(self) -> Iterator[Link]:
        return _marked_links(self._links)


def _marked_links(links: Iterable[Link]) -> Iterator[Link]:
    # Links of one cluster come close to each other and share their texts.
    facts_of = lru_cache(_REMEMBERED)(facts)
    for link in links:
        if link.kind is Relation.EXACT:
            yield link
            continue
        differing = _changes(link.left.text, link.right.text, facts_of)
        kind = Relation.CHANGED_FACTS if differing else Relation.NEAR
        yield replace(link, kind=kind, changes=differing)


def mark_changed_facts(clusters: Iterable[Cluster]) -> tuple[Cluster, ...]:
    """Return the clusters, members whose facts differ from the representative's marked with the changes."""
    return tuple(_marked(cluster) for cluster in clusters)


def _marked(cluster: Cluster) -> Cluster:
    if cluster.kind is Relation.EXACT:
        return cluster
    members = tuple(_compared(member, cluster.representative.text) for member in cluster.members)
    kinds = {member.kind for member in members}
    kind = Relation.CHANGED_FACTS if Relation.CHANGED_FACTS in kinds else cluster.kind
    return replace(cluster, members=members, kind=kind)


def _compared(member: Member, representative: str) -> Member:
    if member.kind is Relation.EXACT:
        return member
    differing = changes(representative, member.paragraph.text)
    if not differing:
        return member
    return replace(member, kind=Relation.CHANGED_FACTS, changes=differing)


def _bag(tokens: Iterable[Token]) -> Counter[tuple[str, str]]:
    return Counter((token.fact.value, token.value) for token in tokens)


class _Alignment:
    """Where a place of the left text lies in the right one."""

    def __init__(self, left: str, right: str) -> None:
        blocks: list[tuple[int, int, int, int]] = []  # stretches of the left and of the right, equal or not
        equal_before = True
        for edit in Indel.opcodes(_folded(left), _folded(right)):
            equal = edit.tag == "equal"
            if blocks and not equal and not equal_before:
                blocks[-1] = (blocks[-1][0], edit.src_end, blocks[-1][2], edit.dest_end)
            else:
                blocks.append((edit.src_start, edit.src_end, edit.dest_start, edit.dest_end))
            equal_before = equal
        self._blocks = blocks
        self._starts = [block[0] for block in blocks]

    def of_start(self, index: int) -> int:
        return self._map(index, index, end=False)

    def of_end(self, index: int) -> int:
        return self._map(index - 1, index, end=True)

    def _map(self, inside: int, index: int, *, end: bool) -> int:
        i, i_end, j, j_end = self._blocks[max(bisect_right(self._starts, inside) - 1, 0)]
        if i_end - i == j_end - j:
            return j + index - i
        return j_end if end else j


def _folded(text: str) -> str:
    """The text with widths and case folded, character by character, so that places stay."""
    folded = [normalize("NFKC", character).casefold() for character in text]
    return "".join(new if len(new) == 1 else old for new, old in zip(folded, text, strict=True))
