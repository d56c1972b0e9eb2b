"""Arrow batches as rows of a DataFrame: Spark moves them, and the library's functions look inside.

A row is (home, kind, count, rows): the partition it goes to, what it holds, how many records, and the
records as one serialized Arrow batch. Spark's exchange then costs what its bytes cost, not what a million
rows of its own do: 12 rows a text and band took it longer than all the rest.

A task gets all rows of its partition and gives rows for others. `homes` are the numbers by which Spark's
hash partitioning puts a row into partition 0, 1, 2, ...
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from dedup.settings import ClusterSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = "home int, kind string, count long, rows binary"
_ARROW = pa.schema(
    [("home", pa.int32()), ("kind", pa.string()), ("count", pa.int64()), ("rows", pa.binary())]
)
_ID = ("id", pa.uint64())
_PAIR = [("left", pa.uint64()), ("right", pa.uint64())]
# A paragraph; that of a text or of a star is the first in precedence.
PARAGRAPH = [
    ("document", pa.string()),
    ("index", pa.int64()),
    ("outlet", pa.string()),
    ("published", pa.string()),
    ("text", pa.string()),
]

# What the rows of a kind hold. A text has its hash for an id and stands for `size` paragraphs.
KINDS = {
    "text": pa.schema([_ID, ("size", pa.int64()), *PARAGRAPH]),
    "collision": pa.schema([_ID]),
    "pair": pa.schema(_PAIR),
    "ask": pa.schema([_ID, ("to", pa.int32())]),
    "answer": pa.schema([_ID, ("text", pa.string())]),
    "crowd": pa.schema([("crowd", pa.uint64()), _ID]),
    "link": pa.schema([*_PAIR, ("similarity", pa.float64())]),
    "edge": pa.schema(_PAIR),
    "open": pa.schema([_ID]),
    "node": pa.schema([("root", pa.uint64()), _ID, ("size", pa.int64()), *PARAGRAPH]),
    "tie": pa.schema([("root", pa.uint64()), *_PAIR, ("similarity", pa.float64())]),
    "trace": pa.schema([("outlet", pa.string()), ("key", pa.uint64()), ("trace", pa.binary())]),
    "seen": pa.schema([("outlet", pa.string()), ("pages", pa.int64())]),
    "profile": pa.schema([("outlet", pa.string()), ("pages", pa.int64()), ("profile", pa.binary())]),
    "word": pa.schema([("word", pa.uint64()), ("outlet", pa.string()), ("told", pa.bool_())]),
    "spread": pa.schema([("outlet", pa.string()), ("word", pa.uint64()), ("outlets", pa.int64())]),
    "page": pa.schema(
        [
            *((name, pa.string()) for name in ("name", "key", "media", "declared_encoding", "url")),
            *((name, pa.string()) for name in ("outlet", "published", "folder")),
            ("decoded", pa.bool_()),
            ("content", pa.binary()),
        ]
    ),
    "failure": pa.schema([("source", pa.string()), ("error", pa.string()), ("message", pa.string())]),
}

# Bytes of records that are given to Spark at once.
_BATCH = 1 << 22


class Row(NamedTuple):
    """Records of one kind, and the home they go to."""

    home: int
    kind: str
    rows: pa.RecordBatch


Work = Callable[[Iterator[Row]], Iterator[Row]]


def key_schema(permutations: int) -> pa.Schema:
    """What a text sends to a bucket: the band, its key there, and the lowest byte of every row."""
    return pa.schema([("band", pa.uint8()), ("key", pa.uint64()), _ID, ("lowest", pa.binary(permutations))])


def homes(count: int) -> tuple[int, ...]:
    """For each of `count` partitions the least number that Spark's hash partitioning puts there.

    >>> homes(3)
    (0, 1, 11)
    """
    found = np.full(count, -1)
    first, step = 0, 64 + 24 * count
    while (found < 0).any():
        tried = np.arange(first, first + step)[::-1]
        missing = found < 0
        places = _hashed(tried) % count
        least = found.copy()
        least[places] = tried
        found[missing] = least[missing]
        first += step
    return tuple(found.tolist())


def _hashed(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Spark's `hash` of an int: MurmurHash3 with the seed 42, as a signed number of 32 bits."""
    h = _rotated(numbers.astype(np.uint32) * np.uint32(0xCC9E2D51), 15) * np.uint32(0x1B873593)
    h = _rotated(h ^ np.uint32(42), 13) * np.uint32(5) + np.uint32(0xE6546B64)
    h ^= np.uint32(4)  # the bytes of an int
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return (h ^ (h >> np.uint32(16))).view(np.int32).astype(np.int64)


