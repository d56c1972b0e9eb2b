"""Pages to articles, with what the other pages of their outlet say: two looks, as on one machine.

    pages -> traces -> profiles of outlets -> words that several outlets carry
    pages + profiles, by outlet -> articles

A task counts what the pages of an outlet have in common. Of an outlet with more than `most` pages it counts
those with the least keys, which are hashes of their content and so a fair sample; others are judged by it
as pages that were not learned. Pages of one outlet then come together with its profile, those of a large
outlet in several partitions. Nothing is brought to the driver but the names of large outlets.
"""

from __future__ import annotations

import heapq
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from dedup.adapters.arrow import SCHEMA
from dedup.journal import pack, unpack
from dedup.outlet import NOTHING, Profile, Profiles, Trace, learn
from dedup.pipeline import clean_many, outlet_name, traces
from dedup.read import media_of
from dedup.rows import article_row
from dedup.settings import Settings
from dedup.spark.blobs import (
    COLUMNS,
    KINDS,
    Row,
    apply,
    exchange,
    frame_of,
    from_spark,
    gathered,
    numbers,
    send,
    to_spark,
)
from dedup.spark.stages import Stages
from dedup.types import Cleaned, Failure, Media, Source

# The columns of pages; one of `html`, `text` and `content` is needed, the others need not be there.
_COLUMNS = ("source", "key", "id", "media", "encoding", "url", "outlet", "published", "folder")
_ARTICLES = pa.schema([*SCHEMA, ("error", pa.string()), ("message", pa.string())])
_FIELDS = ("name", "key", "media", "declared_encoding", "url", "outlet", "published", "folder")
# Pages of an outlet that its profile counts. Twenty tell most; a profile of this many takes 75 MB to make.
MOST = 5_000
# Pages of one outlet are counted in so many tasks at first, and pages given on at once.
_SALTS = 64
_PAGES = 256


def articles(
    frame: Any,
    settings: Settings,
    stages: Stages,
    homes: Sequence[int],
    *,
    known: Profiles = NOTHING,
    most: int,
    jobs: int,
) -> Any:
    """A row for every article, in the columns of `articles.jsonl`, and one for every page that failed."""
    from pyspark.sql import functions  # noqa: PLC0415 - not everywhere
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415

    pages = read(frame)
    sample = partial(_sample, most=most, homes=homes)

    def profiles() -> Any:
        looked = pages.mapInArrow(partial(_look, settings=settings, homes=homes, jobs=jobs), COLUMNS)
        fewer = apply(exchange(looked, len(homes)), sample)
        if known.outlets:
            fewer = fewer.union(frame_of(frame.sparkSession, _known(known, homes)))
        work = partial(_learn, settings=settings, most=most, homes=homes)
        return apply(exchange(fewer, len(homes)), work)

    learned = stages.keep("profiles", profiles)
    words = exchange(learned.where(functions.col("kind") == "word"), len(homes))
    spread = stages.keep("spread", lambda: apply(words, partial(_spread, homes=homes)))
    told = learned.where(functions.col("kind") == "profile")
    salts = stages.fact("large-outlets", lambda: _large(told, len(homes)))
    evidence = apply(told.union(spread), partial(_to_pages, homes=homes, salts=salts))
    sent = pages.mapInArrow(partial(_send, settings=settings, homes=homes, salts=salts), COLUMNS)
    by_outlet = exchange(evidence.union(sent), len(homes))
    # What is known of the outlets comes before their pages: "spread", "profile", "page".
    ordered = by_outlet.sortWithinPartitions(functions.col("kind").desc())
    work = partial(_clean, settings=settings, jobs=jobs)
    return ordered.select("home", "kind", "rows").mapInArrow(work, from_arrow_schema(_ARTICLES))


def read(frame: Any) -> Any:
    """The columns of pages that cleaning looks at."""
    from pyspark.sql import functions  # noqa: PLC0415 - not everywhere

    there = set(frame.columns)
    content = [name for name in ("content", "html", "text") if name in there]
    if not content:
        raise ValueError("pages need a column `html`, `text` or `content`")
    told = [functions.col(name).cast("string").alias(name) for name in _COLUMNS if name in there]
    return frame.select(*told, *content)


def sources_of(batch: pa.RecordBatch, settings: Settings) -> Iterator[Source | Failure]:
    """The pages of a batch of rows."""
    for row in batch.to_pylist():
        page = {name: value for name, value in row.items() if value is not None}
        name = page.get("source") or page.get("url") or page.get("id") or page.get("key") or "-"
        field = next((one for one in ("html", "text", "content") if (page.get(one) or b"").strip()), None)
        if field is None:
            yield Failure(name, "empty", "its html or text is empty; fetch the page again")
            continue
        content = page[field]
        if len(content) > settings.read.max_bytes:
            limit = f"{settings.read.max_bytes / 1e6:,.0f} MB"
            yield Failure(
                name, "too_large", f"it is larger than {limit} unpacked, which no page is; split it"
            )
            continue
        media = Media.HTML if field == "html" else Media.TEXT
        if field == "content":
            media = Media(page["media"]) if "media" in page else media_of(content)
        yield Source(
            name=name,
            key=page.get("key") or page.get("id") or page.get("url") or name,
            content=content,
            media=media,
            declared_encoding=page.get("encoding"),
            url=page.get("url"),
            outlet=page.get("outlet"),
            published=page.get("published"),
            folder=page.get("folder"),
        )


