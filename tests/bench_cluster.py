# ruff: noqa: PLC0415 - a peer is imported only in the process that measures it
"""Benchmark of clustering: recall, precision, CPU time and peak memory, beside peers.

Run from a clone that has the corpora beside it (../shared/bench), with the extra `fast`:

    python tests/bench_cluster.py quality
    python tests/bench_cluster.py speed --sizes 20000
    python tests/bench_cluster.py speed --sizes 20000 200000 1000000 --systems dedup

`quality` counts links against the exact join of c20000 at .7 and .8. `speed` measures the CPU time
of the whole job, from the parsed rows in memory to clusters, and beside it the time to read and
parse the rows, which is the same for all; each system in a process of its own (peak memory is that
process's, rows included), the best of `--repeat` runs after one small run that loads
compiled code; the systems take turns, because machines are noisy and only ratios within one run
mean something. A peer that is not installed is left out: datasketch (`bulk` with xxh32, needs
xxhash; then MinHashLSH; its pairs are candidates, not verified) and rensa (RMinHash, RMinHashLSH,
pairs the same way; `rensa-flat` is its matrix interface, which tells flags, not pairs). The corpus
of a million is c200000 five times, each copy's paragraphs edited by a seeded generator.
"""

from __future__ import annotations

import argparse
import gc
import gzip
import importlib.util
import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dedup.clustering import cluster
from dedup.compare import comparison_text, encode
from dedup.settings import ClusterSettings
from dedup.sign import window_hashes
from dedup.types import Clustering, Paragraph, Relation

BENCH = Path(__file__).resolve().parents[2] / "shared" / "bench"


Rows = list[tuple[str, str, str]]


def read(path: Path) -> Rows:
    """Rows as (id, source, text)."""
    with path.open(encoding="utf-8") as lines:
        rows = map(json.loads, lines)
        return [(str(row["id"]), row["src"], row["text"]) for row in rows]


