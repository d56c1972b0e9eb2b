"""Postings on disk: sorted runs of `key << 32 | text`, in buckets that form a tree.

A bucket takes what comes until it is full; then it hands everything down to its 64 children, by the
next six bits of the key (a buffer tree: Arge, "The buffer tree: a technique for designing batched
external data structures", 2003). A key is looked for in one bucket of each level. At a million
paragraphs that is four levels, of which the upper two are always in memory, and a new posting is
rewritten a handful of times, not once a page as in a tree of single postings. Because the keys are
hashes, the tree needs no balance and no directory: bucket `prefix` of level `l` is the row
`64**l | prefix`. Level 0 is not a bucket but what the last transactions added, as it came.

A row is the lower bits of its keys, two or four bytes each, then the numbers of the texts, four
bytes each, both little-endian: what the bucket's place says of a key is not stored.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Rows = Sequence[tuple[int, bytes]]

# Bits of the key that one level decides, and the deepest level, whose buckets are never handed down.
BITS = 6
DEEPEST = 5
# Postings of a full bucket. With 1,000 a query reads more and with 250 adding writes more.
FULL = 500
# The same of level 1, which is handed down all at once: with 1,000 adding one by one takes 9 % more, with
# 4,000 a query of known text 13 %.
FIRST_FULL = 2_000
# Transactions and postings that level 0 takes before it hands down all but the newest. With 160 a query of
# known text takes 4 % more.
RECENT = 80
ROOT = 24_000
STAY = 16


def buckets_of(words: Words, level: int) -> NDArray[np.int64]:
    """The bucket of every posting at a level."""
    bits = BITS * level
    prefix = words >> np.uint64(64 - bits) if bits else np.zeros_like(words)
    return prefix.astype(np.int64) | (1 << bits)


def buckets_in(words: Words, level: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The buckets of sorted postings, each once in ascending order, and where the postings of each begin."""
    every = buckets_of(words, level)
    starts = np.flatnonzero(np.append(True, every[1:] != every[:-1])[: every.size])
    return every[starts], starts


def level_of(bucket: int) -> int:
    """The level of a bucket.

    >>> level_of(1), level_of(64), level_of(64 * 64 + 5)
    (0, 1, 2)
    """
    return (bucket.bit_length() - 1) // BITS


def pack(words: Words, level: int, bounds: Sequence[int]) -> Iterator[bytes]:
    """The rows of the buckets between neighbouring `bounds` of sorted postings."""
    size = _key_bytes(level)
    low = ((words >> np.uint64(32)) & np.uint64((1 << (8 * size)) - 1)).astype(f"<u{size}").tobytes()
    texts = words.astype("<u4").tobytes()
    for begin, end in itertools.pairwise(bounds):
        yield low[size * begin : size * end] + texts[4 * begin : 4 * end]


def unpack(rows: Rows, level: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Keys and texts of the postings of rows (bucket, row), which come in ascending order of the buckets."""
    size = _key_bytes(level)
    texts = b"".join([row[len(row) // (size + 4) * size :] for _, row in rows])
    return keys_in(rows, level), np.frombuffer(texts, "<u4")


def keys_in(rows: Rows, level: int, *, compiled: bool = False) -> NDArray[np.uint32]:
    """The keys alone."""
    size, bits = _key_bytes(level), BITS * level
    if compiled:
        from dedup.index import kernels  # noqa: PLC0415 - numba is optional and slow to import

        return kernels.keys_in(*_end_to_end(rows), (bits, size))
    counts = np.fromiter((len(row) for _, row in rows), np.int64, len(rows)) // (size + 4)
    low = b"".join([row[:cut] for (_, row), cut in zip(rows, (size * counts).tolist(), strict=True)])
    keys = np.frombuffer(low, f"<u{size}")
    if size == 4:
        return keys
    prefix = np.fromiter((bucket for bucket, _ in rows), np.int64, len(rows)) ^ (1 << bits)
    # What the lower bytes hold of the prefix is there already, and the same.
    return np.repeat((prefix << (32 - bits)).astype(np.uint32), counts) | keys  # type: ignore[no-any-return]


def join(keys: NDArray[np.uint32], texts: NDArray[np.uint32]) -> Words:
    """Keys and texts in one word each."""
    return keys.astype(np.uint64) << np.uint64(32) | texts


def spread(
    words: Words,
    read: Callable[[NDArray[np.int64]], list[tuple[int, bytes]]],
    write: Callable[[Iterator[tuple[int, bytes]]], object],
    drop: Callable[[Iterator[int]], object],
) -> None:
    """Add sorted postings to the tree whose rows `read`, `write` and `drop` handle."""
    for level in range(1, DEEPEST + 1):
        if not words.size:
            return
        known = read(buckets_in(words, level)[0])
        words = np.concatenate([join(*unpack(known, level)), words])
        words.sort(kind="stable")  # two sorted runs: a merge
        ids, starts = buckets_in(words, level)
        sizes = np.diff(np.append(starts, words.size))
        full = (sizes > (FULL if level > 1 else FIRST_FULL)) & (level < DEEPEST)
        stays = words[np.repeat(~full, sizes)]
        bounds = [0, *np.cumsum(sizes[~full]).tolist()]
        write(zip(ids[~full].tolist(), pack(stays, level, bounds), strict=True))
        if full.any():
            handed_down = set(ids[full].tolist())
            drop(bucket for bucket, _ in known if bucket in handed_down)
        words = words[np.repeat(full, sizes)]


def find(
    rows: Rows, level: int, wanted: NDArray[np.uint32], *, compiled: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For rows of a level and wanted keys, both sorted: at which key each match stands, and its text."""
    if compiled:
        from dedup.index import kernels  # noqa: PLC0415

        return kernels.find(*_end_to_end(rows), (BITS * level, _key_bytes(level)), wanted)
    keys, texts = unpack(rows, level)
    begin = np.searchsorted(keys, wanted)
    counts = np.searchsorted(keys, wanted, side="right") - begin
    at = np.repeat(np.arange(wanted.size), counts)
    places = np.repeat(begin - (np.cumsum(counts) - counts), counts) + np.arange(at.size)
    return at, texts[places].astype(np.int64)


def find_recent(words: Words, wanted: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The same for postings in any order."""
    # Half of a key tells nearly all apart that are not wanted.
    marked = np.zeros(1 << 16, bool)
    marked[wanted >> np.uint32(16)] = True
    words = words[marked.take(words >> np.uint64(48))]
    keys = (words >> np.uint64(32)).astype(np.uint32)
    at = np.searchsorted(wanted, keys)
    same = wanted[np.minimum(at, wanted.size - 1)] == keys
    return at[same], (words[same] & np.uint64(0xFFFFFFFF)).astype(np.int64)


def _end_to_end(rows: Rows) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The bytes of all rows, where each begins and, behind them, where the last ends, and the buckets."""
    buckets, pieces = zip(*rows, strict=True) if rows else ((), ())
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, pieces), np.int64, len(rows)), out=starts[1:])
    return np.frombuffer(b"".join(pieces), np.uint8), starts, np.array(buckets, np.int64)


def _key_bytes(level: int) -> int:
    return 2 if BITS * level >= 16 else 4
