"""The other side of a run, on standard error: progress, errors, warnings and the summary."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
)
from rich.table import Table
from rich.text import Text

from dedup.read import count as count_sources
from dedup.rows import failure_row
from dedup.types import Article, Cluster, Failure, Link, Reason, Relation, Relations, Source, Spread
from dedup.write import json_line, whole_file
from dedup_cli.forms import Counted, Made, Told
from dedup_cli.output import relation_rows
from dedup_cli.terminal import visible

Record = TypeVar("Record", Article, Link)

# Reasons named in the summary; -v names all.
_TOP_REASONS = 5
# Inputs that fail alike which a terminal shows; -v shows all.
_ALIKE = 10
# Articles without text that the summary names; -v names all.
_NAMED = 3
# Seconds of work after which the speed of this machine is half believed.
_LITTLE = 3.0
# Rows that are written between two looks at the clock.
_ROWS = 100
# Stands in the first bytes of every report.
_MADE_HERE = b'<meta name="generator" content="dedup">'
_HEAD = 2_000
# Columns of a summary on a wide terminal: longer lines are hard to read.
_WIDEST = 100


class Report:
    """Counts what a run does and tells it. Use it as a context manager around the run.

    Failures become one line each on standard error, or of JSON in the file `errors`, which is there
    after every run that ends, empty if nothing failed. `console` is where the progress bar is drawn:
    the terminal that results are printed to, if there is one, so that they do not overwrite each other.
    With `log_json` all that is said is one JSON object a line, with its `event`, and there is no bar.
    """

    def __init__(
        self,
        *,
        errors: str | None,
        quiet: bool,
        verbose: bool,
        log_json: bool = False,
        console: Console | None = None,
    ) -> None:
        self.quiet = quiet
        self._log_json = log_json
        self.verbose = verbose
        self.failed = 0
        self._failed_as: Counter[str] = Counter()
        self._errors = errors
        self._error_file: BinaryIO | None = None
        self._stack = ExitStack()
        self._console = console if console and sys.stderr.isatty() else Console(stderr=True)
        self._lively = not (quiet or log_json) and sys.stderr.isatty()
        self._tables = console is not None
        self._sources = 0
        self._articles = 0
        self._looked = 0
        self._read = 0
        self._paragraphs = 0
        self._without_text = 0
        self._named: list[str] = []  # of those without text
        self._kept = 0
        self._stripped: Counter[Reason] = Counter()
        self._rows: dict[str, str] = {}
        self._figures: dict[str, object] = {}
        self._started = time.perf_counter()

    def __enter__(self) -> Self:
        if self._errors is not None:
            self._error_file = self._stack.enter_context(whole_file(Path(self._errors)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def exit_code(self) -> int:
        """3 if some inputs failed, else 0."""
        return 3 if self.failed else 0

    def first_look(
        self, sources: Iterable[Source | Failure], paths: Sequence[str]
    ) -> Iterator[Source | Failure]:
        """Passes on the sources in `paths` as they are looked at before cleaning, and shows progress."""
        total = count_sources(paths) if self._lively else None
        with self._bar("Comparing pages", total) as (progress, task):
            for number, source in enumerate(sources, start=1):
                yield source
                self._looked = number
                rate = number / (time.perf_counter() - self._started)
                # A file of records is one file, and holds nobody knows how many.
                known = total if total is None or number <= total else None
                progress.update(task, completed=number, total=known, told=f"{rate:,.0f} pages/s")

    def articles(self, pages: Iterable[Told[Made]]) -> Iterator[Made]:
        """Passes on the articles; counts, reports failures, shows progress.

        How many pages there are is known from the first look.
        """
        started = time.perf_counter()
        with self._bar("Cleaning", self._looked or None) as (progress, task):
            for one in pages:
                self._sources += 1
                if one.failure is not None:
                    self.fail(one.failure)
                for article in one.articles:
                    self._count(article)
                    yield article.made
                rate = self._sources / (time.perf_counter() - started)
                progress.update(task, advance=1, told=f"{self._articles:,} articles, {rate:,.0f} pages/s")

    @contextmanager
    def comparing(self, articles: Sequence[Article]) -> Iterator[Callable[[str, float, float], object]]:
        """Progress while paragraphs are compared; what it gives is to be told the work (`dedup.relations`).

        The work is in seconds of another machine: how long the rest takes here is told by what was done
        here so far, and as it stands while that is little (compiled code loads first).
        """
        paragraphs = sum(len(article.paragraphs) for article in articles)
        started = time.perf_counter()
        with self._bar("Comparing", None, counted=False) as (progress, task):

            def tell(part: str, done: float, total: float) -> None:
                now = time.perf_counter()
                slower = (now - started + _LITTLE) / (done + _LITTLE)
                rate = paragraphs * done / total / max(now - started, 1e-3) if done else 0
                told = f"{part}, {rate:,.0f} paragraphs/s" if rate else part
                until = now + slower * (total - done)
                progress.update(task, completed=done, total=total, told=told, until=until)

            yield tell

    def writing(self, found: Relations, name: str) -> Iterator[bytes]:
        """The lines of a file of relations, some of which take a while to make, and shows progress."""
        started = time.perf_counter()
        with self._bar(f"Writing {name}", len(getattr(found, name))) as (progress, task):
            for number, row in enumerate(relation_rows(found, name), start=1):
                yield row
                if number % _ROWS == 0:
                    rate = number / (time.perf_counter() - started)
                    progress.update(task, completed=number, told=f"{rate:,.0f}/s")

    def lines(self, lines: Iterable[bytes], path: str) -> Iterator[bytes]:
        """Passes on the lines of a file, and shows how far they are read."""
        known = self._lively and path != "-" and Path(path).is_file() and not path.endswith(".gz")
        total = Path(path).stat().st_size if known else None
        with self._bar("Reading", total, counted=False) as (progress, task):
            for number, line in enumerate(lines, start=1):
                yield line
                rate = number / (time.perf_counter() - self._started)
                progress.update(task, advance=len(line), told=f"{number:,} records, {rate:,.0f}/s")

    def records(self, read: Iterable[Record | Failure]) -> Iterator[Record]:
        """Passes on the articles or links that were read from records, and reports the failures."""
        for one in read:
            if isinstance(one, Failure):
                self.fail(one)
                continue
            if isinstance(one, Article):
                self._read += 1
                self._paragraphs += len(one.paragraphs)
            yield one

    def fail(self, failure: Failure) -> None:
        """One input that could not be used."""
        self.failed += 1
        self._failed_as[failure.error] += 1
        if self._error_file is not None:
            self._error_file.write(json_line(failure_row(failure)))
        elif self._log_json:
            self._log("failure", failure_row(failure))
        elif self.verbose or not self._console.is_terminal or self._failed_as[failure.error] <= _ALIKE:
            self._say(f"{failure.source}: {failure.message} ({failure.error})", style="red")
        elif self._failed_as[failure.error] == _ALIKE + 1:
            more = f"more inputs with {failure.error} are counted; -v or --errors FILE names them"
            self._say(more, style="red")

    def clusters(self, clusters: Sequence[Cluster], histogram: Sequence[int]) -> None:
        """What clustering found, for the summary."""
        members = sum(len(one.members) for one in clusters)
        kinds = Counter(one.kind for one in clusters)
        spreads = Counter(one.spread for one in clusters)
        self._figures["clusters"] = {kind.value: kinds[kind] for kind in Relation}
        self._figures["spread"] = {spread.value: spreads[spread] for spread in Spread}
        self._figures["histogram"] = list(histogram)
        told = f"{len(clusters):,} of {count(members, 'paragraph')}"
        if clusters:
            told += ": " + ", ".join(f"{kinds[kind]:,} {plain(kind)}" for kind in Relation if kinds[kind])
            told += f"; {spreads[Spread.ACROSS_OUTLETS]:,} across outlets (syndication)"
            told += f", {spreads[Spread.WITHIN_OUTLET]:,} within one outlet (its own repeats)"
            told += f", {spreads[Spread.UNKNOWN]:,} of unknown outlets" if spreads[Spread.UNKNOWN] else ""
        self._rows["clusters"] = told
        width = 1 / len(histogram)
        steps = [f"{pairs:,} from {step * width:.2f}" for step, pairs in enumerate(histogram) if pairs]
        if steps:
            self._rows["pairs"] = "by Jaccard similarity: " + ", ".join(steps)

    def stored(self, similarities: Iterable[float], threshold: float) -> None:
        """A warning where stored links can't tell all that a threshold asks for."""
        lowest = min(similarities, default=1.0)
        if threshold < math.floor(lowest * 20) / 20:
            told = f"the stored links go down to {lowest:.3f}: pairs below are missing"
            self._rows["warning"] = told
            self._figures["lowest_link"] = lowest

    def relations(self, found: Relations, asked: Iterable[str]) -> None:
        """The same, and the relations beyond clusters that were asked for, by the name of their file."""
        self.clusters(found.clusters, found.histogram)
        counts = {name: len(getattr(found, name)) for name in asked}
        self._figures |= counts
        if counts:
            self._rows["relations"] = ", ".join(f"{number:,} {name}" for name, number in counts.items())

    def replaced(self, paragraphs: int) -> None:
        """How many paragraphs gave way to a reference."""
        self._figures["replaced"] = paragraphs
        self._rows["unique"] = f"{count(paragraphs, 'paragraph')} replaced by a reference"

    def outdated(self, page: Path) -> None:
        """Removes the report of the run before, which shows what is no longer there; no other file."""
        if not page.is_file():
            return
        with page.open("rb") as file:
            if _MADE_HERE not in file.read(_HEAD):
                return
        page.unlink()
        told = f"{page} showed the run before and was removed; `dedup report {page.parent}` makes it anew"
        self._rows["report"] = told

    def figures(self) -> dict[str, object]:
        """What was counted, without the time: the same for the same input."""
        self._cleaning()
        return self._figures | {"failed": self.failed}

    def summary(self) -> None:
        """What came of the run, and the time it took."""
        if self.quiet:
            return
        rows = self._cleaning() | self._rows
        if self.failed:
            where = f", see {self._errors}" if self._errors else ""
            kinds = ", ".join(f"{number:,} {error}" for error, number in self._failed_as.most_common())
            told = f": {kinds}" if len(self._failed_as) > 1 or self.failed > _ALIKE else ""
            rows["failed"] = f"{count(self.failed, 'input')} failed{told}{where}"
        seconds = time.perf_counter() - self._started
        done, thing = (self._sources, "inputs") if self._sources else (self._paragraphs, "paragraphs")
        rate = f", {done / seconds:,.{int(done < 10 * seconds)}f} {thing} a second" if done > 1 else ""
        rows["time"] = f"{seconds:.1f} s{rate}"
        if self._log_json:
            self._log("summary", self.figures() | {"seconds": round(seconds, 3)})
            return
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column()
        table.add_column(overflow="fold")
        for name, told in rows.items():
            style = {"failed": "red", "no text": "yellow", "warning": "yellow", "report": "yellow"}.get(
                name, ""
            )
            table.add_row(Text(name, style="bold"), Text(visible(told), style=style))
        self._console.print(table, width=min(self._console.width, _WIDEST))

    def _cleaning(self) -> dict[str, str]:
        if self._read:
            self._figures |= {"articles": self._read, "paragraphs": self._paragraphs}
            return {"read": f"{count(self._read, 'article')}, {count(self._paragraphs, 'paragraph')}"}
        if not self._sources:
            return {}
        stripped, total = self._stripped.total(), self._kept + self._stripped.total()
        self._figures |= {
            "inputs": self._sources,
            "articles": self._articles,
            "without_text": self._without_text,
            "kept": self._kept,
            "stripped": {reason.value: number for reason, number in self._stripped.most_common()},
        }
        rows = {"cleaned": f"{count(self._sources, 'input')}, {count(self._articles, 'article')}"}
        if self._without_text:
            few = ", ".join(self._named) + (", ..." if len(self._named) < self._without_text else "")
            rows["no text"] = f"{count(self._without_text, 'article')} without text: {few}"
        if total:
            rows["kept"] = f"{self._kept:,} of {count(total, 'character')}, {self._kept / total:.0%}"
        if stripped:
            shown = self._stripped.most_common(None if self.verbose else _TOP_REASONS)
            reasons = ", ".join(f"{plain(reason)} {number:,}" for reason, number in shown)
            rest = len(self._stripped) - len(shown)
            others = f", {count(rest, 'other reason')}" if rest else ""
            rows["stripped"] = f"{count(stripped, 'character')}: {reasons}{others}"
        return rows

    def _log(self, event: str, figures: Mapping[str, object]) -> None:
        line = json_line({"event": event} | dict(figures)).decode()
        sys.stderr.write(visible(line, keep="\n"))

    def _count(self, article: Counted[object]) -> None:
        self._articles += 1
        self._kept += article.kept
        self._stripped.update(article.stripped)
        if not article.has_text:
            self._without_text += 1
            if self.verbose or len(self._named) < _NAMED:
                self._named.append(article.source)
        if self.verbose and not (self._tables or self._log_json):
            self._say(f"{article.source}: {article.title or 'no title'}", style="dim")

    @contextmanager
    def _bar(
        self, what: str, total: float | None, *, counted: bool = True
    ) -> Iterator[tuple[Progress, TaskID]]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),  # leaves room for the terminal to echo ^C on the same line
            MofNCompleteColumn() if counted else TaskProgressColumn(),
            TextColumn("{task.fields[told]}"),
            _TimeLeft(),
        )
        with Progress(*columns, console=self._console, transient=True, disable=not self._lively) as progress:
            yield progress, progress.add_task(what, total=total, told="")

    def _say(self, line: str, style: str = "") -> None:
        self._console.print(Text(visible(line), style=style), soft_wrap=not self._console.is_terminal)


class _TimeLeft(ProgressColumn):
    """The time left: what a task says of it (`until`), or else by its speed; nothing if neither does."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        until = task.fields.get("until")
        seconds = task.time_remaining if until is None else until - time.perf_counter()
        if seconds is None or seconds < 0 or task.total is None:
            return Text()
        minutes, seconds = divmod(math.ceil(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        told = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return Text(f"{told} left", style="progress.remaining")


def plain(name: str) -> str:
    """The name of a reason or relation as words.

    >>> plain("changed_facts")
    'changed facts'
    """
    return name.replace("_", " ")


def count(number: int, thing: str) -> str:
    """A number and its thing.

    >>> count(1, "article"), count(1200, "article")
    ('1 article', '1,200 articles')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
