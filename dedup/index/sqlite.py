"""An index in one SQLite file, in WAL mode: several processes read while one writes.

A commit survives the end of the process, however it ends. With `durable` it survives the end of the
machine too, for a wait on the disk at every commit; without, a power failure may take the last
commits, whole ones.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from dedup.index.store import (
    Additions,
    Counts,
    Standing,
    StoredArticle,
    StoredText,
    StoreError,
)
from dedup.index.tree import Tree, for_each

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of the file; another number is another layout or another meaning of the keys.
FORMAT = 3
# What a file of SQLite begins with.
_MAGIC = b"SQLite format 3\0"
# «ddup», in the header of the file.
_APPLICATION = 0x64647570
# Two rows of the tree hardly fit in 4,096: that takes 146 bytes a paragraph beside the text instead of 128,
# and 4 % longer to add one by one.
_PAGE = 8192
# Bytes of pages kept in memory, and of the log that stays when it was written back.
_CACHE = 64_000_000
_LOG = 64_000_000
# Bytes of the file that are read as memory, which halves the time for the rows of the deepest bucket of a
# million paragraphs (850 us a query to 460); a disk that fails to read ends the process then.
_MAPPED = 1 << 31

# A text without a cluster of its own name has NULL there. `place` counts paragraphs from 0. `recent` are
# postings that are not in the tree yet, 64 bits each; see `tree`.
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE text (number INTEGER PRIMARY KEY, words BLOB NOT NULL, cluster BLOB);
CREATE TABLE posting (bucket INTEGER PRIMARY KEY, row BLOB NOT NULL);
CREATE TABLE recent (number INTEGER PRIMARY KEY, postings BLOB NOT NULL);
CREATE TABLE article (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, outlet TEXT, published TEXT, seen INTEGER NOT NULL,
  texts BLOB NOT NULL
);
CREATE INDEX article_by_seen ON article (seen);
CREATE TABLE paragraph (
  text INTEGER, article INTEGER, place INTEGER, PRIMARY KEY (text, article, place)
) WITHOUT ROWID;
CREATE TABLE profile (outlet TEXT PRIMARY KEY, profile BLOB NOT NULL) WITHOUT ROWID;
"""

# What stands in the rows that are read as they are, and the times that a calendar has.
_NAME = str | None
_ARTICLE = (int, str, _NAME, _NAME, int, bytes)
_STANDING = (str, int, _NAME, int)
_FIRST, _LAST = -62_135_596_800, 253_402_300_799


