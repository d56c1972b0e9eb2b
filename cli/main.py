"""The program's start, and the commands `dedup clean` and `dedup cluster`.

Only what `--version` and `--help` need is imported here; the library comes in when a command runs.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from typer.core import TyperGroup

from dedup.settings import Settings
from dedup_cli import config, index, learning, look, run
from dedup_cli.options import (
    Errors,
    Jobs,
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
    check_different,
    check_place,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dedup.types import Article


class _Program(TyperGroup):
    """All commands; their options take the settings for defaults."""

    def invoke(self, ctx: Any) -> Any:
        """Finds the settings, then does the command."""
        words = itertools.takewhile(lambda word: word != "--", ctx.args)
        try:
            found = config.resolve(Path(), os.environ)
        except config.ConfigError as error:
            if not any(word in ctx.help_option_names for word in words):
                raise typer.BadParameter(str(error)) from None
            # A user with a broken file needs help most.
            _complain(f"{error} (what follows shows the defaults)")
            found = config.resolve(None, {})
        ctx.obj, ctx.default_map = found, config.option_defaults(found)
        return super().invoke(ctx)


app = typer.Typer(
    name="dedup",
    help="Turn scraped news pages into clean articles and show which outlets carry the same words.",
    epilog="Exit codes: 0 all well, 1 stopped or different (diff), 2 wrong usage, 3 some inputs failed, "
    "130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DEFAULTS = Settings().cluster


def main() -> None:
    """The `dedup` command: runs it and leaves with its exit code; no traceback reaches the user."""
    # As after Ctrl-C, what was begun is cleaned up; the code is what a shell says of a run so ended.
    for ending in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        app(prog_name="dedup")
    except SystemExit as leaving:
        if leaving.code == 130:
            _complain("interrupted")
        raise
    except KeyboardInterrupt:
        _complain("interrupted")
        sys.exit(130)
    except Exception as error:
        if os.environ.get("DEDUP_TRACEBACK"):
            raise
        _complain(_why_stopped(error))
        sys.exit(1)


def _why_stopped(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror is not None:
        # A full disk or a device names no file.
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    if type(error).__name__ == "WorkerError":
        return str(error)
    return f"stopped by {type(error).__name__}: {error} (DEDUP_TRACEBACK=1 shows where)"


def _complain(message: str) -> None:
    from dedup_cli.terminal import visible

    sys.stderr.write(f"dedup: {visible(message)}\n")


def _version(wanted: bool) -> None:
    if wanted:
        from dedup import __version__

        typer.echo(f"dedup {__version__}")
        raise typer.Exit


@app.callback(cls=_Program)
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Options of the program itself."""


@app.command(short_help="Take the articles out of news pages.")
def clean(
    context: typer.Context,
    paths: Paths,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|FOLDER",
            help="Write there. A folder ends in / or exists; md and txt put a file per article in it.",
            show_default=False,
        ),
    ] = None,
    form: Annotated[
        Literal["jsonl", "md", "txt"] | None,
        typer.Option("--format", help="Default: a table on a terminal, else jsonl.", show_default=False),
    ] = None,
    outlet: Outlet = None,
    profiles: learning.Known = None,
    errors: Errors = None,
    jobs: Jobs = 1,
    time_limit: TimeLimit = None,
    memory_limit: MemoryLimit = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_json: LogJson = False,
) -> None:
    """Take the articles out of news pages and say what was stripped and why.

    Example: dedup clean raw/ -o articles.jsonl
    """
    check_place(output, paths, "-o")
    check_place(errors, paths, "--errors")
    check_apart(errors, output, f"articles.{form or 'jsonl'}")
    from dedup_cli import pages
    from dedup_cli.forms import itself, named_file
    from dedup_cli.output import article_destination, terminal
    from dedup_cli.report import Report
    from dedup_cli.terminal import article_table

    console = terminal() if output is None else None
    tables = console if form is None else None
    make: Callable[[Article], object] = itself if tables else partial(named_file, form=form or "jsonl")
    settings = config.with_limits(config.settings_of(context.obj), time_limit, memory_limit)
    with (
        Report(errors=errors, quiet=quiet, verbose=verbose, log_json=log_json, console=console) as report,
        closing(pages.articles(paths, outlet, profiles, jobs, report, settings, make)) as articles,
    ):
        if tables:
            for article in cast("Iterator[Article]", articles):
                tables.print(article_table(article, full=verbose))
        else:
            with article_destination(output, form or "jsonl") as put:
                for name, content in cast("Iterator[tuple[str, bytes]]", articles):
                    put(name, content)
    report.summary()
    raise typer.Exit(report.exit_code)


