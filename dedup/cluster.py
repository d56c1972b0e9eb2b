"""Paragraphs to links to clusters.

    comparison text -> distinct texts -> signatures -> bands -> candidate pairs -> true Jaccard
                                                                      links -> clusters

Exact copies collapse first, so that everything after works on distinct texts, numbered in the
order of their content: no result depends on the order of the input. Every candidate pair is
verified; a link always carries a similarity that was computed. Paragraphs shorter than
`min_characters` join only by equal comparison text, and paragraphs without any comparison text
join nothing.

A cluster is a star, not a connected component: every member is at or above the threshold to the
representative, so that no chain A~B~C joins what is not alike. Texts become representatives in the
order: most linked paragraphs, then earliest published, then content; each takes the texts linked
to it that no earlier one took (the CENTER algorithm of Haveliwala, Gionis and Indyk, "Scalable
techniques for clustering the web", 2000). Among copies of the representative's text the first in
`_precedence` stands for all.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, overload

import numpy as np

from dedup import band, compare, sign, verify
from dedup.settings import ClusterSettings
from dedup.types import Cluster, Clustering, CodePoints, Link, Member, Pairs, Paragraph, Relation

if TYPE_CHECKING:
    from numpy.typing import NDArray


_DEFAULTS = ClusterSettings()


def cluster(paragraphs: Iterable[Paragraph], settings: ClusterSettings = _DEFAULTS) -> Clustering:
    """Return every verified link between `paragraphs` and the clusters they form.

    A cluster has two members or more; a paragraph is in one cluster at most. Clusters come largest
    first, members with the representative first and then by falling similarity. The input may hold
    equal paragraphs and repeated ids; each is a paragraph of its own.

    >>> wire = "The committee said on Tuesday that it would publish its findings before the summer."
    >>> found = cluster([Paragraph("a", 0, "north", wire), Paragraph("b", 3, "south", wire.upper())])
    >>> [(c.kind.value, c.outlets, len(c.members)) for c in found.clusters]
    [('exact', ('north', 'south'), 2)]
    """
    items = tuple(paragraphs)
    compiled = _worth_compiling(len(items), settings)
    texts = compare.encode([item.text for item in items], compiled=compiled)
    copies = _collapse(texts, items, compiled=compiled)
    distinct = CodePoints(texts.codes, texts.starts[copies.first], texts.lengths[copies.first])
    pairs, similarity = _near_pairs(distinct, settings, compiled=compiled)
    return Clustering(
        _Links(items, copies, pairs, similarity),
        _clusters(items, copies, distinct, pairs, similarity),
    )


def _worth_compiling(paragraphs: int, settings: ClusterSettings) -> bool:
    return paragraphs >= settings.compile_from and importlib.util.find_spec("numba") is not None


@dataclass(frozen=True, slots=True)
class _Copies:
    """Paragraphs by distinct comparison text.

    The paragraphs of text `t` are `order[starts[t] : starts[t + 1]]`, first in precedence first;
    `first[t]` is that one. Texts without characters are left out.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    first: NDArray[np.int64]

    def of(self, text: int) -> list[int]:
        numbers: list[int] = self.order[self.starts[text] : self.starts[text + 1]].tolist()
        return numbers


def _precedence(paragraph: Paragraph) -> tuple[bool, str, str, str, int, str]:
    """Sort key: earliest published first, undated last; then by names, never by input position."""
    published = paragraph.published
    return (
        published is None,
        published or "",
        paragraph.outlet or "",
        paragraph.document,
        paragraph.index,
        paragraph.text,
    )


def _collapse(texts: CodePoints, items: Sequence[Paragraph], *, compiled: bool) -> _Copies:
    """Group paragraphs by equal comparison text, the groups in the order of their text's hash."""
    order, starts = _runs(sign.text_hashes(texts, compiled=compiled), texts)
    if not _equal_within(texts, order, starts):
        # Long periodic texts can be built to collide under any polynomial hash modulo 2^64.
        strong = [_digest(compare.decode(texts, i)) for i in range(len(items))]
        order, starts = _runs(np.array([int(digest, 16) for digest in strong], np.uint64), texts)
    for begin, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        if end - begin > 1:
            order[begin:end] = sorted(order[begin:end].tolist(), key=lambda i: _precedence(items[i]))
    return _Copies(order, starts, order[starts[:-1]])


