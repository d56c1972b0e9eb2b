"""What an index tells, as rows: the JSON objects that `dedup index` writes and adapters pass on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dedup.types import Answer, Article, IndexStats, Match

Row = dict[str, Any]


def answer_row(answer: Answer) -> Row:
    """One line of `dedup index add` and `query`; `matches` has a list for every paragraph."""
    return {
        "id": answer.article,
        "first_seen": _time(answer.first_seen),
        "share": answer.share,
        "matches": [[match_row(match) for match in matches] for matches in answer.matches],
    }


def match_row(match: Match) -> Row:
    """What a paragraph matched; its words are left out, as the article has them or nearly so."""
    return {
        "cluster": match.cluster,
        "article": match.article,
        "paragraph": match.paragraph,
        "outlet": match.outlet,
        "similarity": match.similarity,
        "kind": match.kind.value,
        "first_seen": _time(match.first_seen),
    }


def export_row(article: Article, seen: datetime) -> Row:
    """One line of `dedup index export`, which `dedup cluster` and `dedup index add` read."""
    return {
        "id": article.id,
        "outlet": article.outlet,
        "published": article.published,
        "first_seen": _time(seen),
        "text": article.text,
        "paragraphs": [{"text": judged.block.text} for judged in article.paragraphs],
    }


def stats_row(stats: IndexStats) -> Row:
    """The line of `dedup index stats`."""
    return {
        "articles": stats.articles,
        "paragraphs": stats.paragraphs,
        "texts": stats.texts,
        "bytes": stats.bytes,
        "text_bytes": stats.text_bytes,
        "first_seen": _time(stats.first_seen),
        "last_seen": _time(stats.last_seen),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
