"""Benchmark of clustering: recall, precision, time and peak memory, beside peers.

Run from a clone that has the corpora beside it (../shared/bench), with the extra `fast`:

    python tests/bench_cluster.py quality
    python tests/bench_cluster.py quality --systems datasketch rensa datatrove text-dedup
    python tests/bench_cluster.py speed --sizes 20000 --systems dedup datasketch rensa
    python tests/bench_cluster.py speed --sizes 20000 200000 1000000 --plot cluster.svg \\
        --systems dedup two-cores arrow arrow-two-cores on-disk passages quotations

`quality` counts links against the exact join of c20000; of peers, the pairs that they tell or that their
clusters hold, at .8. `speed` measures the time of the whole job, from the parsed rows in memory to
clusters: CPU time, that of child processes included, and the time by the clock. Each
system runs in a process of its own after one small run that loads compiled code; of `--repeat` runs
the least time by either counts, and the most memory. The systems take turns, because machines are
noisy and only ratios within one run mean something. Peak memory is what the process itself holds
(pages of files do not count, rows do), looked at every 10 ms. `--plot` draws time and memory against
size.

`dedup` gives links and clusters as arrays of paragraph numbers and similarities, as its peers give
numbers; `as-objects` also makes each of them an object. `two-cores` and `on-disk` are clustering with
`workers` 2 and with a scratch folder; `arrow` and `arrow-two-cores` begin from an Arrow table, whose
texts never become strings; `jsonl` and `jsonl-two-cores` from the bytes of JSONL, which Arrow reads.
`passages` and `quotations` are those alone, in memory or `-on-disk`; they
are told the comparison texts and the clusters, as in `dedup.relations`. Peers are in cluster_peers.py;
one that is not installed is left out. The corpus of a million is c200000 five times, each copy's
paragraphs edited by a seeded generator.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import importlib.util
import itertools
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import cluster_peers as peers
import numpy as np
import orjson

from dedup.clustering import Distinct, cluster, distinct
from dedup.columns import Paragraphs
from dedup.compare import comparison_text
from dedup.relate import passages, quotations
from dedup.settings import ClusterSettings
from dedup.types import Cluster, Clustering, Paragraph, Relation

BENCH = Path(__file__).resolve().parents[2] / "shared" / "bench"


Rows = peers.Rows

# Bytes a paragraph that are written to and given back before the clock starts. A virtual machine may get
# memory from its host only when it is first touched, at 3 ns a byte: 500 bytes take as long as clustering.
TOUCHED = 2048


def read(path: Path) -> Rows:
    """Rows as (id, source, text)."""
    with path.open(encoding="utf-8") as lines:
        rows = map(json.loads, lines)
        return [(str(row["id"]), row["src"], row["text"]) for row in rows]


def columns(rows: Rows) -> Paragraphs:
    made: tuple[list[str], list[str], list[str]] = ([], [], [])
    # Some rows at a time, while they are in the processor's cache: half the time of a pass a column.
    for first in range(0, len(rows), 256):
        for column, values in zip(made, zip(*rows[first : first + 256], strict=True), strict=True):
            column.extend(values)
    ids, outlets, texts = made
    return Paragraphs(ids, texts, outlets=outlets)


def ours(rows: Rows, threshold: float, **options: Any) -> int:
    """Links and clusters as arrays: the peers tell numbers too."""
    return len(cluster(columns(rows), ClusterSettings(threshold=threshold, **options)).links)


def as_objects(rows: Rows, threshold: float) -> int:
    """The same, and then every link, cluster and member as an object."""
    found = cluster(columns(rows), ClusterSettings(threshold=threshold))
    made = list(found.links), list(found.clusters)
    return len(made[0])


def two_cores(rows: Rows, threshold: float) -> int:
    return ours(rows, threshold, workers=2)


def as_table(rows: Rows, threshold: float) -> Any:
    """The rows as an Arrow table, as a Parquet file or a dataset gives them."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    given = columns(rows)
    return pa.table({"id": given.documents, "outlet": given.outlets, "text": given.texts})


def from_arrow(table: Any, threshold: float, workers: int = 1) -> int:
    from dedup.adapters import arrow  # noqa: PLC0415 - an extra

    paragraphs = arrow.paragraphs(table, workers=workers)
    return len(cluster(paragraphs, ClusterSettings(threshold=threshold, workers=workers)).links)


def from_arrow_on_two_cores(table: Any, threshold: float) -> int:
    return from_arrow(table, threshold, workers=2)


def as_jsonl(rows: Rows, threshold: float) -> bytearray:
    lines = bytearray()
    for name, outlet, text in rows:
        lines += orjson.dumps({"id": name, "outlet": outlet, "text": text}) + b"\n"
    return lines


