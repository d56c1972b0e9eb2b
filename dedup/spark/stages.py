"""What a job has finished, kept as Parquet: a job that was stopped goes on from there.

A stage is a folder that is there when it is complete: Spark writes its marker `_SUCCESS` last. It also cuts
off what a later stage would have to do again when an executor is lost, as a checkpoint does.
"""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from dedup._version import __version__

# Records that a job was given, and settings, beside the stages.
_ABOUT = "about.json"


class Stages:
    """The stages of a job in the folder `work`, on whatever file system Spark writes to.

    `about` is all that the stages depend on. With `resume` those of an earlier job that was about the same
    are used, else they are dropped. Without a folder one of this machine is made, which serves a `local`
    master only, and goes when the program ends.
    """

    def __init__(self, spark: Any, work: str | None, about: object, *, resume: bool = False) -> None:
        self._spark, self._about = spark, about
        if work is None:
            if not spark.sparkContext.master.startswith("local"):
                raise ValueError("executors on other machines need a folder that all can reach: give work=")
            work = tempfile.mkdtemp(prefix="dedup-spark-")
            atexit.register(shutil.rmtree, work, ignore_errors=True)
        self.folder = work.rstrip("/")
        told = json.dumps([__version__, repr(about)])
        if not resume or self._read(_ABOUT) != told:
            self._delete("")
            self._write(_ABOUT, told)

    def within(self, name: str) -> Stages:
        """Stages of a part of the job, in a folder of their own."""
        return Stages(self._spark, f"{self.folder}/{name}", self._about, resume=True)

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        """The stage of that name, made and written if it is not there."""
        place = f"{self.folder}/{name}"
        if not self.has(name):
            # Records are serialized already: what finds repeats in them finds none.
            writer = make().write.mode("overwrite").option("compression", "lz4_raw")
            writer.option("parquet.enable.dictionary", "false").parquet(place)
        return self._spark.read.parquet(place)

    def result(self, name: str, make: Callable[[], Any], form: str) -> Any:
        """The same for what users read: Parquet as others write it, or a JSON object a line."""
        place = f"{self.folder}/{name}"
        if not self.has(name):
            frame = make()
            self._write(f"{name}.schema", frame.schema.json())
            frame.write.mode("overwrite").format(form).option("ignoreNullFields", "false").save(place)
        from pyspark.sql.types import StructType  # noqa: PLC0415 - not everywhere

        schema = StructType.fromJson(json.loads(self._read(f"{name}.schema") or "{}"))
        return self._spark.read.schema(schema).format(form).load(place)

    def has(self, name: str) -> bool:
        """Whether the stage is complete."""
        path, files = self._path(f"{name}/_SUCCESS")
        return bool(files.exists(path))

    def drop(self, name: str) -> None:
        """The stage is needed no more."""
        self._delete(name)

    def fact(self, name: str, make: Callable[[], Any]) -> Any:
        """A small value of JSON, found once."""
        told = self._read(f"{name}.json")
        if told is None:
            told = json.dumps(make())
            self._write(f"{name}.json", told)
        return json.loads(told)

    def commit(self, name: str, output: str) -> None:
        """The folder `name` becomes `output` in one step, and the rest is dropped.

        What stood at `output` is moved aside for that moment. Where a file system renames folders file by
        file (S3), a reader may see a part.
        """
        source, files = self._path(name)
        target = self._spark._jvm.org.apache.hadoop.fs.Path(output)
        aside = self._spark._jvm.org.apache.hadoop.fs.Path(f"{self.folder}/replaced")
        if files.exists(target):
            files.rename(target, aside)
        if not files.rename(source, target):
            raise OSError(f"{source.toString()} could not be renamed to {output}")
        self._delete("")

    def write(self, name: str, content: str) -> None:
        """A small file."""
        self._write(name, content)

    def _path(self, name: str) -> tuple[Any, Any]:
        path = self._spark._jvm.org.apache.hadoop.fs.Path(f"{self.folder}/{name}")
        return path, path.getFileSystem(self._spark._jsc.hadoopConfiguration())

    def _delete(self, name: str) -> None:
        path, files = self._path(name)
        files.delete(path, True)

    def _read(self, name: str) -> str | None:
        path, files = self._path(name)
        if not files.exists(path):
            return None
        stream = files.open(path)
        try:
            return bytes(stream.readAllBytes()).decode()
        finally:
            stream.close()

    def _write(self, name: str, content: str) -> None:
        path, files = self._path(name)
        stream = files.create(path, True)
        try:
            stream.write(bytearray(content.encode()))
        finally:
            stream.close()