class SqliteStore:
    """A `Store` in a file. Threads take turns; a forked process opens its own connection."""

    def __init__(
        self, path: str | os.PathLike[str], *, patience: float, durable: bool = False, read_only: bool = False
    ) -> None:
        self._path = Path(path)
        self._patience = patience
        self._durable = durable
        self._read_only = read_only
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._tree: Tree | None = None

    def open(self, parameters: Mapping[str, float] | None) -> Mapping[str, float]:
        with self._lock, self._told():
            if self._read_only and not self._path.exists():
                raise StoreError("missing", f"there is no index at {self._path}")
            if self._path.is_dir():
                raise StoreError("not_an_index", f"{self._path} is a folder; name a file in it")
            self._tree = None
            if self._path.exists() and self._path.stat().st_size:
                with self._path.open("rb") as file:
                    if file.read(len(_MAGIC)) != _MAGIC:
                        raise StoreError("not_an_index", f"{self._path} is no index; give another path")
            connection = self._connected()
            if not self._read_only and not self._pragma("application_id"):
                self._make(connection, parameters or {})
            if self._pragma("application_id") != _APPLICATION:
                raise StoreError("not_an_index", f"{self._path} is no index; give another path")
            made = self._pragma("user_version")
            if made != FORMAT:
                newer = (
                    "a newer dedup wrote it: update"
                    if made > FORMAT
                    else "feed a new index from what `export` of the older dedup writes"
                )
                raise StoreError(
                    "other_format", f"{self._path} has format {made}, this program reads {FORMAT}; {newer}"
                )
            with _as_written():
                (stored,) = connection.execute("SELECT value FROM meta WHERE name = 'parameters'").fetchone()
                return dict(json.loads(stored))

    def close(self) -> None:
        with self._lock:
            if self._tree is not None and self._process == os.getpid():
                self._tree.connection.close()
            self._tree = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._transaction("BEGIN"):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        if self._read_only:
            raise StoreError("read_only", f"{self._path} was opened for reading only")
        with self._transaction("BEGIN IMMEDIATE"):
            yield

    def lookup(
        self, keys: NDArray[np.uint32], *, compiled: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        with _as_written():
            return self._opened().lookup(keys, compiled=compiled)

    def texts(self, numbers: Collection[int]) -> dict[int, StoredText]:
        if not numbers:
            return {}
        query = "SELECT number, words, cluster FROM asked CROSS JOIN text WHERE number = value"
        rows = for_each(self._connected(), numbers, query)
        with _as_written():
            return {number: _text(words, cluster) for number, words, cluster in rows}

    def standings(self, numbers: Collection[int], since: int, limit: int | None) -> dict[int, list[Standing]]:
        query = (
            "SELECT article.id, place, outlet, seen FROM paragraph JOIN article ON article.number = article "
            "WHERE text = ? AND seen >= ? ORDER BY article, place LIMIT ?"
        )
        most = -1 if limit is None else limit
        execute = self._connected().execute
        with _as_written():
            return {number: list(map(_standing, execute(query, (number, since, most)))) for number in numbers}

    def articles(self, ids: Collection[str]) -> dict[str, StoredArticle]:
        execute = self._connected().execute
        rows = [execute("SELECT * FROM article WHERE id = ?", (one,)).fetchone() for one in ids]
        with _as_written():
            return {article.id: article for article in map(_article, filter(None, rows))}

    def next_numbers(self) -> tuple[int, int]:
        row = self._connected().execute(
            "SELECT coalesce((SELECT max(number) FROM text), 0) + 1, "
            "coalesce((SELECT max(number) FROM article), 0) + 1"
        )
        text, article = row.fetchone()
        return text, article

    def add(self, additions: Additions) -> None:
        connection = self._connected()
        connection.executemany(
            "INSERT INTO text VALUES (?, ?, ?)",
            (
                (number, text.words.encode("utf-8", "surrogatepass"), bytes.fromhex(text.cluster) or None)
                for number, text in additions.texts.items()
            ),
        )
        connection.executemany(
            "INSERT INTO article VALUES (?, ?, ?, ?, ?, ?)",
            (
                (
                    one.number,
                    one.id,
                    one.outlet,
                    one.published,
                    one.seen,
                    np.array(one.texts, "<u4").tobytes(),
                )
                for one in additions.articles
            ),
        )
        connection.executemany(
            "INSERT INTO paragraph VALUES (?, ?, ?)",
            sorted(
                (text, one.number, place)
                for one in additions.articles
                for place, text in enumerate(one.texts)
                if text
            ),
        )
        if additions.postings.size:
            with _as_written():
                self._opened().add(additions.postings)

    def oldest(self, before: int, limit: int) -> list[StoredArticle]:
        rows = self._connected().execute(
            "SELECT * FROM article WHERE seen < ? ORDER BY seen, number LIMIT ?",
            (before, limit),
        )
        with _as_written():
            return [_article(row) for row in rows]

    def remove(self, articles: Sequence[StoredArticle]) -> None:
        connection = self._connected()
        standing = sorted({(text, one.number) for one in articles for text in one.texts if text})
        connection.executemany("DELETE FROM paragraph WHERE text = ? AND article = ?", standing)
        connection.executemany(
            "DELETE FROM text WHERE number = ?1 AND NOT EXISTS (SELECT 1 FROM paragraph WHERE text = ?1)",
            ((text,) for text in dict.fromkeys(text for text, _ in standing)),
        )
        connection.executemany("DELETE FROM article WHERE number = ?", ((one.number,) for one in articles))

    def shrink(self) -> None:
        with self.writing(), _as_written():
            self._opened().hand_down(np.empty(0, np.uint64))
        last: int | None = 0
        while last is not None:
            with self.writing(), _as_written():
                last = self._opened().sweep(last, self._living())
        with self._lock, self._told():
            # As a script, because `execute` steps once, which gives back one page.
            self._connected().executescript("PRAGMA incremental_vacuum")
            self._connected().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def scan_articles(self) -> Iterator[StoredArticle]:
        with self._told():
            for row in self._scan("SELECT * FROM article WHERE number > ? ORDER BY number LIMIT 1000"):
                with _as_written():
                    article = _article(row)
                yield article

    def scan_texts(self) -> Iterator[tuple[int, StoredText]]:
        query = "SELECT number, words, cluster FROM text WHERE number > ? ORDER BY number LIMIT 10000"
        with self._told():
            for number, words, cluster in self._scan(query):
                with _as_written():
                    text = _text(words, cluster)
                yield number, text

    def counts(self) -> Counts:
        connection = self._connected()
        (articles, first, last) = connection.execute(
            "SELECT count(*), min(seen), max(seen) FROM article"
        ).fetchone()
        (paragraphs,) = connection.execute("SELECT count(*) FROM paragraph").fetchone()
        (texts, size) = connection.execute(
            "SELECT count(*), coalesce(sum(length(words)), 0) FROM text"
        ).fetchone()
        pages = self._pragma("page_count") * self._pragma("page_size")
        if articles:
            with _as_written():
                _times(first, last)
        return Counts(articles, paragraphs, texts, pages, size, (first, last) if articles else None)

    def faults(self) -> Iterator[str]:
        with self._transaction("BEGIN"):
            for (told,) in self._connected().execute("PRAGMA integrity_check"):
                if told != "ok":
                    yield told
            orphans = (
                ("a text stands in no article", "SELECT number FROM text EXCEPT SELECT text FROM paragraph"),
                ("a paragraph has no text", "SELECT text FROM paragraph EXCEPT SELECT number FROM text"),
                (
                    "a paragraph's article is missing",
                    "SELECT article FROM paragraph EXCEPT SELECT number FROM article",
                ),
            )
            for what, query in orphans:
                for (number,) in self._connected().execute(query):
                    yield f"{what}: number {number}"

    def profiles(self) -> dict[str, str]:
        rows = self._connected().execute("SELECT outlet, profile FROM profile")
        with _as_written():
            return {outlet: zlib.decompress(packed).decode() for outlet, packed in rows}

    def put_profile(self, outlet: str, profile: str) -> None:
        packed = zlib.compress(profile.encode(), 1)
        self._connected().execute("REPLACE INTO profile VALUES (?, ?)", (outlet, packed))

    def _connected(self) -> sqlite3.Connection:
        return self._opened().connection

    def _opened(self) -> Tree:
        if self._tree is None or self._process != os.getpid():
            self._process = os.getpid()
            self._tree = Tree(self._connect())
        return self._tree

    def _connect(self) -> sqlite3.Connection:
        address = f"file:{quote(str(self._path))}"
        if self._read_only:
            address += "?mode=ro"
            # Readers share notes in two files beside it; where they cannot be made, nobody writes either.
            if not os.access(self._path.parent, os.W_OK) and not Path(f"{self._path}-wal").exists():
                address += "&immutable=1"
        connection = sqlite3.connect(
            address, timeout=self._patience, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            connection.execute(f"PRAGMA cache_size = {-_CACHE // 1024}")
        except UnicodeDecodeError as error:  # what SQLite says quotes the schema, whatever that is now
            raise _corrupt("its schema cannot be read") from error
        connection.execute(f"PRAGMA mmap_size = {_MAPPED}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG}")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
        return connection

    def _make(self, connection: sqlite3.Connection, parameters: Mapping[str, float]) -> None:
        """Make the tables, unless another process is faster or the file holds something else."""
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._write_ahead(connection)
        with self.writing():
            if self._pragma("application_id"):
                return
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO meta VALUES ('parameters', ?)", (json.dumps(dict(parameters)),))
            connection.execute(f"PRAGMA user_version = {FORMAT}")
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")

    def _write_ahead(self, connection: sqlite3.Connection) -> None:
        """SQLite does not wait for others when it changes the mode."""
        patient_until = time.monotonic() + self._patience
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchall()
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > patient_until:
                    raise
                time.sleep(0.01)

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        with self._lock, self._told():
            connection = self._connected()
            connection.execute(begin)
            try:
                yield
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have ended the transaction already
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of SQLite as errors of the store."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(*_cause(error, self._path)) from error

    def _pragma(self, name: str) -> int:
        return int(self._connected().execute(f"PRAGMA {name}").fetchone()[0])

    def _living(self) -> NDArray[np.bool_]:
        """For every number of a text, and one beyond, whether there is such a text."""
        rows = self._connected().execute("SELECT DISTINCT text FROM paragraph")
        numbers = np.fromiter((number for (number,) in rows), np.uint32)  # as wide as in a posting
        living = np.zeros(int(numbers.max(initial=0)) + 2, bool)
        living[numbers] = True
        return living

    def _scan(self, query: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query by their first column, a stretch at a time, so that writers may go on."""
        after = 0
        while True:
            with self.reading():
                rows = self._connected().execute(query, (after,)).fetchall()
            if not rows:
                return
            yield from rows
            after = rows[-1][0]


def _article(row: tuple[Any, ...]) -> StoredArticle:
    number, identity, outlet, published, seen, texts = _of_kinds(row, _ARTICLE)
    _times(seen)
    return StoredArticle(
        number, identity, outlet, published, seen, tuple(np.frombuffer(texts, "<u4").tolist())
    )


def _standing(row: tuple[Any, ...]) -> Standing:
    standing = Standing._make(_of_kinds(row, _STANDING))
    _times(standing.seen)
    return standing


def _text(words: bytes, cluster: bytes | None) -> StoredText:
    return StoredText(words.decode("utf-8", "surrogatepass"), cluster.hex() if cluster else "")


def _of_kinds(row: Sequence[Any], kinds: Iterable[Any]) -> Sequence[Any]:
    """The row; `TypeError` where a value is of another kind than its own."""
    if not all(map(isinstance, row, kinds)):
        raise TypeError("a value of another kind")
    return row


def _times(*seconds: int) -> None:
    """`ValueError` where one is no time that a calendar has."""
    if not all(_FIRST <= one <= _LAST for one in seconds):
        raise ValueError("a time out of the calendar")


@contextmanager
def _as_written() -> Iterator[None]:
    """Takes values as this store wrote them; where the file holds others, it was damaged.

    SQLite itself notices where its pages no longer fit together, and nothing of what stands in them.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, zlib.error) as error:
        raise _corrupt(str(error)) from error


def _corrupt(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def _cause(error: sqlite3.Error, path: Path) -> tuple[str, str]:
    """What went wrong, in one word and in a sentence that says what to do."""
    told = str(error)
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith("SQLITE_NOTADB"):
        return "not_an_index", f"{path} is no index ({told}); give another path"
    if name.startswith("SQLITE_CORRUPT") or told.startswith("Could not decode"):
        return "damaged", f"{path} is damaged ({told}); restore it, or feed a new index from your articles"
    if name.startswith("SQLITE_FULL"):
        return "disk_full", f"{path}: no space left; what was committed is there"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "busy", f"{path}: another process has kept the index to itself for too long"
    if name.startswith("SQLITE_READONLY"):
        return "read_only", f"{path} or its folder cannot be written; an index can be read with read_only"
    if name.startswith("SQLITE_CANTOPEN"):
        return "missing", f"{path} cannot be opened or made; is there such a folder, and may you write there?"
    return "store", f"{path}: {told}"