def from_jsonl(lines: bytearray, threshold: float, workers: int = 1) -> int:
    import pyarrow as pa  # noqa: PLC0415 - an extra
    from pyarrow import json as arrow_json  # noqa: PLC0415

    # Blocks of 4 MB, where Arrow's own 1 MB makes two cores wait for each other.
    options = arrow_json.ReadOptions(use_threads=workers > 1, block_size=4 << 20)
    return from_arrow(arrow_json.read_json(pa.BufferReader(lines), options), threshold, workers)


def from_jsonl_on_two_cores(lines: bytearray, threshold: float) -> int:
    return from_jsonl(lines, threshold, workers=2)


def on_disk(run: Callable[..., Any]) -> Callable[[Any, float], Any]:
    """The same job with a folder for what is large."""

    def job(prepared: Any, threshold: float) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            return run(prepared, threshold, scratch=folder)

    return job


class Clustered(NamedTuple):
    """What is known of the paragraphs when other relations are asked for, as in `dedup.relations`."""

    paragraphs: tuple[Paragraph, ...]
    groups: Distinct
    clusters: Sequence[Cluster]


def clustered(rows: Rows, threshold: float, **options: Any) -> Clustered:
    paragraphs, settings = tuple(columns(rows)), ClusterSettings(threshold=threshold, **options)
    groups = distinct(paragraphs, settings)
    return Clustered(paragraphs, groups, cluster(paragraphs, settings, groups=groups).clusters)


def shared_passages(known: Clustered, threshold: float, **options: Any) -> int:
    settings = ClusterSettings(threshold=threshold, **options)
    return len(passages(known.paragraphs, known.clusters, settings, groups=known.groups))


def quoted(known: Clustered, threshold: float, **options: Any) -> int:
    settings = ClusterSettings(threshold=threshold, **options)
    return len(quotations(known.paragraphs, settings, groups=known.groups))


def as_rows(rows: Rows, threshold: float) -> Rows:
    return rows


# Peers that tell which rows are alike.
TELLING: dict[str, Callable[[Any, float], peers.Groups]] = {
    "datasketch": peers.datasketch,
    "rensa": peers.rensa,
    "datatrove": peers.datatrove,
    "text-dedup": peers.text_dedup,
}


def counted(peer: Callable[[Any, float], peers.Groups]) -> Callable[[Any, float], int]:
    """The number of its groups: in `speed` only that is told."""
    return lambda prepared, threshold: len(peer(prepared, threshold))


class System(NamedTuple):
    """A job: what it needs beforehand, unmeasured; what it does; and modules that have to be there."""

    prepare: Callable[[Rows, float], Any]
    run: Callable[[Any, float], int]
    modules: tuple[str, ...] = ()


SYSTEMS = {
    "dedup": System(as_rows, ours),
    "as-objects": System(as_rows, as_objects),
    "two-cores": System(as_rows, two_cores),
    "arrow": System(as_table, from_arrow, ("pyarrow",)),
    "arrow-two-cores": System(as_table, from_arrow_on_two_cores, ("pyarrow",)),
    "jsonl": System(as_jsonl, from_jsonl, ("pyarrow",)),
    "jsonl-two-cores": System(as_jsonl, from_jsonl_on_two_cores, ("pyarrow",)),
    "on-disk": System(as_rows, on_disk(ours)),
    "passages": System(clustered, shared_passages),
    "passages-on-disk": System(on_disk(clustered), on_disk(shared_passages)),
    "quotations": System(clustered, quoted),
    "quotations-on-disk": System(on_disk(clustered), on_disk(quoted)),
    "datasketch": System(as_rows, counted(peers.datasketch), ("datasketch", "xxhash")),
    "rensa": System(as_rows, counted(peers.rensa), ("rensa",)),
    "rensa-flat": System(as_rows, peers.rensa_flat, ("rensa",)),
    "datatrove": System(peers.documents, counted(peers.datatrove), ("datatrove",)),
    "text-dedup": System(peers.dataset, counted(peers.text_dedup), ("text_dedup",)),
}


class Run(NamedTuple):
    """CPU seconds, seconds by the clock, peak megabytes, results."""

    cpu: float
    clock: float
    megabytes: float
    count: int

    def or_better(self, other: Run) -> Run:
        """The least time by either of two runs, and what they held at most."""
        cpu, clock = min(self.cpu, other.cpu), min(self.clock, other.clock)
        return Run(cpu, clock, max(self.megabytes, other.megabytes), other.count)


def corpus(size: int, folder: Path) -> Path:
    """Write the corpus of `size` paragraphs as plain JSONL."""
    path = folder / f"{size}.jsonl"
    if not path.exists():
        source = BENCH / ("c20000.jsonl.gz" if size <= 20_000 else "c200000.jsonl.gz")
        with gzip.open(source, "rt", encoding="utf-8") as lines, path.open("w", encoding="utf-8") as out:
            out.writelines(itertools.islice(lines if size <= 200_000 else edited(list(lines)), size))
    return path


