"""Many sources: a first look learns what the pages of each outlet have in common, a second cleans them.

Memory hardly grows with the number of pages: what the first look finds waits on disk, outlets are learned one
after the other, and a worker holds the profiles of the few outlets whose pages it has.

The work itself is the pipeline's. It is loaded where it is done, so a process that only hands pages to
workers starts soon.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import Any, Generic, TypeVar

import numpy as np

from dedup.journal import Entries, Journal
from dedup.outlet import NOTHING, Profile, Profiles, Trace, dump
from dedup.outlet import learn as learn_traces
from dedup.schedule import each_source
from dedup.settings import Settings
from dedup.shelf import Again, Looked, Shelf, Spool, numbers, room
from dedup.types import Cleaned, Failure, Source
from dedup.workers import Done

Result = TypeVar("Result")

_DEFAULTS = Settings()
# Failures of the first look that the second would only repeat.
_OVER_A_LIMIT = frozenset({"too_slow", "out_of_memory"})


def learn(
    sources: Iterable[Source | Failure],
    *,
    jobs: int = 0,
    profiles: Profiles = NOTHING,
    settings: Settings = _DEFAULTS,
) -> Profiles:
    """What the pages of each outlet have in common, added to `profiles`: a first, quick look at all sources.

    Give the result to `clean_many`; `jobs` is as there. Failures and pages of no known outlet say nothing.
    """
    with Spool() as spool:
        waiting = _Waiting(spool)
        for one in traces(sources, jobs=jobs, settings=settings):
            if one is not None:
                waiting.add(one.outlet, spool.put(Looked(one)))
        learned = {one.outlet: one for one in waiting.learned(profiles, settings)}
    return learn_traces((), settings.outlet, Profiles({**profiles.outlets, **learned}, {}))


def traces(
    sources: Iterable[Source | Failure], *, jobs: int = 0, settings: Settings = _DEFAULTS
) -> Iterator[Trace | None]:
    """What `learn` takes of each source, in input order; None for failures and pages of no known outlet."""
    _check_models(settings)
    work = _Late[Trace | None]("traced", settings=settings)
    return each_source(work, sources, lambda _: None, jobs=jobs, settings=settings.worker)


def clean_many(
    sources: Iterable[Source | Failure],
    *,
    jobs: int = 0,
    profiles: Profiles = NOTHING,
    settings: Settings = _DEFAULTS,
) -> Iterator[Cleaned]:
    """Clean sources one by one, in input order, in `jobs` worker processes; 0 is in this process.

    Every source gives one `Cleaned`; a failure passes through. Nothing is raised for bad input, but
    `MemoryError` in this process. Only workers hold a page to the time and memory of `settings.worker` and
    survive what kills them. They need what `multiprocessing` needs: a script that asks for them does so
    under `if __name__ == "__main__"`. `profiles` is what `learn` found on the same or earlier pages of
    the outlets.
    """
    _check_models(settings)
    work = _Late[Cleaned]("cleaned", then=itself, profiles=profiles, settings=settings)
    return each_source(work, sources, _failed, jobs=jobs, settings=settings.worker)


def clean_twice(
    first: Iterable[Source | Failure],
    second: Iterable[Source | Failure],
    then: Callable[[Cleaned], Result],
    *,
    jobs: int = 0,
    profiles: Profiles = NOTHING,
    settings: Settings = _DEFAULTS,
    journal: Journal | None = None,
) -> Iterator[Result]:
    """`then` of what `clean_many` gives for each source, with what all of them tell of their outlets.

    `first` and `second` are the same sources. `then` is done by the worker, which sends no more than its
    result; it is pickled. Pages of outlets that `profiles` covers (see `outlet.is_covered`) are not learned,
    but cleaned at the first look. What `journal` has of an earlier run is not done again, and what
    is done goes there: then `then` has to give the `Cleaned` itself. When this returns the first look is
    over.
    """
    _check_models(settings)
    given = _given(settings, profiles) if journal else ()

    def failed(failure: Failure) -> Result:
        return then(_failed(failure))

    def held_failure(failure: Failure) -> Ready[Result] | None:
        again = failure.error in _OVER_A_LIMIT
        return Ready(failure.source, failed(failure)) if again else None

    with ExitStack() as stack:
        spool = stack.enter_context(Spool())
        before, after = stack.enter_context(Shelf()), stack.enter_context(Shelf())
        for _, profile in sorted(profiles.outlets.items()):
            before.put(profile)
        waiting = _Waiting(spool)
        found = array("Q")  # for each source the place of what the first look says
        kept = room(settings.worker.kept)
        looked = each_source(
            _Late[Any](
                "looked",
                then=None if journal else then,
                profiles=Profiles(before, numbers(profiles.spread)),
                settings=settings,
            ),
            first,
            held_failure,
            jobs=jobs,
            settings=settings.worker,
            entries=_Traces(journal, Trace | None, *given) if journal else None,
        )
        for look in looked:
            full = isinstance(look, Looked) and (found[-1] if found else 0) >= kept
            found.append(spool.put(replace(look, page=b"") if full else look))
            if isinstance(look, Looked) and look.trace is not None:
                waiting.add(look.trace.outlet, found[-1])
        learned = _put(after, waiting.learned(profiles, settings, all_of_them=True), journal is not None)
        results = each_source(
            _Late[Result]("cleaned", then=then, profiles=learned[0], settings=settings),
            _again(second, spool, found),
            failed,
            jobs=jobs,
            settings=settings.worker,
            entries=Entries[Any](journal, Cleaned, *given, learned[1]) if journal else None,
        )
        return _closing(results, stack.pop_all())


def _closing(results: Iterator[Result], stack: ExitStack) -> Iterator[Result]:
    with stack:
        yield from results


def _again(
    second: Iterable[Source | Failure], spool: Spool, places: Sequence[int]
) -> Iterator[Source | Failure | Done[Any]]:
    """The sources with what the first look found; files may come and go meanwhile."""
    for index, source in enumerate(second):
        one = spool.get(places[index]) if index < len(places) else None
        if isinstance(one, Ready) and isinstance(source, Source) and one.source == source.name:
            yield Done(one.result)
        elif isinstance(one, Looked) and isinstance(source, Source):
            yield Again(**{field.name: getattr(source, field.name) for field in fields(source)}, look=one)
        else:
            yield source


class _Traces(Entries[Any]):
    """Of the first look the journal has what is learned, and not the page."""

    def recall(self, key: str) -> tuple[Looked] | None:
        found = super().recall(key)
        return None if found is None else (Looked(*found),)

    def keep(self, key: str, result: Any) -> None:
        super().keep(key, result and result.trace)


def _put(shelf: Shelf, profiles: Iterable[Profile], wanted: bool) -> tuple[Profiles, str]:
    """The profiles from the shelf, as pages are judged by them; and a digest of them, if wanted."""
    spread = _Spread()
    digest = hashlib.blake2b(digest_size=16)
    for profile in profiles:
        shelf.put(replace(profile, articles=()))
        spread.add(profile)
        if wanted:
            digest.update(dump(Profiles({profile.outlet: profile}, {})).encode("utf-8", "surrogatepass"))
    return Profiles(shelf, spread.counts()), digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Ready(Generic[Result]):
    """What is there already of a source after the first look."""

    source: str
    result: Result


class _Late(Generic[Result]):
    """A function of the pipeline, loaded by who calls it."""

    def __init__(self, name: str, **given: Any) -> None:
        self._name = name
        self._given = given

    def __call__(self, source: Source) -> Result:
        result: Result = getattr(import_module("dedup.pipeline"), self._name)(source, **self._given)
        return result


class _Waiting:
    """Traces in a spool until all pages were looked at, then learned outlet by outlet."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._places: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))

    def add(self, outlet: str, place: int) -> None:
        self._places[outlet].append(place)

    def learned(self, known: Profiles, settings: Settings, *, all_of_them: bool = False) -> Iterator[Profile]:
        """The profiles of the outlets with new pages, or of all, in the order of names."""
        size = settings.outlet.batch
        for outlet in sorted(self._places.keys() | (known.outlets.keys() if all_of_them else ())):
            places = self._places.get(outlet, array("Q"))
            profile = known.outlets.get(outlet)
            for start in range(0, len(places), size):
                found = (self._spool.get(place).trace for place in places[start : start + size])
                before = Profiles({outlet: profile} if profile else {}, {})
                profile = learn_traces(found, settings.outlet, before).outlets[outlet]
            if profile:
                yield profile


