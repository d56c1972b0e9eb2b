"""What lines of flat text have besides their shape."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import lines
from dedup.features import features
from dedup.flat import segment_text
from dedup.grams import PLACE_BUCKETS, QUESTIONS, TEXT_BUCKETS
from dedup.series import greatest
from dedup.types import Document, Encoding, Media, Page

ARTICLE = """Harlow Feed
Sport

The ferry between the two islands will stop at noon from Monday, the harbour office said.

The older of its engines has to be taken out, and no yard on the islands can repair it.

Passengers with tickets for the ferry may ask the harbour office for their money.

Read more
A bakery in the old town won three medals for its rye bread, and its owner is delighted.
Ferry engine taken out at the harbour
"""


def page_of(text: str) -> Page:
    return segment_text(Document("-", "-", text, Media.TEXT, Encoding("utf-8", "text")))


def columns_of(page: Page, weights: np.ndarray | None = None) -> dict[str, np.ndarray]:
    weights = np.zeros((len(QUESTIONS), TEXT_BUCKETS), np.float32) if weights is None else weights
    rows, names = features(page, weights, np.zeros(PLACE_BUCKETS, np.float32))
    return dict(zip(names, rows.T, strict=True))


def test_words_of_the_article_are_company_and_those_of_a_teaser_are_not() -> None:
    found = columns_of(page_of(ARTICLE))
    ferry, bakery = found["company_core"][[7, 6]]
    assert ferry > 0.7
    assert bakery < 0.4
    assert found["company_core"][3] < 1  # it is no company of itself


def test_what_the_lexicon_calls_a_line_is_told_by_its_distance() -> None:
    found = columns_of(page_of(ARTICLE))
    assert found["header"][5] >= 0
    assert found["since_lists"][5:].tolist() == [0, 1, 2]
    assert found["until_lists"][:6].tolist() == [5, 4, 3, 2, 1, 0]
    assert found["lists_so_far"].tolist() == [0, 0, 0, 0, 0, 1, 1, 1]


def test_another_column_is_as_far_as_many_blank_lines() -> None:
    text = "Home    The ferry between the two islands will stop at noon today.\nSport\nJobs    It is old."
    page = page_of(text)
    assert [block.line for block in page.blocks] == [1, 2, 3, 1, 3]
    assert lines.gaps(page)["gap_before"].tolist() == [-1, 0, 0, 5, 1]


def test_an_answer_is_heard_at_the_lines_around() -> None:
    weights = np.random.default_rng(1).normal(size=(len(QUESTIONS), TEXT_BUCKETS)).astype(np.float32)
    found = columns_of(page_of(ARTICLE), weights)
    for name in QUESTIONS[1:]:
        assert np.array_equal(found[f"{name}-1"][1:], found[name][:-1])
        assert found[f"{name}_above"][-1] == found[name][:-1].max()
        assert found[f"{name}_below"][0] == found[name][1:].max()


@given(st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=30), st.integers(1, 12))
@settings(deadline=None)
def test_the_greatest_is_that_of_a_loop(values: list[float], radius: int) -> None:
    before, behind = greatest(np.array(values), radius, -9.0)
    for i in range(len(values)):
        assert before[i] == max([*values[max(i - radius, 0) : i], -9.0])
        assert behind[i] == max([*values[i + 1 : i + 1 + radius], -9.0])
