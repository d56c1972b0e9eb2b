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

import importlib.util
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dedup import compare, sign
from dedup.columns import Clusters, Links, Paragraphs, by_precedence, held, text_id
from dedup.pairing import verified_pairs
from dedup.settings import ClusterSettings
from dedup.types import Clustering, CodePoints, Link, Pairs, Paragraph, Relation

if TYPE_CHECKING:
    from numpy.typing import NDArray


_DEFAULTS = ClusterSettings()


def cluster(
    paragraphs: Iterable[Paragraph],
    settings: ClusterSettings = _DEFAULTS,
    *,
    texts: Sequence[str] | None = None,
    groups: Distinct | None = None,
) -> Clustering:
    """Return every verified link between `paragraphs` and the clusters they form.

    A cluster has two members or more; a paragraph is in one cluster at most. Clusters come largest
    first, members with the representative first and then by falling similarity. The input may hold
    equal paragraphs and repeated ids; each is a paragraph of its own.

    `texts` are the paragraphs' texts where they are at hand. A sequence that makes its paragraphs
    when they are looked at is then asked only for those that share words with others. `groups` are
    what `distinct` made of these paragraphs, for who asks for other relations of them too.

    >>> wire = "The committee said on Tuesday that it would publish its findings before the summer."
    >>> found = cluster([Paragraph("a", 0, "north", wire), Paragraph("b", 3, "south", wire.upper())])
    >>> [(c.kind.value, c.outlets, len(c.members)) for c in found.clusters]
    [('exact', ('north', 'south'), 2)]
    """
    items = held(paragraphs)
    if groups is None:
        words = _texts(items) if texts is None else texts
        groups = _collapsed(words, settings, compiled=_worth_compiling(words, settings))
    candidates, verified = verified_pairs(groups.texts, settings, compiled=groups.compiled)
    linked = np.flatnonzero(verified >= settings.threshold)
    linked = linked[np.argsort(candidates.left[linked] << 32 | candidates.right[linked])]
    pairs = Pairs(candidates.left[linked], candidates.right[linked])
    links, clusters = _joined(items, groups, pairs, verified[linked])
    return Clustering(links, clusters, _histogram(verified))


def recluster(links: Iterable[Link], threshold: float) -> Clustering:
    """Return the clusters that stored links make at another threshold, without comparing any text.

    Equal to clustering anew at a threshold above that of the links; below it, pairs that were
    never links are missing. Links are all that is known of a paragraph: paragraphs equal in every
    field, which `cluster` counts one by one, are one here.
    """
    kept = [link for link in links if link.similarity >= threshold]
    items = tuple(dict.fromkeys(end for link in kept for end in (link.left, link.right)))
    number = {item: i for i, item in enumerate(items)}
    groups = _collapsed([item.text for item in items], _DEFAULTS, compiled=False)
    text = np.empty(len(items), np.int64)
    text[groups.order] = np.repeat(np.arange(groups.starts.size - 1), np.diff(groups.starts))
    near = [link for link in kept if link.kind is not Relation.EXACT]
    ends = text[np.array([(number[link.left], number[link.right]) for link in near], np.int64).reshape(-1, 2)]
    pairs = Pairs(ends.min(axis=1), ends.max(axis=1))
    by_pair = np.lexsort((pairs.right, pairs.left))
    pairs = Pairs(pairs.left[by_pair], pairs.right[by_pair])
    similarity = np.array([link.similarity for link in near])[by_pair]
    again, clusters = _joined(items, groups, pairs, similarity)
    return Clustering(again, clusters, _histogram(similarity))


def _texts(items: Sequence[Paragraph]) -> Sequence[str]:
    return items.texts if isinstance(items, Paragraphs) else [item.text for item in items]


