"""Distinct texts to links: bands, buckets, and verification with the true Jaccard.

    texts -> keys, a record a text and band -> buckets -> pairs -> both texts asked for -> links

A key travels with the lowest byte of every row of the signature, so that pairs are weighed in their bucket:
what is unlike there costs no text. A pair goes to the home of its left text once, however many bands it
was found in, and the texts that it needs come after.

A bucket with more than `settings.bucket` texts (a crowd) is not paired all with all: one task gets its
texts and works through it with the pivots of the local engine, so that its links are the same. A crowd of
more than `most` texts is split; every part has the first text of the whole for its first pivot, and
pivots of its own after that, so that the work of a task has an end. Links between texts of two parts are
then made through that first text only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dedup import band, sign, verify
from dedup.pairing import with_crowds
from dedup.settings import ClusterSettings
from dedup.spark.blobs import (
    Row,
    apply,
    compiled,
    exchange,
    gathered,
    joined,
    key_schema,
    numbers,
    send,
    table,
)
from dedup.spark.texts import encoded
from dedup.types import CodePoints, Pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Texts signed at once.
_SLICE = 1 << 13
_ODD = np.uint64(0x9E3779B97F4A7C15)


def candidates(
    texts: Any,
    settings: ClusterSettings,
    homes: Sequence[int],
    buckets: Sequence[int],
    most: int,
) -> Any:
    """Pairs of ids, crowds, and who asks for which text; `buckets` are the homes of the band pass."""
    keys = apply(texts, partial(_keys, settings=settings, buckets=buckets))
    work = partial(_pairs, settings=settings, homes=homes, most=most)
    return apply(exchange(keys, len(buckets)), work)


def links(texts: Any, found: Any, settings: ClusterSettings, homes: Sequence[int]) -> Any:
    """The pairs of `candidates` that reach the threshold, with their similarity, each once a home."""
    from pyspark.sql.functions import col  # noqa: PLC0415 - not everywhere

    asked = texts.where(col("kind") == "text").union(found.where(col("kind") == "ask"))
    answers = apply(exchange(asked, len(homes)), partial(_answers, homes=homes))
    known = found.where(col("kind").isin("pair", "crowd")).union(answers)
    return apply(exchange(known, len(homes)), partial(_links, settings=settings, homes=homes))


def _keys(rows: Iterator[Row], *, settings: ClusterSettings, buckets: Sequence[int]) -> Iterator[Row]:
    bands, width = band.choose_bands(settings)
    schema = key_schema(bands * width)
    for row in rows:
        if row.kind != "text":
            continue
        ids = numbers(row.rows, "id")
        texts, worth = encoded(row.rows.column("text").to_pylist(), settings)
        long = np.flatnonzero(texts.lengths >= settings.min_characters)
        for first in range(0, long.size, _SLICE):
            some = long[first : first + _SLICE]
            signed = sign.signatures(texts, settings, bands * width, rows=some, compiled=worth)
            keys = band.band_keys(signed, bands, width, compiled=worth).ravel()
            of = np.repeat(np.arange(bands, dtype=np.uint8), some.size)
            lowest = pa.py_buffer(np.tile(signed.astype(np.uint8), (bands, 1)))
            columns = [
                pa.array(of),
                pa.array(keys),
                pa.array(np.tile(ids[some], bands)),
                pa.FixedSizeBinaryArray.from_buffers(pa.binary(bands * width), of.size, [None, lowest]),
            ]
            place = ((keys ^ (keys >> np.uint64(32))) + of * _ODD) % np.uint64(len(buckets))
            batch = pa.RecordBatch.from_arrays(columns, schema=schema)
            yield from send(f"key{bands * width}", batch, place.astype(np.int64), buckets)


def _pairs(
    rows: Iterator[Row], *, settings: ClusterSettings, homes: Sequence[int], most: int
) -> Iterator[Row]:
    bands, width = band.choose_bands(settings)
    held = joined([row.rows for row in rows], key_schema(bands * width))
    of, keys, ids = (numbers(held, name) for name in ("band", "key", "id"))
    lowest = np.frombuffer(held.column("lowest").buffers()[1] or b"", np.uint8).reshape(-1, bands * width)
    lowest = lowest[held.column("lowest").offset :][: ids.size]
    least = band.least_agreement(bands * width, settings)
    left, right, crowds = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)], []
    for number in range(bands):
        # Numbered by their ids: so crowds begin with the same text as in the local engine.
        here = np.flatnonzero(of == number)
        here = here[np.argsort(ids[here], kind="stable")]
        pairs, crowded = band.candidate_pairs(keys[None, here], settings.bucket)
        worth = compiled(pairs.left.size * settings.min_characters, settings)
        likely = sign.agreements(lowest[here], pairs, compiled=worth) >= least
        left.append(ids[here[pairs.left[likely]]])
        right.append(ids[here[pairs.right[likely]]])
        crowds += [(number, ids[here[crowd]]) for crowd in crowded]
    yield from _asked(*_unique(np.concatenate(left), np.concatenate(right)), homes)
    for number, crowd in crowds:
        yield from _crowd(number, crowd, homes, most)


def _unique(left: NDArray[Any], right: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Every pair once, sorted."""
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    new = np.append(True, (left[1:] != left[:-1]) | (right[1:] != right[:-1]))[: left.size]
    return left[new], right[new]


