"""All that articles share, in one call: joins clustering and the relations beyond it.

    articles -> paragraphs -> links -> clusters -> changed facts, stories
                           -> quotations, passages

A command that compares articles is one of these calls and printing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from dedup import clustering, facts, relate
from dedup import stories as story
from dedup.settings import Settings
from dedup.types import Article, Cluster, Clustering, Link, Paragraph, Passage, Quotation, Relation, Relations

_DEFAULTS = Settings()

# What a part is called, how much of it is done and how much there is, in seconds; see `relations`.
Told = Callable[[str, float, float], object]

# Seconds that a character takes in each part, and a near copy whose facts are compared, on one core with
# compiled code: 200,000 paragraphs of c200000, fifteen to a document of one outlet. They tell how far the
# work is, no more; with paragraphs of many outlets in a document passages took a fifth of this.
_SECONDS = {"links": 50e-9, "stories": 330e-9, "quotations": 230e-9, "passages": 900e-9}
_NEAR = 220e-6
# Near copies of a thousand characters, before they are known.
_NEAR_COPIES = 0.7
# Work is told in steps of at least this share.
_STEP = 0.005


def relations(
    articles: Iterable[Article],
    *,
    quotations: bool = True,
    passages: bool = True,
    settings: Settings = _DEFAULTS,
    told: Told = lambda *_: None,
) -> Relations:
    """Every link, cluster, quotation, passage and story of the articles, whose ids must differ.

    The clusters are those of `dedup.cluster`. `quotations` and `passages` can be left out: on many
    thousands of articles they take longer than all else. `told` is called now and then with the name of
    the part that is looked for, the work done and the work in all, both in seconds of the machine
    that it was measured on: an estimate, and the work in all is known better when links are.
    """
    paragraphs = tuple(
        Paragraph(article.id, index, article.outlet, judged.block.text, article.published)
        for article in articles
        for index, judged in enumerate(article.paragraphs)
    )
    asked = {"links": True, "stories": True, "quotations": quotations, "passages": passages}
    work = _Work(told, sum(len(one.text) for one in paragraphs), [part for part in asked if asked[part]])
    work.begin("links")
    groups = clustering.distinct(paragraphs, settings.cluster)
    found = clustering.cluster(paragraphs, settings.cluster, groups=groups)
    work.begin("changed facts")
    made = list(found.clusters)
    clusters = facts.mark_changed_facts(work.through(made))
    work.begin("stories")
    carried = story.stories(paragraphs, made, settings.cluster)
    quoted: tuple[Quotation, ...] = ()
    shared: tuple[Passage, ...] = ()
    if quotations:
        work.begin("quotations")
        quoted = relate.quotations(paragraphs, settings.cluster, groups=groups)
    if passages:
        work.begin("passages")
        shared = relate.passages(paragraphs, found.clusters, settings.cluster, groups=groups, told=work.share)
    return Relations(
        links=facts.MarkedLinks(found.links),
        clusters=clusters,
        histogram=found.histogram,
        quotations=quoted,
        passages=shared,
        stories=carried,
    )


def rethreshold(links: Iterable[Link], threshold: float) -> Clustering:
    """The clusters that stored links make at another threshold; no text is compared but for its facts.

    Below the threshold the links were found with, pairs are missing that were never links.
    """
    found = clustering.recluster(links, threshold)
    clusters = facts.mark_changed_facts(found.clusters)
    return Clustering(facts.MarkedLinks(found.links), clusters, found.histogram)


class _Work:
    """How far the work is: parts by name with the seconds that each is thought to take."""

    def __init__(self, told: Told, characters: int, parts: Iterable[str]) -> None:
        self._told = told
        self._left = {part: _SECONDS[part] * characters for part in parts}
        self._left["changed facts"] = _NEAR * _NEAR_COPIES * characters / 1000
        self._part, self._done = "", 0.0

    def begin(self, part: str) -> None:
        """The part before is done, whatever it was thought to take."""
        self._done += self._left.pop(self._part, 0.0)
        self._part = part
        self.share(0.0)

    def share(self, done: float) -> None:
        """A share of the part is done."""
        left = sum(self._left.values())
        self._told(self._part, self._done + done * self._left[self._part], self._done + left)

    def through(self, clusters: Sequence[Cluster]) -> Iterator[Cluster]:
        """Passes on the clusters, each of which is work for every near copy in it."""
        near = [sum(member.kind is Relation.NEAR for member in one.members) for one in clusters]
        total = sum(near)
        self._left[self._part] = _NEAR * total
        done = told = 0
        for cluster, copies in zip(clusters, near, strict=True):
            yield cluster
            done += copies
            if done - told > _STEP * total:
                told = done
                self.share(done / total)
