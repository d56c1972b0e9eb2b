"""The man page, made from the help of the commands, so that both say the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

# What the page says besides the help of the commands.
_FILES = (
    ("dedup.toml", "Settings of the working folder, as dedup config prints them."),
    ("pyproject.toml", "The same in [tool.dedup]; dedup.toml goes before it."),
)
_ENVIRONMENT = (
    ("DEDUP_...", "A setting: DEDUP_JOBS is jobs, DEDUP_CLUSTER_THRESHOLD is cluster.threshold."),
    ("DEDUP_TRACEBACK", "If set, a fault of this program shows where it happened."),
    ("NO_COLOR", "If set, nothing is coloured."),
    ("PAGER", "What shows long output on a terminal."),
)


def manual(context: typer.Context) -> str:
    """The page dedup(1) in roff; `context` is that of any command of the program."""
    root = context.find_root()
    group = root.command
    assert isinstance(group, TyperGroup)  # noqa: S101 - the program is a group of commands
    lines = [".TH DEDUP 1", ".SH NAME", f"dedup \\- {_roff(group.help or '')}", ".SH SYNOPSIS"]
    lines += [".B dedup", "COMMAND [OPTIONS] [ARGUMENTS]", ".SH COMMANDS"]
    lines += _commands(group, root)
    for title, entries in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        lines.append(f".SH {title}")
        for name, told in entries:
            lines += [".TP", f".B {_roff(name)}", _roff(told)]
    lines += [".SH EXIT STATUS", *_paragraphs((group.epilog or "").removeprefix("Exit codes: "))]
    return "\n".join(lines) + "\n"


def _commands(group: TyperGroup, parent: Any, prefix: str = "") -> Iterator[str]:
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        inner = typer.Context(command, info_name=name, parent=parent)
        yield from (f".SS {_roff(prefix + name)}", *_paragraphs(command.help or ""), *_options(inner))
        if isinstance(command, TyperGroup):
            yield from _commands(command, inner, f"{prefix}{name} ")


def _options(context: typer.Context) -> Iterator[str]:
    for parameter in context.command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            yield from (".TP", f".B {_roff(record[0])}", _roff(record[1]))


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(text.split("\n\n")):
        yield from ([".PP"] if number else [])
        yield _roff(" ".join(paragraph.split()))


def _roff(text: str) -> str:
    """Text that roff shows as it is: no line begins a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text
