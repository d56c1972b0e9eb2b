"""The commands that show: `dedup explain`, `dedup diff`, `dedup report`, `dedup config`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dedup_cli import config
from dedup_cli.options import REPORT, AsJson, Outlet, check_place

if TYPE_CHECKING:
    from dedup.settings import Settings
    from dedup.types import Article


def register(app: typer.Typer) -> None:
    """Adds these commands to the program."""
    app.command(short_help="Show what was stripped from a page and why; or compare two.")(explain)
    app.command(short_help="Compare two runs, for use in CI.")(diff)
    app.command(short_help="Write a run as one HTML file to look at.")(report)
    app.command("config", short_help="Show every setting and where it comes from.")(show_config)
    app.command(hidden=True)(manual)


def explain(
    context: typer.Context,
    first: Annotated[
        str,
        typer.Argument(
            metavar="FILE|A",
            help="A page, or the id of an article of a run; or a paragraph.",
            show_default=False,
        ),
    ],
    second: Annotated[
        str | None,
        typer.Argument(metavar="B", help="The paragraph to compare it with.", show_default=False),
    ] = None,
    why: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="Only the blocks that hold TEXT, with every witness.", show_default=False
        ),
    ] = None,
    among: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Pages of the same outlet, to judge as dedup run does.", show_default=False
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="OUT",
            help="A folder of dedup run: A and B are ids of articles there, or id#number of a paragraph.",
            show_default=False,
        ),
    ] = None,
    outlet: Outlet = None,
    as_json: AsJson = False,
) -> None:
    """Show a page as it was, what was stripped and why; or compare two paragraphs.

    Example: dedup explain raw/page.html --why "Read more"
    """
    settings = config.settings_of(context.obj)
    if second is None:
        pages = _pages(first, among, outlet, run, settings)
        raise typer.Exit(_explain_pages(pages, why, as_json=as_json))
    if why or among or outlet:
        raise typer.BadParameter("--why, --among and --outlet go with one FILE, not with A and B")
    _explain_pair(first, second, run, settings, as_json=as_json)


def _explain_pair(left: str, right: str, run: str | None, settings: Settings, *, as_json: bool) -> None:
    from dedup.explanation import explain as compare
    from dedup.runs import find_text, read_rows
    from dedup_cli import views
    from dedup_cli.terminal import show

    if run is not None:
        with _usage():
            left, right = (find_text(read_rows(Path(run), "articles"), name) for name in (left, right))
    found = compare(left, right, settings=settings)
    show(views.comparison_row(found) if as_json else views.comparison(found, settings.cluster.threshold))


def _explain_pages(
    pages: Iterable[tuple[str, tuple[Article, ...]]], why: str | None, *, as_json: bool
) -> int:
    """Shows pages, or the blocks of them that hold `why`; returns the exit code."""
    from rich.console import Group

    from dedup.explanation import in_order
    from dedup_cli import views
    from dedup_cli.terminal import show

    told, held, code = [], False, 0
    for source, articles in pages:
        if not articles:
            code = 3
            continue
        blocks = in_order(articles)
        if why is not None:
            blocks = tuple(one for one in blocks if why.casefold() in one.block.text.casefold())
            held = held or bool(blocks)
        if as_json:
            show(views.page_row(source, articles, blocks))
        else:
            told.append(views.page(articles, blocks) if why is None else views.witnesses(blocks))
    if why is not None and not held and not code:
        raise typer.BadParameter(f"no block holds {why!r}", param_hint="--why")
    if told:
        show(Group(*told), pager=True)
    return code


def _pages(
    name: str, among: str | None, outlet: str | None, run: str | None, settings: Settings
) -> Iterator[tuple[str, tuple[Article, ...]]]:
    """Each page and its articles; of an input that failed none, when why has been said."""
    from dedup.pipeline import clean_many, learn
    from dedup.read import read
    from dedup_cli.report import Report

    if run is not None:
        with _usage():
            yield name, (_stored(Path(run), name),)
        return
    profiles = learn(read([among or name], outlet=outlet), settings=settings)
    with Report(errors=None, quiet=True, verbose=False) as report:
        for cleaned in clean_many(read([name], outlet=outlet), profiles=profiles, settings=settings):
            if cleaned.failure is not None:
                report.fail(cleaned.failure)
            yield cleaned.source, cleaned.articles


def _stored(folder: Path, name: str) -> Article:
    from dedup.rows import article_of
    from dedup.runs import find_article, read_rows

    return article_of(find_article(read_rows(folder, "articles"), name))


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A folder of dedup run.", show_default=False)],
    new: Annotated[
        str, typer.Argument(metavar="NEW", help="Another, of the same pages.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Say what one run keeps or strips and the other does not; exit code 1 if they differ.

    Example: dedup diff old/ new/
    """
    from dedup.runs import diff as compare
    from dedup_cli import views
    from dedup_cli.terminal import show

    with _usage():
        found = compare(Path(old), Path(new))
    show(views.difference_row(found) if as_json else views.difference(found), pager=not as_json)
    raise typer.Exit(1 if views.differs(found) else 0)


def report(
    folder: Annotated[str, typer.Argument(metavar="OUT", help="A folder of dedup run.", show_default=False)],
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Default: report.html in OUT.", show_default=False
        ),
    ] = None,
) -> None:
    """Write a run as one HTML file to look at: what was stripped and why, who copied whom.

    Example: dedup report out/ -o report.html
    """
    from dedup.viewer import report as make
    from dedup_cli.output import destination

    place = output or str(Path(folder) / REPORT)
    if not Path(folder).is_dir():
        raise typer.BadParameter(f"there is no folder {folder}", param_hint="OUT")
    check_place(place, [], "-o")
    with _usage(), destination(place, REPORT) as write:
        for part in make(Path(folder)):
            write(part)
    if place != "-":
        typer.echo(place)


def show_config(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every setting, its value and where it came from, as a dedup.toml.

    Example: dedup config
    """
    from dedup_cli.terminal import show

    if as_json:
        show({key: {"value": one.value, "origin": one.origin} for key, one in context.obj.items()})
    else:
        for line, origin in config.as_toml(context.obj):
            typer.echo(f"{line:<40}# {origin}" if origin else line)


def manual(context: typer.Context) -> None:
    """Print the man page: dedup manual > dedup.1."""
    from dedup_cli.manual import manual as page

    typer.echo(page(context), nl=False)


@contextmanager
def _usage() -> Iterator[None]:
    """A folder or a name that is none is wrong usage."""
    try:
        yield
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
