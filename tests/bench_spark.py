# ruff: noqa: PLC0415 - a peer is imported only in the process that measures it
"""Benchmark of the Spark engine beside the local one: CPU, time, peak memory, bytes shuffled.

Run from a clone that has the corpora beside it (../shared/bench), with the extra `spark`:

    python tests/bench_spark.py --sizes 200000 1000000 --master 'local[2]'

Both engines read one Parquet file and write their clusters to files. CPU is that of the process and all
its children (for Spark the virtual machine and its Python workers, from their start to their end). Peak
memory is the sum over these processes, shared pages counted once, looked at every .2 s. `--memory` is
Spark's own limit: of the heap of the driver and of each executor, and of the Python workers of each
(`spark.executor.pyspark.memory`): a task that needs more fails, and the job with it. With `--master
'local-cluster[2,1,1024]' --memory 1g` executors are processes of their own.

Bytes shuffled are those of Spark's event log (written, compressed), stage by stage. The corpora are those
of bench_cluster.py. Each engine runs in a process of its own, once: the machine's noise is in the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

from bench_cluster import corpus, read


def as_parquet(size: int, folder: Path) -> Path:
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / f"{size}.parquet"
    if not path.exists():
        rows = read(corpus(size, folder))
        names, outlets, texts = zip(*rows, strict=True)
        table = pa.table({"id": names, "outlet": outlets, "text": [" ".join(text.split()) for text in texts]})
        parquet.write_table(table, path, row_group_size=50_000)
    return path


def local(path: Path, out: Path) -> int:
    from dedup import clustering, facts
    from dedup.adapters import arrow
    from dedup.relation_rows import cluster_row
    from dedup.types import Paragraph
    from dedup.write import json_line

    paragraphs = [Paragraph(row["id"], 0, row["outlet"], row["text"]) for row in arrow.rows(path)]
    clusters = facts.mark_changed_facts(clustering.cluster(paragraphs).clusters)
    with (out / "clusters.jsonl").open("wb") as file:
        file.writelines(json_line(cluster_row(one)) for one in clusters)
    return sum(len(one.members) for one in clusters)


def on_spark(path: Path, out: Path, master: str, memory: str) -> int:
    from dedup import spark

    session = spark.session(
        master,
        {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.memory": memory,
            "spark.executor.memory": memory,
            "spark.executor.pyspark.memory": memory,
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": (out / "log").as_uri(),
            "spark.eventLog.compress": "false",
            "spark.eventLog.rolling.enabled": "false",
            "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        },
    )
    members = spark.cluster(session.read.parquet(str(path)), work=str(out / "work"))
    members.write.parquet(str(out / "members"))
    count = session.read.parquet(str(out / "members")).count()
    session.stop()
    return int(count)


def family(process: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found, waiting = [], [process]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def watch(process: int, peaks: dict[str, int], cpu: dict[int, float], over: Event) -> None:
    """The most that all processes held, and the CPU seconds of each: Spark waits for none of its own."""
    while not over.wait(0.2):
        held = {"all": 0, "python": 0, "java": 0}
        for one in family(process):
            try:
                name = Path(f"/proc/{one}/comm").read_text().strip()
                rows = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
                size = 1024 * sum(int(row.split()[1]) for row in rows if row.startswith("Pss:"))
                ticks = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:13]
            except OSError:
                continue
            cpu[one] = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            held["all"] += size
            held["java" if name == "java" else "python"] += size
        for name, size in held.items():
            peaks[name] = max(peaks.get(name, 0), size)


def shuffled(log: Path) -> dict[int, int]:
    """Bytes that every stage wrote for an exchange."""
    found: dict[int, int] = {}
    for path in log.iterdir():
        for line in path.read_text("utf-8").splitlines():
            event = json.loads(line)
            if event["Event"] == "SparkListenerTaskEnd" and event.get("Task Metrics"):
                written = event["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"]
                stage = event["Stage ID"]
                found[stage] = found.get(stage, 0) + written
    return {stage: size for stage, size in found.items() if size}


def measured(arguments: list[str]) -> dict[str, Any]:
    """Run one engine in a process of its own."""
    peaks: dict[str, int] = {}
    over = Event()
    cpu: dict[int, float] = {}
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        thread = Thread(target=watch, args=(process.pid, peaks, cpu, over))
        thread.start()
        told, _ = process.communicate()
        over.set()
        thread.join()
    megabytes = {name: round(size / 1e6) for name, size in peaks.items()}
    return {
        "cpu": round(sum(cpu.values()), 1),
        "clock": round(time.perf_counter() - began, 1),
        "MB": megabytes,
    } | json.loads(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200_000])
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--memory", default="1500m")
    parser.add_argument("--folder", type=Path, help="keep the corpora there")
    parser.add_argument("--engine", choices=("local", "spark"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        size = options.sizes[0]
        path = options.folder / f"{size}.parquet"
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            out = Path(name)
            (out / "log").mkdir()
            if options.engine == "local":
                told: dict[str, Any] = {"members": local(path, out)}
            else:
                told = {"members": on_spark(path, out, options.master, options.memory)}
                told["shuffled"] = shuffled(out / "log")
                parts = [path for path in (out / "work").iterdir() if path.is_dir()]
                told["stages"] = {
                    part.name: sum(file.stat().st_size for file in part.iterdir()) for part in parts
                }
        print(json.dumps(told))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = options.folder or Path(name)
        for size in options.sizes:
            as_parquet(size, folder)
            for engine in ("local", "spark"):
                more = ["--sizes", str(size), "--folder", str(folder), "--master", options.master]
                told = measured([*more, "--memory", options.memory, "--engine", engine])
                print(
                    json.dumps({"size": size, "engine": engine, "load": os.getloadavg()[0], **told}),
                    flush=True,
                )


if __name__ == "__main__":
    main()
