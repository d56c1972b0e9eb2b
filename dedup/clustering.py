"""Paragraphs to links to clusters.

    comparison text -> distinct texts -> pairs with their true Jaccard (pairing) -> links -> clusters

Exact copies collapse first, so that everything after works on distinct texts, numbered in the
order of their content: no result depends on the order of the input. A link always carries a
similarity that was computed. Paragraphs shorter than `min_characters` join only by equal comparison
text, and paragraphs without any comparison text join nothing.

A cluster is a star, not a connected component: every member is at or above the threshold to the
representative, so that no chain A~B~C joins what is not alike. Texts become representatives in the
order: most linked paragraphs, then earliest published, then content; each takes the texts linked
to it that no earlier one took (the CENTER algorithm of Haveliwala, Gionis and Indyk, "Scalable
techniques for clustering the web", 2000). Among copies of the representative's text the first in
`precedence` stands for all.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, overload

import numpy as np

from dedup import compare, sign
from dedup.pairing import verified_pairs
from dedup.settings import ClusterSettings
from dedup.types import Cluster, Clustering, CodePoints, Link, Member, Pairs, Paragraph, Relation, Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray


_DEFAULTS = ClusterSettings()


def cluster(
    paragraphs: Iterable[Paragraph],
    settings: ClusterSettings = _DEFAULTS,
    *,
    texts: Sequence[str] | None = None,
) -> Clustering:
    """Return every verified link between `paragraphs` and the clusters they form.

    A cluster has two members or more; a paragraph is in one cluster at most. Clusters come largest
    first, members with the representative first and then by falling similarity. The input may hold
    equal paragraphs and repeated ids; each is a paragraph of its own.

    `texts` are the paragraphs' texts where they are at hand. A sequence that makes its paragraphs
    when they are looked at is then asked only for those that share words with others.

    >>> wire = "The committee said on Tuesday that it would publish its findings before the summer."
    >>> found = cluster([Paragraph("a", 0, "north", wire), Paragraph("b", 3, "south", wire.upper())])
    >>> [(c.kind.value, c.outlets, len(c.members)) for c in found.clusters]
    [('exact', ('north', 'south'), 2)]
    """
    items = paragraphs if isinstance(paragraphs, Sequence) else tuple(paragraphs)
    words = [item.text for item in items] if texts is None else texts
    compiled = _worth_compiling(words, settings)
    order, starts, distinct_texts = _collapse(words, settings, compiled=compiled)
    candidates, verified = verified_pairs(distinct_texts, settings, compiled=compiled)
    linked = verified >= settings.threshold
    pairs, similarity = Pairs(candidates.left[linked], candidates.right[linked]), verified[linked]
    copies = _rank(items, order, starts, pairs)
    return Clustering(
        _Links(copies, pairs, similarity),
        _clusters(copies, pairs, similarity, lambda text: compare.decode(distinct_texts, text)),
        tuple(np.histogram(verified, bins=20, range=(0, 1))[0].tolist()),
    )


def recluster(links: Iterable[Link], threshold: float) -> Clustering:
    """Return the clusters that stored links make at another threshold, without comparing any text.

    Equal to clustering anew at a threshold above that of the links; below it, pairs that were
    never links are missing. Links are all that is known of a paragraph: paragraphs equal in every
    field, which `cluster` counts one by one, are one here.
    """
    kept = [link for link in links if link.similarity >= threshold]
    items = tuple(dict.fromkeys(end for link in kept for end in (link.left, link.right)))
    number = {item: i for i, item in enumerate(items)}
    text_of = {number[link.right]: number[link.left] for link in kept if link.kind is Relation.EXACT}
    text = np.array([text_of.get(i, i) for i in range(len(items))], np.int64)
    texts, text = np.unique(text, return_inverse=True)
    order = np.argsort(text, kind="stable")
    starts = np.append(np.searchsorted(text[order], np.arange(texts.size)), order.size)
    near = [link for link in kept if link.kind is not Relation.EXACT]
    ends = text[np.array([(number[link.left], number[link.right]) for link in near], np.int64).reshape(-1, 2)]
    pairs = Pairs(ends.min(axis=1), ends.max(axis=1))
    similarity = np.array([link.similarity for link in near])
    copies = _rank(items, order, starts, pairs)
    return Clustering(
        _Links(copies, pairs, similarity),
        _clusters(copies, pairs, similarity, lambda text: _comparison_text(copies, text)),
        tuple(np.histogram(similarity, bins=20, range=(0, 1))[0].tolist()),
    )


@dataclass(frozen=True, slots=True)
class Distinct:
    """Distinct comparison texts in the order of their content, for other joins than `cluster`.

    The paragraphs of text `t` are `order[starts[t] : starts[t + 1]]`, first in precedence first.
    `compiled` says whether compiled code is worth its start.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    texts: CodePoints
    compiled: bool

    def first(self, text: int) -> int:
        """Return the number of the paragraph that stands for a text."""
        return int(self.order[self.starts[text]])

    def copies(self, text: int) -> list[int]:
        """Return the numbers of a text's paragraphs."""
        copies: list[int] = self.order[self.starts[text] : self.starts[text + 1]].tolist()
        return copies


