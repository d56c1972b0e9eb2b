"""Paragraphs to distinct texts: exact copies collapse before anything else.

A batch collapses where it is read, so that a text on ten million pages reaches its home as some thousand
records and not as ten million; there it becomes one, with the number of its paragraphs and the first of
them. A text's id is the 64-bit hash of its comparison text, by which the local engine orders texts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dedup import compare, sign
from dedup.columns import precedence, text_id
from dedup.settings import ClusterSettings
from dedup.spark.blobs import (
    COLUMNS,
    KINDS,
    PARAGRAPH,
    Row,
    apply,
    compiled,
    exchange,
    gathered,
    joined,
    numbers,
    send,
    to_spark,
)
from dedup.types import CodePoints, Paragraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARAGRAPHS = pa.schema(PARAGRAPH)
# Texts of one record batch in a stage.
_SLICE = 1 << 14
# Rows and bytes that are folded and hashed at once, about.
_ROWS, _BYTES = 1 << 14, 1 << 24


def read(frame: Any) -> Any:
    """The columns of articles that clustering needs: `id`, `outlet`, `published`, and the words.

    The words are the `text` of `paragraphs` where there are any, else every line of `text`.
    """
    from pyspark.sql import functions  # noqa: PLC0415 - not everywhere

    there = set(frame.columns)
    if "id" not in there or not there & {"paragraphs", "text"}:
        raise ValueError("articles need the columns `id` and `text`, or `id` and `paragraphs`")

    def column(name: str) -> Any:
        value = functions.col(name) if name in there else functions.lit(None)
        return value.cast("string").alias(name)

    words = column("text")
    if "paragraphs" in there:
        words = functions.transform("paragraphs", lambda one: one["text"]).alias("paragraphs")
    return frame.select(column("id"), column("outlet"), column("published"), words)


def distinct(articles: Any, settings: ClusterSettings, homes: Sequence[int], *, strong: bool) -> Any:
    """Every distinct text once, in its home, from what `read` gave.

    A row of the kind `collision` says that two texts have one id, and that `strong` ones are needed.
    """
    work = partial(_collapse, settings=settings, homes=homes, strong=strong)
    found = articles.mapInArrow(work, COLUMNS)
    return apply(exchange(found, len(homes)), partial(_reduce, settings=settings))


def with_ids(articles: Any, settings: ClusterSettings, *, strong: bool) -> Any:
    """Every paragraph with the id of its text, a row each; those without comparison text are left out."""
    columns = "id long, document string, index long, outlet string, published string, text string"
    return articles.mapInArrow(partial(_identify, settings=settings, strong=strong), columns)


def paragraphs_of(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The paragraphs of a batch of articles."""
    if "paragraphs" in batch.schema.names:
        lists = batch.column("paragraphs")
        article, text = numbers_of(pc.list_parent_indices(lists)), lists.flatten().fill_null("")
    else:
        lines = [
            [words for line in (text or "").split("\n") if (words := line.strip())]
            for text in batch.column("text").to_pylist()
        ]
        article = np.repeat(np.arange(len(lines)), [len(some) for some in lines])
        text = pa.array([line for some in lines for line in some], pa.string())
    index = np.arange(article.size) - np.searchsorted(article, article)
    taken = pa.array(article)
    columns = [batch.column(name).take(taken) for name in ("id", "outlet", "published")]
    return pa.RecordBatch.from_arrays(
        [columns[0], pa.array(index), columns[1], columns[2], text.cast(pa.string())], schema=_PARAGRAPHS
    )


