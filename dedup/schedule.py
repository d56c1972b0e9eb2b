"""Each source once, in order: what is known already is taken over, the rest is done here or by workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from dedup.journal import Entries
from dedup.settings import WorkerSettings
from dedup.types import Failure, Source
from dedup.workers import Done, each

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Unfinished(Generic[Result]):
    """The result for a page that a limit ended: it is tried again when the run goes on."""

    result: Result


def each_source(
    work: Callable[[Source], Result],
    sources: Iterable[Source | Failure | Done[Result]],
    failed: Callable[[Failure], Result],
    *,
    jobs: int,
    settings: WorkerSettings,
    entries: Entries[Result] | None = None,
) -> Iterator[Result]:
    """The result for every source, in input order; 0 `jobs` work in this process.

    `failed` gives that of a failure, and of a source over a limit or that ended its worker; `Done` stands in
    the place of a source. `entries` are the results of an earlier run.
    """
    keys: deque[str | None] = deque()  # of the sources under way; None for what need not be kept

    def items() -> Iterator[Source | Done[Result]]:
        for source in sources:
            if not isinstance(source, Source):
                keys.append(None)
                yield Done(failed(source)) if isinstance(source, Failure) else source
                continue
            key = None if entries is None else entries.key(source)
            found = entries.recall(key) if entries and key else None
            keys.append(key if found is None else None)
            if found is not None:
                yield Done(found[0])
            else:
                yield source if jobs else Done(work(source))

    def lost(source: Source, error: str, message: str) -> _Unfinished[Result]:
        return _Unfinished(failed(Failure(source.name, error, message)))

    for result in each(work, items(), lost, jobs=jobs, size=_size, settings=settings):
        key = keys.popleft()
        if isinstance(result, _Unfinished):
            yield result.result
            continue
        if entries and key:
            entries.keep(key, result)
        yield result


def _size(source: Source) -> int:
    return len(source.content)
