"""`dedup run --engine spark`: the same job on a cluster, or on this machine from disk."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import typer

from dedup_cli import learning

if TYPE_CHECKING:
    from dedup.settings import Settings


def run(
    engine: str,
    paths: list[str],
    output: str,
    settings: Settings,
    *,
    outlet: str | None,
    known: list[str] | None,
    jobs: int,
    resume: bool,
    quiet: bool,
    log_json: bool,
) -> int:
    """Run it and say what came out; returns the exit code."""
    name, _, master = engine.partition("=")
    if name != "spark":
        raise typer.BadParameter(f"{engine} is no engine; give spark or spark=MASTER", param_hint="--engine")
    try:
        from dedup import spark
        from dedup.spark import files
    except ImportError as error:
        raise typer.BadParameter(str(error), param_hint="--engine") from None
    try:
        session = spark.session(
            master or "local[*]", {"spark.ui.showConsoleProgress": str(not quiet).lower()}
        )
        counts = files.run(
            session,
            [_place(path) for path in paths],
            _place(output),
            settings=settings,
            outlet=outlet,
            profiles=learning.load(known),
            resume=resume,
            jobs=jobs,
        )
    except spark.JavaError as error:
        raise typer.BadParameter(str(error), param_hint="--engine") from None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="PATHS") from None
    if not quiet:
        told = (
            json.dumps(counts)
            if log_json
            else ", ".join(f"{count:,} {what}" for what, count in counts.items())
        )
        typer.echo(told, err=True)
    return 3 if counts["failures"] else 0


def _place(path: str) -> str:
    """An address as it is; a path of this machine from its root, for Spark may stand in another folder."""
    return path if "://" in path else os.path.abspath(path)  # noqa: PTH100 - it may hold a pattern
