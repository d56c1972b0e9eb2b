"""What the adapters have in common: records in, flat fields out, and what to say of a missing extra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dedup.index.rows import answer_row
from dedup.index.store import StoreError
from dedup.read import media_of
from dedup.types import Answer, Article, Failure, Source

# The columns that a cleaned article fills, in this order.
FIELDS = ("id", "url", "outlet", "title", "published", "author", "agency", "language", "text")


def fields_of(article: Article) -> dict[str, str | None]:
    """An article as flat fields."""
    return {name: getattr(article, name) for name in FIELDS}


def mark_of(answer: Answer) -> dict[str, Any]:
    """What an index knows of an article as flat fields.

    `seen_in` are the other articles that have its words, best match first.
    """
    matches = sorted((match for some in answer.matches for match in some), key=lambda one: -one.similarity)
    others = dict.fromkeys(match.article for match in matches if match.article != answer.article)
    return {
        "share": answer.share,
        "first_seen": answer_row(answer)["first_seen"],
        "seen_in": list(others),
        "clusters": list(dict.fromkeys(match.cluster for match in matches)),
    }


def page_of(record: Mapping[str, Any], name: str) -> Source | Failure:
    """The page of a record with `html` or `text`, and perhaps `url`, `outlet`, `published`."""
    content = record.get("html") or record.get("text")
    if not isinstance(content, str | bytes):
        return Failure(name, "bad_record", "the record has neither `html` nor `text`")
    url, outlet, published = (
        value if isinstance(value := record.get(field), str) else None
        for field in ("url", "outlet", "published")
    )
    return Source(
        name=name,
        key=url or name,
        content=content,
        media=media_of(content),
        url=url,
        outlet=outlet,
        published=published,
    )


def missing(module: str, extra: str) -> StoreError:
    """What to raise when the library of an extra is not installed."""
    return StoreError("extra", f"{module} is not installed; pip install 'news-dedup[{extra}]'")
