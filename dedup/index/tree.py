"""The postings of an index in two tables of SQLite: the tree, and before it what came last; see `postings`.

Every transaction that adds leaves a row in `recent`, an empty one if its postings went into the tree at
once. When there are many, the oldest go into the tree together and the newest stay; so numbers of rows
only rise, and who looks often enough sees every row before it is gone, whoever wrote it.

That is what the filter lives on: it has the keys of every recent row since it began, and those of a
part of the tree, which grows with every look-up until it is the whole. Where it missed a row, it
begins with the tree anew. Nearly all keys of new text are told by it alone, without as many rows at random
places of the file: adding such an article takes half the time. At a million paragraphs 109 look-ups read the
whole tree, .85 s in all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from dedup.index import postings
from dedup.index.filter import Filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Keys = NDArray[np.uint32]

# Share of a level's buckets from which it is read from end to end.
_MOST = 0.25
# Keys above which a look-up does not ask the filter: it reads a good part of the tree anyway.
_MANY = 16_000
# Postings of the tree that one look-up puts into the filter, which takes about as long as without filter.
_STRETCH = 100_000
_KEYS = 1 << 32


class Tree:
    """The postings, by a connection. Everything happens in its transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._filter = Filter()
        # The filter has the recent rows up to this number, of the tree the keys below `_covered`, and takes
        # keys as far apart as `_stretch` next.
        self._seen = self._covered = 0
        self._stretch = _KEYS >> 12

    def lookup(self, keys: Keys, *, compiled: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """`Store.lookup`; in a transaction that has not added anything yet."""
        places = np.arange(keys.size)
        if keys.size <= _MANY:
            places = np.flatnonzero(self._may_have(keys, compiled))
        if not places.size:
            return np.zeros(keys.size, np.int64), np.empty(0, np.int64)
        wanted = keys[places]
        here, found = postings.find_recent(self._recent(), wanted)
        at, texts = [here], [found]
        words = wanted.astype(np.uint64) << np.uint64(32)
        for level in range(1, self._levels()):
            rows = self._rows(postings.buckets_in(words, level)[0])
            here, found = postings.find(rows, level, wanted, compiled=compiled)
            at.append(here)
            texts.append(found)
        which = places[np.concatenate(at)]
        return np.bincount(which, minlength=keys.size), np.concatenate(texts)[
            np.argsort(which, kind="stable")
        ]

    def add(self, words: NDArray[np.uint64]) -> None:
        """Put sorted postings to the recent ones, and many of these into the tree."""
        if 2 * words.size > postings.ROOT:
            self.hand_down(words)
            return
        self.connection.execute("INSERT INTO recent (postings) VALUES (?)", (words.astype("<u8").tobytes(),))
        query = "SELECT max(number), count(*), sum(length(postings)) FROM recent"
        last, rows, size = self.connection.execute(query).fetchone()
        if size > 8 * postings.ROOT:
            self._move(last - 1)
        elif rows > postings.RECENT:
            self._move(last - postings.STAY)

    def hand_down(self, words: NDArray[np.uint64]) -> None:
        """Put these sorted postings and all recent ones into the tree."""
        number = self.connection.execute("INSERT INTO recent (postings) VALUES (x'')").lastrowid or 0
        self._move(number - 1, words)

    def sweep(self, after: int, living: NDArray[np.bool_]) -> int | None:
        """Take postings without a text out of the next buckets; the last one looked at, None at the end."""
        rows = self.connection.execute(
            "SELECT bucket, row FROM posting WHERE bucket > ? ORDER BY bucket LIMIT 100000", (after,)
        ).fetchall()
        if not rows:
            return None
        level = postings.level_of(rows[0][0])
        rows = [row for row in rows if postings.level_of(row[0]) == level]
        words = postings.join(*postings.unpack(rows, level))
        texts = (words & np.uint64(0xFFFFFFFF)).astype(np.int64)
        lives = (texts < living.size) & living[np.minimum(texts, living.size - 1)]
        of_row = postings.buckets_of(words, level)
        ids = np.array([bucket for bucket, _ in rows])
        changed = ids[np.unique(np.searchsorted(ids, of_row[~lives]))]
        words = words[lives & np.isin(of_row, changed)]
        bounds = np.searchsorted(
            postings.buckets_of(words, level), np.append(changed, changed[-1:] + 1)
        ).tolist()
        packed = zip(changed.tolist(), postings.pack(words, level, bounds), strict=True)
        kept = [(bucket, row) for bucket, row in packed if row]
        self.connection.executemany("REPLACE INTO posting VALUES (?, ?)", kept)
        emptied = set(changed.tolist()) - {bucket for bucket, _ in kept}
        self.connection.executemany("DELETE FROM posting WHERE bucket = ?", ((one,) for one in emptied))
        return int(ids[-1])

    def _may_have(self, keys: Keys, compiled: bool) -> NDArray[np.bool_]:
        """Whether there may be a posting of each key."""
        query = "SELECT number, postings FROM recent WHERE number > ? ORDER BY number"
        rows = self.connection.execute(query, (self._seen,)).fetchall()
        if rows:
            if rows[0][0] > self._seen + 1 or not all(row for _, row in rows):
                self._covered = 0  # the tree has what was not seen
            words = b"".join([row for _, row in rows])
            self._filter.put(np.frombuffer(words, "<u4")[1::2], compiled=compiled)
            self._seen = rows[-1][0]  # not before the filter has them: the look-up may be interrupted
        if self._covered < _KEYS:
            self._read_on(compiled)
        return self._filter.may_have(keys, compiled=compiled) | (keys >= self._covered)

    def _read_on(self, compiled: bool) -> None:
        """Take the next stretch of the tree into the filter."""
        first, last = self._covered, min(self._covered + self._stretch, _KEYS) - 1
        read = 0
        for level in range(1, self._levels()):
            ends = postings.buckets_of(np.array([first, last], np.uint64) << np.uint64(32), level).tolist()
            keys = postings.keys_in(self._between(*ends), level, compiled=compiled)
            self._filter.put(keys, compiled=compiled)
            read += keys.size
        self._covered = last + 1
        self._stretch = min(self._stretch * _STRETCH // max(read, 1) + 1, _KEYS)

    def _recent(self, last: int = 2**62) -> NDArray[np.uint64]:
        rows = self.connection.execute("SELECT postings FROM recent WHERE number <= ?", (last,))
        return np.frombuffer(b"".join([row for (row,) in rows]), "<u8")

    def _move(self, last: int, *more: NDArray[np.uint64]) -> None:
        """Put the recent postings up to a row, and more, into the tree."""
        words = np.sort(np.concatenate([self._recent(last), *more]))
        self.connection.execute("DELETE FROM recent WHERE number <= ?", (last,))
        change = self.connection.executemany
        postings.spread(
            words,
            self._rows,
            lambda rows: change("REPLACE INTO posting VALUES (?, ?)", rows),
            lambda ids: change("DELETE FROM posting WHERE bucket = ?", ((one,) for one in ids)),
        )

    def _levels(self) -> int:
        (last,) = self.connection.execute("SELECT max(bucket) FROM posting").fetchone()
        return 0 if last is None else postings.level_of(last) + 1

    def _rows(self, buckets: NDArray[np.int64]) -> list[tuple[int, bytes]]:
        """The rows there are of these buckets of one level, which come in ascending order."""
        size = 1 << postings.BITS * postings.level_of(int(buckets[0]))
        if buckets.size < _MOST * size:
            query = "SELECT bucket, row FROM asked CROSS JOIN posting WHERE bucket = value"
            return list(for_each(self.connection, buckets.tolist(), query))
        wanted = set(buckets.tolist())
        return [row for row in self._between(int(buckets[0]), int(buckets[-1])) if row[0] in wanted]

    def _between(self, first: int, last: int) -> list[tuple[int, bytes]]:
        query = "SELECT bucket, row FROM posting WHERE bucket BETWEEN ? AND ?"
        return self.connection.execute(query, (first, last)).fetchall()


def for_each(connection: sqlite3.Connection, values: Collection[int], query: str) -> sqlite3.Cursor:
    """Run a query for every `asked.value`, in their order."""
    statement = "WITH asked AS (SELECT value FROM json_each(?)) " + query  # noqa: S608 - ours
    return connection.execute(statement, (str(list(values)),))
