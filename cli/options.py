"""Options that several commands have, and the checks of places before any work is done."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

# What `dedup report` writes in a folder of `dedup run`.
REPORT = "report.html"

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATHS",
        help="Files, folders, globs, or - for standard input: .html .htm .txt .md, these gzipped, "
        ".jsonl records with html or text; with their extras .warc .parquet .arrow.",
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
Jobs = Annotated[
    int, typer.Option("-j", "--jobs", min=1, metavar="N", help="Processes or threads that work.")
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="S", help="Seconds for one page, 0 for no limit; default 20.", show_default=False
    ),
]
MemoryLimit = Annotated[
    int | None,
    typer.Option(
        min=0, metavar="MB", help="Memory for one page, 0 for no limit; default 2000.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only errors: no progress, no summary.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Every source, every block in full.")]
LogJson = Annotated[bool, typer.Option("--log-json", help="Errors and the summary as JSON lines.")]
Threshold = Annotated[
    float, typer.Option(min=0.05, max=1.0, metavar="J", help="Least Jaccard similarity of two paragraphs.")
]
Shingle = Annotated[int, typer.Option(min=1, max=50, metavar="N", help="Characters in a shingle.")]
MinCharacters = Annotated[
    int, typer.Option(min=0, metavar="N", help="Shorter paragraphs join only as exact copies.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON for machines.")]


class LeftOut(StrEnum):
    """What a run need not find."""

    LINKS = "links"
    QUOTATIONS = "quotations"
    PASSAGES = "passages"


def check_place(output: str | None, inputs: list[str], option: str, *, folder: bool = False) -> None:
    """Refuses, before any work, a place that can't be written or that would be read as input."""
    if output is None or output == "-":
        return
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


def check_apart(errors: str | None, output: str | None, *names: str) -> None:
    """Refuses a file of errors that would replace the results; `names` are the files of an output folder."""
    if errors is None or output is None or output == "-":
        return
    place = Path(output)
    results = [place / name for name in names] if is_folder(output) else [place]
    if Path(errors).resolve() in [result.resolve() for result in results]:
        raise typer.BadParameter(
            f"{errors} is where the results go; give another file", param_hint="--errors"
        )


def check_different(**places: str | None) -> None:
    """Refuses two outputs in one file; the names are those of the options."""
    taken: dict[Path, str] = {}
    for name, place in places.items():
        if place is not None and place != "-":
            other = taken.setdefault(Path(place).resolve(), name)
            if other != name:
                message = f"{place} is also where the {other} go; give another file"
                raise typer.BadParameter(message, param_hint=f"--{name}")


def is_folder(output: str) -> bool:
    """An output that ends in a slash, or is a folder already, is a folder."""
    return output.endswith(("/", os.sep)) or Path(output).is_dir()
