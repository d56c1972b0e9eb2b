"""What the adapters have in common: records in, flat fields out, and what to say of a missing extra."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
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


def page_of(record: Mapping[str, Any], name: str, key: str | None = None) -> Source | Failure:
    """The page of a record with `html` or `text`, and perhaps `url`, `outlet`, `published`, `encoding`.

    `key` tells records apart, by default the address.
    """
    content = record.get("html") or record.get("text")
    if not isinstance(content, str | bytes):
        return Failure(name, "bad_record", "the record has neither `html` nor `text`")
    if not content.strip():
        return Failure(name, "empty", "its html or text is empty; fetch the page again")
    url, outlet, published, encoding = (
        _word(record.get(field)) for field in ("url", "outlet", "published", "encoding")
    )
    return Source(
        name=name,
        key=key or url or name,
        content=content,
        media=media_of(content),
        declared_encoding=encoding,
        url=url,
        outlet=outlet,
        published=published,
    )


def _word(value: object) -> str | None:
    """Text as it is, a time as ISO 8601; other things are left out."""
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str) else None


def missing(module: str, extra: str) -> StoreError:
    """What to raise when the library of an extra is not installed."""
    return StoreError("extra", f"{module} is not installed; pip install 'news-dedup[{extra}]'")
