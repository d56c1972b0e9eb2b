"""The commands: `dedup clean`, `dedup cluster`, `dedup run`.

Only what `--version` and `--help` need is imported here; the library comes in when a command runs.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dedup.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dedup.types import Article, Cluster
    from dedup_cli.report import Report

app = typer.Typer(
    name="dedup",
    help="Turn scraped news pages into clean articles and show which outlets carry the same words.",
    epilog="Exit codes: 0 all well, 1 stopped, 2 wrong usage, 3 some inputs failed, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DEFAULTS = Settings().cluster
# What `dedup run` writes.
_RUN_FILES = ("articles.jsonl", "clusters.jsonl", "unique.jsonl")

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATHS",
        help="Files, folders, globs, or - for standard input: .html .htm .txt .md, these gzipped, and "
        ".jsonl records with html or text.",
        show_default=False,
    ),
]
Outlet = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Outlet of all pages; else by record, URL, folder.", show_default=False
    ),
]
Errors = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Where failed inputs go, as JSONL, not to the screen.", show_default=False
    ),
]
Jobs = Annotated[int, typer.Option("-j", "--jobs", min=1, metavar="N", help="Processes that clean pages.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only errors: no progress, no summary.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Every source, every block in full.")]
Threshold = Annotated[
    float, typer.Option(min=0.05, max=1.0, metavar="J", help="Least Jaccard similarity of two paragraphs.")
]
Shingle = Annotated[int, typer.Option(min=1, max=50, metavar="N", help="Characters in a shingle.")]
MinCharacters = Annotated[
    int, typer.Option(min=0, metavar="N", help="Shorter paragraphs join only as exact copies.")
]


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
    from concurrent.futures.process import BrokenProcessPool

    if isinstance(error, OSError) and error.strerror is not None:
        # A full disk or a device names no file.
        return f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    if isinstance(error, BrokenProcessPool):
        return "a process that cleans pages was killed, perhaps for want of memory; try a smaller -j"
    return f"stopped by {type(error).__name__}: {error} (DEDUP_TRACEBACK=1 shows where)"


def _complain(message: str) -> None:
    from dedup_cli.terminal import visible

    sys.stderr.write(f"dedup: {visible(message)}\n")


def _version(wanted: bool) -> None:
    if wanted:
        from dedup import __version__

        typer.echo(f"dedup {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    pass


@app.command()
def clean(
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
    errors: Errors = None,
    jobs: Jobs = 1,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Take the articles out of news pages and say what was stripped and why.

    Example: dedup clean raw/ -o articles.jsonl
    """
    from dedup_cli.output import article_destination, terminal
    from dedup_cli.report import Report
    from dedup_cli.terminal import article_table

    _check_place(output, paths, "-o")
    _check_place(errors, paths, "--errors")
    _check_apart(errors, output, f"articles.{form or 'jsonl'}")
    console = terminal() if output is None else None
    with Report(errors=errors, quiet=quiet, verbose=verbose, console=console) as report:
        articles = _articles(paths, outlet, jobs, report)
        if console and form is None:
            for article in articles:
                console.print(article_table(article, full=verbose))
        else:
            with article_destination(output, form or "jsonl") as put:
                for article in articles:
                    put(article)
    report.summary()
    raise typer.Exit(report.exit_code)


