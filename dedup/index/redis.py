"""An index in Redis, for several machines: `redis://host:port/database#name`, the name `dedup` by default.

Needs the extra `redis`. What survives the end of the server is what the server was told to keep
(`appendonly`). Writers take turns by a lock; what one adds comes in a single MULTI that fails if its
lock has run out. Readers take no lock: they may see one writer's additions between two reads.

Keys, after the name: `k:` the texts of a key, `t:` a text with its keys, `p:` where a text stands,
`a:` an article by number, `i:` its number by id, `seen` numbers by time, `meta`, `next`, `sum`, `profiles`.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

import numpy as np

from dedup.index.store import (
    Additions,
    Counts,
    Standing,
    StoredArticle,
    StoredText,
    StoreError,
)

try:
    import redis
except ImportError as error:
    raise StoreError("extra", "an index in Redis needs the extra: pip install 'news-dedup[redis]'") from error

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of what the server holds; another number is another layout or another meaning of the keys.
FORMAT = 2
# Keys read in one round trip.
_CHUNK = 10_000
# Cluster and number of keys before a text's keys and words.
_HEAD = struct.Struct("<8sH")
_OWN = bytes(8)


class RedisStore:
    """A `Store` on a Redis server."""

    def __init__(self, url: str, *, patience: float, read_only: bool = False) -> None:
        address, name = urldefrag(url)
        self._name = f"{name or 'dedup'}:"
        self._patience = patience
        self._read_only = read_only
        try:
            self._client: Any = redis.Redis.from_url(address)
        except ValueError as error:
            raise StoreError("missing", f"{address} is no URL of a Redis server: {error}") from error
        self._address = address
        self._lock: Any = None

    def open(self, parameters: Mapping[str, float] | None) -> Mapping[str, float]:
        with self._told():
            if not self._read_only:
                # One command, so that of several processes one makes it.
                made = json.dumps({"format": FORMAT, "parameters": dict(parameters or {})})
                self._client.set(self._key("meta"), made, nx=True)
            stored = self._client.get(self._key("meta"))
            if stored is None:
                raise StoreError("missing", f"there is no index {self._name[:-1]} at {self._address}")
            try:
                meta = json.loads(stored)
                form, known = int(meta["format"]), dict(meta["parameters"])
            except (ValueError, KeyError, TypeError) as error:
                raise StoreError(
                    "not_an_index", f"{self._name}meta at {self._address} is no index"
                ) from error
            if form != FORMAT:
                raise StoreError(
                    "other_format",
                    f"{self._address} has format {form}, this program reads {FORMAT}; use another name",
                )
            return known

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._told():
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        if self._read_only:
            raise StoreError("read_only", f"{self._address} was opened for reading only")
        # A killed writer's turn ends by itself, well before the others lose patience.
        lock = self._client.lock(
            self._key("lock"), timeout=self._patience / 2, sleep=0.002, blocking_timeout=self._patience
        )
        with self._told():
            if not lock.acquire():
                raise redis.exceptions.LockError("not acquired")
            self._lock = lock
            try:
                yield
            finally:
                with suppress(redis.exceptions.LockError):  # it has run out: what mattered was told before
                    lock.release()

    def lookup(
        self,
        keys: NDArray[np.uint32],
        *,
        compiled: bool = False,  # noqa: ARG002 - the server searches
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rows = [row or b"" for row in self._many(f"k:{key:08x}" for key in keys.tolist())]
        counts = np.fromiter(map(len, rows), np.int64, len(rows)) // 4
        return counts, np.frombuffer(b"".join(rows), "<u4").astype(np.int64)

    def texts(self, numbers: Collection[int]) -> dict[int, StoredText]:
        rows = self._many(f"t:{number}" for number in numbers)
        return {number: _unpacked(row)[0] for number, row in zip(numbers, rows, strict=True) if row}

    def standings(self, numbers: Collection[int], since: int, limit: int | None) -> dict[int, list[Standing]]:
        last = -1 if limit is None or since else 8 * limit - 1
        with self._client.pipeline(transaction=False) as pipe:
            for number in numbers:
                pipe.getrange(self._key(f"p:{number}"), 0, last)
            places = [struct.iter_unpack("<II", row) for row in pipe.execute()]
        held = {number: list(places) for number, places in zip(numbers, places, strict=True)}
        involved = sorted({article for places in held.values() for article, _ in places})
        articles = {one.number: one for one in self._articles(involved)}
        return {
            number: [
                Standing(articles[article].id, place, articles[article].outlet, articles[article].seen)
                for article, place in places
                if article in articles and articles[article].seen >= since
            ][:limit]
            for number, places in held.items()
        }

    def articles(self, ids: Collection[str]) -> dict[str, StoredArticle]:
        numbers = [int(number) for number in self._many(f"i:{identity}" for identity in ids) if number]
        return {article.id: article for article in self._articles(numbers)}

    def next_numbers(self) -> tuple[int, int]:
        text, article = self._client.hmget(self._key("next"), "text", "article")
        return int(text or 0) + 1, int(article or 0) + 1

    def add(self, additions: Additions) -> None:
        keys = (additions.postings >> np.uint64(32)).tolist()
        texts = (additions.postings & np.uint64(0xFFFFFFFF)).tolist()
        keys_of: dict[int, list[int]] = {number: [] for number in additions.texts}
        for key, text in zip(keys, texts, strict=True):
            keys_of[text].append(key)
        with self._changes() as change:
            for key, text in zip(keys, texts, strict=True):
                change.append(self._key(f"k:{key:08x}"), struct.pack("<I", text))
            for number, text in additions.texts.items():
                change.set(self._key(f"t:{number}"), _packed(text, keys_of[number]))
            for article in additions.articles:
                self._add(change, article)
            if additions.texts:
                change.hset(self._key("next"), "text", max(additions.texts))
            change.hset(self._key("next"), "article", additions.articles[-1].number)
            self._count(change, additions.texts.values(), additions.articles, 1)

    def oldest(self, before: int, limit: int) -> list[StoredArticle]:
        numbers = self._client.zrangebyscore(self._key("seen"), "-inf", f"({before}", start=0, num=limit)
        return self._articles([int(number) for number in numbers])

    def remove(self, articles: Sequence[StoredArticle]) -> None:
        gone = {article.number for article in articles}
        texts = sorted({text for article in articles for text in article.texts if text})
        left = {}
        for text, row in zip(texts, self._many(f"p:{text}" for text in texts), strict=True):
            kept = [place for place in struct.iter_unpack("<II", row or b"") if place[0] not in gone]
            left[text] = b"".join(struct.pack("<II", *place) for place in kept)
        orphans = [text for text, row in left.items() if not row]
        known = [_unpacked(row) for row in self._many(f"t:{text}" for text in orphans) if row]
        keys = sorted({key for _, keys in known for key in keys})
        dead = np.array(orphans, "<u4")
        postings = {}
        for key, row in zip(keys, self._many(f"k:{key:08x}" for key in keys), strict=True):
            numbers = np.frombuffer(row or b"", "<u4")
            postings[f"k:{key:08x}"] = numbers[~np.isin(numbers, dead)].tobytes()
        with self._changes() as change:
            for name, row in [*postings.items(), *((f"p:{text}", row) for text, row in left.items())]:
                if row:
                    change.set(self._key(name), row)
                else:
                    change.delete(self._key(name))
            for text in orphans:
                change.delete(self._key(f"t:{text}"))
            for article in articles:
                change.delete(self._key(f"a:{article.number}"), self._key(f"i:{article.id}"))
                change.zrem(self._key("seen"), article.number)
            self._count(change, [text for text, _ in known], articles, -1)

    def shrink(self) -> None:
        """Nothing to do: `remove` took the postings out, and the server gives memory back."""

    def scan_articles(self) -> Iterator[StoredArticle]:
        with self._told():
            numbers = iter(sorted(map(int, self._client.zrange(self._key("seen"), 0, -1))))
            while some := list(islice(numbers, 1000)):
                yield from self._articles(some)

    def scan_texts(self) -> Iterator[tuple[int, StoredText]]:
        with self._told():
            numbers = iter(range(1, self.next_numbers()[0]))
            while some := list(islice(numbers, _CHUNK)):
                yield from self.texts(some).items()

    def counts(self) -> Counts:
        seen = self._key("seen")
        ends = self._client.zrange(seen, 0, 0, withscores=True) + self._client.zrange(
            seen, -1, -1, withscores=True
        )
        names = ("paragraphs", "texts", "text_bytes")
        paragraphs, texts, size = (int(n or 0) for n in self._client.hmget(self._key("sum"), *names))
        memory = self._client.info("memory")["used_memory"]
        times = (int(ends[0][1]), int(ends[-1][1])) if ends else None
        return Counts(self._client.zcard(seen), paragraphs, texts, memory, size, times)

    def faults(self) -> Iterator[str]:
        for article in self.scan_articles():
            texts = [text for text in article.texts if text]
            there = self.texts(texts)
            yield from (f"a paragraph has no text: number {text}" for text in texts if text not in there)
            for text, row in zip(texts, self._many(f"p:{text}" for text in texts), strict=True):
                if article.number not in {number for number, _ in struct.iter_unpack("<II", row or b"")}:
                    yield f"a text does not say that it stands in article {article.id}: number {text}"

    def profiles(self) -> dict[str, str]:
        rows = self._client.hgetall(self._key("profiles"))
        return {outlet.decode(): zlib.decompress(packed).decode() for outlet, packed in rows.items()}

    def put_profile(self, outlet: str, profile: str) -> None:
        self._client.hset(self._key("profiles"), outlet, zlib.compress(profile.encode(), 1))

    def _key(self, name: str) -> str:
        return self._name + name

    def _many(self, names: Iterable[str]) -> Iterator[bytes | None]:
        remaining = iter(names)
        while some := [self._key(name) for name in islice(remaining, _CHUNK)]:
            yield from self._client.mget(some)

    def _articles(self, numbers: Collection[int]) -> list[StoredArticle]:
        rows = self._many(f"a:{number}" for number in numbers)
        return [_article(number, row) for number, row in zip(numbers, rows, strict=True) if row]

    def _add(self, change: Any, article: StoredArticle) -> None:
        row = [article.id, article.outlet, article.published, article.seen, article.texts]
        change.set(self._key(f"a:{article.number}"), json.dumps(row))
        change.set(self._key(f"i:{article.id}"), article.number)
        change.zadd(self._key("seen"), {article.number: article.seen})
        for place, text in enumerate(article.texts):
            if text:
                change.append(self._key(f"p:{text}"), struct.pack("<II", article.number, place))

    def _count(
        self, change: Any, texts: Collection[StoredText], articles: Iterable[StoredArticle], sign: int
    ) -> None:
        size = sum(len(text.words.encode("utf-8", "surrogatepass")) for text in texts)
        paragraphs = sum(sum(map(bool, article.texts)) for article in articles)
        for name, by in (("texts", len(texts)), ("text_bytes", size), ("paragraphs", paragraphs)):
            change.hincrby(self._key("sum"), name, sign * by)

    @contextmanager
    def _changes(self) -> Iterator[Any]:
        """Commands that are done all at once, while this writer's turn lasts."""
        with self._client.pipeline() as pipe:
            self._lock.reacquire()
            pipe.watch(self._key("lock"))
            if not self._lock.owned():
                raise redis.exceptions.LockError("lost meanwhile")
            pipe.multi()
            yield pipe
            pipe.execute()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of Redis as errors of the store."""
        try:
            yield
        except (redis.exceptions.LockError, redis.exceptions.WatchError) as error:
            raise StoreError(
                "busy", f"{self._address}: the index was not to be had: others kept it for too long"
            ) from error
        except redis.exceptions.ReadOnlyError as error:
            raise StoreError("read_only", f"{self._address} cannot be written: {error}") from error
        except redis.exceptions.ConnectionError as error:
            raise StoreError("unreachable", f"{self._address} cannot be reached: {error}") from error
        except redis.exceptions.RedisError as error:
            full = str(error).startswith(("OOM", "MISCONF")) or "maxmemory" in str(error)
            raise StoreError("disk_full" if full else "store", f"{self._address}: {error}") from error


def _packed(text: StoredText, keys: Sequence[int]) -> bytes:
    head = _HEAD.pack(bytes.fromhex(text.cluster) or _OWN, len(keys))
    return head + np.array(keys, "<u4").tobytes() + text.words.encode("utf-8", "surrogatepass")


def _unpacked(row: bytes) -> tuple[StoredText, list[int]]:
    cluster, count = _HEAD.unpack_from(row)
    words = _HEAD.size + 4 * count
    keys = np.frombuffer(row[_HEAD.size : words], "<u4").tolist()
    own = "" if cluster == _OWN else cluster.hex()
    return StoredText(row[words:].decode("utf-8", "surrogatepass"), own), keys


def _article(number: int, row: bytes) -> StoredArticle:
    identity, outlet, published, seen, texts = json.loads(row)
    return StoredArticle(number, identity, outlet, published, seen, tuple(texts))
