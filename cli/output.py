"""Where results go: a terminal, standard output, a file or a folder."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import typer
from rich.console import Console

from dedup.relation_rows import cluster_row, link_row, passage_row, quotation_row, story_row
from dedup.types import Relations
from dedup.write import json_line, whole_file
from dedup_cli.forms import Form
from dedup_cli.options import is_folder
from dedup_cli.terminal import visible

# Between the articles of one Markdown or text stream; in Markdown it is a rule.
_SEPARATOR = b"\n----\n\n"


def terminal() -> Console | None:
    """Standard output, if a person reads it."""
    if not sys.stdout.isatty():
        return None
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False)


@contextmanager
def destination(output: str | None, name: str) -> Iterator[Callable[[bytes], object]]:
    """What to call with bytes for standard output, for a file, or for the file `name` of a folder.

    A file is there when the block ends, complete, or not at all.
    """
    if output is None or output == "-":
        yield _to_stdout
        return
    path = Path(output)
    if is_folder(output):
        path.mkdir(parents=True, exist_ok=True)
        path /= name
    with whole_file(path) as file:
        yield file.write


@contextmanager
def article_destination(output: str | None, form: Form) -> Iterator[Callable[[str, bytes], object]]:
    """What to call with articles as files. Of Markdown and text, a folder gets one for each article."""
    if output is not None and is_folder(output) and form != "jsonl":
        folder = Path(output)
        folder.mkdir(parents=True, exist_ok=True)
        yield lambda name, content: _one_file(folder / name, content)
        return
    with destination(output, f"articles.{form}") as write:
        yield _one_stream(write, form)


def lines_of(path: str) -> Iterator[bytes]:
    """The lines of a file, gzipped or not, or of standard input for `-`."""
    raw = io.FileIO(0 if path == "-" else path, closefd=path != "-")
    with io.BufferedReader(raw) as file:
        if file.peek(2)[:2] == b"\x1f\x8b":
            with gzip.open(file) as unpacked:
                yield from unpacked
        else:
            yield from file


def first_line(lines: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first line, empty if there is none, and all lines with it."""
    first = next(lines, b"")
    return first, chain([first], lines)


def relation_rows(found: Relations, name: str) -> Iterator[bytes]:
    """The lines of the file `clusters`, `links`, `quotations`, `passages` or `stories`."""
    match name:
        case "clusters":
            yield from (json_line(cluster_row(one)) for one in found.clusters)
        case "links":
            yield from (json_line(link_row(one)) for one in found.links)
        case "quotations":
            yield from (json_line(quotation_row(one)) for one in found.quotations)
        case "passages":
            yield from (json_line(passage_row(one)) for one in found.passages)
        case "stories":
            yield from (json_line(story_row(one)) for one in found.stories)
        case _:
            raise ValueError(name)


def whole_files(contents: Mapping[str, Iterable[bytes]]) -> None:
    """Files by place with their lines; `-` is standard output."""
    for place, lines in contents.items():
        with destination(place, "") as write:
            for line in lines:
                write(line)


def _to_stdout(data: bytes) -> None:
    """Writes at once. A reader that has gone away (`| head`) ends the run quietly."""
    if sys.stdout.isatty():
        data = visible(data.decode("utf-8"), keep="\n\t").encode("utf-8")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # What is still buffered must go somewhere when the interpreter closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def _one_stream(write: Callable[[bytes], object], form: Form) -> Callable[[str, bytes], object]:
    between = b""

    def put(_name: str, content: bytes) -> None:
        nonlocal between
        write(between + content)
        between = b"" if form == "jsonl" else _SEPARATOR

    return put


def _one_file(path: Path, content: bytes) -> None:
    with whole_file(path) as file:
        file.write(content)