def _hash(*parts: object) -> int:
    told = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "little")


def _packed(value: object) -> bytes:
    return json.dumps(pack(value), separators=(",", ":")).encode()


def _look(
    batches: Iterable[pa.RecordBatch], *, settings: Settings, homes: Sequence[int], jobs: int
) -> Iterator[pa.RecordBatch]:
    """Traces of pages, those of one outlet in several homes."""
    sources = (source for batch in batches for source in sources_of(batch, settings))

    def rows() -> Iterator[Row]:
        waiting: list[tuple[str, int, bytes]] = []
        for one in traces(sources, jobs=jobs, settings=settings):
            if one is not None:
                waiting.append((one.outlet, one.key, _packed(one)))
            if len(waiting) == _PAGES:
                yield from _traces(waiting, homes, salts=_SALTS)
                waiting = []
        yield from _traces(waiting, homes, salts=_SALTS)

    return to_spark(rows())


def _traces(held: Sequence[tuple[str, int, bytes]], homes: Sequence[int], *, salts: int) -> Iterator[Row]:
    if held:
        place = [_hash(outlet, key % salts) % len(homes) for outlet, key, _ in held]
        columns = [
            pa.array(column, field.type)
            for column, field in zip(zip(*held, strict=True), KINDS["trace"], strict=True)
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=KINDS["trace"])
        yield from send("trace", batch, np.array(place), homes)


def _known(profiles: Profiles, homes: Sequence[int]) -> Iterator[Row]:
    for outlet, profile in profiles.outlets.items():
        home = homes[_hash(outlet, 0) % len(homes)]
        yield Row(home, "profile", _table("profile", [[outlet], [0], [_packed(profile)]]))


class _Least:
    """Of every outlet the traces with the least keys, `most` of them, and how many pages there were."""

    def __init__(self, most: int) -> None:
        self.traces: dict[str, dict[int, bytes]] = {}
        self.seen: Counter[str] = Counter()
        self._heaps: dict[str, list[int]] = {}
        self._most = most

    def add(self, rows: pa.RecordBatch) -> None:
        for outlet, key, trace in zip(*(column.to_pylist() for column in rows.columns), strict=True):
            kept, heap = self.traces.setdefault(outlet, {}), self._heaps.setdefault(outlet, [])
            if key not in kept:
                kept[key] = trace
                heapq.heappush(heap, -key)
                if len(heap) > self._most:
                    del kept[-heapq.heappop(heap)]
        self.seen.update(rows.column("outlet").to_pylist())


def _sample(rows: Iterator[Row], *, most: int, homes: Sequence[int]) -> Iterator[Row]:
    least = _Least(most)
    for row in rows:
        least.add(row.rows)
    for outlet, kept in least.traces.items():
        yield from _traces([(outlet, key, trace) for key, trace in kept.items()], homes, salts=1)
        home = homes[_hash(outlet, 0) % len(homes)]
        yield Row(home, "seen", _table("seen", [[outlet], [least.seen[outlet]]]))


def _learn(rows: Iterator[Row], *, settings: Settings, most: int, homes: Sequence[int]) -> Iterator[Row]:
    """The profile of every outlet, and its prose: what stands in articles, and what pages ask for."""
    least, seen = _Least(most), Counter[str]()
    profiles: dict[str, Profile] = {}
    for row in rows:
        if row.kind == "trace":
            least.add(row.rows)
        elif row.kind == "seen":
            for one in row.rows.to_pylist():
                seen[one["outlet"]] += one["pages"]
        else:
            for one in row.rows.to_pylist():
                profiles[one["outlet"]] = unpack(Profile, json.loads(one["profile"]))
    for outlet in sorted(least.traces.keys() | profiles.keys()):
        kept = least.traces.get(outlet, {})
        pages = [unpack(Trace, json.loads(kept[key])) for key in sorted(kept)]
        before = Profiles({outlet: profiles[outlet]} if outlet in profiles else {}, {})
        profile = learn(pages, settings.outlet, before).outlets[outlet]
        home = homes[_hash(outlet, 0) % len(homes)]
        yield Row(home, "profile", _table("profile", [[outlet], [seen[outlet]], [_packed(profile)]]))
        told = {word for article in profile.articles for word in article.prose}
        asked = {word for page in pages for word, n in zip(page.words, page.prose, strict=True) if n}
        words = np.array(sorted(told | asked), np.uint64)
        batch = _table("word", [words, [outlet] * words.size, [word in told for word in words.tolist()]])
        yield from send("word", batch, (words % np.uint64(len(homes))).astype(np.int64), homes)


