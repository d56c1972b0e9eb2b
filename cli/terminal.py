"""What a person sees: text made safe for a terminal, and tables of articles and clusters.

Page text is a stranger's: everything of it that reaches a terminal goes through `visible`.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from dedup.types import Article, Cluster, JudgedBlock, Member, Spread
from dedup.write import json_line

Row = dict[str, Any]

# Longest text of one cell where the terminal shows only its beginning anyway.
_EXCERPT = 300
# Joiners that scripts and emoji need; of all other format characters none may steer the terminal.
_JOINERS = "\u200c\u200d"


def visible(text: str, *, keep: str = "") -> str:
    r"""The text with everything that steers a terminal or turns its direction shown as an escape.

    >>> visible("円\x1b[31m\u202e\n")
    '円\\u001b[31m\\u202e\\u000a'
    """
    if text.isprintable():
        return text
    return "".join(character if _harmless(character, keep) else _escape(character) for character in text)


def _harmless(character: str, keep: str) -> bool:
    return (
        character.isprintable()
        or character in keep
        or character in _JOINERS
        or unicodedata.category(character) in ("Zs", "Co", "Cn")
    )


def _escape(character: str) -> str:
    """As JSON writes it, so that a line of JSON stays one."""
    number = ord(character)
    if number < 0x10000:
        return f"\\u{number:04x}"
    high, low = divmod(number - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def show(what: RenderableType | Row, *, pager: bool = False) -> None:
    """Prints to standard output: a row as a line of JSON, else for people, in a pager if it is long."""
    if isinstance(what, dict):
        sys.stdout.write(visible(json_line(what).decode(), keep="\n"))
        return
    console = Console(highlight=False)
    if pager and console.is_terminal and sys.stdin.isatty():
        # As git does: short output needs no pager, styles are passed on, the screen is left as it was.
        os.environ.setdefault("LESS", "FRX")
        with console.pager(styles=True):
            console.print(what)
    else:
        console.print(what)


def table(rows: Sequence[Row]) -> RenderableType:
    """Rows of equal keys, the keys over the columns; numbers stand right."""
    drawn = Table(box=None, pad_edge=False)
    for name in rows[0] if rows else ():
        number = isinstance(rows[0][name], int) and not isinstance(rows[0][name], bool)
        drawn.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(_word(value) for value in row.values()))
    return drawn


def _word(value: object) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return Text(f"{value:,}" if isinstance(value, int) else visible(str(value)))


def article_table(article: Article, *, full: bool) -> RenderableType:
    """What was kept (+) and stripped (-) of an article and why, in the order of the source.

    Neighbours stripped for the same reason share a row, unless `full` asks for every block in full.
    """
    known = (
        article.source,
        article.outlet,
        article.published,
        article.author,
        article.agency,
        article.language,
        article.encoding.name,
    )
    table = _table(full, ("", 20, None), ("text", None, 1), ("why", None, 1))
    for same, blocks in groupby(_in_order(article), key=_label):
        together = list(blocks)
        if full or same.startswith("+"):
            for block in together:
                table.add_row(*_cells(same, block.block.text, _why(block, full), full))
        else:
            number = f"({len(together)}) " if len(together) > 1 else ""
            text = number + " / ".join(block.block.text for block in together)
            table.add_row(*_cells(same, text, _why(together[0], full), full))
    if not article.text:
        table.add_row(Text("! no article text", style="yellow"), Text(), Text())
    return Group(
        Text(visible(article.title or "(no title)"), style="bold"),
        Text(visible(" · ".join(part for part in known if part)), style="dim"),
        table,
        Text(),
    )


def cluster_table(number: int, cluster: Cluster, *, full: bool) -> RenderableType:
    """A cluster: each member with its similarity, its outlet, where it stands and its words."""
    table = _table(full, ("alike", 5, None), ("outlet", 20, None), ("document", 16, None), ("text", None, 1))
    for member in cluster.members:
        paragraph = member.paragraph
        table.add_row(
            Text(f"{member.similarity:.3f}"),
            Text(visible(paragraph.outlet or "")),
            Text(visible(f"{paragraph.document[:12]}#{paragraph.index}")),
            _member_text(member, full=full),
        )
    outlets = ", ".join(cluster.outlets) or "no outlet known"
    kind = cluster.kind.value.replace("_", " ")
    title = f"Cluster {number}: {kind}, {len(cluster.members)} paragraphs, {outlets}"
    if cluster.spread is Spread.WITHIN_OUTLET:
        title += " (its own repeats)"
    return Group(Text(visible(title), style="bold"), table, Text())


def _member_text(member: Member, *, full: bool) -> Text:
    """The facts that differ from the representative, first because a cell may be cut; then the words."""
    text = Text()
    for change in member.changes:
        text.append(visible(f"{change.left} → {change.right} "), style="bold yellow")
    return text.append(visible(member.paragraph.text if full else member.paragraph.text[:_EXCERPT]))


def _table(full: bool, *columns: tuple[str, int | None, int | None]) -> Table:
    """Columns are (header, width in cells, share of the rest); only `full` cells go over several lines."""
    table = Table(box=None, show_header=False, expand=True, padding=(0, 1, 0, 0))
    for header, width, ratio in columns:
        table.add_column(
            header, width=width, ratio=ratio, no_wrap=not full, overflow="fold" if full else "ellipsis"
        )
    return table


def _in_order(article: Article) -> Sequence[JudgedBlock]:
    headline = (article.headline,) if article.headline else ()
    return sorted(
        (*headline, *article.paragraphs, *article.stripped),
        key=lambda block: (block.block.start, block.block.end),
    )


def _label(block: JudgedBlock) -> str:
    verdict = block.verdict
    kind, reason = verdict.kind, verdict.reason
    return f"+ {kind.value if kind else ''}" if reason is None else f"- {reason.value}"


def _cells(label: str, text: str, why: str, full: bool) -> Iterator[Text]:
    style = "green" if label.startswith("+") else "red"
    yield Text(label.replace("_", " "), style=style)
    yield Text(visible(text if full else text[:_EXCERPT]), style="" if label.startswith("+") else "dim")
    yield Text(visible(why), style="dim")


def _why(block: JudgedBlock, full: bool) -> str:
    """The last evidence that agrees with the verdict, witnesses go from general to special; or all of it."""
    evidence = block.verdict.evidence
    sign = 1 if block.verdict.reason is None else -1
    agreeing = [one for one in evidence if sign * one.vote > 0]
    return "; ".join(f"{one.witness}: {one.says}" for one in (evidence if full else agreeing[-1:]))
