"""From paths to articles, as `dedup clean` and `dedup run` take them out."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar, cast

from dedup import looks
from dedup.read import read
from dedup_cli import learning
from dedup_cli.forms import told

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from dedup.journal import Journal
    from dedup.settings import Settings
    from dedup.types import Article
    from dedup_cli.report import Report

Made = TypeVar("Made")


def articles(
    paths: list[str],
    outlet: str | None,
    known: list[str] | None,
    jobs: int,
    report: Report,
    settings: Settings,
    make: Callable[[Article], Made],
    journal: Journal | None = None,
) -> Generator[Made, None, None]:
    """What is made of each article, after two looks at every page (see `dedup.looks`).

    `known` are files of profiles: what they tell of the outlets is added.
    """
    with _spooled(paths) as typed:
        first, second = (
            read(paths, outlet=outlet, standard_input=typed, settings=settings.read) for _ in range(2)
        )
        looked = report.first_look(first, paths)
        then = partial(told, make=make)
        with_profiles = partial(
            looks.clean_twice, looked, second, jobs=jobs, profiles=learning.load(known), settings=settings
        )
        # What is kept for another run is all of it; what is not is made where the page is cleaned.
        pages = map(then, with_profiles(looks.itself, journal=journal)) if journal else with_profiles(then)
        yield from report.articles(pages)


@contextmanager
def _spooled(paths: list[str]) -> Iterator[BinaryIO | None]:
    """Standard input in a file, if it is among the paths: it can be read once only, and may be large."""
    if "-" not in paths or sys.stdin is None or sys.stdin.closed:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        yield cast("BinaryIO", file)
