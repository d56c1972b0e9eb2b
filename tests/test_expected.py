"""From which probability the blocks of a page are kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.expected import bar
from dedup.judge import judge
from dedup.pipeline import clean
from dedup.settings import JudgeSettings
from dedup.types import Block, Document, Encoding, Media, Metadata, Page

LOWEST = JudgeSettings(least_keep=0.0)


def page_of(*sizes: int) -> Page:
    document = Document("-", "-", "", Media.HTML, Encoding("utf-8", "given"))
    return Page(document, tuple(Block("x" * size, 0, size, 1) for size in sizes), Metadata())


def expected_f1(sizes: list[int], chances: list[float], lowest: float) -> float:
    """Twice what is expected to be hit, by what is kept and what is expected to be content."""
    kept = [(size, chance) for size, chance in zip(sizes, chances, strict=True) if chance >= lowest]
    hit = sum(size * chance for size, chance in kept)
    wanted = sum(size * chance for size, chance in zip(sizes, chances, strict=True))
    return 2 * hit / (sum(size for size, _ in kept) + wanted)


@given(st.lists(st.tuples(st.integers(1, 900), st.floats(0.001, 0.999)), min_size=1, max_size=30))
def test_no_other_bar_lets_expect_more(blocks: list[tuple[int, float]]) -> None:
    sizes, chances = [size for size, _ in blocks], [chance for _, chance in blocks]
    found = bar(page_of(*sizes), np.array(chances), LOWEST)
    # A block just at the bar changes nothing; rounding must not decide on it.
    ours = expected_f1(sizes, chances, min(found, max(chances)) - 1e-9)
    assert ours >= max(expected_f1(sizes, chances, other) for other in chances) - 1e-6


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        ([1.0, 1.0, 0.0], 0.5),  # nothing is in doubt
        ([0.6, 0.6, 0.6], 0.6 / 1.6),  # all alike: everything or nothing
        ([0.05, 0.05, 0.05], 0.3),  # a page without an article
        ([0.0, 0.0, 0.0], 0.3),
    ],
)
def test_a_page_that_lets_expect_little_has_a_lower_bar(chances: list[float], expected: float) -> None:
    assert bar(page_of(100, 100, 100), np.array(chances), JudgeSettings()) == pytest.approx(expected)


def test_a_page_without_blocks_has_a_bar() -> None:
    assert bar(page_of(), np.zeros(0), JudgeSettings()) == JudgeSettings().least_keep


def test_the_evidence_says_that_the_bar_was_lower() -> None:
    page = page_of(100, 110, 120)
    lower = judge(page, np.array([0.45, 0.45, 0.01]), (), JudgeSettings())
    assert [one.verdict.reason is None for one in lower] == [True, True, False]
    assert lower[0].verdict.evidence[-1].witness == "page"
    usual = judge(page, np.array([0.99, 0.99, 0.01]), (), JudgeSettings())
    assert all(evidence.witness != "page" for one in usual for evidence in one.verdict.evidence)
    # What the places of an outlet say is a share, and no chance.
    by_places = judge(page, np.array([0.45, 0.45, 0.01]), (), JudgeSettings(), "place")
    assert all(one.verdict.reason is not None for one in by_places)


def test_a_line_alone_has_no_site_around_it() -> None:
    (article,) = clean("The bridge is open again.")
    assert article.text == "The bridge is open again."
    (notice,) = clean("© 2024 Tamsin Valley News. All rights reserved.")
    assert notice.text == ""
    assert [str(block.verdict.reason) for block in notice.stripped] == ["copyright"]
