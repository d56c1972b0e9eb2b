"""Training: aligning, scoring, and a small training from end to end."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import dedup
from dedup import train as training
from dedup.examples import TrainingError, fold_of, read_examples, thinned
from dedup.forest import Model, from_bytes, probabilities, score, title_score, to_bytes
from dedup.gold import align, evaluate, token_shingles
from dedup.settings import JudgeSettings, Settings
from dedup.types import Media
from dedup_cli.main import app

TOPICS = (
    "harbour",
    "library",
    "orchard",
    "tramway",
    "school",
    "bakery",
    "theatre",
    "bridge",
    "forest",
    "market",
)


def test_a_teaser_that_repeats_the_headline_is_not_gold() -> None:
    texts = ["Bridge closes", "Sport", "Bridge closes", "It closes on Monday.", "Bridge closes"]
    assert align(texts, "Bridge closes\nIt closes on Monday.").tolist() == [0, 0, 1, 1, 0]


def test_a_block_that_gold_edits_belongs_to_it() -> None:
    text = "The bridge will close on Monday for two weeks of repairs, the council has said today"
    gold = text.replace("two", "three")
    assert align(["Menu", text], gold).tolist() == [0, 1]


def test_marks_and_width_do_not_matter() -> None:
    assert align(["ＡＢＣ商店は、閉店する。", "広告"], "ABC商店は閉店する").tolist() == [1, 0]


@given(st.lists(st.text("abc ", min_size=1), max_size=6), st.text("abc ", max_size=30))
def test_labels_are_one_a_block(texts: list[str], gold: str) -> None:
    labels = align(texts, gold)
    assert labels.shape == (len(texts),)
    assert set(labels.tolist()) <= {0.0, 1.0}


@given(st.text(min_size=1))
def test_a_text_is_as_near_to_itself_as_can_be(text: str) -> None:
    result = evaluate([(text, text)])
    assert result.f1 == (1.0 if token_shingles(text) else 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty pages of ten invented outlets."""
    home = tmp_path / "pages"
    (home / "html").mkdir(parents=True)
    rows = []
    for number in range(20):
        topic = TOPICS[number % 10]
        body = [
            f"The {topic} opened its doors on day {number}, and {number + 3} people came to see it.",
            f"Nobody had thought that the old {topic} would be so full on a rainy day, said its keeper.",
            f"It stays open until the end of month {number % 12 + 1}, when the {topic} will be painted.",
        ]
        page = (
            f"<html><head><title>The {topic} opens</title></head><body>"
            "<ul class=menu><li><a href=/>Home</a><li><a href=/s>Sport</a><li><a href=/w>Weather</a></ul>"
            f"<div class=story><h1>The {topic} opens</h1>{''.join(f'<p>{line}</p>' for line in body)}</div>"
            "<div class=footer><p>Imprint</p><p>Contact</p><p>Subscribe to our letter now</p></div>"
            "</body></html>"
        )
        rows.append({"id": f"p{number}", "outlet": f"{topic}.example", "gold": "\n".join(body)})
        (home / "html" / f"p{number}.html.gz").write_bytes(gzip.compress(page.encode()))
    (home / "gold.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return home


@pytest.mark.parametrize("media", list(Media))
def test_training_learns_and_gives_the_same_file_again(
    folder: Path, media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    pytest.importorskip("inscriptis", reason="needs the extra `train`")
    monkeypatch.setattr(training, "_ROUNDS", 20)
    monkeypatch.setitem(training._PARAMETERS, "min_data_in_leaf", 5)
    examples = list(read_examples(folder, media))
    assert {example.outlet for example in examples} == {f"{topic}.example" for topic in TOPICS}
    trained = training.train(examples)
    for example, chances in zip(examples, trained.held_out, strict=True):
        assert evaluate([(example.gold, example.kept(chances))]).recall > 0.9
    assert trained.record["held_out"]["pages"]["f1"] > 0.9
    assert to_bytes(training.train(examples).forest) == to_bytes(trained.forest)
    again = from_bytes(to_bytes(trained.forest))
    page = examples[0].page
    assert np.array_equal(score(again, page), score(trained.forest, page))


def test_a_folder_makes_models_that_clean_uses(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    pytest.importorskip("inscriptis", reason="needs the extra `train`")
    monkeypatch.setattr(training, "_ROUNDS", 20)
    monkeypatch.setitem(training._PARAMETERS, "min_data_in_leaf", 5)
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["train", "--help"]).output
    example = re.search(r"Example: dedup (train pages/ .*)", said)
    assert example
    done = CliRunner().invoke(app, example[1].split())
    assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "models").iterdir()}
    assert names == {f"{name}.{suffix}" for name in Model for suffix in ("npz", "json")}
    own = Settings(judge=JudgeSettings(models=str(tmp_path / "models")))
    content = gzip.decompress((folder / "html" / "p3.html.gz").read_bytes())
    (article,) = dedup.clean(content, settings=own)
    assert "Imprint" not in article.text
    assert "It stays open" in article.text


