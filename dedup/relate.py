"""Relations beyond near-duplicates, from paragraphs: quotations and shared passages.

Joins the stages for these as `cluster` does for links.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dedup import compare, quote, verify
from dedup.clustering import Distinct, distinct, grouped
from dedup.columns import Clusters, Paragraphs, all_survive, held, precedence, text_id
from dedup.passages import common_spans, distinct_rows
from dedup.settings import ClusterSettings
from dedup.types import Cluster, CodePoints, Paragraph, Passage, Place, Quotation, Relation
from dedup.words import content_words, whole_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEFAULTS = ClusterSettings()

# Characters of scripts that write words in few of them; see passages.
_DENSE = re.compile("[\u2e80-\U0010ffff]")

# Places that are weighed between two times that this is told.
_TELL = 2048


def quotations(
    paragraphs: Iterable[Paragraph],
    settings: ClusterSettings = _DEFAULTS,
    *,
    groups: Distinct | None = None,
) -> tuple[Quotation, ...]:
    """Return every paragraph that stands within a longer one without being its near-duplicate.

    Of copies the first in precedence (earliest published) stands for all. The quote is the one with
    fewer shingles; at least `settings.containment` of them stand in the other. `groups` are what
    `distinct` made of these paragraphs, if it did.
    """
    items = held(paragraphs)
    groups = groups or distinct(items, settings)
    texts, compiled = groups.texts, groups.compiled
    pairs = quote.candidate_containments(texts, settings, compiled=compiled)
    overlaps = verify.overlaps(texts, pairs, settings.shingle, compiled=compiled, workers=settings.workers)
    similarity = verify.jaccard(overlaps)
    containment = overlaps[:, 2] / np.maximum(overlaps[:, :2].min(axis=1), 1)
    within = overlaps[:, 0] <= overlaps[:, 1]  # left in right
    sought, holder = np.where(within, pairs.left, pairs.right), np.where(within, pairs.right, pairs.left)
    kept = (
        (containment >= settings.containment)
        & (similarity < settings.threshold)
        & (texts.lengths[sought] >= settings.min_characters)
    )
    first = groups.order[groups.starts[:-1]]
    columns = (first[sought[kept]], first[holder[kept]], containment[kept], similarity[kept])
    with all_survive():
        return tuple(
            Quotation(items[short], items[long], share, jaccard)
            for short, long, share, jaccard in zip(*(column.tolist() for column in columns), strict=True)
        )


def passages(
    paragraphs: Iterable[Paragraph],
    clusters: Iterable[Cluster],
    settings: ClusterSettings = _DEFAULTS,
    *,
    groups: Distinct | None = None,
    told: Callable[[float], object] = lambda _: None,
) -> tuple[Passage, ...]:
    """Return the rare words that paragraphs of different outlets share though they differ as wholes.

    `clusters` are those of the same paragraphs: a cluster's representative and its copies stand
    for its members, so that near-duplicates are not told again. Paragraphs without an outlet count
    by document. Passages come heaviest first, then longest; every copy is a place. `groups` are what
    `distinct` made of these paragraphs, if it did. `told` is called with the share of the places that
    were weighed, which is most of the work.
    """
    items = held(paragraphs)
    texts = groups or distinct(items, settings)
    kept = np.flatnonzero(~_near(items, clusters)[texts.order[texts.starts[:-1]]])
    some = CodePoints(texts.texts.codes, texts.texts.starts[kept], texts.texts.lengths[kept])
    spans = common_spans(some, _sides(items, texts)[kept], settings, compiled=texts.compiled)
    # Every span stands in two texts; a place is told once, however many pairs share it.
    spots = distinct_rows(np.concatenate([spans[:, [0, 1, 4]], spans[:, [2, 3, 4]]]))
    words = CodePoints(some.codes, some.starts[spots[:, 0]] + spots[:, 1], spots[:, 2])
    order, bounds = grouped(words, settings.workers, compiled=texts.compiled)
    distinct_words = order[bounds[:-1]]
    shared = compare.decode_all(
        CodePoints(words.codes, words.starts[distinct_words], words.lengths[distinct_words])
    )
    # By words: the paragraphs that hold them, every copy, and from where on in the comparison text.
    text = kept[spots[order, 0]]
    copies = np.diff(texts.starts)[text]
    group = np.repeat(np.repeat(np.arange(len(shared)), np.diff(bounds)), copies)
    within = np.arange(group.size) - np.repeat(np.cumsum(copies) - copies, copies)
    holders = _Holders(
        group, texts.order[np.repeat(texts.starts[text], copies) + within], np.repeat(spots[order, 1], copies)
    )
    with all_survive():
        found = list(_weighed(items, shared, holders, settings, told, compiled=texts.compiled))
    return tuple(sorted(found, key=lambda passage: (-passage.weight, -len(passage.text), passage.id)))


class _Holders(NamedTuple):
    """Who holds which words: number of the words, number of the paragraph, first comparison character."""

    words: NDArray[np.int64]
    paragraph: NDArray[np.int64]
    start: NDArray[np.int64]


def _near(items: Sequence[Paragraph], clusters: Iterable[Cluster]) -> NDArray[np.bool_]:
    """Whether a paragraph is a near-duplicate of its cluster's representative, by number."""
    if isinstance(clusters, Clusters) and _same(items, clusters.paragraphs):
        result = np.zeros(len(items), bool)
        result[clusters.members[~clusters.exact]] = True
        return result
    near = {
        member.paragraph
        for cluster in clusters
        for member in cluster.members
        if member.kind is not Relation.EXACT
    }
    documents = {paragraph.document for paragraph in near}  # a name is looked up faster than all of it
    return np.array([one.document in documents and one in near for one in items], bool)


