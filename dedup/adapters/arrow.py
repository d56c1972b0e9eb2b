"""Parquet and Arrow in and out, a batch of rows in memory at a time. Needs the extra `parquet`.

    from dedup.adapters import arrow
    cleaned = dedup.clean_many(arrow.pages("raw.parquet"))
    arrow.write("articles.parquet", (article for one in cleaned for article in one.articles))
    clusters = dedup.cluster(arrow.articles("articles.parquet"))

`.parquet` files are Parquet, `.arrow`, `.feather` and `.ipc` files Arrow.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from dedup.adapters.records import missing, page_of
from dedup.rows import article_of, article_row
from dedup.types import Article, Failure, Source

try:
    import pyarrow as pa
    from pyarrow import ipc, parquet
except ImportError as error:
    raise missing("pyarrow", "parquet") from error

_BATCH = 1000
_TEXT = ("id", "source", "url", "outlet", "title", "published", "author", "agency", "language", "encoding")
_SPAN = [("start", pa.int64()), ("end", pa.int64())]
_EVIDENCE = pa.struct([("witness", pa.string()), ("says", pa.string()), ("vote", pa.float64())])
# The fields of `articles.jsonl`, in its order but for `article`.
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in _TEXT),
        ("article", pa.int64()),
        ("text", pa.string()),
        ("paragraphs", pa.list_(pa.struct([("text", pa.string()), ("kind", pa.string()), *_SPAN]))),
        (
            "stripped",
            pa.list_(
                pa.struct(
                    [
                        ("text", pa.string()),
                        ("reason", pa.string()),
                        ("evidence", pa.list_(_EVIDENCE)),
                        *_SPAN,
                    ]
                )
            ),
        ),
        ("original_title", pa.string()),
        ("title_span", pa.list_(pa.int64())),
        ("encoding_found_by", pa.string()),
    ]
)


def rows(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """The rows of a file; `ValueError` where it is neither Parquet nor Arrow."""
    name = os.fspath(path)
    try:
        if _is_arrow(name):
            with pa.memory_map(name) as file, ipc.open_file(file) as reader:
                for number in range(reader.num_record_batches):
                    yield from reader.get_batch(number).to_pylist()
        else:
            with parquet.ParquetFile(name) as reader:
                for batch in reader.iter_batches(_BATCH):
                    yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise ValueError(f"{name} is no Parquet or Arrow file: {error}") from error


def pages(path: str | os.PathLike[str]) -> Iterator[Source | Failure]:
    """The pages of a file with a column `html` or `text`, and perhaps `url`, `outlet`, `published`."""
    for number, row in enumerate(rows(path), start=1):
        yield page_of(row, f"{os.fspath(path)}#{number}")


def articles(path: str | os.PathLike[str]) -> Iterator[Article]:
    """The articles of a file that `write` wrote, or of one with `id` and `text`; `ValueError` for others."""
    for number, row in enumerate(rows(path), start=1):
        yield article_of(row, f"{os.fspath(path)}#{number}")


def write(path: str | os.PathLike[str], articles: Iterable[Article]) -> int:
    """Write articles with all that `articles.jsonl` has; how many there were.

    The file has its name only when it is complete.
    """
    name = os.fspath(path)
    beside = Path(f"{name}.part")
    count = 0
    remaining = iter(articles)
    try:
        with beside.open("wb") as file, _writer(name, file) as writer:
            while some := [article_row(article) for article in islice(remaining, _BATCH)]:
                writer.write(pa.RecordBatch.from_pylist(some, schema=SCHEMA))
                count += len(some)
        beside.replace(name)
    finally:
        beside.unlink(missing_ok=True)
    return count


def _writer(name: str, file: Any) -> Any:
    return ipc.new_file(file, SCHEMA) if _is_arrow(name) else parquet.ParquetWriter(file, SCHEMA)


def _is_arrow(name: str) -> bool:
    return name.endswith((".arrow", ".feather", ".ipc"))