@app.command(short_help="Find the paragraphs that articles share.")
def cluster(
    context: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            metavar="ARTICLES.jsonl",
            help="Articles from dedup clean; or JSONL with id and text, where each line of text is a "
            "paragraph; or links from --links, to be clustered at another threshold without comparing "
            "again; - for standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the clusters there.", show_default=False),
    ] = None,
    links: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Write every verified pair with its similarity.", show_default=False
        ),
    ] = None,
    quotations: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Find paragraphs that stand within longer ones, and write them.",
            show_default=False,
        ),
    ] = None,
    passages: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Find the words that otherwise different paragraphs share, and write them.",
            show_default=False,
        ),
    ] = None,
    stories: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Write which articles carry one story, who had it first, what changed.",
            show_default=False,
        ),
    ] = None,
    threshold: Threshold = _DEFAULTS.threshold,
    shingle: Shingle = _DEFAULTS.shingle,
    min_characters: MinCharacters = _DEFAULTS.min_characters,
    errors: Errors = None,
    jobs: Jobs = 1,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_json: LogJson = False,
) -> None:
    """Find the paragraphs that articles share; every pair is verified with its true similarity.

    Example: dedup cluster articles.jsonl -o clusters.jsonl --links links.jsonl
    """
    from dedup import sharing
    from dedup.relation_rows import cluster_row, is_link, read_links
    from dedup.rows import read_articles
    from dedup.write import json_line
    from dedup_cli.output import destination, first_line, lines_of, terminal, whole_files
    from dedup_cli.report import Report
    from dedup_cli.terminal import cluster_table

    extras = {"links": links, "quotations": quotations, "passages": passages, "stories": stories}
    check_place(output, [path], "-o")
    for name, place in (extras | {"errors": errors}).items():
        check_place(place, [path], f"--{name}")
    check_apart(errors, output, "clusters.jsonl")
    check_different(clusters=output, errors=errors, **extras)
    # A named pipe too: `dedup cluster <(dedup clean raw/)`; it is read once.
    if path != "-" and not (Path(path).is_file() or Path(path).is_fifo()):
        raise typer.BadParameter(f"there is no file {path}", param_hint="ARTICLES.jsonl")
    first, lines = first_line(lines_of(path))
    stored = is_link(first)
    if stored and any(extras.values()):
        raise typer.BadParameter(f"{path} holds links: from them come clusters alone", param_hint="--links")
    console = terminal() if output is None else None
    settings = config.with_comparison(config.settings_of(context.obj), threshold, shingle, min_characters)
    settings = config.with_workers(settings, jobs)
    with Report(errors=errors, quiet=quiet, verbose=verbose, log_json=log_json, console=console) as report:
        if stored:
            known = list(report.records(read_links(report.lines(lines, path), path)))
            again = sharing.rethreshold(known, threshold)
            clusters = again.clusters
            report.clusters(clusters, again.histogram)
            report.stored([link.similarity for link in known], threshold)
        else:
            articles = list(report.records(read_articles(report.lines(lines, path), path)))
            with report.comparing(articles) as told:
                found = sharing.relations(
                    articles,
                    quotations=bool(quotations),
                    passages=bool(passages),
                    settings=settings,
                    told=told,
                )
            clusters = found.clusters
            report.relations(found, [name for name, place in extras.items() if place])
            whole_files({place: report.writing(found, name) for name, place in extras.items() if place})
        if console:
            for number, one in enumerate(clusters, start=1):
                console.print(cluster_table(number, one, full=verbose))
        else:
            with destination(output, "clusters.jsonl") as write:
                for one in clusters:
                    write(json_line(cluster_row(one)))
    report.summary()
    raise typer.Exit(report.exit_code)


run.register(app)
learning.register(app)
look.register(app)
app.add_typer(index.app, name="index")
