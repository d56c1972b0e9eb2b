"""All that articles share, in one call: joins clustering and the relations beyond it.

    articles -> paragraphs -> links -> clusters -> changed facts, stories
                           -> quotations, passages

A command that compares articles is one of these calls and printing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dedup import clustering, facts, relate
from dedup import stories as story
from dedup.settings import Settings
from dedup.types import Article, Clustering, Link, Paragraph, Relations

_DEFAULTS = Settings()


def relations(
    articles: Iterable[Article],
    *,
    quotations: bool = True,
    passages: bool = True,
    settings: Settings = _DEFAULTS,
    told: Callable[[str], object] = lambda _: None,
) -> Relations:
    """Every link, cluster, quotation, passage and story of the articles, whose ids must differ.

    The clusters are those of `dedup.cluster`. `quotations` and `passages` can be left out: on many
    thousands of articles they take longer than all else. `told` is called with the name of each part
    before it is looked for.
    """
    told("links")
    paragraphs = [
        Paragraph(article.id, index, article.outlet, judged.block.text, article.published)
        for article in articles
        for index, judged in enumerate(article.paragraphs)
    ]
    found = clustering.cluster(paragraphs, settings.cluster)
    told("changed facts")
    clusters = facts.mark_changed_facts(found.clusters)
    told("stories")
    carried = story.stories(paragraphs, found.clusters, settings.cluster)
    told("quotations")
    quoted = relate.quotations(paragraphs, settings.cluster) if quotations else ()
    told("passages")
    shared = relate.passages(paragraphs, found.clusters, settings.cluster) if passages else ()
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