def distinct(items: Sequence[Paragraph], settings: ClusterSettings) -> Distinct:
    """Group paragraphs by comparison text."""
    words = [item.text for item in items]
    compiled = _worth_compiling(words, settings)
    order, starts, texts = _collapse(words, settings, compiled=compiled)
    none = np.empty(0, np.int64)
    return Distinct(_rank(items, order, starts, Pairs(none, none)).order, starts, texts, compiled)


def _worth_compiling(texts: Sequence[str], settings: ClusterSettings) -> bool:
    characters = sum(map(len, texts))
    return characters >= settings.compile_from and importlib.util.find_spec("numba") is not None


@dataclass(frozen=True, slots=True)
class _Copies:
    """Paragraphs by distinct comparison text.

    The paragraphs of text `t` are `order[starts[t] : starts[t + 1]]`, first in precedence first.
    Paragraphs without comparison text are left out. `items` are the paragraphs that have a copy or
    a link, and `rank` is their place in precedence; both by number of the paragraph.
    """

    items: dict[int, Paragraph]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    rank: NDArray[np.int64]


def precedence(paragraph: Paragraph) -> tuple[str, int, str]:
    """Sort key: earliest published first, undated last; then by names, never by input position.

    One string compares faster than three.
    """
    names = (paragraph.published or "\U0010ffff", paragraph.outlet or "", paragraph.document)
    return "\0".join(names), paragraph.index, paragraph.text


def _rank(
    items: Sequence[Paragraph], order: NDArray[np.int64], starts: NDArray[np.int64], pairs: Pairs
) -> _Copies:
    """Order the copies of every text by precedence; only what can join a cluster is looked at."""
    involved = np.diff(starts) > 1
    involved[pairs.left] = True
    involved[pairs.right] = True
    text = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    with _all_survive():
        # In the order of the input, which is how memory holds it.
        held = {number: items[number] for number in np.sort(order[involved[text]]).tolist()}
        ranked = [key[-1] for key in sorted((*precedence(item), number) for number, item in held.items())]
    rank = np.full(len(items), len(items))
    rank[ranked] = np.arange(len(ranked))
    return _Copies(held, order[np.lexsort((rank[order], text))], starts, rank)


def _comparison_text(copies: _Copies, text: int) -> str:
    return compare.comparison_text(copies.items[int(copies.order[copies.starts[text]])].text)


def _collapse(
    words: Sequence[str], settings: ClusterSettings, *, compiled: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], CodePoints]:
    """Group paragraphs by equal comparison text, and return the comparison text of each group too."""
    texts = compare.encode(words, compiled=compiled, workers=settings.workers, scratch=settings.scratch)
    order, starts = grouped(texts, settings.workers, compiled=compiled)
    first = order[starts[:-1]]
    return order, starts, CodePoints(texts.codes, texts.starts[first], texts.lengths[first])


