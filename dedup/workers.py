"""Worker processes that work through sources, each source under a limit of time and of memory.

Nothing a page does can end the run: the limits are enforced from outside the code that works. A thread of
this process waits for each worker and kills it when the time is over; the kernel refuses it more memory
than it may have. A worker that dies (killed, segmentation fault) costs the one source it had, and
another takes its place; so does it after a number of sources, because parsers keep what they have seen,
and once it has grown large.

Workers come from a server process that has loaded the library (`forkserver`), where there is one. They
ignore Ctrl-C, end with this process, and share nothing with it but a pipe.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from dedup.settings import WorkerSettings

Item = TypeVar("Item")
Result = TypeVar("Result")
Other = TypeVar("Other")

# Seconds for a worker to load the library on a busy machine.
_START = 120.0


class WorkerError(RuntimeError):
    """No worker can be started."""


@dataclass(frozen=True, slots=True)
class Done(Generic[Result]):
    """In the place of an item: its result, which is there already."""

    result: Result


def each(
    work: Callable[[Item], Result],
    items: Iterable[Item | Done[Result]],
    lost: Callable[[Item, str, str], Other],
    *,
    jobs: int,
    size: Callable[[Item], int],
    settings: WorkerSettings,
) -> Iterator[Result | Other]:
    """`work` of every item in `jobs` processes, in the order of the items; of `Done`, its result.

    `work` and the items are pickled; `size` is the bytes of an item. As many items are read ahead as the
    settings say. Where no result comes of an item, `lost` makes one of the item, why (`too_slow`,
    `out_of_memory`, `crashed`) and a sentence on it. With 0 jobs only `Done` may come. Raises
    `WorkerError` if workers do not even start.
    """
    workers = [_Worker(work, settings) for _ in range(jobs)]
    idle: SimpleQueue[_Worker[Item, Result]] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def ask(item: Item) -> Result | Other:
        worker = idle.get()
        try:
            return worker.ask(item, lost)
        finally:
            idle.put(worker)

    waiting: deque[tuple[int, Future[Result | Other]]] = deque()
    held = 0
    pool = ThreadPoolExecutor(max(jobs, 1), "dedup-worker")
    try:
        for item in items:
            if isinstance(item, Done):
                future: Future[Result | Other] = Future()
                future.set_result(item.result)
                bytes_of = 0
            else:
                future, bytes_of = pool.submit(ask, item), size(item)
            waiting.append((bytes_of, future))
            held += bytes_of
            while waiting and (len(waiting) >= jobs * settings.ahead or held > settings.ahead_bytes):
                freed, future = waiting.popleft()
                yield future.result()
                held -= freed
        while waiting:
            yield waiting.popleft()[1].result()
    finally:
        for worker in workers:
            worker.close()
        pool.shutdown(wait=True, cancel_futures=True)


class _Worker(Generic[Item, Result]):
    """One worker process at a time, and the pipe to it; `close` may come from another thread."""

    def __init__(self, work: Callable[[Item], Result], settings: WorkerSettings) -> None:
        self._work = work
        self._settings = settings
        self._process: Any = None
        self._pipe: Any = None
        self._asked = 0
        self._closed = False
        self._lock = threading.Lock()

    def ask(self, item: Item, lost: Callable[[Item, str, str], Other]) -> Result | Other:
        if self._process is not None and 0 < self._settings.pages <= self._asked:
            self._stop()
        pipe = self._sent(item)
        if pipe is None:
            return lost(item, *self._death())
        if not pipe.poll(self._settings.seconds or None):
            self._stop()
            return lost(item, "too_slow", self._late())
        try:
            error, result, grown = pipe.recv()
        except (EOFError, ConnectionError):
            return lost(item, *self._death())
        self._asked += 1
        if grown:
            self._stop()
        return lost(item, error, result) if error else result

    def close(self) -> None:
        """Ends the process, whatever it does."""
        self._closed = True
        self._stop()

    def _sent(self, item: Item) -> Any:
        """The pipe, with the item in it; None if the worker dies of it."""
        for _ in range(2):  # one that died idle has no part in it
            pipe = self._started()
            try:
                pipe.send(item)
            except ConnectionError:
                if self._closed:
                    break
                self._stop()
            else:
                return pipe
        return None

    def _started(self) -> Any:
        if self._pipe is not None:
            return self._pipe
        context = _context()
        pipe, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._work, self._settings), daemon=True)
        with self._lock:
            if self._closed:
                raise WorkerError("closed")
            with _no_interrupts():
                process.start()
            theirs.close()
            self._process, self._pipe, self._asked = process, pipe, 0
        try:
            if pipe.poll(_START):
                pipe.recv()
                return pipe
        except (EOFError, ConnectionError):
            pass
        process.join(1.0)
        raise WorkerError(f"a process that cleans pages ended before it began ({_ending(process)})")

    def _late(self) -> str:
        told = f"cleaning it takes more than {self._settings.seconds:g} s, as no page should"
        return f"{told}; look at it, or give it more time (worker.seconds)"

    def _death(self) -> tuple[str, str]:
        """Why the process ended, and a sentence on it for the user; the next item gets another."""
        process = self._process
        self._stop(patience=10.0)
        ending = _ending(process)
        if ending == "SIGALRM":  # its own alarm was before our clock
            return "too_slow", self._late()
        told = f"the process that cleaned it was ended ({ending})"
        return "crashed", f"{told}, by this page or by others' need of memory; clean it alone to see which"

    def _stop(self, *, patience: float = 0.0) -> None:
        with self._lock:
            process, pipe, self._process, self._pipe = self._process, self._pipe, None, None
        if process is None:
            return
        if patience:
            process.join(patience)
        process.kill()
        process.join()
        if not self._closed:  # else another thread may be about to read it
            pipe.close()


def _serve(pipe: Any, work: Callable[[Any], Any], settings: WorkerSettings) -> None:
    """The worker: takes an item, gives (error, result or message, whether it has grown large)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_memory(settings.memory)
    large = _peak() + settings.memory / 2 if settings.memory else float("inf")
    pipe.send(None)
    while True:
        try:
            item = pipe.recv()
            _alarm(2 * settings.seconds)
            pipe.send((None, work(item), _peak() > large))
        except MemoryError:
            item = None
            told = f"cleaning it takes more than {settings.memory / 1e6:,.0f} MB of memory"
            pipe.send(("out_of_memory", f"{told}; split it, or give it more (worker.memory)", True))
        except (EOFError, ConnectionError):
            return
        _alarm(0)


def _alarm(seconds: float) -> None:
    """Has the kernel end this process in so many seconds, should nobody be left who does."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(beyond: int) -> None:
    """No more address space than now and so many bytes; where the system can't, there is no limit."""
    if not beyond or not sys.platform.startswith("linux"):
        return
    import resource  # noqa: PLC0415 - not everywhere

    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
        used = int(file.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limit = used + beyond if hard == resource.RLIM_INFINITY else min(used + beyond, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _peak() -> int:
    """The most bytes of memory that this process ever held."""
    if not sys.platform.startswith("linux"):
        return 0
    import resource  # noqa: PLC0415

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def prepare() -> None:
    """Start the process that workers come from, which loads the library meanwhile."""
    if _context().get_start_method() == "forkserver":
        resource_tracker.ensure_running()  # when it starts, it lets Ctrl-C through for all that follow
        with _no_interrupts():
            forkserver.ensure_running()


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dedup.loaded"])
    return context


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """What is started meanwhile never sees Ctrl-C, which is for this process."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ending(process: Any) -> str:
    code = None if process is None else process.exitcode
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