def _histogram(similarity: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(np.histogram(similarity, bins=20, range=(0, 1))[0].tolist())


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


def distinct(items: Sequence[Paragraph], settings: ClusterSettings) -> Distinct:
    """Group paragraphs by comparison text."""
    words = _texts(items)
    groups = _collapsed(words, settings, compiled=_worth_compiling(words, settings))
    none = np.empty(0, np.int64)
    return replace(groups, order=_ranked(items, groups, Pairs(none, none))[0])


def _collapsed(words: Sequence[str], settings: ClusterSettings, *, compiled: bool) -> Distinct:
    """Group texts by comparison text, copies in the order they came in."""
    texts = compare.encode(words, compiled=compiled, workers=settings.workers, scratch=settings.scratch)
    order, starts = grouped(texts, settings.workers, compiled=compiled)
    first = order[starts[:-1]]
    return Distinct(
        order, starts, CodePoints(texts.codes, texts.starts[first], texts.lengths[first]), compiled
    )


def _worth_compiling(texts: Sequence[str], settings: ClusterSettings) -> bool:
    so_far = itertools.accumulate(map(len, texts), initial=0)
    enough = any(characters >= settings.compile_from for characters in so_far)
    return enough and importlib.util.find_spec("numba") is not None


def _ranked(
    items: Sequence[Paragraph], groups: Distinct, pairs: Pairs
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order the copies of every text by precedence; return that order, and so what can join a cluster.

    Only the latter is looked at, in the order of the input, which is how memory holds it.
    """
    order, sizes = groups.order, np.diff(groups.starts)
    text = np.repeat(np.arange(sizes.size), sizes)
    involved = sizes > 1
    involved[pairs.left] = True
    involved[pairs.right] = True
    ranked = by_precedence(items, np.sort(order[involved[text]]))
    copies = np.flatnonzero(sizes[text] > 1)
    order, rank = order.copy(), _places(ranked, len(items))
    order[copies] = order[copies][np.lexsort((rank[order[copies]], text[copies]))]
    return order, ranked


def _places(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The place of each of `count` numbers among `numbers`; those that are not there come last."""
    places = np.full(count, numbers.size)
    places[numbers] = np.arange(numbers.size)
    return places


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
        strong = [text_id(compare.decode(texts, i)) for i in range(texts.starts.size)]
        order, starts = _runs(np.array([int(digest, 16) for digest in strong], np.uint64), texts)
    return order, starts


def _runs(hashes: NDArray[np.uint64], texts: CodePoints) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Text numbers sorted by hash, texts without characters left out, and where each run of equals starts."""
    order = _sorted_by(hashes)
    if not texts.lengths.all():
        order = order[texts.lengths[order] > 0]
    ordered, new = hashes[order], np.ones(order.size, bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return order, np.append(np.flatnonzero(new), order.size)


def _sorted_by(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Stable argsort; hash and number in one word sort several times faster, if the shorter hash will do."""
    low = (np.uint64(1) << np.uint64(max(hashes.size - 1, 1).bit_length())) - np.uint64(1)
    packed = np.sort((hashes & ~low) | np.arange(hashes.size, dtype=np.uint64))
    order = (packed & low).astype(np.int64)
    ordered = hashes[order]
    return order if (ordered[1:] >= ordered[:-1]).all() else np.argsort(hashes, kind="stable")


def _joined(
    items: Sequence[Paragraph], groups: Distinct, pairs: Pairs, similarity: NDArray[np.float64]
) -> tuple[Links, Clusters]:
    """Links between texts as links between paragraphs, and stars of texts as clusters of paragraphs."""
    order, ranked = _ranked(items, groups, pairs)
    sizes, first = np.diff(groups.starts), order[groups.starts[:-1]]
    text = np.repeat(np.arange(sizes.size), sizes)
    copies = np.flatnonzero(order != first[text])
    links = Links(
        items,
        np.concatenate([first[pairs.left], first[text[copies]]]),
        np.concatenate([first[pairs.right], order[copies]]),
        np.concatenate([similarity, np.ones(copies.size)]),
        np.repeat([False, True], [similarity.size, copies.size]),
    )
    rank = _places(ranked, len(items))[first]
    centre, to_centre = stars(sizes, rank, pairs, similarity, compiled=groups.compiled)
    members = np.bincount(centre[centre >= 0], sizes[centre >= 0], sizes.size).astype(np.int64)
    # Largest first; clusters of one size in the order of their texts.
    centres = np.flatnonzero(members > 1)
    centres = centres[np.argsort(-members[centres], kind="stable")]
    place = np.full(sizes.size + 1, -1)  # the last is for texts that join nothing
    place[centres] = np.arange(centres.size)
    of_paragraph = np.empty(len(items), np.int64)
    of_paragraph[order] = text
    text = of_paragraph[ranked]
    cluster = place[centre[text]]
    paragraph, text, cluster = ranked[cluster >= 0], text[cluster >= 0], cluster[cluster >= 0]
    # In a cluster the representative's copies come first, then by similarity, then precedence.
    exact = centre[text] == text
    by_cluster = np.lexsort((-to_centre[text], 2 * cluster + ~exact))
    bounds = np.cumsum(np.append(0, members[centres]))
    text = text[by_cluster]
    return links, Clusters(items, paragraph[by_cluster], bounds, to_centre[text], exact[by_cluster])


def stars(
    sizes: NDArray[np.int64],
    rank: NDArray[np.int64],
    pairs: Pairs,
    similarity: NDArray[np.float64],
    *,
    compiled: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return by text the text at the centre of its star, -1 where nothing joins, and the similarity to it.

    `sizes` are the paragraphs of a text, `rank` the precedence of its first.
    """
    weight = sizes + np.bincount(pairs.left, sizes[pairs.right], sizes.size)
    weight += np.bincount(pairs.right, sizes[pairs.left], sizes.size)
    source, target = np.concatenate([pairs.left, pairs.right]), np.concatenate([pairs.right, pairs.left])
    by_source = np.argsort(source)
    source, value = source[by_source], np.concatenate([similarity, similarity])[by_source]
    begins = np.flatnonzero(np.diff(source, prepend=-1))
    linked = source[begins]
    bounds = np.append(begins, source.size)
    # Numbered anew without the texts that have no link: they are most, and at most their own centre.
    place = np.full(sizes.size, -1)
    place[linked] = np.arange(linked.size)
    # Heaviest first, then by rank.
    order = np.argsort(rank[linked] - (weight[linked].astype(np.int64) << 32))
    centre, link = _centres(order, bounds, place[target[by_source]], compiled=compiled)
    centres = np.where(sizes > 1, np.arange(sizes.size), -1)
    similar = np.ones(sizes.size)
    centres[linked], similar[linked] = linked[centre], np.where(link < 0, 1, value[link])
    return centres, similar


def _centres(
    order: NDArray[np.int64], bounds: NDArray[np.int64], partners: NDArray[np.int64], *, compiled: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Let each text in order that is not taken take its partners; return who took each, by which link.

    The partners of text `t` are `partners[bounds[t] : bounds[t + 1]]`. A text that takes has itself
    for its centre and no link (-1).
    """
    if compiled:
        from dedup import kernels  # noqa: PLC0415 - numba is optional and slow to import

        return kernels.centres(order, bounds, partners)
    centre, by = [-1] * order.size, [-1] * order.size
    for text in order.tolist():
        if centre[text] < 0:
            centre[text] = text
            for k in range(bounds[text], bounds[text + 1]):
                if centre[partners[k]] < 0:
                    centre[partners[k]], by[partners[k]] = text, k
    return np.array(centre, np.int64), np.array(by, np.int64)
