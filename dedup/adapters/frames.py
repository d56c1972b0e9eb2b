"""Columns of pages or texts: Hugging Face datasets, pandas, polars.

    dataset.map(Clean(), batched=True, remove_columns=dataset.column_names)   # datasets
    dataset.map(Mark("news.index"), batched=True)

    frame = frame.join(pandas_clean(frame["html"], frame["url"]))             # pandas
    frame = frame.with_columns(polars_clean(frame["html"]).struct.unnest())   # polars

Nothing here needs an extra: who has such a column has the library.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dedup.adapters.records import FIELDS, fields_of, mark_of, page_of
from dedup.index import Index, record
from dedup.pipeline import clean_many

# What cleaning adds to a column: the fields of the first article of a page, and how many it has.
COLUMNS = (*FIELDS, "articles", "error")


class Clean:
    """For `Dataset.map(..., batched=True)`: pages in, one row for every article out.

    `page`, `url` and `outlet` are columns; the latter two need not be there. The rows are other
    rows, so the old columns must be removed.
    """

    def __init__(self, page: str = "html", url: str = "url", outlet: str = "outlet") -> None:
        self._columns = {"html": page, "url": url, "outlet": outlet}

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """One batch of columns to another."""
        there = {name: batch[column] for name, column in self._columns.items() if column in batch}
        rows = (dict(zip(there, values, strict=True)) for values in zip(*there.values(), strict=True))
        pages = (page_of(row, row.get("url") or str(number)) for number, row in enumerate(rows))
        articles = [fields_of(article) for cleaned in clean_many(pages) for article in cleaned.articles]
        return {name: [article[name] for article in articles] for name in FIELDS}


class Mark:
    """For `Dataset.map(..., batched=True)`: texts into an index, what was known of each as new columns.

    Every line of the column `text` is a paragraph; `id` must tell rows apart.
    """

    def __init__(self, place: str, text: str = "text", identity: str = "id") -> None:
        self._place, self._text, self._id = place, text, identity

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """One batch of columns to new columns `share`, `first_seen`, `seen_in`, `clusters`."""
        rows = mark_texts(self._place, batch[self._id], batch[self._text])
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def mark_texts(place: str, ids: Iterable[Any], texts: Iterable[str | None]) -> list[dict[str, Any]]:
    """Put texts into an index; what was known of each before, in order."""
    articles = (
        record(str(identity), *(line for line in (text or "").splitlines() if line.strip()))
        for identity, text in zip(ids, texts, strict=True)
    )
    with Index(place) as index:
        return [mark_of(answer) for answer in index.add_many(articles, replace=True)]


def clean_column(pages: Iterable[Any], urls: Iterable[Any] | None = None) -> list[dict[str, Any]]:
    """The first article of every page, `articles` of which it has; `error` where it cannot be read."""
    addresses = itertools.repeat(None) if urls is None else urls
    sources = (
        page_of({"html": page, "url": url}, str(url or number))
        for number, (page, url) in enumerate(zip(pages, addresses, strict=urls is not None))
    )
    rows = []
    for cleaned in clean_many(sources):
        first = fields_of(cleaned.articles[0]) if cleaned.articles else dict.fromkeys(FIELDS)
        error = cleaned.failure.message if cleaned.failure else None
        rows.append({**first, "articles": len(cleaned.articles), "error": error})
    return rows


def pandas_clean(pages: Any, urls: Any = None) -> Any:
    """A DataFrame of `COLUMNS` for a Series of pages, with its index; columns are named `dedup_...`."""
    from pandas import DataFrame  # noqa: PLC0415 - only who has a Series comes here

    frame = DataFrame(clean_column(pages, urls), index=pages.index, columns=list(COLUMNS))
    return frame.add_prefix("dedup_")


def pandas_mark(place: str, ids: Any, texts: Any) -> Any:
    """A DataFrame of what an index knew of a Series of texts; columns are named `dedup_...`."""
    from pandas import DataFrame  # noqa: PLC0415 - only who has a Series comes here

    return DataFrame(mark_texts(place, ids, texts), index=texts.index).add_prefix("dedup_")


def polars_clean(pages: Any, urls: Any = None) -> Any:
    """A Series of structs of `COLUMNS` for a Series of pages; fields are named `dedup_...`."""
    import polars  # noqa: PLC0415 - only who has a Series comes here

    kinds: Any = {name: polars.Int64 if name == "articles" else polars.String for name in COLUMNS}
    frame = polars.DataFrame(clean_column(pages, urls), schema=kinds)
    return frame.rename(lambda name: f"dedup_{name}").to_struct("dedup")


def polars_mark(place: str, ids: Any, texts: Any) -> Any:
    """A Series of structs of what an index knew of a Series of texts; fields are named `dedup_...`."""
    import polars  # noqa: PLC0415 - only who has a Series comes here

    kinds: Any = {
        "share": polars.Float64,
        "first_seen": polars.String,
        "seen_in": polars.List(polars.String),
        "clusters": polars.List(polars.String),
    }
    frame = polars.DataFrame(mark_texts(place, ids, texts), schema=kinds)
    return frame.rename(lambda name: f"dedup_{name}").to_struct("dedup")
