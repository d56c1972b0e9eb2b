"""Parquet and Arrow in and out, a batch of rows in memory at a time. Needs the extra `parquet`.

    from dedup.adapters import arrow
    cleaned = dedup.clean_many(arrow.pages("raw.parquet"))
    arrow.write("articles.parquet", (article for one in cleaned for article in one.articles))
    clusters = dedup.cluster(arrow.articles("articles.parquet"))

What has a paragraph a row, or a text of one paragraph, is clustered as it is, without a string made of it:

    from pyarrow import parquet
    same = dedup.cluster(arrow.paragraphs(parquet.read_table("articles.parquet")))

`.parquet` files are Parquet, `.arrow`, `.feather` and `.ipc` files Arrow. `dedup clean` and `dedup run` read
such files of pages by themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from dedup.adapters.records import missing, page_of
from dedup.columns import Paragraphs
from dedup.rows import article_of, article_row
from dedup.settings import ReadSettings
from dedup.strings import DictionaryArray, StringArray
from dedup.threads import in_order
from dedup.types import Article, Failure, Source

try:
    import pyarrow as pa
    from pyarrow import ipc, parquet
except ImportError as error:
    raise missing("pyarrow", "parquet") from error

_BATCH = 1000
_DEFAULTS = ReadSettings()
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


class BombError(ValueError):
    """A file that unpacks to far more than text does."""


def rows(path: str | os.PathLike[str], settings: ReadSettings = _DEFAULTS) -> Iterator[dict[str, Any]]:
    """The rows of a file; `ValueError` for what is neither Parquet nor Arrow, or packs far too much."""
    name = os.fspath(path)
    try:
        for batch in _arrow_batches(name) if _is_arrow(name) else _parquet_batches(name, settings):
            # One by one: a value that many rows share is there once in the file, but not in their rows.
            for place in range(batch.num_rows):
                yield from batch.slice(place, 1).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{name} is no Parquet or Arrow file: {error}") from error


def _arrow_batches(name: str) -> Iterator[Any]:
    with pa.memory_map(name) as file, ipc.open_file(file) as reader:
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def _parquet_batches(name: str, settings: ReadSettings) -> Iterator[Any]:
    with parquet.ParquetFile(name) as reader:
        columns = [field.name for field in reader.schema_arrow if field.type in (pa.string(), pa.binary())]
        for group in range(reader.metadata.num_row_groups):
            found = reader.metadata.row_group(group)
            for one in map(found.column, range(found.num_columns)):
                if one.total_uncompressed_size > max(
                    settings.max_bytes, settings.max_expansion * one.total_compressed_size
                ):
                    raise BombError(
                        f"{name} unpacks to more than {settings.max_expansion} times its size, as no pages do"
                    )
    with parquet.ParquetFile(name, read_dictionary=columns) as reader:
        yield from reader.iter_batches(_BATCH)


def pages(path: str | os.PathLike[str], settings: ReadSettings = _DEFAULTS) -> Iterator[Source | Failure]:
    """The pages of a file with a column `html` or `text`, and perhaps `url`, `outlet`, `published`.

    They are named `raw.parquet#3` for the third row. A row that is too large or has none of these columns
    gives a `Failure`, and so does a file that is neither Parquet nor Arrow.
    """
    name = os.fspath(path)
    yield from entries(name, name, Path(name).name, settings)


def entries(path: str, name: str, key: str, settings: ReadSettings = _DEFAULTS) -> Iterator[Source | Failure]:
    """The same under another name; `key` is that in keys of sources."""
    try:
        for number, row in enumerate(rows(path, settings), start=1):
            content = row.get("html") or row.get("text") or ""
            if len(content) > settings.max_bytes:
                says = f"the page has more than {settings.max_bytes / 1e6:,.0f} MB"
                yield Failure(f"{name}#{number}", "too_large", says)
            else:
                yield page_of(row, f"{name}#{number}", f"{key}#{row.get('id') or number}")
    except BombError as error:
        yield Failure(name, "bomb", str(error))
    except ValueError as error:
        yield Failure(name, "not_parquet", str(error))


def articles(path: str | os.PathLike[str]) -> Iterator[Article]:
    """The articles of a file that `write` wrote, or of one with `id` and `text`; `ValueError` for others."""
    for number, row in enumerate(rows(path), start=1):
        yield article_of(row, f"{os.fspath(path)}#{number}")


def paragraphs(
    table: Any,
    *,
    text: str = "text",
    document: str = "id",
    outlet: str = "outlet",
    published: str = "published",
    workers: int = 1,
) -> Paragraphs:
    """The rows of a `pyarrow.Table` as paragraphs for `dedup.cluster`, without a string made of any.

    The columns are named by the parameters; `outlet` and `published` may be missing. A text or document that
    is null is empty. Up to `workers` columns are read at once. Raises ValueError where another column is
    missing or one is no column of strings.
    """
    missed = [name for name in (text, document) if name not in table.column_names]
    if missed:
        raise ValueError(f"the table has no column {missed[0]!r}, only {', '.join(table.column_names)}")

    jobs: list[Callable[[], Any]] = [partial(_strings, table, name) for name in (text, document)]
    jobs += [partial(_names, table, name) for name in (outlet, published)]
    columns: list[Any] = in_order(lambda job: job(), jobs, workers)
    texts, documents, outlets, dates = columns
    return Paragraphs(documents, texts, outlets=outlets, published=dates)


def _strings(table: Any, name: str) -> StringArray:
    array = _large(table, name).fill_null("")
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return StringArray(np.frombuffer(data or b"", np.uint8), starts if starts.size else np.zeros(1, np.int64))


def _names(table: Any, name: str) -> DictionaryArray | None:
    if name not in table.column_names:
        return None
    coded = _large(table, name).dictionary_encode(null_encoding="encode")
    return DictionaryArray(coded.dictionary.to_pylist(), coded.indices.to_numpy())


def _large(table: Any, name: str) -> Any:
    """A column of a table as one array of strings with offsets of 64 bits."""
    column = table.column(name)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise ValueError(f"the column {name!r} holds {kind}, not strings")
    large = column.cast(pa.large_string())
    return large.chunk(0) if large.num_chunks == 1 else large.combine_chunks()  # which copies even one


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
