"""`dedup run`: from pages to articles, what they share, and each repeated paragraph as a reference."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from dedup.settings import Settings
from dedup_cli import config, learning
from dedup_cli.options import (
    REPORT,
    Errors,
    Jobs,
    LeftOut,
    LogJson,
    MemoryLimit,
    MinCharacters,
    Outlet,
    Paths,
    Quiet,
    Shingle,
    Threshold,
    TimeLimit,
    Verbose,
    check_apart,
    check_place,
)

_DEFAULTS = Settings().cluster
# What it writes; those that `--without` leaves out come last.
_FILES = ("articles", "clusters", "unique", "stories", "links", "quotations", "passages")
_NAMES = (*(f"{name}.jsonl" for name in _FILES), "run.json")
# What a run has done so far, for `--resume`; hidden, so that no run reads it as input.
_JOURNAL = ".run.journal"


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(short_help="Do both, and replace repeats by references.")(run)


def run(
    context: typer.Context,
    paths: Paths,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help="Write articles, clusters, unique, stories, links, quotations and passages there, each as "
            "JSONL, and run.json.",
            show_default=False,
        ),
    ],
    keep: Annotated[
        Literal["earliest", "longest", "first"], typer.Option(help="Which copy of a shared paragraph stays.")
    ] = "earliest",
    without: Annotated[
        list[LeftOut] | None,
        typer.Option(help="Leave these out, to save time or room; may be repeated.", show_default=False),
    ] = None,
    threshold: Threshold = _DEFAULTS.threshold,
    shingle: Shingle = _DEFAULTS.shingle,
    min_characters: MinCharacters = _DEFAULTS.min_characters,
    outlet: Outlet = None,
    profiles: learning.Known = None,
    errors: Errors = None,
    engine: Annotated[
        str | None,
        typer.Option(
            metavar="spark[=MASTER]",
            help="Run on Apache Spark: PATHS and FOLDER hold Parquet or JSONL, wherever Spark reaches.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a run into this folder was stopped.")
    ] = False,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_json: LogJson = False,
) -> None:
    """Clean, cluster, and write the articles with each repeated paragraph replaced by a reference.

    Example: dedup run raw/ -o out/
    """
    settings = config.with_comparison(config.settings_of(context.obj), threshold, shingle, min_characters)
    settings = config.with_limits(settings, time_limit, memory_limit)
    if engine:
        if errors or without or keep != "earliest":
            why = "--engine writes failures into the folder, and no relations beyond clusters"
            raise typer.BadParameter(f"{why}: leave out --errors, --without and --keep")
        from dedup_cli.engine import run as run_on

        code = run_on(
            engine,
            paths,
            output,
            settings,
            outlet=outlet,
            known=profiles,
            jobs=jobs,
            resume=resume,
            quiet=quiet,
            log_json=log_json,
        )
        raise typer.Exit(code)
    check_place(output, paths, "-o", folder=True)
    check_place(errors, paths, "--errors")
    check_apart(errors, f"{output}/", *_NAMES)
    from dedup import workers

    workers.prepare()  # it loads while this process does
    from dedup import pipeline, sharing
    from dedup.journal import Journal
    from dedup.rows import article_row, unique_row
    from dedup.types import Keep
    from dedup.write import json_line, whole_file
    from dedup_cli import pages
    from dedup_cli.forms import itself
    from dedup_cli.report import Report

    left_out = set(without or ())
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        Report(errors=errors, quiet=quiet, verbose=verbose, log_json=log_json) as report,
        Journal(folder / _JOURNAL, resume=resume) as journal,
        ExitStack() as files,
        closing(pages.articles(paths, outlet, profiles, jobs, report, settings, itself, journal)) as cleaned,
    ):
        for name in _NAMES:
            for left in folder.glob(f".{name}.*.part"):  # of a run that was killed
                left.unlink()
        file = {
            name: files.enter_context(whole_file(folder / f"{name}.jsonl"))
            for name in _FILES
            if name not in left_out
        }
        articles = []
        for article in cleaned:
            file["articles"].write(json_line(article_row(article)))
            articles.append(article)
        with report.comparing(articles) as told:
            found = sharing.relations(
                articles,
                quotations="quotations" not in left_out,
                passages="passages" not in left_out,
                settings=config.with_workers(settings, jobs),
                told=told,
            )
            uniques = pipeline.unique(articles, found.clusters, keep=Keep(keep), settings=settings)
        report.relations(found, [name for name in _FILES[3:] if name not in left_out])
        report.replaced(sum(reference is not None for one in uniques for reference in one.same_as))
        file["unique"].writelines(json_line(unique_row(one)) for one in uniques)
        for name in file.keys() - {"articles", "unique"}:
            file[name].writelines(report.writing(found, name))
        run_file = files.enter_context(whole_file(folder / "run.json"))
        run_file.write(json_line({**report.figures(), "settings": asdict(settings)}))
        files.close()  # all appear together
        for name in left_out:
            (folder / f"{name}.jsonl").unlink(missing_ok=True)  # of an earlier run, of other articles
        report.outdated(folder / REPORT)
        journal.remove()
    report.summary()
    raise typer.Exit(report.exit_code)
