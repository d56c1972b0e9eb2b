"""Articles that carry the same story: who had it first, who copied, cut or updated it.

Works on clusters: a paragraph two documents have in common is one of which both have a copy or a
near-duplicate. Clusters within one outlet are chrome and do not count, nor do clusters that more
than `bucket` documents share. As with clusters, a story is a star and not a chain: every version
shares enough with the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from dedup.settings import ClusterSettings
from dedup.types import Carriage, Cluster, Paragraph, Spread, Story, Version

_DEFAULTS = ClusterSettings()


@dataclass(frozen=True, slots=True)
class _Text:
    """A document as its paragraphs in order, and the cluster of each (None where it is alone)."""

    paragraphs: tuple[Paragraph, ...]
    clusters: tuple[int | None, ...]


def stories(
    paragraphs: Iterable[Paragraph], clusters: Iterable[Cluster], settings: ClusterSettings = _DEFAULTS
) -> tuple[Story, ...]:
    """Return the stories that two documents or more carry, most versions first.

    `clusters` are those of the same paragraphs. A document is first in its story by `published`,
    else by its place in the input. Two documents carry one story when what they share is at least
    `story_share` of either; a version is a copy when it is `story_whole` of both, an excerpt when
    it is that of this document alone, else an update. A document is what its id says: paragraphs
    with one id are one document, in the order of their indices, whatever else was given with them.
    """
    documents = _documents(paragraphs, list(clusters))
    holders: dict[int, list[str]] = {}
    for name, text in documents.items():
        for number in {number for number in text.clusters if number is not None}:
            holders.setdefault(number, []).append(name)
    order = sorted(documents, key=lambda name: _published(documents[name]))
    place = {name: number for number, name in enumerate(order)}
    taken: set[str] = set()
    found = []
    for name in order:
        if name in taken:
            continue
        near = _sharing(documents[name], holders, settings.bucket)
        others = sorted(near - taken - {name}, key=lambda other: place[other])
        versions = [_version(documents[name], documents[other], settings) for other in others]
        kept = [v for v in versions if max(v.of_first, v.of_this) >= settings.story_share]
        if kept:
            taken.update([name, *(version.document for version in kept)])
            found.append(_story(_first(documents[name]), kept))
    return tuple(sorted(found, key=lambda story: (-len(story.versions), story.id)))


def _documents(paragraphs: Iterable[Paragraph], clusters: Sequence[Cluster]) -> dict[str, _Text]:
    number_of = {
        member.paragraph: number
        for number, cluster in enumerate(clusters)
        if cluster.spread is not Spread.WITHIN_OUTLET
        for member in cluster.members
    }
    texts: dict[str, list[Paragraph]] = {}
    for paragraph in paragraphs:
        texts.setdefault(paragraph.document, []).append(paragraph)
    result = {}
    for name, held in texts.items():
        ordered = tuple(sorted(held, key=lambda paragraph: paragraph.index))
        result[name] = _Text(ordered, tuple(number_of.get(paragraph) for paragraph in ordered))
    return result


def _published(text: _Text) -> tuple[bool, str]:
    published = text.paragraphs[0].published
    return published is None, published or ""


def _sharing(text: _Text, holders: dict[int, list[str]], bucket: int) -> set[str]:
    """Documents that have a cluster in common with this one."""
    return {
        name
        for number in text.clusters
        if number is not None and len(holders[number]) <= bucket
        for name in holders[number]
    }


def _version(first: _Text, this: _Text, settings: ClusterSettings) -> Version:
    shared = (set(first.clusters) & set(this.clusters)) - {None}
    of_first, of_this = _share(first, shared), _share(this, shared)
    carriage = Carriage.UPDATE
    if of_this >= settings.story_whole:
        carriage = Carriage.COPY if of_first >= settings.story_whole else Carriage.EXCERPT
    ours = [number for number in dict.fromkeys(first.clusters) if number in shared]
    theirs = [number for number in dict.fromkeys(this.clusters) if number in shared]
    head = this.paragraphs[0]
    return Version(
        document=head.document,
        outlet=head.outlet,
        published=head.published,
        carriage=carriage,
        of_first=of_first,
        of_this=of_this,
        in_order=ours == theirs,
        added=_without(this, shared),
        left_out=_without(first, shared),
    )


def _first(text: _Text) -> Version:
    head = text.paragraphs[0]
    return Version(head.document, head.outlet, head.published, Carriage.FIRST, 1.0, 1.0, True, (), ())


def _share(text: _Text, shared: set[int | None]) -> float:
    """Share of the document's characters in paragraphs of these clusters."""
    rows = list(zip(text.paragraphs, text.clusters, strict=True))
    common = sum(len(paragraph.text) for paragraph, number in rows if number in shared)
    return common / max(sum(len(paragraph.text) for paragraph, _ in rows), 1)


def _without(text: _Text, shared: set[int | None]) -> tuple[Paragraph, ...]:
    rows = zip(text.paragraphs, text.clusters, strict=True)
    return tuple(paragraph for paragraph, number in rows if number not in shared)


def _story(first: Version, others: Sequence[Version]) -> Story:
    versions = (first, *others)
    outlets = {version.outlet for version in versions if version.outlet is not None}
    digest = blake2b(first.document.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return Story(digest, tuple(sorted(outlets)), versions)
