"""`dedup run` on Spark: files to files, on whatever file systems Spark reaches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dedup._version import __version__
from dedup.outlet import NOTHING, Profiles
from dedup.settings import Settings
from dedup.spark import blobs, job, members, pages
from dedup.spark.stages import Stages

_FORMS = {".parquet": "parquet", ".jsonl": "json", ".ndjson": "json", ".json": "json"}
_PAGE = ("id", "html", "text", "url", "outlet", "published", "encoding")


def run(
    spark: Any,
    paths: Sequence[str],
    output: str,
    *,
    settings: Settings,
    outlet: str | None = None,
    profiles: Profiles = NOTHING,
    resume: bool = False,
    jobs: int = 1,
    partitions: int | None = None,
) -> dict[str, int]:
    """Clean and cluster the pages of Parquet or JSONL files; return how many there are of what.

    The folder `output` gets `articles`, `failures`, `members` and `clusters`, each a folder in the form of
    the input, and `run.json`; it is there when all of it is. Stages lie beside it, in a folder whose name
    begins with a dot, until then. Raises `ValueError` for paths that are neither.
    """
    form = form_of(spark, paths)
    place = output.rstrip("/")
    parent, slash, name = place.rpartition("/")
    work = f"{parent}{slash}.{name}.part"
    stages = Stages(spark, work, (paths, outlet, settings, partitions), resume=resume)
    frame = read(spark, paths, form, outlet)
    homes = blobs.homes(stages.fact("page-homes", lambda: partitions or job.homes_for(frame)))

    def cleaned() -> Any:
        return pages.articles(frame, settings, stages, homes, known=profiles, most=pages.MOST, jobs=jobs)

    both = stages.keep("cleaned", cleaned)
    failed = both.where("error is not null").select("source", "error", "message")
    there = both.where("error is null").drop("error", "message")
    found = {
        "articles": stages.result("out/articles", lambda: there, form),
        "failures": stages.result("out/failures", lambda: failed, form),
    }

    def clustered() -> Any:
        inner = stages.within("clustering")
        return job.find_members(there, settings.cluster, inner, partitions=partitions)

    found["members"] = stages.result("out/members", clustered, form)
    found["clusters"] = stages.result("out/clusters", lambda: members.cluster_rows(found["members"]), form)
    counts = {name: stages.fact(f"count-{name}", frame.count) for name, frame in found.items()}
    told = {"version": __version__, "engine": "spark", **counts, "settings": asdict(settings)}
    stages.write("out/run.json", json.dumps(told) + "\n")
    for name in found:
        stages.drop(f"out/{name}.schema")
    stages.commit("out", place)
    return counts


def read(spark: Any, paths: Sequence[str], form: str, outlet: str | None = None) -> Any:
    """Pages of files: records as `dedup run` reads them, with `html` or `text`."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - not everywhere

    if form == "json":
        frame = spark.read.schema(", ".join(f"{name} string" for name in _PAGE)).json(list(paths))
    else:
        frame = spark.read.parquet(*paths)
    there = set(frame.columns)
    # A record is known by its file and its id, else by its address, else by its content.
    content = f.coalesce(*(f.col(name).cast("string") for name in ("html", "text") if name in there))
    names = [f.col(name).cast("string") for name in ("id", "url") if name in there]
    known = f.coalesce(*names, f.hex(f.xxhash64(content)))
    frame = frame.withColumn("key", f.concat_ws("#", f.col("_metadata.file_name"), known))
    frame = frame.withColumn("source", f.concat_ws("#", f.col("_metadata.file_path"), known))
    return frame.withColumn("outlet", f.lit(outlet)) if outlet else frame


def form_of(spark: Any, paths: Sequence[str]) -> str:
    """`parquet` or `json`, by the names of the files. Raises `ValueError`."""
    forms = {_form(spark, path) for path in paths}
    if len(forms) != 1 or None in forms:
        raise ValueError(
            "the Spark engine reads Parquet or JSONL (.parquet, .jsonl, .ndjson, .json, gzipped or not), "
            "one of them at a time; write pages as records with `html` or `text`, `url` and `id`"
        )
    (form,) = forms
    return form or ""


def _form(spark: Any, path: str) -> str | None:
    place = spark._jvm.org.apache.hadoop.fs.Path(path)
    files = place.getFileSystem(spark._jsc.hadoopConfiguration())
    found = files.globStatus(place) or []
    names = [status.getPath() for status in found]
    for status in found:
        if status.isDirectory():
            names += [inner.getPath() for inner in files.listStatus(status.getPath())]
    suffixes = [
        suffix
        for name in names
        for suffix in _FORMS
        if name.getName().lower().removesuffix(".gz").removesuffix(".bz2").endswith(suffix)
    ]
    forms = {_FORMS[suffix] for suffix in suffixes}
    return forms.pop() if len(forms) == 1 else None