def _rotated(h: NDArray[np.uint32], bits: int) -> NDArray[np.uint32]:
    return (h << np.uint32(bits)) | (h >> np.uint32(32 - bits))


def exchange(frame: Any, count: int) -> Any:
    """The rows, each in the partition of its home."""
    return frame.repartition(count, "home")


def apply(frame: Any, work: Work) -> Any:
    """A DataFrame of the rows that `work` gives for each partition of `frame`."""
    return frame.select("home", "kind", "rows").mapInArrow(partial(_task, work), COLUMNS)


def _task(work: Work, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return to_spark(work(from_spark(batches)))


def from_spark(batches: Iterable[pa.RecordBatch]) -> Iterator[Row]:
    """The rows of Spark's batches."""
    for batch in batches:
        columns = (batch.column(name) for name in ("home", "kind", "rows"))
        for home, kind, rows in zip(*columns, strict=True):
            name = kind.as_py()
            schema = KINDS[name] if name in KINDS else key_schema(int(name.removeprefix("key")))
            yield Row(home.as_py(), name, pa.ipc.read_record_batch(rows.as_buffer(), schema))


def to_spark(rows: Iterable[Row]) -> Iterator[pa.RecordBatch]:
    """Rows as batches for Spark."""
    waiting: list[tuple[int, str, int, bytes]] = []
    size = 0
    for row in rows:
        if row.rows.num_rows:
            content = row.rows.serialize().to_pybytes()
            waiting.append((row.home, row.kind, row.rows.num_rows, content))
            size += len(content)
            if size > _BATCH:
                yield _batch(waiting)
                waiting, size = [], 0
    if waiting:
        yield _batch(waiting)


def _batch(rows: list[tuple[int, str, int, bytes]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), _ARROW, strict=True)],
        schema=_ARROW,
    )


def table(kind: str, *columns: Any) -> pa.RecordBatch:
    """Records of a kind from arrays, in the order of its schema."""
    schema = KINDS[kind]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def frame_of(spark: Any, rows: Iterable[Row]) -> Any:
    """Rows of this process as a DataFrame."""
    whole = pa.Table.from_batches(list(to_spark(rows)), _ARROW)
    return spark.createDataFrame([tuple(row.values()) for row in whole.to_pylist()], COLUMNS)


def gathered(rows: Iterable[Row], *kinds: str) -> dict[str, pa.RecordBatch]:
    """All records of a partition by kind, empty where there are none; other kinds are left out."""
    held: dict[str, list[pa.RecordBatch]] = {kind: [] for kind in kinds}
    for row in rows:
        if row.kind in held:
            held[row.kind].append(row.rows)
    return {kind: joined(batches, KINDS[kind]) for kind, batches in held.items()}


def joined(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """Batches as one."""
    whole = pa.Table.from_batches(batches, schema).combine_chunks().to_batches()
    return whole[0] if whole else pa.RecordBatch.from_pylist([], schema)


def send(kind: str, rows: pa.RecordBatch, place: NDArray[Any], homes: Sequence[int]) -> Iterator[Row]:
    """The records of `rows`, each to the partition that `place` says."""
    if not place.size:
        return
    order = np.argsort(place, kind="stable")
    ordered, places = rows.take(pa.array(order)), place[order]
    begins = np.flatnonzero(np.diff(places, prepend=-1))
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), places.size], strict=True):
        yield Row(homes[int(places[begin])], kind, ordered.slice(begin, end - begin))


def numbers(rows: pa.RecordBatch, name: str) -> NDArray[Any]:
    """A column without nulls as an array."""
    column: NDArray[Any] = rows.column(name).to_numpy(zero_copy_only=False)
    return column


def compiled(characters: int, settings: ClusterSettings) -> bool:
    """Whether compiled code is worth its start for so many characters."""
    return characters >= settings.compile_from and importlib.util.find_spec("numba") is not None
