"""Which paragraphs say something new: every other copy gives way to a reference to the one that stays.

Inside a cluster the members are put in order of preference (`Keep`). Each gives way to the first
member before it that stays, stands in another article and is really alike: that pair's own Jaccard
similarity is at or above the threshold. A cluster promises only that its members are alike to its
representative, and two of them may still differ from each other, so a cluster can keep several.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from dedup.types import Article, Cluster, Keep, Paragraph, Reference, UniqueArticle

Place = tuple[str, int]
"""Article id and paragraph index."""


def unique(
    articles: Sequence[Article],
    clusters: Iterable[Cluster],
    *,
    similarity: Callable[[str, str], float],
    threshold: float,
    keep: Keep = Keep.EARLIEST,
) -> list[UniqueArticle]:
    """The articles in input order, each repeated paragraph with the reference that replaces it.

    `clusters` are those of these articles and `similarity` gives the Jaccard similarity (0 to 1) of
    two texts. A repeat inside one article is left alone. Ties of `keep` go to the first in input.
    """
    order = {article.id: number for number, article in reversed(list(enumerate(articles)))}
    references: dict[Place, Reference] = {}
    for cluster in clusters:
        members = [member.paragraph for member in cluster.members]
        members.sort(key=lambda paragraph: _preference(paragraph, order, keep))
        references.update(_give_way(members, similarity, threshold))
    return [
        UniqueArticle(
            article=article,
            same_as=tuple(references.get((article.id, index)) for index in range(len(article.paragraphs))),
        )
        for article in articles
    ]


def _give_way(
    members: Sequence[Paragraph], similarity: Callable[[str, str], float], threshold: float
) -> dict[Place, Reference]:
    """References for the members that give way, `members` being in order of preference."""
    staying: list[Paragraph] = []
    references: dict[Place, Reference] = {}
    for member in members:
        for kept in staying:
            if kept.document == member.document:
                continue
            alike = 1.0 if kept.text == member.text else similarity(kept.text, member.text)
            if alike >= threshold:
                place = (member.document, member.index)
                references[place] = Reference(kept.document, kept.index, alike)
                break
        else:
            staying.append(member)
    return references


def _preference(
    paragraph: Paragraph, order: Mapping[str, int], keep: Keep
) -> tuple[float | datetime, int, int]:
    """Sorts the copy that should stay first."""
    place = (order[paragraph.document], paragraph.index)
    match keep:
        case Keep.EARLIEST:
            return (_moment(paragraph.published), *place)
        case Keep.LONGEST:
            return (-len(paragraph.text), *place)
        case Keep.FIRST:
            return (0, *place)


def _moment(published: str | None) -> datetime:
    """The moment of an ISO 8601 date; a date alone is its midnight, no zone is UTC, no date comes last.

    >>> _moment("2026-02-05T10:40+09:00") < _moment("2026-02-05T02:00") < _moment(None)
    True
    """
    try:
        moment = datetime.fromisoformat(published or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)
