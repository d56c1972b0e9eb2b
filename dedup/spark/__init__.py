"""The same job on Apache Spark, for a crawl that one machine does not hold.

    from dedup import spark

    session = spark.session()                                # or a SparkSession of one's own
    articles = spark.clean(session.read.parquet("pages/"))   # columns html, url, ...
    members = spark.cluster(articles)                        # a row for every paragraph in a cluster

Needs the extra `spark` and a Java 17 runtime; executors need dedup too.
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
