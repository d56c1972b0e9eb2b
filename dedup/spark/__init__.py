"""The same job on Apache Spark, for a crawl that one machine does not hold.

    from dedup import spark

    session = spark.session()                                # or a SparkSession of one's own
    articles = spark.clean(session.read.parquet("pages/"))   # columns html, url, ...
    members = spark.cluster(articles)                        # a row for every paragraph in a cluster

Needs the extra `spark` and a Java 17 runtime; executors need dedup too. Articles, clusters and ids are
those of the local engine: the work is done by the library's own functions over Arrow batches, and only
exchange and grouping are Spark's. The order of rows is not told.

Stages of `cluster`, each kept in the folder `work`; T is the number of distinct texts of about 190
bytes:

| stage | exchange | bytes |
|---|---|---|
| `texts`: exact copies collapse | texts by hash | the paragraphs, less the copies in one batch |
| `candidates`: buckets | 12 records a text (threshold .8), by key | 77 a text and band |
| `links`: pairs with their texts | texts by hash again, and those of pairs | 190 T, and 2 texts a pair |
| `components-N` | links, twice a round | 16 a link |
| `stars`: the representative rule | texts again, then those that join | 190 T |
| members | paragraphs that join, by text; small results are sent to all tasks | |

So a band pass moves 77 bytes a text (band 1, key 8, id 8, the lowest bytes of 60 rows) and some 4 of
framing, and 12 of them 1 KB; 100 million texts move .1 TB there and a billion 1 TB, and with all else some
1.6 TB. Measured with tests/bench_spark.py on two cores, compressed: 62 to 63 bytes a text and band at 200,000
and at a million paragraphs, 1,440 a paragraph in all at a million, where the processor time was 2.2 times
that of the local engine in `local[2]` (224 s and 103 s) and 2.6 times in `local-cluster[2,1,2048]`
(276 s and 106 s); at 200,000 2.7 times (76 s and 29 s). The rest is arithmetic from the sizes of records,
not a measurement on a cluster. It assumes that partitions stay at 64 MB. What grows faster than T are pairs
in a bucket that are no links: .12 a text of c20000, .19 of c200000. Were that linear, a billion texts would
have 500 each; they cost no exchange, as signatures travel with keys.

Memory: a task holds a partition of 64 MB and some four times as much while it works, whatever the size of
the job. The million passes with two executors that are held to 2 GB of heap and 2 GB of Python each, where
all Python processes together held 1.2 GB; with 1 GB each, half of which the libraries take as addresses, a
task that gathers components fails. What may grow beyond is a component: all its texts are in one task. On a
cluster: `spark.executor.memory` 4g and `spark.executor.memoryOverhead` 2g for two cores, as much for Python
as for the virtual machine; `spark.executor.pyspark.memory` to hold Python to it; local disks of twice what
is shuffled; `work=` on a file system that all reach. Input must give the same rows each time it is read:
give Parquet, not a random sample.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from dedup.settings import Settings

try:
    import pyarrow  # noqa: F401
    import pyspark  # noqa: F401
except ImportError as error:
    raise ImportError(f"{error.name} is not installed; pip install 'news-dedup[spark]'") from error

from dedup.outlet import NOTHING, Profiles
from dedup.spark import blobs, job, pages
from dedup.spark.members import cluster_rows, to_clusters
from dedup.spark.stages import Stages

__all__ = ["JavaError", "clean", "cluster", "cluster_rows", "session", "to_clusters"]

_DEFAULTS = Settings()
_JAVA = 17


class JavaError(RuntimeError):
    """There is no Java runtime that Spark can use."""


def session(master: str = "local[*]", config: Mapping[str, str] | None = None) -> Any:
    """A SparkSession for `master` with these settings, or the one that is there.

    Raises `JavaError` where Spark would find no Java runtime that it can use.
    """
    check_java()
    from pyspark.sql import SparkSession  # noqa: PLC0415 - it takes a second

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("dedup")
    for name, value in (config or {}).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def check_java() -> None:
    """Raises `JavaError`, which says what to do, where there is no Java runtime of version 17 or later."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=os.path.join(home, "bin")) if home else shutil.which("java")  # noqa: PTH118
    todo = (
        f"install Java {_JAVA} (Debian, Ubuntu: apt install openjdk-17-jre-headless) or set JAVA_HOME to it"
    )
    if java is None:
        where = f"in JAVA_HOME ({home})" if home else "on the path"
        raise JavaError(f"Spark needs a Java runtime, and there is none {where}: {todo}")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    if found is None or int(found[1]) < _JAVA:
        version = found[1] if found else "unknown"
        raise JavaError(f"Spark needs Java {_JAVA} or later, and {java} is version {version}: {todo}")


def clean(
    frame: Any,
    *,
    profiles: Profiles = NOTHING,
    settings: Settings = _DEFAULTS,
    work: str | None = None,
    resume: bool = False,
    partitions: int | None = None,
    jobs: int = 1,
) -> Any:
    """The articles of pages, in the columns of `articles.jsonl`, with what other pages of the outlet say."""
    stages = Stages(frame.sparkSession, work, (settings, partitions), resume=resume)
    homes = blobs.homes(stages.fact("homes", lambda: partitions or job.homes_for(frame)))
    return pages.articles(frame, settings, stages, homes, known=profiles, most=pages.MOST, jobs=jobs)


def cluster(
    frame: Any,
    *,
    settings: Settings = _DEFAULTS,
    work: str | None = None,
    resume: bool = False,
    partitions: int | None = None,
) -> Any:
    """The paragraphs of every cluster of near-duplicates, a row each."""
    about = (settings.cluster, partitions)
    stages = Stages(frame.sparkSession, work, about, resume=resume)
    return job.find_members(frame, settings.cluster, stages, partitions=partitions)