def _runs(hashes: NDArray[np.uint64], texts: CodePoints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Text numbers sorted by hash, texts without characters left out, and where each run of equals starts."""
    order = np.argsort(hashes, kind="stable")
    order = order[texts.lengths[order] > 0]
    new = np.ones(order.size, bool)
    new[1:] = hashes[order[1:]] != hashes[order[:-1]]
    return order, np.append(np.flatnonzero(new), order.size)


def _equal_within(texts: CodePoints, order: NDArray[np.int64], starts: NDArray[np.int64]) -> bool:
    """Whether the texts of every run are equal, character by character."""
    sizes = np.diff(starts)
    first = np.repeat(order[starts[:-1]], sizes)
    if np.any(texts.lengths[order] != texts.lengths[first]):
        return False
    for one, other in zip(order[order != first].tolist(), first[order != first].tolist(), strict=True):
        a, b, length = int(texts.starts[one]), int(texts.starts[other]), int(texts.lengths[one])
        if not np.array_equal(texts.codes[a : a + length], texts.codes[b : b + length]):
            return False
    return True


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _near_pairs(
    distinct: CodePoints, settings: ClusterSettings, *, compiled: bool
) -> tuple[Pairs, NDArray[np.float64]]:
    """Pairs of distinct texts at or above the threshold, and their Jaccard similarity."""
    long = np.flatnonzero(distinct.lengths >= settings.min_characters)
    texts = CodePoints(distinct.codes, distinct.starts[long], distinct.lengths[long])
    bands, rows = band.choose_bands(settings)
    signatures = sign.signatures(texts, settings, bands * rows, compiled=compiled)
    keys = band.band_keys(signatures, bands, rows, compiled=compiled)
    candidates = band.candidate_pairs(keys, settings.bucket)
    similarity = verify.jaccard(verify.overlaps(texts, candidates, settings.shingle, compiled=compiled))
    linked = similarity >= settings.threshold
    pairs = Pairs(long[candidates.left[linked]], long[candidates.right[linked]])
    return pairs, similarity[linked]


def _clusters(
    items: Sequence[Paragraph],
    copies: _Copies,
    distinct: CodePoints,
    pairs: Pairs,
    similarity: NDArray[np.float64],
) -> tuple[Cluster, ...]:
    found = []
    for star in _stars(items, copies, pairs, similarity):
        members = [Member(items[paragraph], value) for text, value in star for paragraph in copies.of(text)]
        head, *rest = members
        rest.sort(key=lambda member: (-member.similarity, _precedence(member.paragraph)))
        outlets = {member.paragraph.outlet for member in members}
        found.append(
            Cluster(
                id=_digest(compare.decode(distinct, star[0][0])),
                kind=Relation.EXACT if len(star) == 1 else Relation.NEAR,
                outlets=tuple(sorted(outlet for outlet in outlets if outlet is not None)),
                representative=head.paragraph,
                members=(head, *rest),
            )
        )
    return tuple(sorted(found, key=lambda cluster: (-len(cluster.members), cluster.id)))


def _stars(
    items: Sequence[Paragraph], copies: _Copies, pairs: Pairs, similarity: NDArray[np.float64]
) -> Iterator[list[tuple[int, float]]]:
    """Yield each cluster as (text, similarity to the first text), the representative first."""
    sizes = np.diff(copies.starts)
    weight = sizes.copy()
    np.add.at(weight, pairs.left, sizes[pairs.right])
    np.add.at(weight, pairs.right, sizes[pairs.left])
    candidates = np.flatnonzero(weight > 1).tolist()
    neighbours: dict[int, list[tuple[int, float]]] = {}
    rows = zip(pairs.left.tolist(), pairs.right.tolist(), similarity.tolist(), strict=True)
    for left, right, value in rows:
        neighbours.setdefault(left, []).append((right, value))
        neighbours.setdefault(right, []).append((left, value))
    weights, first = weight.tolist(), copies.first.tolist()
    candidates.sort(key=lambda text: (-weights[text], _precedence(items[first[text]])))
    taken: set[int] = set()
    for text in candidates:
        if text in taken:
            continue
        star = [(text, 1.0)]
        star += [(other, value) for other, value in neighbours.get(text, ()) if other not in taken]
        taken.update(other for other, _ in star)
        if len(star) > 1 or sizes[text] > 1:
            yield star


class _Links(Sequence[Link]):
    """Links made into objects only when they are looked at: a million cost more than finding them.

    First the near links, between the first paragraphs of two distinct texts, then one exact link
    from the first paragraph of a text to each of its copies.
    """

    def __init__(
        self,
        items: Sequence[Paragraph],
        copies: _Copies,
        pairs: Pairs,
        similarity: NDArray[np.float64],
    ) -> None:
        self._items, self._copies, self._pairs, self._similarity = items, copies, pairs, similarity
        repeats = np.ones(copies.order.size, bool)
        repeats[copies.starts[:-1]] = False
        self._repeats = np.flatnonzero(repeats)

    def __len__(self) -> int:
        return self._pairs.left.size + self._repeats.size

    @overload
    def __getitem__(self, index: int) -> Link: ...
    @overload
    def __getitem__(self, index: slice) -> list[Link]: ...
    def __getitem__(self, index: int | slice) -> Link | list[Link]:
        if isinstance(index, slice):
            return [self._link(i) for i in range(len(self))[index]]
        return self._link(range(len(self))[index])

    def _link(self, index: int) -> Link:
        items, copies, near = self._items, self._copies, self._pairs.left.size
        if index < near:
            left, right = copies.first[self._pairs.left[index]], copies.first[self._pairs.right[index]]
            return Link(items[left], items[right], Relation.NEAR, float(self._similarity[index]))
        place = self._repeats[index - near]
        text = np.searchsorted(copies.starts, place, side="right") - 1
        return Link(items[copies.first[text]], items[copies.order[place]], Relation.EXACT, 1.0)
