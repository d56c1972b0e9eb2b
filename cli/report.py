"""The other side of a run, on standard error: progress, errors, warnings and the summary."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from dedup.read import count as count_sources
from dedup.rows import failure_row
from dedup.types import Article, Cleaned, Failure, Reason, Source
from dedup.write import json_line, whole_file
from dedup_cli.terminal import visible

# Reasons named in the summary; -v names all.
_TOP_REASONS = 5
# Articles without text that the summary names; -v names all.
_NAMED = 3


class Report:
    """Counts what a run does and tells it. Use it as a context manager around the run.

    Failures become one line each on standard error, or of JSON in the file `errors`, which is there
    after every run that ends, empty if nothing failed. `console` is where the progress bar is drawn:
    the terminal that results are printed to, if there is one, so that they do not overwrite each other.
    """

    def __init__(
        self, *, errors: str | None, quiet: bool, verbose: bool, console: Console | None = None
    ) -> None:
        self.quiet = quiet
        self.verbose = verbose
        self.failed = 0
        self._errors = errors
        self._error_file: BinaryIO | None = None
        self._stack = ExitStack()
        self._console = console if console and sys.stderr.isatty() else Console(stderr=True)
        self._lively = not quiet and sys.stderr.isatty()
        self._tables = console is not None
        self._sources = 0
        self._articles = 0
        self._without_text: list[str] = []
        self._kept = 0
        self._stripped: Counter[Reason] = Counter()
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
        with self._progress("Comparing pages", paths) as (progress, task):
            for source in sources:
                yield source
                progress.update(task, advance=1)

    def articles(self, cleaned: Iterable[Cleaned], paths: Sequence[str]) -> Iterator[Article]:
        """Passes on the articles of the sources in `paths`; counts, reports failures, shows progress."""
        with self._progress("Cleaning", paths) as (progress, task):
            for one in cleaned:
                self._sources += 1
                if one.failure is not None:
                    self.fail(one.failure)
                for article in one.articles:
                    self._count(article)
                    yield article
                rate = self._sources / (time.perf_counter() - self._started)
                progress.update(task, advance=1, told=f"{self._articles:,} articles, {rate:.0f} files/s")

    def waiting(self, what: str) -> AbstractContextManager[object]:
        """A sign of life while work is done that can't say how far it is."""
        return self._console.status(what) if self._lively else nullcontext()

    def records(self, read: Iterable[Article | Failure]) -> Iterator[Article]:
        """Passes on the articles that were read from records, and reports the failures."""
        for one in read:
            if isinstance(one, Failure):
                self.fail(one)
            else:
                yield one

    def fail(self, failure: Failure) -> None:
        """One input that could not be used."""
        self.failed += 1
        if self._error_file is not None:
            self._error_file.write(json_line(failure_row(failure)))
        else:
            self._say(f"{failure.source}: {failure.message} ({failure.error})", style="red")

    def summary(self, *lines: str) -> None:
        """What came of the run; `lines` are put in before the time."""
        if self.quiet:
            return
        for line in (*self._cleaning(), *lines):
            self._say(line)
        if self._without_text:
            few = ", ".join(self._without_text[:_NAMED]) + (
                ", ..." if len(self._without_text) > _NAMED else ""
            )
            self._say(f"{count(len(self._without_text), 'article')} without text: {few}", style="yellow")
        if self.failed:
            where = f", see {self._errors}" if self._errors else ""
            self._say(f"{count(self.failed, 'input')} failed{where}", style="red")
        self._say(f"{time.perf_counter() - self._started:.1f} s")

    def _cleaning(self) -> Iterator[str]:
        if not self._sources:
            return
        stripped = self._stripped.total()
        share = f", {self._kept / (self._kept + stripped):.0%} of the characters kept" if self._kept else ""
        yield f"{count(self._sources, 'input')}, {count(self._articles, 'article')}{share}"
        if stripped:
            shown = self._stripped.most_common(None if self.verbose else _TOP_REASONS)
            reasons = ", ".join(f"{reason.value} {number:,}" for reason, number in shown)
            rest = len(self._stripped) - len(shown)
            others = f", {count(rest, 'other reason')}" if rest else ""
            yield f"{count(stripped, 'character')} stripped: {reasons}{others}"

    def _count(self, article: Article) -> None:
        self._articles += 1
        headline = (article.headline,) if article.headline else ()
        self._kept += sum(len(block.block.text) for block in (*headline, *article.paragraphs))
        for block in article.stripped:
            # What belongs to another article of the document is counted there.
            if block.verdict.reason not in (None, Reason.OTHER_ARTICLE):
                self._stripped[block.verdict.reason] += len(block.block.text)
        if not article.text:
            self._without_text.append(article.source)
        if self.verbose and not self._tables:
            self._say(f"{article.source}: {article.title or 'no title'}", style="dim")

    @contextmanager
    def _progress(self, what: str, paths: Sequence[str]) -> Iterator[tuple[Progress, TaskID]]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),  # leaves room for the terminal to echo ^C on the same line
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, transient=True, disable=not self._lively) as progress:
            total = count_sources(paths) if self._lively else None
            yield progress, progress.add_task(what, total=total, told="")

    def _say(self, line: str, style: str = "") -> None:
        self._console.print(Text(visible(line), style=style), soft_wrap=not self._console.is_terminal)


def count(number: int, thing: str) -> str:
    """A number and its thing.

    >>> count(1, "article"), count(1200, "article")
    ('1 article', '1,200 articles')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
