"""What `dedup explain` and `dedup diff` show: for people as tables of a terminal, for machines as rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from dedup.types import Article, ArticleChange, Comparison, Difference, JudgedBlock, Kind, Reason
from dedup_cli.report import count, plain
from dedup_cli.terminal import visible

Row = dict[str, Any]

# Width of the margin: the longest reason, and a sign.
_MARGIN = max(len(reason) for reason in Reason) + 2


def page(articles: Sequence[Article], blocks: Sequence[JudgedBlock]) -> RenderableType:
    """A document as it was: kept lines plain, stripped ones dimmed, with the reason in the margin."""
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(width=_MARGIN)
    table.add_column(ratio=1, overflow="fold")  # Japanese has no spaces to break lines at
    for judged in blocks:
        kind, reason = judged.verdict.kind, judged.verdict.reason
        text = visible(judged.block.text)
        if reason is not None:
            table.add_row(Text(f"- {plain(reason)}", style="red"), Text(text, style="dim"))
        else:
            named = "" if kind in (None, Kind.PARAGRAPH) else plain(kind)
            table.add_row(Text(named, style="green"), Text(text, style="bold" if kind is Kind.TITLE else ""))
    kept = sum(len(one.block.text) for one in blocks if one.verdict.reason is None)
    total = sum(len(one.block.text) for one in blocks)
    known = [articles[0].source, articles[0].outlet, articles[0].published, articles[0].encoding.name]
    told = [count(len(articles), "article"), f"{kept:,} of {count(total, 'character')} kept"]
    return Group(
        Text(visible(" · ".join(part for part in known if part)), style="bold"),
        Text(" · ".join(told)),
        Rule(style="dim"),
        table,
        Rule(style="dim"),
    )


def witnesses(blocks: Sequence[JudgedBlock]) -> RenderableType:
    """Who spoke for and against each block."""
    return Group(*(_witnesses(judged) for judged in blocks))


def _witnesses(judged: JudgedBlock) -> RenderableType:
    verdict = judged.verdict
    says = f"stripped: {plain(verdict.reason)}" if verdict.reason else f"kept: {plain(verdict.kind or '')}"
    table = _lined(4)
    for side, sign in (("for", 1), ("against", -1), ("neither", 0)):
        for one in verdict.evidence:
            if (one.vote > 0) - (one.vote < 0) == sign:
                vote = f"{one.vote:+.2f}" if one.vote else ""
                table.add_row(*(Text(visible(cell)) for cell in (side, vote, one.witness, one.says)))
    if not verdict.evidence:
        table.add_row(Text("no evidence was stored: a run keeps it of what was stripped; give the page"))
    return Group(
        Text(visible(judged.block.text)),
        Text(visible(says), style="red" if verdict.reason else "green"),
        Padding(table, (0, 0, 1, 2)),
    )


def _lined(columns: int) -> Table:
    """A table without lines; a cell that is too long goes on in the next line, with spaces in it or not."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        table.add_column(overflow="fold")
    return table


def page_row(source: str, articles: Sequence[Article], blocks: Sequence[JudgedBlock]) -> Row:
    """The same for machines; spans are characters of the decoded source."""
    return {
        "source": source,
        "articles": [{"id": article.id, "title": article.title} for article in articles],
        "blocks": [
            {
                "text": judged.block.text,
                "kind": judged.verdict.kind,
                "reason": judged.verdict.reason,
                "evidence": [asdict(one) for one in judged.verdict.evidence],
                "start": judged.block.start,
                "end": judged.block.end,
            }
            for judged in blocks
        ],
    }


