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
`precedence` stands for all.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, overload

import numpy as np

from dedup import band, compare, sign, verify
from dedup.settings import ClusterSettings
from dedup.types import Cluster, Clustering, CodePoints, Link, Member, Pairs, Paragraph, Relation, Spread

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
    compiled = _worth_compiling(items, settings)
    texts = compare.encode([item.text for item in items], compiled=compiled)
    order, starts = _collapse(texts, compiled=compiled)
    first = order[starts[:-1]]
    distinct = CodePoints(texts.codes, texts.starts[first], texts.lengths[first])
    candidates, verified = _verified_pairs(distinct, settings, compiled=compiled)
    linked = verified >= settings.threshold
    pairs, similarity = Pairs(candidates.left[linked], candidates.right[linked]), verified[linked]
    copies = _rank(items, order, starts, pairs)
    return Clustering(
        _Links(items, copies, pairs, similarity),
        _clusters(items, copies, pairs, similarity),
        tuple(np.histogram(verified, bins=20, range=(0, 1))[0].tolist()),
    )


def recluster(links: Iterable[Link], threshold: float) -> Clustering:
    """Return the clusters that stored links make at another threshold, without comparing any text.

    Equal to clustering anew at a threshold above that of the links; below it, pairs that were
    never links are missing.
    """
    kept = [link for link in links if link.similarity >= threshold]
    items = tuple(dict.fromkeys(end for link in kept for end in (link.left, link.right)))
    number = {item: i for i, item in enumerate(items)}
    text_of = {number[link.right]: number[link.left] for link in kept if link.kind is Relation.EXACT}
    text = np.array([text_of.get(i, i) for i in range(len(items))], np.int64)
    texts, text = np.unique(text, return_inverse=True)
    order = np.argsort(text, kind="stable")
    starts = np.append(np.searchsorted(text[order], np.arange(texts.size)), order.size)
    near = [link for link in kept if link.kind is Relation.NEAR]
    ends = text[np.array([(number[link.left], number[link.right]) for link in near], np.int64).reshape(-1, 2)]
    pairs = Pairs(ends.min(axis=1), ends.max(axis=1))
    similarity = np.array([link.similarity for link in near])
    copies = _rank(items, order, starts, pairs)
    return Clustering(
        _Links(items, copies, pairs, similarity),
        _clusters(items, copies, pairs, similarity),
        tuple(np.histogram(similarity, bins=20, range=(0, 1))[0].tolist()),
    )


def distinct(
    items: Sequence[Paragraph], settings: ClusterSettings
) -> tuple[list[list[int]], CodePoints, bool]:
    """Return the distinct comparison texts in the order of their content, for other joins than this.

    The first value has the numbers of each text's paragraphs, first in precedence first; the last
    says whether compiled code is worth its start.
    """
    compiled = _worth_compiling(items, settings)
    texts = compare.encode([item.text for item in items], compiled=compiled)
    order, starts = _collapse(texts, compiled=compiled)
    none = np.empty(0, np.int64)
    copies = _rank(items, order, starts, Pairs(none, none))
    first = copies.order[starts[:-1]]
    bounds, numbers = starts.tolist(), copies.order.tolist()
    held = [numbers[begin:end] for begin, end in itertools.pairwise(bounds)]
    return held, CodePoints(texts.codes, texts.starts[first], texts.lengths[first]), compiled


def _worth_compiling(items: Sequence[Paragraph], settings: ClusterSettings) -> bool:
    characters = sum(len(item.text) for item in items)
    return characters >= settings.compile_from and importlib.util.find_spec("numba") is not None


@dataclass(frozen=True, slots=True)
class _Copies:
    """Paragraphs by distinct comparison text.

    The paragraphs of text `t` are `order[starts[t] : starts[t + 1]]`, first in precedence first.
    Paragraphs without comparison text are left out. `rank` is the place in precedence by
    paragraph, of those that have a copy or a link.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    rank: NDArray[np.int64]


def precedence(paragraph: Paragraph) -> tuple[bool, str, str, str, int, str]:
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


def _rank(
    items: Sequence[Paragraph], order: NDArray[np.int64], starts: NDArray[np.int64], pairs: Pairs
) -> _Copies:
    """Order the copies of every text by precedence; only what can join a cluster is compared."""
    involved = np.diff(starts) > 1
    involved[pairs.left] = True
    involved[pairs.right] = True
    text = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    ranked = sorted(order[involved[text]].tolist(), key=lambda i: precedence(items[i]))
    rank = np.full(len(items), len(items))
    rank[ranked] = np.arange(len(ranked))
    return _Copies(order[np.lexsort((rank[order], text))], starts, rank)


def _collapse(texts: CodePoints, *, compiled: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group paragraphs by equal comparison text, the groups in the order of their text's hash.

    Returns the numbers of the paragraphs group by group, and where each group starts (and the end).
    """
    order, starts = _runs(sign.text_hashes(texts, compiled=compiled), texts)
    sizes = np.diff(starts)
    first = np.repeat(order[starts[:-1]], sizes)
    if not compare.equal(texts, order[order != first], first[order != first], compiled=compiled):
        # Long periodic texts can be built to collide under any polynomial hash modulo 2^64.
        strong = [_digest(compare.decode(texts, i)) for i in range(texts.starts.size)]
        order, starts = _runs(np.array([int(digest, 16) for digest in strong], np.uint64), texts)
    return order, starts