def grouped(
    texts: CodePoints, workers: int, *, compiled: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group equal texts, the groups in the order of their text's hash; empty texts are left out.

    Returns the numbers of the texts group by group, and where each group starts (and the end).
    """
    order, starts = _runs(sign.text_hashes(texts, compiled=compiled, workers=workers), texts)
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


def _clusters(
    copies: _Copies, pairs: Pairs, similarity: NDArray[np.float64], comparison_text: Callable[[int], str]
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
    centre = centre[text]
    begins = np.flatnonzero(np.diff(centre, prepend=-1)).tolist()
    with _all_survive():
        made = [
            Member(copies.items[number], value, Relation.EXACT if exact else Relation.NEAR)
            for number, value, exact in zip(
                paragraph.tolist(), to_centre[text].tolist(), (centre == text).tolist(), strict=True
            )
        ]
        found = [
            _cluster(tuple(made[begin:end]), comparison_text(middle))
            for (begin, end), middle in zip(
                itertools.pairwise([*begins, text.size]), centre[begins].tolist(), strict=True
            )
        ]
    return tuple(sorted(found, key=lambda cluster: (-len(cluster.members), cluster.id)))


@contextlib.contextmanager
def _all_survive() -> Iterator[None]:
    """Leave out the search for garbage while many objects are made that all stay.

    It would go over them again and again: 1.2 us a paragraph of a million.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _cluster(members: tuple[Member, ...], comparison_text: str) -> Cluster:
    outlets = {member.paragraph.outlet for member in members}
    known = tuple(sorted(outlet for outlet in outlets if outlet is not None))
    first, kind = members[0].paragraph, members[-1].kind
    spread = _spread(len(known), unknown=len(known) < len(outlets))
    return Cluster(_digest(comparison_text), kind, known, first, members, spread)


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
    source, target = np.concatenate([pairs.left, pairs.right]), np.concatenate([pairs.right, pairs.left])
    by_source = np.argsort(source, kind="stable")
    source, value = source[by_source], np.concatenate([similarity, similarity])[by_source].tolist()
    begins = np.flatnonzero(np.diff(source, prepend=-1))
    linked = source[begins]
    ends = np.append(begins, source.size)[1:]
    # Numbered anew without the texts that have no link: they are most, and at most their own centre.
    place = np.full(sizes.size, -1)
    place[linked] = np.arange(linked.size)
    partners = place[target[by_source]].tolist()
    centre, to_centre = [-1] * linked.size, [1.0] * linked.size
    bounds = list(zip(begins.tolist(), ends.tolist(), strict=True))
    for text in np.lexsort((rank[linked], -weight[linked])).tolist():
        if centre[text] < 0:
            centre[text] = text
            for k in range(*bounds[text]):
                if centre[partners[k]] < 0:
                    centre[partners[k]], to_centre[partners[k]] = text, value[k]
    centres = np.where(sizes > 1, np.arange(sizes.size), -1)
    similar = np.ones(sizes.size)
    centres[linked], similar[linked] = linked[np.array(centre, np.int64)], to_centre
    return centres, similar


class _Links(Sequence[Link]):
    """Links made into objects only when they are looked at: a million cost more than finding them.

    First the near links, between the first paragraphs of two distinct texts, then one exact link
    from the first paragraph of a text to each of its copies.
    """

    def __init__(self, copies: _Copies, pairs: Pairs, similarity: NDArray[np.float64]) -> None:
        self._copies, self._pairs, self._similarity = copies, pairs, similarity
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
        items, order, starts, near = self._copies.items, self._copies.order, self._copies.starts, self._pairs
        if index < near.left.size:
            left, right = order[starts[near.left[index]]], order[starts[near.right[index]]]
            return Link(items[left], items[right], Relation.NEAR, float(self._similarity[index]))
        place = self._repeats[index - near.left.size]
        text = np.searchsorted(starts, place, side="right") - 1
        return Link(items[order[starts[text]]], items[order[place]], Relation.EXACT, 1.0)
