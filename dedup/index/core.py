"""The live index: articles in, one at a time or many, and what is known of each out."""

from __future__ import annotations

import importlib.util
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import numpy as np

from dedup.index.matching import (
    Asked,
    Found,
    Means,
    Terms,
    ask,
    each_of,
    fold,
    groups,
    keys_of,
    look,
    means,
    moment,
)
from dedup.index.sqlite import SqliteStore
from dedup.index.store import Store, StoredArticle, StoreError
from dedup.settings import Settings
from dedup.types import (
    Answer,
    Article,
    Block,
    Encoding,
    IndexStats,
    JudgedBlock,
    Kind,
    Match,
    Verdict,
)

# Settings that the stored keys and clusters depend on; the least and the most that an index is believed.
_PARAMETERS: Mapping[str, tuple[float, float]] = {
    "threshold": (0.01, 1.0),
    "shingle": (1, 1_000),
    "min_characters": (0, 1_000_000),
    "miss": (1e-6, 1.0),
    "permutations": (1, 10_000),
    "seed": (0, 2**32 - 1),
    "bucket": (1, 1_000_000),
}


class Index:
    """A live index of paragraphs in a file, or in Redis for a URL `redis://host:port/database`.

    It is made where there is none. `settings.cluster` belongs to the index: without `settings` they
    are those it was made with, and other ones are refused, or passed over if not `strict`. Safe to
    share between threads, which take turns, and usable after a fork; several processes may write at
    once. From asyncio call it as `await asyncio.to_thread(index.add, article)`.

    `durable` waits for the disk at every commit, so that the last ones survive a power failure too.
    Raises `dedup.StoreError`.

    >>> import tempfile
    >>> wire = "The committee said on Tuesday that it would publish its findings before the summer."
    >>> with tempfile.TemporaryDirectory() as folder, Index(f"{folder}/news.index") as index:
    ...     answer = index.add(record("a", wire, outlet="north"))
    ...     match = index.seen(wire.replace("its", "the"))
    >>> answer.share, match.outlet, match.kind.value
    (0.0, 'north', 'near')
    """

    def __init__(
        self,
        place: str | os.PathLike[str],
        *,
        settings: Settings | None = None,
        strict: bool = True,
        durable: bool = False,
        read_only: bool = False,
    ) -> None:
        self.place = os.fspath(place)
        self.settings = settings or Settings()
        self._asked, self._strict = settings, strict
        self._durable, self._read_only = durable, read_only
        self._characters = 0
        self._store = self._opened()
        self._comparing = means(self.settings.cluster)

    def add(
        self,
        article: Article,
        *,
        at: datetime | None = None,
        replace: bool = False,
        limit: int | None = -1,
        facts: bool = False,
    ) -> Answer:
        """Put an article in; the answer is what `query` would have said just before.

        The same id with the same comparison texts changes nothing, so a call may be repeated. With
        other texts it is refused (`StoreError`, `conflict`), or takes their place with `replace`.
        An article without paragraphs is not put in. When this returns, the article is there whatever
        happens to the process; `at` is when it was seen, now by default.
        """
        return self._take([article], at, replace, limit, facts)[0]

    def add_many(
        self,
        articles: Iterable[Article],
        *,
        at: datetime | None = None,
        replace: bool = False,
        limit: int | None = -1,
        facts: bool = False,
    ) -> Iterator[Answer]:
        """Put articles in, many in one transaction: much faster than one by one, with the same answers.

        An answer comes when its transaction is committed; a conflict undoes the whole transaction.
        """
        for some in _batches(articles, self.settings.index.transaction):
            yield from self._take(some, at, replace, limit, facts)

    def query(
        self,
        article: Article,
        *,
        window: timedelta | None = None,
        limit: int | None = -1,
        facts: bool = False,
    ) -> Answer:
        """What the index knows of an article: for each paragraph, where its words stand already.

        Other articles count, and earlier paragraphs of this one. `window` looks only at articles
        that came in within this time. `limit` is the most matches told for a paragraph
        (`settings.index.matches` by default, `None` for all). With `facts`, near matches that state another
        number, date or name are told as `changed_facts`, which takes a millisecond each.
        """
        since = 0 if window is None else int(time.time() - window.total_seconds())
        asked = self._ask([article])
        with self._store.reading():
            return self._look(asked, Terms(since, self._limit(limit), facts), None).answers[0]

    def seen(self, text: str, *, window: timedelta | None = None) -> Match | None:
        """The best match of one paragraph, or None where the index has nothing like it."""
        found = self.query(record("", text.replace("\n", " ")), window=window, limit=1).matches
        return found[0][0] if found and found[0] else None

    def expire(
        self,
        *,
        older_than: timedelta | None = None,
        paragraphs: int | None = None,
        bytes: int | None = None,  # noqa: A002
    ) -> int:
        """Forget articles, the longest known first, and give the space back; how many were forgotten.

        Those that came in longer ago than `older_than`, and as many more as it takes to hold at most
        so many `paragraphs` or take about so many `bytes`. A text stays as long as one article has it.
        """
        gone = 0
        if older_than is not None:
            gone += self._forget(int(time.time() - older_than.total_seconds()), None)
        if paragraphs is not None:
            gone += self._forget(None, self.stats().paragraphs - paragraphs)
        if gone:
            self._store.shrink()
        while bytes is not None:
            now = self.stats()
            # What is left after forgetting is packed less tightly, so it may take a few rounds.
            excess = -int(-now.paragraphs * (1 - bytes / max(now.bytes, 1)) // 1)
            more = self._forget(None, excess)
            if not more:
                break
            gone += more
            self._store.shrink()
        return gone

    def stats(self) -> IndexStats:
        """How much the index holds."""
        with self._store.reading():
            counts = self._store.counts()
        first, last = (None, None) if counts.seen is None else map(moment, counts.seen)
        return IndexStats(
            counts.articles, counts.paragraphs, counts.texts, counts.bytes, counts.text_bytes, first, last
        )

    def export(self) -> Iterator[tuple[Article, datetime]]:
        """Every article in the order they came, and when. Exact copies have the words of the first.

        What is written meanwhile may or may not come.
        """
        articles = iter(self._store.scan_articles())
        while some := list(itertools.islice(articles, 500)):
            with self._store.reading():
                words = self._store.texts({text for one in some for text in one.texts})
            for one in some:
                texts = [words[text].words if text in words else "" for text in one.texts]
                yield (
                    replace(record(one.id, *texts), outlet=one.outlet, published=one.published),
                    moment(one.seen),
                )

    def check(self) -> list[str]:
        """What is wrong with the index, in words; empty where all is well. It reads everything."""
        found = list(self._store.faults())
        texts = iter(self._store.scan_texts())
        while some := list(itertools.islice(texts, 10_000)):
            _, encoded = fold([text.words for _, text in some], self._means())
            self._characters += encoded.codes.size
            owners, keys = keys_of(encoded, self._means())
            wanted, which = groups(keys)
            with self._store.reading():
                counts, postings = self._store.lookup(wanted, compiled=self._means().compiled)
                still_there = self._store.texts([number for number, _ in some])
            numbers = np.array([number for number, _ in some])
            at, reached = each_of(counts, which)
            has = np.zeros(len(some), bool)
            has[owners[at][postings[reached] == numbers[owners[at]]]] = True
            found += [
                f"a text is not found by any key: number {number}"
                for number in numbers[~has & (encoded.lengths > 0)].tolist()
                if number in still_there
            ]
        return found

    def profiles(self) -> dict[str, str]:
        """The outlet profiles kept beside the paragraphs, as `outlet.dump` writes them, by outlet."""
        with self._store.reading():
            return self._store.profiles()

    def update_profile(self, outlet: str, learn: Callable[[str | None], str]) -> str:
        """Replace an outlet's profile by what `learn` makes of it (None where there is none), alone."""
        with self._store.writing():
            profile = learn(self._store.profiles().get(outlet))
            self._store.put_profile(outlet, profile)
        return profile

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {
            "place": self.place,
            "settings": self._asked,
            "strict": self._strict,
            "durable": self._durable,
            "read_only": self._read_only,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state.pop("place"), **state)  # type: ignore[misc]

    def _opened(self) -> Store:
        store = _store(
            self.place, self.settings.index.patience, durable=self._durable, read_only=self._read_only
        )
        ours = {name: getattr(self.settings.cluster, name) for name in _PARAMETERS}
        theirs = store.open(ours)
        if self._asked is None or not self._strict:
            try:
                known = _believed(theirs, self.place)
            except StoreError:
                store.close()
                raise
            self.settings = replace(self.settings, cluster=replace(self.settings.cluster, **known))
        elif theirs != ours:
            store.close()
            differing = "; ".join(
                f"{name} is {theirs.get(name)}, not {ours[name]}"
                for name in ours
                if theirs.get(name) != ours[name]
            )
            raise StoreError("other_parameters", f"{self.place} was made with other settings: {differing}")
        return store

    def _limit(self, limit: int | None) -> int | None:
        return self.settings.index.matches if limit == -1 else limit

    def _take(
        self,
        articles: Sequence[Article],
        at: datetime | None,
        replace_known: bool,
        limit: int | None,
        facts: bool,
    ) -> list[Answer]:
        seen = int(time.time() if at is None else at.timestamp())
        terms = Terms(0, self._limit(limit), facts)
        asked = self._ask(articles)
        with self._store.writing():
            found = self._look(asked, terms, seen)
            if found.conflicts:
                if not replace_known:
                    raise _conflict(found.conflicts[0])
                self._store.remove(found.conflicts)
                found = self._look(asked, terms, seen)
            if found.additions.articles:
                self._store.add(found.additions)
        return found.answers

    def _ask(self, articles: Sequence[Article]) -> Asked:
        self._characters += sum(len(article.text) for article in articles)
        return ask(articles, self._means())

    def _look(self, asked: Asked, terms: Terms, seen: int | None) -> Found:
        return look(self._store, asked, self._means(), terms, seen)

    def _means(self) -> Means:
        """Compiled kernels repay their loading after enough text, in one call or in many."""
        if not self._comparing.compiled and self._characters >= self.settings.cluster.compile_from:
            compiled = importlib.util.find_spec("numba") is not None
            self._comparing = replace(self._comparing, compiled=compiled)
        return self._comparing

    def _forget(self, before: int | None, paragraphs: int | None) -> int:
        """Remove articles seen before a time, or the first with so many paragraphs; how many."""
        gone = 0
        while paragraphs is None or paragraphs > 0:
            with self._store.writing():
                oldest = self._store.oldest(2**62 if before is None else before, self.settings.index.expire)
                if paragraphs is not None:
                    held = list(itertools.accumulate(sum(map(bool, one.texts)) for one in oldest))
                    enough = 1 + sum(total < paragraphs for total in held)
                    oldest = oldest[:enough]
                    paragraphs -= held[len(oldest) - 1] if oldest else 0
                if not oldest:
                    break
                self._store.remove(oldest)
            gone += len(oldest)
        return gone


def record(
    identity: str, *paragraphs: str, outlet: str | None = None, published: str | None = None
) -> Article:
    """An article of these paragraphs, for texts that were not cleaned here."""
    text = "\n".join(paragraphs)
    starts = itertools.accumulate((len(words) + 1 for words in paragraphs), initial=0)
    return Article(
        id=identity,
        source=identity,
        ordinal=0,
        url=None,
        outlet=outlet,
        title=None,
        published=published,
        author=None,
        agency=None,
        original_title=None,
        language=None,
        encoding=Encoding("utf-8", "record"),
        text=text,
        headline=None,
        paragraphs=tuple(
            JudgedBlock(Block(words, start, start + len(words), number), Verdict(Kind.PARAGRAPH, None))
            for number, (words, start) in enumerate(zip(paragraphs, starts, strict=False), start=1)
        ),
        stripped=(),
    )


def _batches(articles: Iterable[Article], paragraphs: int) -> Iterator[list[Article]]:
    """Articles by so many paragraphs, no id twice in a batch."""
    some: dict[str, Article] = {}
    held = 0
    for article in articles:
        if held >= paragraphs or article.id in some:
            yield list(some.values())
            some, held = {}, 0
        some[article.id] = article
        held += len(article.paragraphs)
    if some:
        yield list(some.values())


def _conflict(known: StoredArticle) -> StoreError:
    return StoreError(
        "conflict",
        f"the index has another article with the id {known.id!r}, seen {moment(known.seen).isoformat()}; "
        "give this one its own id, or ask for it to be replaced",
    )


def _believed(theirs: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The settings that the index at a place says it was made with."""
    for name, (least, most) in _PARAMETERS.items():
        value = theirs.get(name)
        kinds = int if isinstance(least, int) else (int, float)
        if not isinstance(value, kinds) or not least <= value <= most:
            told = f"{place} is damaged (its {name} is {value})"
            raise StoreError("damaged", f"{told}; restore it, or feed a new index from your articles")
    return {name: theirs[name] for name in _PARAMETERS}


def _store(place: str, patience: float, *, durable: bool, read_only: bool) -> Store:
    if "://" not in place:
        return SqliteStore(place, patience=patience, durable=durable, read_only=read_only)
    if not place.startswith(("redis://", "rediss://", "unix://")):
        raise StoreError("missing", f"{place} is no index; give a file or a URL redis://host:port/database")
    from dedup.index.redis import RedisStore  # noqa: PLC0415 - an extra

    return RedisStore(place, patience=patience, read_only=read_only)