@app.command()
def cluster(
    path: Annotated[
        str,
        typer.Argument(
            metavar="ARTICLES.jsonl",
            help="Articles from dedup clean, or JSONL with id and text, where each line of text is a "
            "paragraph; - for standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write the clusters there.", show_default=False),
    ] = None,
    threshold: Threshold = _DEFAULTS.threshold,
    shingle: Shingle = _DEFAULTS.shingle,
    min_characters: MinCharacters = _DEFAULTS.min_characters,
    errors: Errors = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Find the paragraphs that articles share; every pair is verified with its true similarity.

    Example: dedup cluster articles.jsonl -o clusters.jsonl
    """
    from dedup import pipeline
    from dedup.rows import cluster_row, read_articles
    from dedup.write import json_line
    from dedup_cli.output import destination, lines_of, terminal
    from dedup_cli.report import Report
    from dedup_cli.terminal import cluster_table

    _check_place(output, [path], "-o")
    _check_place(errors, [path], "--errors")
    _check_apart(errors, output, "clusters.jsonl")
    # A named pipe too: `dedup cluster <(dedup clean raw/)`; it is read once.
    if path != "-" and not (Path(path).is_file() or Path(path).is_fifo()):
        raise typer.BadParameter(f"there is no file {path}", param_hint="ARTICLES.jsonl")
    console = terminal() if output is None else None
    settings = _settings(threshold, shingle, min_characters)
    with Report(errors=errors, quiet=quiet, verbose=verbose, console=console) as report:
        articles = report.records(read_articles(lines_of(path), path))
        with report.waiting("Comparing paragraphs"):
            clusters = pipeline.cluster(articles, settings=settings)
        if console:
            for number, one in enumerate(clusters, start=1):
                console.print(cluster_table(number, one, full=verbose))
        else:
            with destination(output, "clusters.jsonl") as write:
                for one in clusters:
                    write(json_line(cluster_row(one)))
    report.summary(_told(clusters))
    raise typer.Exit(report.exit_code)


@app.command()
def run(
    paths: Paths,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help="Write articles.jsonl, clusters.jsonl and unique.jsonl there.",
            show_default=False,
        ),
    ],
    keep: Annotated[
        Literal["earliest", "longest", "first"], typer.Option(help="Which copy of a shared paragraph stays.")
    ] = "earliest",
    threshold: Threshold = _DEFAULTS.threshold,
    shingle: Shingle = _DEFAULTS.shingle,
    min_characters: MinCharacters = _DEFAULTS.min_characters,
    outlet: Outlet = None,
    errors: Errors = None,
    jobs: Jobs = 1,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Clean, cluster, and write the articles with each repeated paragraph replaced by a reference.

    Example: dedup run raw/ -o out/
    """
    from dedup import pipeline
    from dedup.rows import article_row, cluster_row, unique_row
    from dedup.types import Keep
    from dedup.write import json_line, whole_file
    from dedup_cli.report import Report, count

    _check_place(output, paths, "-o", folder=True)
    _check_place(errors, paths, "--errors")
    _check_apart(errors, f"{output}/", *_RUN_FILES)
    settings = _settings(threshold, shingle, min_characters)
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    with Report(errors=errors, quiet=quiet, verbose=verbose) as report, ExitStack() as files:
        # All three appear together, at the end.
        article_file, cluster_file, unique_file = (
            files.enter_context(whole_file(folder / name)) for name in _RUN_FILES
        )
        articles = []
        for article in _articles(paths, outlet, jobs, report):
            article_file.write(json_line(article_row(article)))
            articles.append(article)
        with report.waiting("Comparing paragraphs"):
            clusters = pipeline.cluster(articles, settings=settings)
            uniques = pipeline.unique(articles, clusters, keep=Keep(keep), settings=settings)
        cluster_file.writelines(json_line(cluster_row(one)) for one in clusters)
        unique_file.writelines(json_line(unique_row(one)) for one in uniques)
    replaced = sum(reference is not None for one in uniques for reference in one.same_as)
    report.summary(_told(clusters), f"{count(replaced, 'paragraph')} replaced by a reference")
    raise typer.Exit(report.exit_code)


def _articles(paths: list[str], outlet: str | None, jobs: int, report: Report) -> Iterator[Article]:
    """Two looks at every page: what the pages of an outlet have in common, then each with that known."""
    from dedup.pipeline import clean_many, learn
    from dedup.read import read

    # Standard input can be read only once.
    kept = list(read(paths, outlet=outlet)) if "-" in paths else None
    first, second = (read(paths, outlet=outlet) if kept is None else kept for _ in range(2))
    profiles = learn(report.first_look(first, paths), jobs=jobs)
    yield from report.articles(clean_many(second, jobs=jobs, profiles=profiles), paths)


def _settings(threshold: float, shingle: int, min_characters: int) -> Settings:
    changed = replace(_DEFAULTS, threshold=threshold, shingle=shingle, min_characters=min_characters)
    return replace(Settings(), cluster=changed)


def _told(clusters: Iterable[Cluster]) -> str:
    from dedup_cli.report import count

    clusters = list(clusters)
    members = sum(len(one.members) for one in clusters)
    shared = sum(len(one.outlets) > 1 for one in clusters)
    return f"{count(len(clusters), 'cluster')} of {count(members, 'paragraph')}, {shared:,} across outlets"


def _check_place(output: str | None, inputs: list[str], option: str, *, folder: bool = False) -> None:
    """Refuses, before any work, a place that can't be written or that would be read as input."""
    if output is None or output == "-":
        return
    from dedup_cli.output import is_folder

    place = Path(output).resolve()
    if folder and place.exists() and not place.is_dir():
        raise typer.BadParameter(f"{output} is a file; give a folder", param_hint=option)
    if not folder and not is_folder(output) and not place.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {place.parent}", param_hint=option)
    for name in inputs:
        source = Path(name).resolve()
        if name != "-" and (place == source or (source.is_dir() and source in place.parents)):
            message = f"{output} lies in the input {name}, where the next run would read it as a page"
            raise typer.BadParameter(message, param_hint=option)


def _check_apart(errors: str | None, output: str | None, *names: str) -> None:
    """Refuses a file of errors that would replace the results; `names` are the files of an output folder."""
    if errors is None or output is None or output == "-":
        return
    from dedup_cli.output import is_folder

    place = Path(output)
    results = [place / name for name in names] if is_folder(output) else [place]
    if Path(errors).resolve() in [result.resolve() for result in results]:
        raise typer.BadParameter(
            f"{errors} is where the results go; give another file", param_hint="--errors"
        )