def edited(lines: list[str]) -> Iterator[str]:
    """Yield the corpus over and over, each time with 1, 5 or 20 % of a paragraph's characters replaced."""
    rng = random.Random(20_260_205)
    for copy in itertools.count():
        for line in lines:
            row = json.loads(line)
            characters = list(row["text"])
            for _ in range(max(1, int(len(characters) * rng.choice((0.01, 0.05, 0.2))))):
                characters[rng.randrange(len(characters))] = rng.choice(characters)
            row["text"], row["id"] = "".join(characters), f"{copy}-{row['id']}"
            yield json.dumps(row, ensure_ascii=False) + "\n"


class Memory(Thread):
    """Looks at what the process holds, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.megabytes, self._done = 0.0, Event()

    def run(self) -> None:
        status = Path("/proc/self/status")
        while status.exists() and not self._done.wait(0.01):
            held = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("RssAnon"))
            self.megabytes = max(self.megabytes, int(held.split()[1]) / 1024)

    def stop(self) -> float:
        self._done.set()
        # Where the system does not tell: all that the process ever held, pages of files included.
        return self.megabytes or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(name: str, path: Path, threshold: float) -> Run:
    """In a process of its own: run once on little, then on everything."""
    system, rows = SYSTEMS[name], read(path)
    few = rows[:6000]
    system.run(system.prepare(few, threshold), threshold)
    prepared = system.prepare(rows, threshold)
    np.ones(TOUCHED * len(rows), np.uint8)
    del rows
    gc.freeze()  # what the imports allocated is no part of the job, for any system
    memory = Memory()
    memory.start()
    clock, cpu = time.perf_counter(), processor_time()
    count = system.run(prepared, threshold)
    return Run(processor_time() - cpu, time.perf_counter() - clock, memory.stop(), count)


def processor_time() -> float:
    """Seconds of this process and of its children that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def installed(systems: list[str]) -> list[str]:
    return [
        name for name in systems if all(importlib.util.find_spec(module) for module in SYSTEMS[name].modules)
    ]


def speed(sizes: list[int], systems: list[str], threshold: float, repeat: int, plot: Path | None) -> None:
    chosen = installed(systems)
    best: dict[tuple[str, int], Run] = {}
    print(
        f"{'system':20}{'paragraphs':>12}{'CPU us each':>13}{'clock us':>10}{'to dedup':>10}"
        f"{'peak MB':>10}{'results':>12}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = corpus(size, Path(folder))
            for _, name in itertools.product(range(repeat), chosen):
                command = [sys.executable, __file__, "measure", name, str(path), str(threshold)]
                done = subprocess.run(command, check=False, capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(f"{name} failed:\n{done.stderr}")
                run = Run(*json.loads(done.stdout.splitlines()[-1]))  # text-dedup tells its progress there
                best[name, size] = best.get((name, size), run).or_better(run)
            for name in chosen:
                run, first = best[name, size], best.get(("dedup", size))
                ratio = f"{run.cpu / first.cpu:.2f}" if first else "-"
                print(
                    f"{name:20}{size:12,}{1e6 * run.cpu / size:13.2f}{1e6 * run.clock / size:10.2f}"
                    f"{ratio:>10}{run.megabytes:10,.0f}{run.count:12,}",
                    flush=True,
                )
    if plot:
        plot.write_text(drawn(best), "utf-8")


COLOURS = ("#1b6ca8", "#d1495b", "#2e933c", "#edae49", "#6a4c93", "#444444", "#00798c", "#a0522d")


def drawn(best: dict[tuple[str, int], Run]) -> str:
    """An SVG of CPU time and of memory against size, both on logarithmic scales."""
    names = list(dict.fromkeys(name for name, _ in best))
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="940" height="420" font-family="sans-serif">',
        '<rect width="940" height="420" fill="white"/>',
        *panel(70, "CPU seconds", {key: run.cpu for key, run in best.items()}, names),
        *panel(540, "Peak megabytes", {key: run.megabytes for key, run in best.items()}, names),
        *(
            f'<text x="{70 + 105 * i}" y="400" font-size="12" fill="{colour}">{name}</text>'
            for i, (name, colour) in enumerate(zip(names, COLOURS, strict=False))
        ),
    ]
    return "\n".join([*parts, "</svg>", ""])


def panel(left: int, title: str, values: dict[tuple[str, int], float], names: list[str]) -> Iterator[str]:
    """One curve a system, 300 by 290 points."""
    sizes = sorted({size for _, size in values})
    low = math.floor(math.log10(min(values.values())))
    high = max(math.ceil(math.log10(max(values.values()))), low + 1)
    width = math.log10(sizes[-1] / sizes[0]) or 1

    def across(size: int) -> float:
        return left + 300 * math.log10(size / sizes[0]) / width

    def up(value: float) -> float:
        return 340 - 290 * (math.log10(value) - low) / (high - low)

    yield f'<text x="{left}" y="30" font-size="15">{title} by paragraphs</text>'
    for value in (10.0**power for power in range(low, high + 1)):
        at = f'y="{up(value) + 4:.0f}" font-size="11" text-anchor="end"'
        yield f'<path d="M{left} {up(value):.0f}h300" stroke="#ddd"/>'
        yield f'<text x="{left - 8}" {at}>{value:g}</text>'
    for size in sizes:
        yield f'<text x="{across(size):.0f}" y="360" font-size="11" text-anchor="middle">{size:,}</text>'
    for name, colour in zip(names, COLOURS, strict=False):
        points = [(across(size), up(values[name, size])) for size in sizes if (name, size) in values]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points)


