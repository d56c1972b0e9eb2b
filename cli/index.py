"""The commands of the live index: `dedup index add`, `query`, `stats`, `expire`, `export`, `check`.

`add` and `query` answer every line before they read the next, so that they can stand in a pipe.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from dedup_cli import config

if TYPE_CHECKING:
    from dedup.index import Index
    from dedup.settings import Settings
    from dedup.types import Answer, Article

app = typer.Typer(
    name="index",
    short_help="Keep paragraphs; ask what of an article was seen.",
    help="Keep paragraphs in an index, and ask what of an article was seen before.\n\n"
    "INDEX is a file, made where there is none, or redis://host:port/database#name.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Place = Annotated[str, typer.Argument(metavar="INDEX", show_default=False)]
Articles = Annotated[
    str,
    typer.Argument(
        metavar="ARTICLES.jsonl", help="Articles, as dedup cluster takes them; - for standard input."
    ),
]
Limit = Annotated[int, typer.Option(min=1, metavar="N", help="Most matches told for a paragraph.")]
Facts = Annotated[
    bool, typer.Option("--facts", help="Tell near matches with another number, date or name apart.")
]
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _span(text: str) -> timedelta:
    """A time like 90m, 12h, 30d or 2w."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if not found:
        raise typer.BadParameter(f"{text} is no time; write 90m, 12h, 30d or 2w")
    return timedelta(seconds=float(found[1]) * _SPANS[found[2]])