class Paragraphs(Sequence[Paragraph]):
    """The rows as paragraphs, each made when it is looked at."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index):
        number, outlet, text = self._rows[index]
        return Paragraph(number, 0, outlet, text)


def ours(rows: Rows, threshold: float) -> int:
    texts = [text for _, _, text in rows]
    return len(cluster(Paragraphs(rows), ClusterSettings(threshold=threshold), texts=texts).links)


def shingle_lists(rows: Rows) -> list[list[bytes]]:
    result = []
    for row in rows:
        text = comparison_text(row[2])
        result.append([text[i : i + 5].encode() for i in range(max(len(text) - 4, 1))])
    return result


def datasketch(rows: Rows, threshold: float) -> int:
    import xxhash
    from datasketch import MinHash, MinHashLSH

    hashfunc = lambda shingle: xxhash.xxh32(shingle).intdigest()  # noqa: E731
    sketches = MinHash.bulk(shingle_lists(rows), num_perm=128, hashfunc=hashfunc)
    index = MinHashLSH(threshold=threshold, num_perm=128)
    with index.insertion_session() as session:
        for number, sketch in enumerate(sketches):
            session.insert(number, sketch)
    return sum(1 for number, sketch in enumerate(sketches) for other in index.query(sketch) if other > number)


def rensa(rows: Rows, threshold: float) -> int:
    from rensa import RMinHash, RMinHashLSH

    sketches = RMinHash.from_token_sets(shingle_lists(rows), num_perm=128, seed=1)
    index = RMinHashLSH(threshold=threshold, num_perm=128, num_bands=16)
    index.insert_many(sketches)
    found = index.query_all(sketches)
    return sum(1 for number, others in enumerate(found) for other in others if other > number)


def rensa_flat(rows: Rows, threshold: float) -> int:
    from rensa import RMinHash, RMinHashLSH

    texts = encode([row[2] for row in rows])
    hashes = [
        window_hashes(texts.codes[start : start + length], 5)
        for start, length in zip(texts.starts.tolist(), texts.lengths.tolist(), strict=True)
    ]
    offsets = np.cumsum([0] + [part.size for part in hashes])
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(
        np.concatenate(hashes), offsets.astype(np.uint64), num_perm=128, seed=1
    )
    index = RMinHashLSH(threshold=threshold, num_perm=128, num_bands=16)
    return int(np.count_nonzero(index.query_duplicate_flags_matrix_one_shot(matrix)))


SYSTEMS: dict[str, tuple[Callable[[Rows, float], int], tuple[str, ...]]] = {
    "dedup": (ours, ()),
    "datasketch": (datasketch, ("xxhash",)),
    "rensa": (rensa, ("rensa",)),
    "rensa-flat": (rensa_flat, ("rensa",)),
}


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


def measure(system: str, path: Path, threshold: float) -> None:
    """In a process of its own: run once on little, then on everything, and print what it took."""
    run = SYSTEMS[system][0]
    started = time.process_time()
    rows = read(path)
    parsed = time.process_time()
    run(rows[:6000], threshold)
    gc.freeze()  # what the imports allocated is no part of the job, for any system
    warm = time.process_time()
    pairs = run(rows, threshold)
    seconds = time.process_time() - warm
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, parsed - started, megabytes, pairs]))


def speed(sizes: list[int], systems: list[str], threshold: float, repeat: int) -> None:
    chosen = [
        name for name in systems if all(importlib.util.find_spec(module) for module in SYSTEMS[name][1])
    ]
    print(
        f"{'system':12}{'paragraphs':>12}{'us each':>10}{'to dedup':>10}{'parsing':>10}"
        f"{'peak MB':>10}{'pairs':>12}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = corpus(size, Path(folder))
            runs: dict[str, list[tuple[float, float, float, int]]] = {name: [] for name in chosen}
            for _, name in itertools.product(range(repeat), chosen):
                command = [sys.executable, __file__, "measure", name, str(path), str(threshold)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs[name].append(tuple(json.loads(done.stdout)))
            best = {name: min(results) for name, results in runs.items()}
            for name, (seconds, parsing, megabytes, pairs) in best.items():
                ratio = f"{seconds / best['dedup'][0]:.1f}" if "dedup" in best else "-"
                each = 1e6 * seconds / size
                parse = 1e6 * parsing / size
                print(
                    f"{name:12}{size:12,}{each:10.2f}{ratio:>10}{parse:10.2f}{megabytes:10,.0f}{pairs:12,}",
                    flush=True,
                )


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


def quality() -> None:
    truth = np.load(BENCH / "c20000.truth.npz")
    with tempfile.TemporaryDirectory() as folder:
        rows = read(corpus(20_000, Path(folder)))
    paragraphs = [Paragraph(number, 0, outlet, text) for number, outlet, text in rows]
    length = [len(comparison_text(paragraph.text)) for paragraph in paragraphs]
    print(f"{'threshold':>9} {'shortest':>8} {'links':>7} {'pairs':>7} {'recall':>8} {'precision':>9}")
    for threshold, shortest in itertools.product((0.5, 0.6, 0.7, 0.8, 0.9), (30, 0)):
        pairs = zip(truth["x"].tolist(), truth["y"].tolist(), truth["j"].tolist(), strict=True)
        expected = {
            (min(x, y), max(x, y))
            for x, y, j in pairs
            # The truth is stored in single precision.
            if j >= threshold - 1e-6 and (j == 1 or min(length[x], length[y]) >= shortest)
        }
        result = cluster(paragraphs, ClusterSettings(threshold=threshold, min_characters=shortest))
        found = found_pairs(result)
        recall, precision = len(found & expected) / len(expected), len(found & expected) / len(found)
        counts = f"{len(result.links):7,} {len(found):7,}"
        print(f"{threshold:9} {shortest:8} {counts} {recall:8.4f} {precision:9.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("quality")
    timed = commands.add_parser("speed")
    timed.add_argument("--sizes", type=int, nargs="+", default=[20_000])
    timed.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    timed.add_argument("--threshold", type=float, default=0.8)
    timed.add_argument("--repeat", type=int, default=3)
    one = commands.add_parser("measure")
    one.add_argument("system", choices=SYSTEMS)
    one.add_argument("path", type=Path)
    one.add_argument("threshold", type=float)
    options = parser.parse_args()
    if options.command == "quality":
        quality()
    elif options.command == "speed":
        speed(options.sizes, options.systems, options.threshold, options.repeat)
    else:
        measure(options.system, options.path, options.threshold)


if __name__ == "__main__":
    main()
