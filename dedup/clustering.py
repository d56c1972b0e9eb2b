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
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup import compare, sign
from dedup.columns import Clusters, Links, Paragraphs, by_precedence, held, text_id
from dedup.pairing import verified_pairs
from dedup.settings import ClusterSettings
from dedup.sorting import argsort, lexsort
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
    linked = linked[lexsort(candidates.left[linked], candidates.right[linked])]
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
    by_pair = lexsort(pairs.left, pairs.right)
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
    sizes, order = np.diff(groups.starts), groups.order.copy()
    copies = np.repeat(sizes > 1, sizes)
    order[copies] = _ranked(items, order[copies], sizes[sizes > 1]).of_texts
    return replace(groups, order=order)


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


class _Ranked(NamedTuple):
    """Paragraphs by precedence: their numbers, each one's text, and the numbers text after text.

    `places` say where those of the last stand in the first.
    """

    paragraphs: NDArray[np.int64]
    texts: NDArray[np.int64]
    of_texts: NDArray[np.int64]
    places: NDArray[np.int64]


def _ranked(items: Sequence[Paragraph], order: NDArray[np.int64], sizes: NDArray[np.int64]) -> _Ranked:
    """Rank the paragraphs `order`, of which the first `sizes[0]` are copies of one text, and so on."""
    text = np.empty(len(items), np.int64)
    text[order] = np.repeat(np.arange(sizes.size), sizes)
    # Looked at in the order of the input, which is how memory holds them.
    paragraphs = by_precedence(items, np.sort(order))
    texts = text[paragraphs]
    places = argsort(texts)
    return _Ranked(paragraphs, texts, paragraphs[places], places)


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
    order = argsort(hashes)
    if not texts.lengths.all():
        order = order[texts.lengths[order] > 0]
    ordered, new = hashes[order], np.ones(order.size, bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return order, np.append(np.flatnonzero(new), order.size)


def _joined(
    items: Sequence[Paragraph], groups: Distinct, pairs: Pairs, similarity: NDArray[np.float64]
) -> tuple[Links, Clusters]:
    """Links between texts as links between paragraphs, and stars of texts as clusters of paragraphs."""
    sizes = np.diff(groups.starts)
    joining = sizes > 1
    joining[pairs.left] = joining[pairs.right] = True
    # Numbered anew without the texts that join nothing, which are most.
    number = np.cumsum(joining) - 1
    order, sizes = np.compress(np.repeat(joining, sizes), groups.order), sizes[joining]
    pairs = Pairs(number[pairs.left], number[pairs.right])
    ranked, near = _ranked(items, order, sizes), neighbours(sizes, pairs, similarity)
    starts = np.cumsum(sizes) - sizes
    copies = np.ones(order.size, bool)
    copies[starts] = False
    first, copied = ranked.of_texts[starts], np.repeat(np.arange(sizes.size), sizes - 1)
    links = Links(
        items,
        np.concatenate([first[pairs.left], first[copied]]),
        np.concatenate([first[pairs.right], ranked.of_texts[copies]]),
        np.concatenate([similarity, np.ones(copied.size)]),
        np.repeat([False, True], [similarity.size, copied.size]),
    )
    centre, to_centre = stars(ranked.places[starts], near, compiled=groups.compiled)
    members = np.bincount(centre, sizes, sizes.size).astype(np.int64)
    # Largest first; clusters of one size in the order of their texts.
    centres = np.flatnonzero(members > 1)
    centres = centres[argsort(members.max(initial=0) - members[centres])]
    place = np.full(sizes.size, -1)
    place[centres] = np.arange(centres.size)
    cluster = place[centre[ranked.texts]]
    joined = np.flatnonzero(cluster >= 0)
    paragraph, text, cluster = ranked.paragraphs[joined], ranked.texts[joined], cluster[joined]
    # In a cluster the representative's copies come first, then by similarity, then precedence.
    exact, alike = centre[text] == text, to_centre[text]
    # The bits of a similarity, which is never negative, are ordered as it is.
    by_cluster = lexsort(2 * cluster + ~exact, ~alike.view(np.uint64))
    bounds = np.cumsum(np.append(0, members[centres]))
    return links, Clusters(items, paragraph[by_cluster], bounds, alike[by_cluster], exact[by_cluster])


class Neighbours(NamedTuple):
    """The links of every text, each told at both of its ends.

    Text `t`, whose star would have `weight[t]` paragraphs, has the links `bounds[t]` to `bounds[t + 1]`,
    half open; link `i` leads to text `partners[i]`, which is as alike as `similarity[i]`.
    """

    weight: NDArray[np.int64]
    bounds: NDArray[np.int64]
    partners: NDArray[np.int64]
    similarity: NDArray[np.float64]


def neighbours(sizes: NDArray[np.int64], pairs: Pairs, similarity: NDArray[np.float64]) -> Neighbours:
    """Return the links text by text; `sizes` are the paragraphs of each text."""
    source, target = np.concatenate([pairs.left, pairs.right]), np.concatenate([pairs.right, pairs.left])
    by_source = argsort(source)
    weight = (sizes + np.bincount(source, sizes[target], sizes.size)).astype(np.int64)
    bounds = np.cumsum(np.append(0, np.bincount(source, minlength=sizes.size)))
    both_ends = np.concatenate([similarity, similarity])
    return Neighbours(weight, bounds, target[by_source], both_ends[by_source])


def stars(
    rank: NDArray[np.int64], near: Neighbours, *, compiled: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return by text the text at the centre of its star, itself for one, and the similarity to it.

    `rank` is the precedence of each text's first paragraph. A text that is left alone is a star too.
    """
    # Heaviest first, then by rank.
    order = lexsort(near.weight.max(initial=0) - near.weight, rank)
    centre, link = _centres(order, near.bounds, near.partners, compiled=compiled)
    similar = np.ones(order.size)
    taken = np.flatnonzero(link >= 0)
    similar[taken] = near.similarity[link[taken]]
    return centre, similar


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
