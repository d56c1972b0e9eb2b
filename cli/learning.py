"""The commands that learn: `dedup learn` and `dedup profiles` for outlets, `dedup train` for the judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dedup_cli import config
from dedup_cli.options import AsJson, Errors, Jobs, LogJson, Outlet, Paths, Quiet, Verbose, check_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dedup.outlet import Profiles
    from dedup.types import Failure, Source

Known = Annotated[
    list[str] | None,
    typer.Option(
        "--profiles",
        metavar="FILE",
        help="Outlet profiles of dedup learn to use; may be repeated.",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    app.command(short_help="Learn what the pages of each outlet have in common.")(learn)
    app.command(short_help="Show what is known of each outlet.")(profiles)
    app.command(short_help="Train the judge on pages with gold text.")(train)


def load(places: list[str] | None, hint: str = "--profiles") -> Profiles:
    """The profiles of all files, merged; a usage error at `hint` for a file that is none."""
    from dedup.outlet import NOTHING, ProfileError, merge, parse

    merged = NOTHING
    for place in places or ():
        try:
            found = parse(Path(place).read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            raise typer.BadParameter(f"{place}: this is no JSON ({error})", param_hint=hint) from error
        except (ProfileError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise typer.BadParameter(f"{place}: {reason}", param_hint=hint) from error
        merged = merge(merged, found) if merged is not NOTHING else found
    return merged


def learn(
    context: typer.Context,
    paths: Paths,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FILE", help="The file of profiles.", show_default=False)
    ],
    known: Known = None,
    outlet: Outlet = None,
    errors: Errors = None,
    jobs: Jobs = 1,
    quiet: Quiet = False,
    verbose: Verbose = False,
    log_json: LogJson = False,
) -> None:
    """Learn what the pages of each outlet have in common, for later pages of the same outlets.

    With --profiles what these files know is kept and added to.

    Example: dedup learn raw/ -o outlets.json
    """
    from dedup import pipeline
    from dedup.outlet import dump
    from dedup.read import read
    from dedup.types import Failure
    from dedup.write import whole_file
    from dedup_cli.report import Report

    check_place(output, paths, "-o")
    check_place(errors, paths, "--errors")
    settings = config.settings_of(context.obj)
    before = load(known)
    with Report(errors=errors, quiet=quiet, verbose=verbose, log_json=log_json) as report:
        read_so_far = 0

        def sources() -> Iterator[Source | Failure]:
            nonlocal read_so_far
            for source in report.first_look(read(paths, outlet=outlet), paths):
                read_so_far += 1
                if isinstance(source, Failure):
                    report.fail(source)
                yield source

        found = pipeline.learn(sources(), jobs=jobs, profiles=before, settings=settings)
    with whole_file(Path(output)) as file:
        file.write(dump(found).encode() + b"\n")
    if not quiet:
        pages = _pages(found) - _pages(before)
        typer.echo(
            f"learned {pages} of {read_so_far} pages; {_pages(found)} pages of {len(found.outlets)} outlets"
            f" in {output}",
            err=True,
        )
    raise typer.Exit(report.exit_code)


def _pages(known: Profiles) -> int:
    return sum(profile.learned for profile in known.outlets.values())


def profiles(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Files of dedup learn.")],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write all merged.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show for each outlet how many pages and articles are known, and whether its places are trusted.

    Profiles of one outlet in two files are added up unless they have a page or an article in common;
    then the one of more articles counts.

    Example: dedup profiles outlets.json
    """
    from dedup.outlet import dump
    from dedup.write import json_line, whole_file
    from dedup_cli.terminal import show, table

    settings = config.settings_of(context.obj)
    found = load(files, "FILE")
    if output is not None:
        check_place(output, [], "-o")
        with whole_file(Path(output)) as file:
            file.write(dump(found).encode() + b"\n")
    rows = [
        {
            "outlet": name,
            "pages": profile.learned,
            "articles": profile.witnesses,
            "blocks": len(profile.blocks),
            "places": len(profile.places),
            "trusted": bool(profile.places) and profile.witnesses >= settings.outlet.trusted,
        }
        for name, profile in sorted(found.outlets.items())
    ]
    if as_json:
        for row in rows:
            typer.echo(json_line(row).decode(), nl=False)
    else:
        show(table(rows))


def train(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR", help="Folders with gold.jsonl (id, outlet, gold) and html/<id>.html[.gz]."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FOLDER", help="Where the models go.", show_default=False),
    ],
) -> None:
    """Train the judge on pages with gold text; takes seconds a page. Needs news-dedup[train].

    Use the models with the setting judge.models = "FOLDER".

    Example: dedup train pages/ -o models/
    """
    try:
        from dedup.examples import TrainingError
        from dedup.train import train_folders, write_models

        trained = train_folders(folders)
    except ModuleNotFoundError as error:
        if error.name not in {"inscriptis", "lightgbm", "scipy"}:
            raise
        message = f"training needs {error.name}; pip install 'news-dedup[train]'"
        raise typer.BadParameter(message) from error
    except TrainingError as error:
        raise typer.BadParameter(str(error), param_hint="DIR") from error
    write_models(trained, output)
    for name, one in trained.items():
        for folder, score in one.record["held_out"].items():
            figures = "  ".join(f"{measure} {value:.4f}" for measure, value in score.items())
            typer.echo(f"{name:6} {folder:20} {figures}  on outlets held out")
