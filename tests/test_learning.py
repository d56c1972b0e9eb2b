"""`dedup learn`, `dedup profiles`, `dedup train` and --profiles on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dedup_cli.main import app

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "raw"


def dedup(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_what_was_learned_serves_a_later_page(tmp_path: Path) -> None:
    known = tmp_path / "outlets.json"
    result = dedup("learn", SAMPLES, "-o", known)
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in dedup("profiles", known, "--json").stdout.splitlines()]
    assert sum(row["pages"] for row in rows) == 20
    assert all(row["blocks"] > 0 for row in rows)
    page = next(path for path in sorted(SAMPLES.rglob("*.html")))
    outlet = max(rows, key=lambda row: row["pages"])["outlet"]
    with_it = dedup("clean", page, "--outlet", outlet, "--profiles", known, "-o", "-", "--format", "jsonl")
    assert with_it.exit_code == 0, with_it.output


def test_learning_goes_on_from_a_file_and_files_merge(tmp_path: Path) -> None:
    folders = sorted(path for path in SAMPLES.iterdir() if path.is_dir())
    one, two, both = (tmp_path / f"{name}.json" for name in ("one", "two", "both"))
    assert dedup("learn", folders[0], "-o", one, "--outlet", "a").exit_code == 0
    assert dedup("learn", folders[1], "-o", two, "--outlet", "b", "--profiles", one).exit_code == 0
    assert {json.loads(line)["outlet"] for line in dedup("profiles", two, "--json").stdout.splitlines()} == {
        "a",
        "b",
    }
    assert dedup("profiles", one, two, "-o", both).exit_code == 0
    assert both.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("content", ["", "{}", "\udc00"])
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, content: str) -> None:
    place = tmp_path / "other.json"
    place.write_bytes(content.encode("utf-8", "surrogatepass"))
    result = dedup("profiles", place)
    assert result.exit_code == 2
    assert "other.json" in result.output
    assert dedup("profiles", tmp_path / "none.json").exit_code == 2


def test_training_without_gold_text_says_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="needs the extra `train`")
    result = dedup("train", tmp_path, "-o", tmp_path / "models")
    assert result.exit_code == 2
    assert "gold.jsonl" in result.output