def _runs(hashes: NDArray[np.uint64], texts: CodePoints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Text numbers sorted by hash, texts without characters left out, and where each run of equals starts."""
    order = np.argsort(hashes, kind="stable")
    order = order[texts.lengths[order] > 0]
    new = np.ones(order.size, bool)
    new[1:] = hashes[order[1:]] != hashes[order[:-1]]
    return order, np.append(np.flatnonzero(new), order.size)


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _verified_pairs(
    distinct: CodePoints, settings: ClusterSettings, *, compiled: bool
) -> tuple[Pairs, NDArray[np.float64]]:
    """Candidate pairs of distinct texts and their true Jaccard, whether or not it reaches the threshold."""
    long = np.flatnonzero(distinct.lengths >= settings.min_characters)
    texts = CodePoints(distinct.codes, distinct.starts[long], distinct.lengths[long])
    bands, rows = band.choose_bands(settings)
    signatures = sign.signatures(texts, settings, bands * rows, compiled=compiled)
    keys = band.band_keys(signatures, bands, rows, compiled=compiled)
    pairs = band.candidate_pairs(keys, settings.bucket)
    similarity = verify.jaccard(verify.overlaps(texts, pairs, settings.shingle, compiled=compiled))
    return Pairs(long[pairs.left], long[pairs.right]), similarity


def _clusters(
    items: Sequence[Paragraph],
    copies: _Copies,
    pairs: Pairs,
    similarity: NDArray[np.float64],
) -> tuple[Cluster, ...]:
    """Stars of texts as clusters of paragraphs, largest first."""
    sizes = np.diff(copies.starts)
    centre, to_centre = _stars(sizes, copies.rank[copies.order[copies.starts[:-1]]], pairs, similarity)
    members = np.bincount(centre[centre >= 0], sizes[centre >= 0], centre.size)
    text = np.repeat(np.arange(sizes.size), sizes)
    chosen = np.flatnonzero((centre[text] >= 0) & (members[centre[text]] > 1))
    text, paragraph = text[chosen], copies.order[chosen]
    # By cluster; within it the representative's text first, then by similarity, then precedence.
    by_cluster = np.lexsort((copies.rank[paragraph], -to_centre[text], centre[text] != text, centre[text]))
    text, paragraph = text[by_cluster], paragraph[by_cluster]
    kinds = [Relation.NEAR, Relation.EXACT]
    made = [
        Member(items[i], value, kinds[exact])
        for i, value, exact in zip(
            paragraph.tolist(), to_centre[text].tolist(), (centre[text] == text).tolist(), strict=True
        )
    ]
    ends = np.append(np.flatnonzero(np.diff(centre[text])) + 1, text.size).tolist() if text.size else []
    found, begin = [], 0
    for end in ends:
        one = tuple(made[begin:end])
        outlets = {member.paragraph.outlet for member in one}
        known = tuple(sorted(outlet for outlet in outlets if outlet is not None))
        found.append(
            Cluster(
                id=_digest(compare.comparison_text(one[0].paragraph.text)),
                kind=one[-1].kind,
                outlets=known,
                representative=one[0].paragraph,
                members=one,
                spread=_spread(len(known), unknown=None in outlets),
            )
        )
        begin = end
    return tuple(sorted(found, key=lambda cluster: (-len(cluster.members), cluster.id)))


def _spread(outlets: int, *, unknown: bool) -> Spread:
    if outlets > 1:
        return Spread.ACROSS_OUTLETS
    return Spread.UNKNOWN if unknown else Spread.WITHIN_OUTLET


def _stars(
    sizes: NDArray[np.int64], rank: NDArray[np.int64], pairs: Pairs, similarity: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return by text the text at the centre of its star, -1 where nothing joins, and the similarity to it.

    `sizes` are the paragraphs of a text, `rank` the precedence of its first.
    """
    weight = sizes + np.bincount(pairs.left, sizes[pairs.right], sizes.size)
    weight += np.bincount(pairs.right, sizes[pairs.left], sizes.size)
    joining = np.flatnonzero(weight > 1)
    source, target = np.concatenate([pairs.left, pairs.right]), np.concatenate([pairs.right, pairs.left])
    by_source = np.argsort(source, kind="stable")
    bounds = np.searchsorted(source[by_source], np.arange(sizes.size + 1)).tolist()
    target, value = target[by_source].tolist(), np.concatenate([similarity, similarity])[by_source].tolist()
    centre, to_centre = [-1] * sizes.size, [1.0] * sizes.size
    for text in joining[np.lexsort((rank[joining], -weight[joining]))].tolist():
        if centre[text] < 0:
            centre[text] = text
            for k in range(bounds[text], bounds[text + 1]):
                if centre[target[k]] < 0:
                    centre[target[k]], to_centre[target[k]] = text, value[k]
    return np.array(centre, np.int64), np.array(to_centre)


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
            left = copies.order[copies.starts[self._pairs.left[index]]]
            right = copies.order[copies.starts[self._pairs.right[index]]]
            return Link(items[left], items[right], Relation.NEAR, float(self._similarity[index]))
        place = self._repeats[index - near]
        text = np.searchsorted(copies.starts, place, side="right") - 1
        return Link(items[copies.order[copies.starts[text]]], items[copies.order[place]], Relation.EXACT, 1.0)
