"""The forest at run time: shapes, ranges, files, and agreement with the definition of a tree."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.features import features
from dedup.flat import segment_text
from dedup.forest import Forest, Model, ModelError, from_bytes, load, probabilities, score, to_bytes
from dedup.grams import PLACE_BUCKETS, TEXT_BUCKETS, characters, text_buckets
from dedup.html import heard, segment_html
from dedup.pipeline import clean, clean_many, learn
from dedup.settings import JudgeSettings, Settings
from dedup.types import Document, Encoding, Media, Page

ARTICLE = """<html><head><title>Ferry timetable changes in spring</title></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav>
<article><h1>Ferry timetable changes in spring</h1>
<p>The ferry across the bay will leave every twenty minutes from April, the harbour board said.</p>
<p>Passengers had asked for more crossings in the morning. “We listened for two years,” said its head.</p>
<p>Tickets stay at the old price until summer, when the board will meet again to look at its accounts.</p>
</article><footer><p>© Bay Herald. All rights reserved.</p></footer></body></html>"""


def page_of(text: str, media: Media) -> Page:
    document = Document("-", "-", text, media, Encoding("utf-8", "given"))
    return heard(segment_html(document)) if media is Media.HTML else segment_text(document)


def stump(column: int, threshold: float) -> Forest:
    """One tree: -1 where the column is at or below the threshold, else 2."""
    return Forest(
        columns=("a", "b"),
        feature=np.array([column, 0, 0], np.int32),
        threshold=np.array([threshold, np.inf, np.inf], np.float32),
        below=np.array([1, 1, 2], np.int32),
        value=np.array([0, -1, 2], np.float32),
        roots=np.array([0], np.int32),
        depth=1,
        text_weights=np.zeros(TEXT_BUCKETS, np.float32),
        place_weights=np.zeros(PLACE_BUCKETS, np.float32),
    )


@given(st.lists(st.tuples(st.floats(-9, 9, width=32), st.floats(-9, 9, width=32)), max_size=8))
def test_a_row_goes_right_only_above_the_threshold(rows: list[tuple[float, float]]) -> None:
    got = probabilities(stump(1, 0.5), np.array(rows, np.float32).reshape(-1, 2))
    odds = np.array([2.0 if b > 0.5 else -1.0 for _, b in rows])
    assert got == pytest.approx(1 / (1 + np.exp(-odds)))


def test_a_file_gives_the_forest_back() -> None:
    forest = stump(0, 1.5)
    again = from_bytes(to_bytes(forest))
    assert to_bytes(again) == to_bytes(forest)
    assert again.columns == forest.columns
    assert again.threshold.tolist() == forest.threshold.tolist()


@pytest.mark.parametrize("media", list(Media))
def test_the_models_that_come_along_fit_the_features(media: Media) -> None:
    forest = load(Model.HTML if media is Media.HTML else Model.FLAT)
    page = page_of(ARTICLE if media is Media.HTML else "Ferry\nIt sails. It comes back.\n", media)
    rows, columns = features(page, forest.text_weights, forest.place_weights)
    assert columns == forest.columns
    assert rows.shape == (len(page.blocks), len(columns))
    assert np.isfinite(rows).all()
    chances = score(forest, page)
    assert chances.shape == (len(page.blocks),)
    assert ((chances > 0) & (chances < 1)).all()


def test_the_models_are_small_and_tell_where_they_come_from() -> None:
    folder = files("dedup").joinpath("model")
    assert sum(len(folder.joinpath(f"{name}.npz").read_bytes()) for name in Model) < 2_000_000
    for name in Model:
        record = json.loads(folder.joinpath(f"{name}.json").read_text("utf-8"))
        measure = "right" if name is Model.TITLE else "f1"
        assert record["pages"]
        assert all(0.5 < held_out[measure] <= 1 for held_out in record["held_out"].values())


def test_a_model_for_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match="train it again"):
        score(stump(0, 0.0), page_of("One line.", Media.TEXT))


def test_prose_is_likelier_content_than_furniture() -> None:
    page = page_of(ARTICLE, Media.HTML)
    chance = dict(zip((block.text for block in page.blocks), score(load(Model.HTML), page), strict=True))
    prose = [p for text, p in chance.items() if text.startswith(("The ferry", "Passengers", "Tickets"))]
    furniture = [p for text, p in chance.items() if text in {"Home", "Sport"} or text.startswith("©")]
    assert len(prose) == 3
    assert len(furniture) == 3
    assert min(prose) > max(furniture)
    assert min(prose) > 0.5


def test_trafilatura_is_believed_where_the_forest_keeps_nothing() -> None:
    page = page_of(ARTICLE, Media.HTML)
    shipped = load(Model.HTML)
    never = replace(shipped, value=np.full_like(shipped.value, -1.0))
    kept = score(never, page) >= 0.5
    assert kept.tolist() == [(block.extracted or 0) > 0.5 for block in page.blocks]
    assert kept.any()


WHO = ["The council", "Two farmers", "The director", "Engineers", "Residents", "A former minister"]
SAID = ["said", "argued", "reported", "doubted", "told the inquiry", "wrote in a letter", "found", "denied"]
WHEN = ["on Tuesday", "before the storm", "in the second week", "after the vote", "a year later"]
WHAT = [
    "the bridge would cost more than the harbour could earn",
    "the water had risen faster than expected",
    "no decision was taken about the mill",
    "the vote would be held again in spring",
    "three ships had been sold abroad",
]


@pytest.mark.parametrize("blank", ["\n", "\n\n"])
def test_an_article_of_a_thousand_paragraphs_is_whole(blank: str) -> None:
    said = [
        f"{who} {said} {when} that {what}." for who in WHO for said in SAID for what in WHAT for when in WHEN
    ]
    paragraphs = Random(1).sample(said, 1000)
    navigation = ["Home", "Politics", "Business", "Weather", "Sign in"]
    footer = [
        "Most read",
        "Contact us",
        "Terms of use",
        "Copyright 2031 The Harbour Courier. All rights reserved.",
    ]
    (article,) = clean(blank.join([*navigation, "The long account of a harbour", *paragraphs, *footer]))
    kept = {judged.block.text for judged in article.paragraphs}
    assert len(kept & set(paragraphs)) >= 990
    assert not kept & {*navigation, *footer}


def test_a_page_without_blocks_has_no_scores() -> None:
    assert score(load(Model.HTML), page_of("<p> </p>", Media.HTML)).shape == (0,)


def test_the_lead_is_told_by_the_description_of_the_page() -> None:
    lead = "The old granary on the quay becomes a library"
    head = f"<head><meta name=description content='{lead} ...'></head>"
    page = page_of(f"{head}<h1>Granary</h1><div>{lead}, the town said.</div><p>Rain fell.</p>", Media.HTML)
    weights = load(Model.HTML).text_weights, load(Model.HTML).place_weights
    rows, columns = features(page, *weights)
    assert (rows[:, columns.index("description_cover")] > 0.6).tolist() == [False, True, False]
    assert rows[:, columns.index("since_lead")].tolist()[1:] == [0.0, 1.0]
    bare, _ = features(page_of("<h1>Granary</h1><p>Rain fell.</p>", Media.HTML), *weights)
    assert not bare[:, columns.index("description")].any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), min_size=1, max_size=6))
def test_any_text_has_finite_features(lines: list[str]) -> None:
    page = page_of("\n".join(lines), Media.TEXT)
    forest = load(Model.FLAT)
    if page.blocks:
        rows, _ = features(page, forest.text_weights, forest.place_weights)
        assert np.isfinite(rows).all()
    assert score(forest, page).shape == (len(page.blocks),)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_runs_of_a_block_do_not_depend_on_its_neighbours(texts: list[str]) -> None:
    owners, buckets = text_buckets(characters(texts))
    for i, text in enumerate(texts):
        alone = text_buckets(characters([text]))[1]
        assert sorted(buckets[owners == i].tolist()) == sorted(alone.tolist())


def test_a_folder_without_models_stops_the_run_before_any_page(tmp_path: Path) -> None:
    own = Settings(judge=JudgeSettings(models=str(tmp_path)))
    for run in (clean_many, learn):
        with pytest.raises(ModelError, match="write it with dedup train"):
            run([], settings=own)