def _same(items: Sequence[Paragraph], others: Sequence[Paragraph]) -> bool:
    """Whether these are the same objects; columns make new ones whenever they are asked."""
    if items is others or isinstance(items, Paragraphs) or isinstance(others, Paragraphs):
        return items is others
    return len(items) == len(others) and all(map(operator.is_, items, others))


def _weighed(
    items: Sequence[Paragraph],
    shared: Sequence[str],
    holders: _Holders,
    settings: ClusterSettings,
    told: Callable[[float], object],
    *,
    compiled: bool,
) -> Iterator[Passage]:
    """Words that count at all of their places. Most do not at the first, so that is looked at alone."""
    known = compare.unknown_lengths()
    lengths = np.array([len(words) for words in shared], np.int64)
    dense = [2 * len(_DENSE.findall(words)) >= len(words) for words in shared]
    least = settings.passage_content

    def spans(chosen: NDArray[np.int64], before: int) -> Iterator[tuple[int, Place]]:
        numbers, first = holders.words[chosen], holders.start[chosen]
        some = [items[number] for number in holders.paragraph[chosen].tolist()]
        begins, ends = compare.origins_of_ends(
            [one.text for one in some], first, first + lengths[numbers] - 1, known, compiled=compiled
        )
        places = zip(numbers.tolist(), some, begins, ends, strict=True)
        for done, (number, *span) in enumerate(places, start=before):
            if done % _TELL == 0:
                told(done / holders.words.size)
            yield number, Place(*span)

    def weight(number: int, place: Place, look: int) -> int:
        """Content words of a place, 0 where it is too short: in scripts with spaces it needs whole words."""
        span = (place.paragraph.text, place.start, place.end)
        if not dense[number] and whole_words(*span) < settings.passage_words:
            return 0
        return content_words(*span, least=look)

    is_first = np.diff(holders.words, prepend=-1) > 0
    found: dict[int, list[tuple[int, Place]]] = {}
    for number, place in spans(np.flatnonzero(is_first), 0):
        if (words := weight(number, place, look=least)) >= least:
            found[number] = [(words, place)]
    counts = np.zeros(len(shared), bool)
    counts[list(found)] = True
    others = np.flatnonzero(~is_first & counts[holders.words])
    for number, place in spans(others, holders.words.size - others.size):
        if number not in found:
            continue
        # A first look at words that passed it once only takes time.
        if (words := weight(number, place, look=0)) >= least:
            found[number].append((words, place))
        else:
            del found[number]
    for number, weighed in found.items():
        held_by = sorted(
            (place for _, place in weighed), key=lambda place: (precedence(place.paragraph), place.start)
        )
        yield _passage(shared[number], min(weight for weight, _ in weighed), held_by)


def _sides(items: Sequence[Paragraph], texts: Distinct) -> NDArray[np.int64]:
    """A number for every text: its outlet's, else its document's; one of its own where several have it."""
    outlets: Iterable[str | None] = map(operator.attrgetter("outlet"), items)
    if isinstance(items, Paragraphs):
        outlets = itertools.repeat(None) if items.outlets is None else items.outlets
    number: defaultdict[str | None, int] = defaultdict(itertools.count().__next__)
    of_item = np.fromiter(map(number.__getitem__, outlets), np.int64, len(items))
    unknown = np.flatnonzero(np.array([not name for name in number], bool)[of_item])
    # Going on behind those of the outlets, for a document may be called as an outlet is.
    of_document: defaultdict[str, int] = defaultdict(itertools.count(len(number)).__next__)
    of_item[unknown] = [of_document[items[i].document] for i in unknown.tolist()]
    of_place = of_item[texts.order]
    if not of_place.size:
        return of_place
    least, most = (edge.reduceat(of_place, texts.starts[:-1]) for edge in (np.minimum, np.maximum))
    return np.where(least == most, least, len(number) + len(of_document) + np.arange(least.size))


def _passage(words: str, weight: int, places: list[Place]) -> Passage:
    first = places[0]
    outlets = {place.paragraph.outlet for place in places}
    return Passage(
        id=text_id(words),
        text=first.paragraph.text[first.start : first.end],
        weight=weight,
        outlets=tuple(sorted(outlet for outlet in outlets if outlet is not None)),
        places=tuple(places),
    )