def _size(text: str) -> int:
    """A number of bytes like 500M or 2G."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", text)
    if not found:
        raise typer.BadParameter(f"{text} is no size; write 500M or 2G")
    return int(float(found[1]) * _SIZES[found[2]])


@app.command(short_help="Put articles in and tell what was known of each.")
def add(
    context: typer.Context,
    place: Place,
    articles: Articles = "-",
    replaces: Annotated[
        bool, typer.Option("--replace", help="An article with a known id takes the place of the known one.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.05,
            max=1.0,
            metavar="J",
            help="Least similarity; one made otherwise is refused. Default: as made, else cluster.threshold.",
            show_default=False,
        ),
    ] = None,
    durable: Annotated[
        bool, typer.Option("--durable", help="Wait for the disk at every article: power may fail.")
    ] = False,
    limit: Limit = 10,
    facts: Facts = False,
) -> None:
    """Put articles in; one line out for one line in: what was known of the article just before.

    The same id with the same words changes nothing.

    Example: dedup index add news.index articles.jsonl
    """
    settings = config.settings_of(context.obj)
    if threshold is not None:
        settings = replace(settings, cluster=replace(settings.cluster, threshold=threshold))
    # Settings are for all that this folder does; an index keeps those it was made with.
    with _opened(place, settings, strict=threshold is not None, durable=durable) as index:
        _answers(articles, lambda article: index.add(article, replace=replaces, limit=limit, facts=facts))


@app.command(short_help="Tell what is known of articles.")
def query(
    context: typer.Context,
    place: Place,
    articles: Articles = "-",
    window: Annotated[
        timedelta | None,
        typer.Option(
            parser=_span, metavar="TIME", help="Only what came in so long ago, as 7d.", show_default=False
        ),
    ] = None,
    limit: Limit = 10,
    facts: Facts = False,
) -> None:
    """Tell what is known of articles without putting them in; one line out for one line in.

    Example: dedup index query news.index articles.jsonl --window 7d
    """
    with _opened(place, config.settings_of(context.obj), read_only=True) as index:
        _answers(articles, lambda article: index.query(article, window=window, limit=limit, facts=facts))


@app.command(short_help="Say how much an index holds.")
def stats(context: typer.Context, place: Place) -> None:
    """Say how much an index holds, as a line of JSON.

    Example: dedup index stats news.index
    """
    from dedup.index.rows import stats_row
    from dedup.write import json_line

    with _opened(place, config.settings_of(context.obj), read_only=True) as index:
        _write(json_line(stats_row(index.stats())))


@app.command(short_help="Forget old articles and give back the space.")
def expire(
    context: typer.Context,
    place: Place,
    older_than: Annotated[
        timedelta | None,
        typer.Option(
            parser=_span, metavar="TIME", help="Those that came in longer ago, as 30d.", show_default=False
        ),
    ] = None,
    paragraphs: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Keep at most so many paragraphs.", show_default=False),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            "--bytes", parser=_size, metavar="SIZE", help="Keep it about so small, as 2G.", show_default=False
        ),
    ] = None,
) -> None:
    """Forget articles, the longest known first, and give the space back.

    Example: dedup index expire news.index --older-than 90d
    """
    if older_than is None and paragraphs is None and size is None:
        raise typer.BadParameter("say what to forget: --older-than, --paragraphs or --bytes")
    with _opened(place, config.settings_of(context.obj), must_exist=True) as index:
        gone = index.expire(older_than=older_than, paragraphs=paragraphs, bytes=size)
    typer.echo(f"{gone:,} articles forgotten", err=True)


@app.command(short_help="Write all articles of an index.")
def export(context: typer.Context, place: Place) -> None:
    """Write all articles as JSON lines that dedup cluster and dedup index add read.

    Example: dedup index export news.index
    """
    from dedup.index.rows import export_row
    from dedup.write import json_line

    with _opened(place, config.settings_of(context.obj), read_only=True) as index:
        for article, seen in index.export():
            _write(json_line(export_row(article, seen)))


@app.command(short_help="Look for damage.")
def check(context: typer.Context, place: Place) -> None:
    """Read all of an index and say what is wrong with it; exit code 1 if anything is.

    Example: dedup index check news.index
    """
    with _opened(place, config.settings_of(context.obj), read_only=True) as index:
        faults = index.check()
    for fault in faults:
        typer.echo(fault)
    raise typer.Exit(1 if faults else 0)


@contextmanager
def _opened(
    place: str,
    settings: Settings,
    *,
    strict: bool = False,
    durable: bool = False,
    read_only: bool = False,
    must_exist: bool = False,
) -> Iterator[Index]:
    """The index; what is wrong with it ends the command with a sentence."""
    from dedup.index import Index, StoreError
    from dedup_cli.terminal import visible

    try:
        if must_exist:
            Index(place, read_only=True).close()
        with Index(place, settings=settings, strict=strict, durable=durable, read_only=read_only) as index:
            yield index
    except StoreError as error:
        sys.stderr.write(f"dedup: {visible(str(error))}\n")
        raise typer.Exit(1) from None


def _answers(path: str, answer: Callable[[Article], Answer]) -> None:
    """A line for every record: the answer, or why there is none."""
    from dedup.index import StoreError
    from dedup.index.rows import answer_row
    from dedup.rows import failure_row, read_articles
    from dedup.types import Failure
    from dedup.write import json_line
    from dedup_cli.output import lines_of

    failed = False
    for number, line in enumerate(lines_of(path), start=1):
        # Line by line: an id may come again, today and tomorrow.
        for record in read_articles([line], path):
            source = f"{path}#{number}"
            told: Answer | Failure
            if isinstance(record, Failure):
                told = replace(record, source=source)
            elif not record.paragraphs:
                told = Failure(source, "no_text", "the record has no paragraphs; it was left out")
            else:
                try:
                    told = answer(record)
                except StoreError as error:
                    if error.error != "conflict":
                        raise
                    told = Failure(source, error.error, str(error))
            failed |= isinstance(told, Failure)
            _write(json_line(failure_row(told) if isinstance(told, Failure) else answer_row(told)))
    raise typer.Exit(3 if failed else 0)


def _write(line: bytes) -> None:
    from dedup_cli.output import destination

    with destination(None, "") as write:
        write(line)