def found_pairs(found: Clustering) -> set[tuple[int, int]]:
    """Every pair of row numbers that the links stand for."""
    copies: dict[int, list[int]] = {}
    for link in found.links:
        if link.kind is Relation.EXACT:
            copies.setdefault(int(link.left.document), [int(link.left.document)]).append(
                int(link.right.document)
            )
    result = {tuple(sorted(pair)) for group in copies.values() for pair in itertools.combinations(group, 2)}
    for link in found.links:
        if link.kind is Relation.NEAR:
            left, right = int(link.left.document), int(link.right.document)
            ends = itertools.product(copies.get(left, [left]), copies.get(right, [right]))
            result.update(tuple(sorted(pair)) for pair in ends)
    return result  # type: ignore[return-value]


def quality(systems: list[str]) -> None:
    truth = np.load(BENCH / "c20000.truth.npz")
    with tempfile.TemporaryDirectory() as folder:
        rows = read(corpus(20_000, Path(folder)))
    length = [len(comparison_text(text)) for _, _, text in rows]

    def expected(threshold: float, shortest: int) -> set[tuple[int, int]]:
        pairs = zip(truth["x"].tolist(), truth["y"].tolist(), truth["j"].tolist(), strict=True)
        return {
            (min(x, y), max(x, y))
            for x, y, j in pairs
            # The truth is stored in single precision.
            if j >= threshold - 1e-6 and (j == 1 or min(length[x], length[y]) >= shortest)
        }

    def show(system: str, threshold: float, shortest: int, found: set[tuple[int, int]]) -> None:
        wanted, true = expected(threshold, shortest), expected(threshold, 0)
        recall, precision = len(found & wanted) / len(wanted), len(found & true) / len(found)
        counts = f"{len(wanted):7,} {len(found):7,}"
        print(f"{system:12} {threshold:9} {shortest:8} {counts} {recall:8.4f} {precision:9.4f}", flush=True)

    print(f"{'system':20} {'threshold':>9} {'shortest':>8} {'true':>7} {'pairs':>7} {'recall':>8} precision")
    paragraphs = [Paragraph(number, 0, outlet, text) for number, outlet, text in rows]
    for threshold, shortest in itertools.product((0.5, 0.6, 0.7, 0.8, 0.9), (30, 0)):
        settings = ClusterSettings(threshold=threshold, min_characters=shortest)
        show("dedup", threshold, shortest, found_pairs(cluster(paragraphs, settings)))
    for name in installed(systems):
        groups = TELLING[name](SYSTEMS[name].prepare(rows, 0.8), 0.8)
        pairs = {(min(pair), max(pair)) for group in groups for pair in itertools.combinations(group, 2)}
        show(name, 0.8, 30, pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    counts = commands.add_parser("quality")
    counts.add_argument("--systems", nargs="*", choices=TELLING, default=[])
    timed = commands.add_parser("speed")
    timed.add_argument("--sizes", type=int, nargs="+", default=[20_000])
    timed.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    timed.add_argument("--threshold", type=float, default=0.8)
    timed.add_argument("--repeat", type=int, default=3)
    timed.add_argument("--plot", type=Path, metavar="FILE")
    one = commands.add_parser("measure")
    one.add_argument("system", choices=SYSTEMS)
    one.add_argument("path", type=Path)
    one.add_argument("threshold", type=float)
    options = parser.parse_args()
    if options.command == "quality":
        quality(options.systems)
    elif options.command == "speed":
        speed(options.sizes, options.systems, options.threshold, options.repeat, options.plot)
    else:
        print(json.dumps(measure(options.system, options.path, options.threshold)))


if __name__ == "__main__":
    main()