class _Spread:
    """In how many outlets runs of prose stand: `Profiles.spread` without all outlets in memory."""

    def __init__(self) -> None:
        self._words: list[np.ndarray[Any, np.dtype[np.uint64]]] = []

    def add(self, profile: Profile) -> None:
        words = {word for article in profile.articles for word in article.prose}
        self._words.append(np.fromiter(words, np.uint64, len(words)))

    def counts(self) -> Mapping[int, int]:
        words, counts = np.unique(np.concatenate([np.zeros(0, np.uint64), *self._words]), return_counts=True)
        several = counts > 1
        return numbers(dict(zip(words[several].tolist(), counts[several].tolist(), strict=True)))


def itself(cleaned: Cleaned) -> Cleaned:
    """For who wants all of it."""
    return cleaned


def _failed(failure: Failure) -> Cleaned:
    return Cleaned(failure.source, (), failure)


def _check_models(settings: Settings) -> None:
    """Raises `ModelError` before any page: models of one's own that do not load are no fault of a page."""
    if settings.judge.models:
        import_module("dedup.pipeline").check_models(settings)


def _given(settings: Settings, profiles: Profiles) -> tuple[object, ...]:
    """What the result for a page depends on besides the page and the program."""
    known = hashlib.blake2b(dump(profiles).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    models = import_module("dedup.pipeline").model_digest(settings)
    return settings.read, settings.html, settings.judge, settings.outlet, models, known
