# ruff: noqa: PLC0415 - a peer is imported only in the process that measures it
"""Benchmark of the live index, beside datasketch in memory, on Redis and as a pickle.

Run from a clone that has the corpora beside it (../shared/bench), with the extras `fast` and `redis`, xxhash
for datasketch, and a redis-server on the path:

    python tests/bench_index.py
    python tests/bench_index.py --sizes 100000 1000000 --systems dedup

Articles are 20 paragraphs each of the corpora of bench_cluster. Every system runs in a process of its
own, one after the other. `us` is wall-clock time in microseconds a paragraph, `cpu` processor time;
on a busy machine compare the latter, and only within one run.

- `add many`: from text to committed, with the answers. For datasketch: from shingles to inserted,
  and `insert` alone, with the sketches made before. datasketch neither keeps texts nor verifies.
- `add one`: an article a transaction.
- `query`: articles that are in the index (each paragraph has itself and often edited copies there), and
  the same with four in five characters of a paragraph replaced (nothing like it there).
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import multiprocessing
import pickle
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench_cluster import Rows, corpus, read
from cluster_peers import shingle_lists

from dedup.index import Index, record
from dedup.settings import ClusterSettings, Settings
from dedup.types import Article

ARTICLE = 20
# Compiled code from the start, as after some use.
WARM = Settings(cluster=ClusterSettings(compile_from=0))
# datasketch on Redis takes milliseconds an insert; a few hundred tell.
SLOW = 400


def articles(rows: Rows) -> Iterator[Article]:
    for first in range(0, len(rows), ARTICLE):
        part = rows[first : first + ARTICLE]
        yield record(f"{first}", *(text for _, _, text in part), outlet=part[0][1])


def foreign(rows: Rows) -> Rows:
    """The same paragraphs with most characters replaced."""
    rng = random.Random(5)
    return [
        (number, outlet, "".join(rng.choice(text) if rng.random() < 0.8 else one for one in text))
        for number, outlet, text in rows
    ]


class Clock:
    """Microseconds a paragraph since it was made, of the wall and of the processor."""

    def __init__(self) -> None:
        self.wall, self.processor = time.perf_counter(), time.process_time()

    def each(self, paragraphs: int) -> dict[str, float]:
        wall, processor = time.perf_counter() - self.wall, time.process_time() - self.processor
        return {"us": 1e6 * wall / paragraphs, "cpu": 1e6 * processor / paragraphs}


def tell(system: str, what: str, size: int, **figures: float) -> None:
    told = "  ".join(f"{name} {value:,.2f}" for name, value in figures.items())
    print(f"{system:18}{what:24}{size:12,}  {told}", flush=True)


def queries(index: Index, asked: Sequence[Article]) -> dict[str, float]:
    """Milliseconds an article, of the wall and of the processor, each median and p99."""
    for article in asked[:20]:
        index.query(article)
    walls, processors = [], []
    for article in asked:
        clock = Clock()
        index.query(replace(article, id="asked"))
        took = clock.each(1000)
        walls.append(took["us"])
        processors.append(took["cpu"])
    return {
        "ms_median": float(np.median(walls)),
        "ms_p99": float(np.quantile(walls, 0.99)),
        "cpu_median": float(np.median(processors)),
        "cpu_p99": float(np.quantile(processors, 0.99)),
    }


def ours(path: Path, size: int, folder: Path) -> None:
    rows = read(path)
    place = folder / f"{size}.index"
    with Index(place) as index:
        list(index.add_many(articles(foreign(rows[:6000]))))  # loads compiled code
    place.unlink()
    index = Index(place, settings=WARM)
    clock = Clock()
    for _ in index.add_many(articles(rows)):
        pass
    tell("dedup", "add many", size, **clock.each(size))
    stats = index.stats()
    beside = (stats.bytes - stats.text_bytes) / stats.paragraphs
    tell("dedup", "disk", size, bytes_beside_text=beside, megabytes=stats.bytes / 1e6)
    some = list(articles(rows[: 500 * ARTICLE]))
    tell("dedup", "query known", size, **queries(index, some))
    tell("dedup", "query new", size, **queries(index, list(articles(foreign(rows[: 500 * ARTICLE])))))
    index.close()
    clock = Clock()
    index = Index(place, settings=WARM)
    tell("dedup", "open", size, ms=clock.each(1000)["us"])
    more = [replace(one, id=f"more{one.id}") for one in articles(foreign(rows[: 200 * ARTICLE]))]
    clock = Clock()
    for one in more:
        index.add(one)
    tell("dedup", "add one", size, **clock.each(len(more) * ARTICLE))
    clock = Clock()
    index.expire(paragraphs=1000)
    took = clock.each(1)
    tell("dedup", "expire nearly all", size, seconds=took["us"] / 1e6, megabytes=index.stats().bytes / 1e6)
    index.close()


def write(place: str, part: int, rows: Rows) -> None:
    with Index(place) as index:
        for one in articles(rows):
            index.add(replace(one, id=f"{part}-{one.id}"))


def four_writers(path: Path, folder: Path) -> None:
    rows = foreign(read(path)[: 800 * ARTICLE])
    share = len(rows) // 4
    place = str(folder / "four.index")
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=write, args=(place, part, rows[part * share : (part + 1) * share]))
        for part in range(4)
    ]
    clock = Clock()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with Index(place) as index:
        lost = 4 * (share // ARTICLE) - index.stats().articles
    failed = sum(bool(worker.exitcode) for worker in workers)
    tell(
        "dedup", "four writers, one each", len(rows), us=clock.each(len(rows))["us"], lost=lost, failed=failed
    )


def datasketch(path: Path, size: int, folder: Path) -> None:
    import xxhash
    from datasketch import MinHash, MinHashLSH

    def sketches(rows: Rows) -> list[MinHash]:
        hashfunc = lambda shingle: xxhash.xxh32(shingle).intdigest()  # noqa: E731
        return MinHash.bulk(shingle_lists(rows), num_perm=128, hashfunc=hashfunc)  # type: ignore[no-any-return]

    rows = read(path)
    clock = Clock()
    made = sketches(rows)
    index = MinHashLSH(threshold=0.8, num_perm=128)
    inserting = Clock()
    with index.insertion_session() as session:
        for number, sketch in enumerate(made):
            session.insert(str(number), sketch, check_duplication=False)
    tell("datasketch", "insert", size, **inserting.each(size))
    tell("datasketch", "add many", size, **clock.each(size))
    walls = []
    for first in range(0, 200 * ARTICLE, ARTICLE):
        started = time.perf_counter()
        for sketch in sketches(rows[first : first + ARTICLE]):
            index.query(sketch)
        walls.append(1e3 * (time.perf_counter() - started))
    tell(
        "datasketch",
        "query known",
        size,
        ms_median=float(np.median(walls)),
        ms_p99=float(np.quantile(walls, 0.99)),
    )
    place = folder / "pickle"
    clock = Clock()
    with place.open("wb") as file:
        pickle.dump(index, file)
    tell("datasketch pickle", "save", size, ms=clock.each(1000)["us"], bytes_each=place.stat().st_size / size)
    clock = Clock()
    with place.open("rb") as file:
        pickle.load(file)
    tell("datasketch pickle", "open", size, ms=clock.each(1000)["us"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if not shutil.which("redis-server") or not importlib.util.find_spec("redis"):
        print("datasketch on Redis is left out: it needs redis-server and the extra `redis`")
        return
    command = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        time.sleep(1)
        storage = {"type": "redis", "redis": {"host": "127.0.0.1", "port": port}}
        remote = MinHashLSH(threshold=0.8, num_perm=128, storage_config=storage)
        clock = Clock()
        for number, sketch in enumerate(made[:SLOW]):
            remote.insert(str(number), sketch)
        tell("datasketch Redis", "insert", SLOW, **clock.each(SLOW))
        with Index(f"redis://127.0.0.1:{port}/1") as shared:
            some = list(articles(rows[: SLOW * 5]))
            shared.add(some[0])
            clock = Clock()
            for one in some[1:]:
                shared.add(one)
            tell("dedup on Redis", "add one", SLOW * 5, **clock.each((len(some) - 1) * ARTICLE))
        server.terminate()


SYSTEMS = {"dedup": ours, "datasketch": datasketch}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 100_000, 1_000_000])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--most", type=int, default=100_000, help="largest size for datasketch")
    parser.add_argument("--folder", type=Path, help="where corpora are kept; else a temporary folder")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if "datasketch" in options.systems and not importlib.util.find_spec("xxhash"):
        parser.error("datasketch is measured with xxhash: pip install xxhash, or --systems dedup")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if options.measure:
            system, size = options.measure[0], int(options.measure[1])
            if system == "writers":
                four_writers(corpus(20_000, folder), Path(scratch))
            else:
                SYSTEMS[system](corpus(size, folder), size, Path(scratch))
            return
        jobs = [
            (system, size)
            for size, system in itertools.product(options.sizes, options.systems)
            if system == "dedup" or size <= options.most
        ]
        for system, size in [*jobs, ("writers", 0)]:
            corpus(size or 20_000, folder)
            command = [sys.executable, __file__, "--folder", str(folder), "--measure", system, str(size)]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