def test_a_thinned_page_is_the_same_page_with_fewer_blocks(folder: Path) -> None:
    pytest.importorskip("inscriptis", reason="needs the extra `train`")
    less = 0
    for example in read_examples(folder, Media.TEXT):
        chosen = thinned(example)
        assert np.array_equal(chosen, thinned(example))
        assert chosen.tolist() == sorted(set(chosen.tolist()))
        part = example.only(chosen)
        assert part.labels.any()
        assert [block.text for block in part.page.blocks] == [example.page.blocks[i].text for i in chosen]
        less += len(example.labels) - len(chosen)
    assert less > 0


def test_the_line_that_reads_like_the_title_of_the_html_is_learned(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    pytest.importorskip("inscriptis", reason="needs the extra `train`")
    monkeypatch.setattr(training, "_ROUNDS", 20)
    monkeypatch.setitem(training._PARAMETERS, "min_data_in_leaf", 5)
    examples = list(read_examples(folder, Media.TEXT))
    trained = training.train_all(examples)[Model.TITLE]
    assert trained.record["held_out"] == {"pages": {"right": 1.0}, "pages dumped": {"right": 1.0}}
    for example in examples:
        chances = title_score(trained.forest, example.page)
        assert re.fullmatch(r"The \w+ opens", example.page.blocks[int(np.argmax(chances))].text)


def test_a_folder_without_gold_text_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no gold\.jsonl"):
        list(read_examples(tmp_path, Media.HTML))
    (tmp_path / "gold.jsonl").write_text('{"id": "a", "gold": "x"}\n', encoding="utf-8")
    with pytest.raises(TrainingError, match="outlet"):
        list(read_examples(tmp_path, Media.HTML))
    (tmp_path / "gold.jsonl").write_text('{"id": "a", "outlet": "o", "gold": "x"}\n', encoding="utf-8")
    with pytest.raises(TrainingError, match="page of the row 'a'"):
        list(read_examples(tmp_path, Media.HTML))


def test_evidence_tells_of_the_other_pages_of_the_outlet(folder: Path) -> None:
    examples = list(read_examples(folder, Media.HTML))
    known = training.evidence(examples, [example.labels for example in examples])
    for example, said in zip(examples, known, strict=True):
        assert [one.of for one in said] == [1] * len(example.page.blocks)
        at = {block.text: one for block, one in zip(example.page.blocks, said, strict=True)}
        assert at["Imprint"].pages == 1
        assert at["Imprint"].place_content == 0
        assert all(one.place_content == 1 for text, one in at.items() if text.startswith("It stays"))


def test_a_fold_forest_has_not_seen_the_outlet(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    pytest.importorskip("inscriptis", reason="needs the extra `train`")
    monkeypatch.setattr(training, "_ROUNDS", 5)
    monkeypatch.setitem(training._PARAMETERS, "min_data_in_leaf", 5)
    examples = list(read_examples(folder, Media.TEXT))
    fold = fold_of(examples[0].outlet)
    whole = training.train(examples).forests[fold]
    rest = [example for example in examples if fold_of(example.outlet) != fold]
    assert np.array_equal(whole.text_weights, training.train(rest).forest.text_weights)


def test_the_forest_decides_as_lightgbm_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="needs the extra `train`")
    monkeypatch.setitem(training._PARAMETERS, "min_data_in_leaf", 2)
    random = np.random.default_rng(1)
    rows = random.normal(size=(400, 5)).astype(np.float32)
    labels = (rows[:, 0] * rows[:, 1] > 0.1 * rows[:, 2]).astype(float)
    booster = lightgbm.train(training._PARAMETERS, lightgbm.Dataset(rows, labels), 30)
    none = np.zeros(0, np.float32)
    forest = training._forest(booster.dump_model(), (), none, none)
    assert probabilities(forest, rows) == pytest.approx(booster.predict(rows), abs=1e-6)