def _asked(left: NDArray[np.uint64], right: NDArray[np.uint64], homes: Sequence[int]) -> Iterator[Row]:
    """Pairs to the homes of their left texts, and both texts asked to go there."""
    count = np.uint64(len(homes))
    to = (left % count).astype(np.int64)
    yield from send("pair", table("pair", left, right), to, homes)
    yield from _asks(np.concatenate([left, right]), np.concatenate([to, to]), homes)


def _asks(ids: NDArray[np.uint64], to: NDArray[np.int64], homes: Sequence[int]) -> Iterator[Row]:
    ids, to = _unique(ids, to)
    place = (ids % np.uint64(len(homes))).astype(np.int64)
    yield from send("ask", table("ask", ids, to.astype(np.int32)), place, homes)


def _crowd(number: int, ids: NDArray[np.uint64], homes: Sequence[int], most: int) -> Iterator[Row]:
    """A crowd to one home, or its parts to several, each led by the first text of the whole."""
    with np.errstate(over="ignore"):
        name = ids[0] + np.uint64(number + 1) * _ODD
    for part, first in enumerate(range(1, ids.size, most)):
        some = np.append(ids[0], ids[first : first + most])
        to = np.full(some.size, int((ids[0] + np.uint64(part)) % np.uint64(len(homes))))
        label = np.full(some.size, name + np.uint64(part))
        yield from send("crowd", table("crowd", label, some), to, homes)
        yield from _asks(some, to, homes)


def _answers(rows: Iterator[Row], *, homes: Sequence[int]) -> Iterator[Row]:
    held = gathered(rows, "text", "ask")
    ids, asked = numbers(held["text"], "id"), held["ask"]
    wanted, to = _unique(numbers(asked, "id"), numbers(asked, "to").astype(np.int64))
    if not wanted.size:
        return
    order = np.argsort(ids, kind="stable")
    place = order[np.searchsorted(ids[order], wanted)]
    answers = held["text"].select(["id", "text"]).take(pa.array(place))
    yield from send("answer", answers, to, homes)


def _links(rows: Iterator[Row], *, settings: ClusterSettings, homes: Sequence[int]) -> Iterator[Row]:
    held = gathered(rows, "pair", "crowd", "answer")
    answers = held["answer"]
    order = np.argsort(numbers(answers, "id"), kind="stable")
    ids = numbers(answers, "id")[order]
    texts, worth = encoded(answers.column("text").take(pa.array(order)).to_pylist(), settings)
    left, right = _unique(numbers(held["pair"], "left"), numbers(held["pair"], "right"))
    pairs = Pairs(np.searchsorted(ids, left), np.searchsorted(ids, right))
    pairs, similarity = _compared(texts, pairs, _crowds(held["crowd"], ids), settings, worth=worth)
    linked = similarity >= settings.threshold
    left, right = ids[pairs.left[linked]], ids[pairs.right[linked]]
    place = (left % np.uint64(len(homes))).astype(np.int64)  # a crowd's texts have other homes
    yield from send("link", table("link", left, right, similarity[linked]), place, homes)


def _crowds(rows: pa.RecordBatch, ids: NDArray[np.uint64]) -> list[NDArray[np.int64]]:
    """Numbers of the texts of every crowd, each crowd once."""
    names, members = _unique(numbers(rows, "crowd"), numbers(rows, "id"))
    begins = np.flatnonzero(np.append(True, names[1:] != names[:-1])[: names.size])
    crowds = [np.searchsorted(ids, some) for some in np.split(members, begins[1:])] if names.size else []
    return list({crowd.tobytes(): crowd for crowd in crowds}.values())


def _compared(
    texts: CodePoints,
    pairs: Pairs,
    crowds: list[NDArray[np.int64]],
    settings: ClusterSettings,
    *,
    worth: bool,
) -> tuple[Pairs, NDArray[np.float64]]:
    def compared(some: Pairs) -> NDArray[np.float64]:
        return verify.jaccard(verify.overlaps(texts, some, settings.shingle, compiled=worth))

    similarity = compared(pairs)
    return with_crowds(pairs, similarity, crowds, compared, settings) if crowds else (pairs, similarity)