def _table(kind: str, columns: Sequence[Any]) -> pa.RecordBatch:
    arrays = [pa.array(column, field.type) for column, field in zip(columns, KINDS[kind], strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=KINDS[kind])


def _spread(rows: Iterator[Row], *, homes: Sequence[int]) -> Iterator[Row]:
    """In how many outlets prose stands, for every outlet that has it, where that is more than one."""
    held = gathered(rows, "word")["word"]
    words, told = numbers(held, "word"), numbers(held, "told")
    order = np.argsort(words, kind="stable")
    words, told = words[order], told[order].astype(np.int64)
    if not words.size:
        return
    begins = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
    outlets = np.repeat(np.add.reduceat(told, begins), np.diff(np.append(begins, words.size)))
    shared = np.flatnonzero(outlets > 1)
    names = held.column("outlet").take(pa.array(order[shared]))
    batch = _table("spread", [names, words[shared], outlets[shared]])
    place = np.array([_hash(outlet, 0) % len(homes) for outlet in names.to_pylist()])
    yield from send("spread", batch, place, homes)


def _large(profiles: Any, homes: int) -> dict[str, int]:
    """In how many homes the pages of an outlet are, where that is more than one."""
    counted = profiles.select("home", "kind", "rows").mapInArrow(_count, "outlet string, pages long")
    pages = {row["outlet"]: row["pages"] for row in counted.collect()}
    fair = max(sum(pages.values()) // homes, 1)
    return {outlet: -(-count // fair) for outlet, count in pages.items() if count > fair}


def _count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for row in from_spark(batches):
        yield row.rows.select(["outlet", "pages"])


def _to_pages(rows: Iterator[Row], *, homes: Sequence[int], salts: Mapping[str, int]) -> Iterator[Row]:
    """What is known of an outlet to every home that has pages of it."""
    for row in rows:
        outlets = row.rows.column("outlet").to_pylist()
        for salt in range(max(salts.get(outlet, 1) for outlet in outlets)):
            chosen = [n for n, outlet in enumerate(outlets) if salt < salts.get(outlet, 1)]
            place = np.array([_hash(outlets[n], salt) % len(homes) for n in chosen])
            yield from send(row.kind, row.rows.take(pa.array(chosen)), place, homes)


def _send(
    batches: Iterable[pa.RecordBatch], *, settings: Settings, homes: Sequence[int], salts: Mapping[str, int]
) -> Iterator[pa.RecordBatch]:
    """Pages to the home of their outlet, those of large outlets to one of several."""

    def rows() -> Iterator[Row]:
        for batch in batches:
            for source in sources_of(batch, settings):
                if isinstance(source, Failure):
                    columns = [[source.source], [source.error], [source.message]]
                    yield Row(homes[_hash(source.source) % len(homes)], "failure", _table("failure", columns))
                    continue
                outlet = outlet_name(source, settings)
                salt = _hash(source.key) % salts.get(outlet or "", 1)
                # Pages of no known outlet go anywhere.
                home = _hash(source.key) if outlet is None else _hash(outlet, salt)
                content = source.content
                decoded = isinstance(content, str)
                if isinstance(content, str):
                    content = content.encode("utf-8", "surrogatepass")
                told = [[getattr(source, field)] for field in _FIELDS]
                yield Row(homes[home % len(homes)], "page", _table("page", [*told, [decoded], [content]]))

    return to_spark(rows())


def _clean(batches: Iterable[pa.RecordBatch], *, settings: Settings, jobs: int) -> Iterator[pa.RecordBatch]:
    """Articles of the pages of a partition; what is known of their outlets comes before them."""
    outlets: dict[str, Profile] = {}
    spread: dict[int, int] = {}
    rows = from_spark(batches)
    first: Row | None = None
    for row in rows:
        if row.kind == "profile":
            for one in row.rows.to_pylist():
                outlets[one["outlet"]] = unpack(Profile, json.loads(one["profile"]))
        elif row.kind == "spread":
            spread.update(
                zip(numbers(row.rows, "word").tolist(), numbers(row.rows, "outlets").tolist(), strict=True)
            )
        else:
            first = row
            break
    held = itertools.chain([first] if first else [], rows)
    sources = (page for row in held for page in _pages_of(row))
    cleaned = clean_many(sources, jobs=jobs, profiles=Profiles(outlets, spread), settings=settings)
    told = (row for one in cleaned for row in _told(one))
    while some := list(itertools.islice(told, _PAGES)):
        yield pa.RecordBatch.from_pylist(some, schema=_ARTICLES)


def _pages_of(row: Row) -> Iterator[Source | Failure]:
    for one in row.rows.to_pylist():
        if row.kind == "failure":
            yield Failure(**one)
            continue
        decoded, content = one.pop("decoded"), one.pop("content")
        media = Media(one.pop("media"))
        yield Source(
            content=content.decode("utf-8", "surrogatepass") if decoded else content, media=media, **one
        )


def _told(cleaned: Cleaned) -> Iterator[dict[str, Any]]:
    for article in cleaned.articles:
        yield article_row(article)
    if cleaned.failure:
        failure = cleaned.failure
        yield {"source": failure.source, "error": failure.error, "message": failure.message}
