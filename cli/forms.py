"""What the commands need of a page, made where the page is cleaned: so little passes between processes.

Workers load this, so it imports nothing that draws or asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from dedup.rows import article_row
from dedup.types import Article, Cleaned, Failure, Reason
from dedup.write import file_name, json_line, markdown, plain_text

Made = TypeVar("Made")
Made_co = TypeVar("Made_co", covariant=True)
Form = Literal["jsonl", "md", "txt"]

_FORMS: dict[Form, Callable[[Article], bytes]] = {
    "jsonl": lambda article: json_line(article_row(article)),
    "md": markdown,
    "txt": plain_text,
}


@dataclass(frozen=True, slots=True)
class Counted(Generic[Made_co]):
    """An article as it is wanted, with its counts: characters kept, and stripped by reason."""

    source: str
    title: str | None
    kept: int
    stripped: Mapping[Reason, int]
    has_text: bool
    made: Made_co


@dataclass(frozen=True, slots=True)
class Told(Generic[Made]):
    """What became of one source."""

    failure: Failure | None
    articles: tuple[Counted[Made], ...]


def told(cleaned: Cleaned, make: Callable[[Article], Made]) -> Told[Made]:
    """Counts, and makes what is wanted of each article."""
    return Told(cleaned.failure, tuple(_counted(article, make(article)) for article in cleaned.articles))


def named_file(article: Article, form: Form) -> tuple[str, bytes]:
    """A name for the article's own file, and what stands in it."""
    return file_name(article, f".{form}"), _FORMS[form](article)


def itself(article: Article) -> Article:
    """For who wants all of it."""
    return article


def _counted(article: Article, made: Made) -> Counted[Made]:
    headline = (article.headline,) if article.headline else ()
    kept = sum(len(block.block.text) for block in (*headline, *article.paragraphs))
    stripped: Counter[Reason] = Counter()
    for block in article.stripped:
        # What belongs to another article of the document is counted there.
        if block.verdict.reason not in (None, Reason.OTHER_ARTICLE):
            stripped[block.verdict.reason] += len(block.block.text)
    return Counted(article.source, article.title, kept, stripped, bool(article.text), made)