def comparison(found: Comparison, threshold: float) -> RenderableType:
    """Two texts: the figures, and the texts with what differs marked."""
    union = found.left_shingles + found.right_shingles - found.shared_shingles
    if found.kind:
        verdict = plain(found.kind)
    elif found.similarity < threshold:
        verdict = f"apart: below the threshold of {threshold:g}"
    else:
        verdict = "apart: too short to join but as exact copies"
    numbers = ", ".join(map(str, found.shared_bands)) or "none: they would never be compared"
    rows = {
        "verdict": verdict,
        "Jaccard": f"{found.similarity:.3f}, {found.shared_shingles:,} of {union:,} shingles in both",
        "containment": f"{found.containment:.3f} of the smaller in the larger",
        "bands shared": f"{len(found.shared_bands)} of {found.bands} (of {found.rows} rows each): {numbers}",
    }
    table = _lined(2)
    for name, told in rows.items():
        table.add_row(Text(name, style="bold"), Text(told))
    for change in found.changes:
        table.add_row(
            Text(f"{change.fact} differs", style="bold yellow"),
            Text(visible(f"{change.left} → {change.right}")),
        )
    table.add_row()
    left = [(edit.left_start, edit.left_end) for edit in found.edits]
    right = [(edit.right_start, edit.right_end) for edit in found.edits]
    table.add_row(Text("A", style="bold"), _Marked(found.left, left, "[-", "-]", "red"))
    table.add_row(Text("B", style="bold"), _Marked(found.right, right, "{+", "+}", "green"))
    table.add_row()
    table.add_row(Text("A compared as", style="dim"), Text(visible(found.left_compared), style="dim"))
    table.add_row(Text("B compared as", style="dim"), Text(visible(found.right_compared), style="dim"))
    return table


class _Marked:
    """A text with some spans in colour, or in brackets where there is none."""

    def __init__(
        self, text: str, spans: Sequence[tuple[int, int]], opening: str, closing: str, colour: str
    ) -> None:
        self._text, self._spans = text, spans
        self._opening, self._closing, self._colour = opening, closing, colour

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        coloured = console.color_system is not None and not console.no_color
        told, done = Text(), 0
        for start, end in self._spans:
            if start == end:
                continue
            told.append(visible(self._text[done:start]))
            words = visible(self._text[start:end])
            told.append(
                words if coloured else f"{self._opening}{words}{self._closing}",
                style=f"bold {self._colour} underline",
            )
            done = end
        yield told.append(visible(self._text[done:]))


def comparison_row(found: Comparison) -> Row:
    """The same for machines."""
    return asdict(found)


def differs(found: Difference) -> bool:
    """Whether there is any difference."""
    return found != Difference((), (), (), (), ())


def difference(found: Difference) -> RenderableType:
    """What a new run keeps or strips: `+` is kept now, `-` stripped now, `~` judged otherwise."""
    parts: list[RenderableType] = []
    for sign, places in (("+", found.added), ("-", found.removed)):
        parts += [Text(visible(f"{sign} article {source}#{number}")) for source, number in places]
    parts += [_article_change(change) for change in found.changed]
    for sign, colour, groups in (
        ("+", "green", found.clusters_added),
        ("-", "red", found.clusters_removed),
    ):
        for members in groups:
            parts.append(Text(f"{sign} cluster of {count(len(members), 'paragraph')}", style=colour))
            parts += [
                Padding(Text(visible(member), no_wrap=True, overflow="ellipsis"), (0, 0, 0, 2))
                for member in members
            ]
    articles = len(found.changed)
    told = f"{count(articles, 'article')} changed, {len(found.added):,} added, {len(found.removed):,} removed"
    clusters = f"{len(found.clusters_added):,} clusters new, {len(found.clusters_removed):,} gone"
    return Group(*parts, Text(f"{told}; {clusters}" if differs(found) else "no difference", style="bold"))


def _article_change(change: ArticleChange) -> RenderableType:
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(width=_MARGIN)
    table.add_column(width=_MARGIN)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for name, old, new in change.fields:
        table.add_row(Text(f"~ {plain(name)}"), Text(), Text(visible(f"{old or '-'} → {new or '-'}")))
    for block in change.blocks:
        sign, colour = _direction(block.old, block.new)
        cells = (f"{sign} {_state(block.old)}", f"→ {_state(block.new)}", block.text)
        table.add_row(*(Text(visible(cell), style=colour) for cell in cells))
    title = f"{change.source}#{change.ordinal}"
    return Group(Text(visible(title), style="bold"), Padding(table, (0, 0, 1, 2)))


def _direction(old: Kind | Reason | None, new: Kind | Reason | None) -> tuple[str, str]:
    before, after = isinstance(old, Kind), isinstance(new, Kind)
    if before == after:
        return "~", ""
    return ("+", "green") if after else ("-", "red")


def _state(verdict: Kind | Reason | None) -> str:
    return plain(verdict) if verdict else "(not there)"


def difference_row(found: Difference) -> Row:
    """The same for machines."""
    return asdict(found)