def _larger(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Small batches joined: tables are made for every call, copies collapse within one."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= _ROWS or sum(one.nbytes for one in held) >= _BYTES:
            yield joined(held, batch.schema)
            held = []
    if held:
        yield joined(held, held[0].schema)


def numbers_of(column: Any) -> NDArray[np.int64]:
    """An Arrow array without nulls as numbers."""
    return np.asarray(column.to_numpy(zero_copy_only=False), np.int64)


def encoded(texts: Sequence[str], settings: ClusterSettings) -> tuple[CodePoints, bool]:
    """Comparison texts, and whether compiled code is worth its start for them."""
    worth = compiled(sum(map(len, texts)), settings)
    return compare.encode(texts, compiled=worth), worth


def _ids(texts: CodePoints, *, worth: bool, strong: bool) -> NDArray[np.uint64]:
    if not strong:
        return sign.text_hashes(texts, compiled=worth)
    digests = [text_id(compare.decode(texts, i)) for i in range(texts.starts.size)]
    return np.array([int(digest, 16) for digest in digests], np.uint64)


def _identified(
    batch: pa.RecordBatch, settings: ClusterSettings, *, strong: bool
) -> tuple[pa.RecordBatch, NDArray[np.uint64]]:
    """The paragraphs of a batch that have comparison text, and the ids of their texts."""
    found = paragraphs_of(batch)
    texts, worth = encoded(found.column("text").to_pylist(), settings)
    ids = _ids(texts, worth=worth, strong=strong)
    if (texts.lengths == 0).any():
        there = np.flatnonzero(texts.lengths)
        return found.take(pa.array(there)), ids[there]
    return found, ids


def _identify(
    batches: Iterable[pa.RecordBatch], *, settings: ClusterSettings, strong: bool
) -> Iterator[pa.RecordBatch]:
    for batch in _larger(batches):
        found, ids = _identified(batch, settings, strong=strong)
        yield pa.RecordBatch.from_arrays(
            [pa.array(ids.view(np.int64)), *found.columns], names=["id", *found.schema.names]
        )


def _collapse(
    batches: Iterable[pa.RecordBatch], *, settings: ClusterSettings, homes: Sequence[int], strong: bool
) -> Iterator[pa.RecordBatch]:
    def rows() -> Iterator[Row]:
        for batch in _larger(batches):
            found, ids = _identified(batch, settings, strong=strong)
            ones = np.ones(ids.size, np.int64)
            columns = [pa.array(ids), pa.array(ones), *found.columns]
            texts = pa.RecordBatch.from_arrays(columns, schema=KINDS["text"])
            texts, collided = _reduced(texts, settings)
            place = numbers(texts, "id") % np.uint64(len(homes))
            yield from send("text", texts, place.astype(np.int64), homes)
            if collided is not None:
                yield Row(homes[0], "collision", collided)

    return to_spark(rows())


def _reduce(rows: Iterator[Row], *, settings: ClusterSettings) -> Iterator[Row]:
    held = list(rows)
    if not held:
        return
    kinds = gathered(held, "text", "collision")
    texts, collided = _reduced(kinds["text"], settings)
    for first in range(0, texts.num_rows, _SLICE):
        yield Row(held[0].home, "text", texts.slice(first, _SLICE))
    yield Row(held[0].home, "collision", kinds["collision"])
    if collided is not None:
        yield Row(held[0].home, "collision", collided)


def _reduced(
    texts: pa.RecordBatch, settings: ClusterSettings
) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
    """Every id once, in order, with all its paragraphs counted; and an id that two texts have, if any."""
    ids = numbers(texts, "id")
    order = np.argsort(ids, kind="stable")
    begins = np.flatnonzero(np.append(True, ids[order][1:] != ids[order][:-1])[: order.size])
    if begins.size == order.size:
        return texts.take(pa.array(order)), None
    group = np.repeat(np.arange(begins.size), np.diff(np.append(begins, order.size)))
    many = np.flatnonzero(np.bincount(group)[group] > 1)
    copies = texts.take(pa.array(order[many]))
    collided = _collided(copies, group[many], settings)
    chosen = order[begins]
    keys = [precedence(paragraph) for paragraph in paragraphs(copies)]
    first = -1
    best = 0
    for number, (row, of) in enumerate(zip(many.tolist(), group[many].tolist(), strict=True)):
        if of != first or keys[number] < keys[best]:
            first, best = of, number
            chosen[of] = order[row]
    sizes = np.add.reduceat(numbers(texts, "size")[order], begins)
    found = texts.take(pa.array(chosen)).set_column(1, KINDS["text"].field(1), pa.array(sizes))
    return found, collided


def _collided(
    copies: pa.RecordBatch, group: NDArray[np.int64], settings: ClusterSettings
) -> pa.RecordBatch | None:
    """An id of copies that are none; `group` says which are to be equal, group by group."""
    texts, worth = encoded(copies.column("text").to_pylist(), settings)
    first = np.searchsorted(group, group)
    if compare.equal(texts, np.arange(group.size), first, compiled=worth):
        return None
    return copies.select(["id"]).slice(0, 1)


def paragraphs(rows: pa.RecordBatch) -> list[Paragraph]:
    """The paragraphs of records that hold them."""
    columns = [rows.column(name).to_pylist() for name, _ in PARAGRAPH]
    return [
        Paragraph(document, index, outlet, text, published)
        for document, index, outlet, published, text in zip(*columns, strict=True)
    ]
