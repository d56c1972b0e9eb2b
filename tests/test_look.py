"""What the commands show: explain, diff, config, the man page; and the library calls behind them."""

import json
import re
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.explanation import edits, in_order
from dedup.runs import diff
from dedup.types import Kind, Reason
from dedup.write import json_line
from dedup_cli.config import ConfigError, resolve, settings_of

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "raw"
PAGE = SAMPLES / "tamsin-valley.example" / "cider.htm"
DIGEST = SAMPLES / "nifuda.example" / "digest.txt"
ONE = "The harbour board said on Monday that 12 ferries would sail before the end of May, weather allowing."
TWO = ONE.replace("12", "13")


@pytest.fixture
def command(monkeypatch, capsysbinary, tmp_path):
    """Runs the command in an empty folder: (exit code, standard output, standard error)."""
    (script,) = entry_points(group="console_scripts", name="dedup")
    main = script.load()
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["dedup", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capsysbinary.readouterr()
        return leaving.value.code or 0, out.decode(), err.decode()

    return run


# Two texts


def test_two_texts_with_a_changed_number():
    found = dedup.explain(ONE, TWO)
    assert found.kind is dedup.Relation.CHANGED_FACTS
    assert found.similarity >= 0.8
    assert found.shared_shingles < found.left_shingles == found.right_shingles
    assert found.containment == found.shared_shingles / found.left_shingles
    assert 0 < len(found.shared_bands) <= found.bands
    (edit,) = found.edits
    assert (ONE[edit.left_start : edit.left_end], TWO[edit.right_start : edit.right_end]) == ("2", "3")


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        ("同じ文", "同じ　文", dedup.Relation.EXACT),
        ("Short one.", "Short ones.", None),
        (ONE, "Nothing of this stands in the other text, which tells of ferries.", None),
        ("", "", None),
        ("\ud800", "\ud800", dedup.Relation.EXACT),
    ],
)
def test_kinds_are_those_of_clusters(left, right, kind):
    assert dedup.explain(left, right).kind is kind


@given(st.text("あい1 a\ud800", max_size=40), st.text("あい1 a\ud800", max_size=40))
def test_edits_turn_one_text_into_the_other(left, right):
    built, done = "", 0
    for edit in edits(left, right):
        built += left[done : edit.left_start] + right[edit.right_start : edit.right_end]
        done = edit.left_end
    assert built + left[done:] == right


def test_explain_two_paragraphs(command):
    code, out, _ = command("explain", ONE, TWO)
    assert code == 0
    assert "changed facts" in out
    assert "12 → 13" in out
    assert "1[-2-] " in out
    assert "1{+3+} " in out
    row = json.loads(command("explain", ONE, TWO, "--json")[1])
    assert row["kind"] == "changed_facts"
    assert row["left"] == ONE


def test_explain_two_articles_of_a_run(command):
    assert (
        command("run", SAMPLES / "feed.jsonl", SAMPLES / "tamsin-valley.example", "-o", "out", "-q")[0] == 0
    )
    clusters = map(json.loads, Path("out/clusters.jsonl").read_bytes().splitlines())
    near = next(row for row in clusters if row["kind"] != "exact")
    first, second = near["members"][:2]
    names = [f"{one['document'][:10]}#{one['paragraph']}" for one in (first, second)]
    row = json.loads(command("explain", *names, "--run", "out", "--json")[1])
    assert (row["left"], row["right"]) == (first["text"], second["text"])
    assert row["similarity"] == second["similarity"]
    whole = json.loads(command("explain", first["document"], second["document"], "--run", "out", "--json")[1])
    assert whole["similarity"] < row["similarity"]
    assert first["text"] in whole["left"]
    assert "no articles" in command("explain", "zz", "zz", "--run", "out")[2]
    assert "paragraphs 0 to" in command("explain", f"{first['document']}#99", "zz", "--run", "out")[2]
    assert "navigation" in command("explain", second["document"], "--run", "out")[1]


# A page


def test_a_page_as_it_was(command):
    code, out, _ = command("explain", PAGE)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    rows = [row.rstrip() for row in out.splitlines()]
    assert "- advertisement         Sponsored" in rows
    assert any(row.startswith("heading                 Sharing the short crop") for row in rows)
    assert any(re.match(r" {24}The presses at Colby Orchard", row) for row in rows)
    assert "\x1b" not in out


def test_every_block_stands_once_in_its_order(command):
    (row,) = map(json.loads, command("explain", DIGEST, "--json")[1].splitlines())
    assert len(row["articles"]) == 3
    starts = [block["start"] for block in row["blocks"]]
    assert starts == sorted(starts)
    text = " ".join(DIGEST.read_text("utf-8").split())
    for block in row["blocks"]:
        assert block["text"] in text
    articles = dedup.clean(DIGEST.read_bytes())
    kept = sum(len(one.paragraphs) + (one.headline is not None) for one in articles)
    assert sum(one.verdict.reason is None for one in in_order(articles)) == kept


def test_why_names_the_witnesses(command):
    Path("dedup.toml").write_text("[judge]\ndoubt = 1\nboxed = 0.5\n")
    code, out, _ = command("explain", PAGE, "--why", "sponsored")
    assert code == 0
    assert re.search(r"(for|against) +[+-]0\.\d\d +forest +0\.\d\d likely content", out)
    assert re.search(r"against +-0\.50 +lexicon +reads like the header of advertisement", out)
    assert "trafilatura" not in out  # no page is in doubt
    Path("dedup.toml").write_text("[judge]\ndoubt = 0\n")
    _, out, _ = command("explain", PAGE, "--why", "sponsored")
    assert re.search(r"against +-1\.00 +trafilatura +kept 0% of it", out)
    code, out, _ = command("explain", PAGE, "--why", "The presses at")
    assert "kept: paragraph" in out
    assert re.search(r"^  for +\+", out, re.MULTILINE)
    assert command("explain", PAGE, "--why", "no such words")[0] == 2
    assert command("explain", ONE, TWO, "--why", "ferries")[0] == 2


def test_other_pages_of_the_outlet_speak(command):
    alone = command("explain", PAGE, "--why", "Tamsin Valley News")[1]
    among = command("explain", PAGE, "--why", "Tamsin Valley News", "--among", PAGE.parent)[1]
    assert "outlet" not in alone
    assert "more pages of this outlet" in among


def test_page_text_cannot_steer_the_terminal(command):
    words = (
        "The council met \x1b]0;owned\x07 and \x9b31m agreed \u202e on the plan for the harbour this week."
    )
    Path("raw").mkdir()
    Path("raw/evil\u202e.txt").write_text(f"Evil \x1b[2J title\n\n{words * 3}\n{words}\n", "utf-8")
    assert command("run", "raw", "-o", "old")[0] == 0
    Path("raw/evil\u202e.txt").write_text(f"{words * 3}\n{words}\nEvil \x1b[2J title\n", "utf-8")
    said = [command("run", "raw", "-o", "new", "--log-json", "-v")]
    said += [command("explain", "raw", *more) for more in ([], ["--json"], ["--why", "Evil"])]
    said += [command("explain", words, words[1:]), command("explain", words, words[1:], "--json")]
    said += [command("diff", "old", "new"), command("diff", "old", "new", "--json")]
    for code, out, err in said:
        assert code in (0, 1)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", out + err)
        assert out + err


def test_a_page_that_is_none(command):
    code, out, err = command("explain", "nowhere.html")
    assert (code, out) == (3, "")
    assert "nowhere.html: " in err


# Two runs


@pytest.fixture
def runs(command):
    """Two runs of the same page, in `old` and `new`, as rows that a test may change."""
    assert command("run", PAGE, "-o", "old", "-q")[0] == 0
    shutil.copytree("old", "new")
    path = Path("new/articles.jsonl")
    row = json.loads(path.read_bytes())

    def write(*rows):
        path.write_bytes(b"".join(map(json_line, rows)))

    return row, write


def test_the_same_run_twice_does_not_differ(command, runs):
    assert runs
    code, out, _ = command("diff", "old", "new")
    assert (code, out.strip()) == (0, "no difference")


def test_blocks_judged_otherwise_are_told(command, runs):
    row, write = runs
    moved = row["paragraphs"].pop(0)
    row["stripped"].append(moved | {"reason": "related", "evidence": []})
    row["stripped"][0]["reason"] = "hidden"
    row["title"] = "Another"
    write(row)
    code, out, _ = command("diff", "old", "new")
    assert code == 1
    assert re.search(r"- paragraph +→ related +The presses at", out)
    assert re.search(r"~ navigation +→ hidden +Tamsin Valley", out)
    assert re.search(r"~ title +Cider makers .*", out)
    assert "1 article changed, 0 added, 0 removed" in out
    (change,) = diff(Path("old"), Path("new")).changed
    assert change.fields[0][0] == "title"
    assert {(block.old, block.new) for block in change.blocks} == {
        (Kind.PARAGRAPH, Reason.RELATED),
        (Reason.NAVIGATION, Reason.HIDDEN),
    }
    told = json.loads(command("diff", "old", "new", "--json")[1])
    assert told["changed"][0]["source"] == row["source"]


def test_articles_and_clusters_that_come_and_go(command, runs):
    row, write = runs
    write(row | {"source": "other.html"})
    member = {"document": row["id"], "paragraph": 0, "text": "Words."}
    Path("new/clusters.jsonl").write_bytes(json_line({"members": [member, member]}))
    code, out, _ = command("diff", "old", "new")
    assert code == 1
    assert "+ article other.html#0" in out
    assert f"- article {row['source']}#0" in "".join(out.split("\n"))
    assert "1 clusters new, 0 gone" in out


def test_the_report_lands_where_it_is_wanted(command, runs):
    assert runs
    assert command("report", "old")[:2] == (0, "old/report.html\n")
    page = Path("old/report.html").read_text("utf-8")
    assert command("report", "old", "-o", "-")[:2] == (0, page)
    assert command("report", "old", "-o", "new/")[0] == 0
    assert Path("new/report.html").read_text("utf-8") == page
    code, _, err = command("report", "nowhere")
    assert code == 2
    assert "there is no folder nowhere" in err
    (Path("old") / "clusters.jsonl").write_bytes(b"no json")
    assert command("report", "old")[0] == 2
    assert Path("old/report.html").read_text("utf-8") == page


def test_what_is_no_run_is_wrong_usage(command, runs):
    _, write = runs
    write({"id": "no article"})
    assert command("diff", "old", "new")[0] == 2
    Path("new/articles.jsonl").write_text("[1]\n", "utf-8")
    assert "line 1 is no row" in command("diff", "old", "new")[2]


# Settings


def test_defaults_are_those_of_the_library(tmp_path):
    found = resolve(tmp_path, {})
    assert settings_of(found) == dedup.Settings()
    assert {one.origin for one in found.values()} == {"default"}


def test_the_nearer_place_wins(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.dedup]\njobs = 2\nkeep = 'longest'\n[tool.dedup.cluster]\nthreshold = 0.6\n", "utf-8"
    )
    (tmp_path / "dedup.toml").write_text("jobs = 3\n[cluster]\nthreshold = 1\nshingle = 4\n", "utf-8")
    found = resolve(tmp_path, {"DEDUP_CLUSTER_THRESHOLD": "0.7", "DEDUP_TRACEBACK": "1", "OTHER": "x"})
    assert (found["keep"].value, found["keep"].origin) == ("longest", "pyproject.toml")
    assert (found["jobs"].value, found["jobs"].origin) == (3, "dedup.toml")
    assert (found["cluster.threshold"].value, found["cluster.threshold"].origin) == (
        0.7,
        "DEDUP_CLUSTER_THRESHOLD",
    )
    assert settings_of(found).cluster.shingle == 4


@pytest.mark.parametrize(
    ("content", "environment", "told"),
    [
        ("[cluster]\ntreshold = 0.7", {}, "cluster.treshold is no setting; is cluster.threshold meant?"),
        ("threshold = 0.7", {}, "is cluster.threshold meant?"),
        ("[cluster]\nmin-characters = 3", {}, "is cluster.min_characters meant?"),
        ("xyzzy = 1", {}, "`dedup config` names all"),
        ("jobs = 'two'", {}, "jobs must be a whole number"),
        ("jobs = true", {}, "jobs must be a whole number"),
        ("[cluster]\nthreshold = -1", {}, "must be 0 or more"),
        ("[cluster]\nthreshold = nan", {}, "must be 0 or more"),
        ("= 1", {}, "is no TOML"),
        ("", {"DEDUP_JOB": "2"}, "DEDUP_JOB is no setting; is DEDUP_JOBS meant?"),
        ("", {"DEDUP_JOBS": "two"}, "DEDUP_JOBS must be a whole number"),
        ("", {"DEDUP_QUIET": "maybe"}, "DEDUP_QUIET must be true or false"),
    ],
)
def test_what_is_no_setting(tmp_path, content, environment, told):
    (tmp_path / "dedup.toml").write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=re.escape(told)):
        resolve(tmp_path, environment)


def test_a_flag_goes_before_all(command, monkeypatch):
    Path("dedup.toml").write_text("[cluster]\nthreshold = 0.4\n", "utf-8")
    texts = [{"id": name, "text": text} for name, text in (("a", ONE), ("b", TWO))]
    Path("r.jsonl").write_bytes(b"".join(map(json_line, texts)))
    assert command("cluster", "r.jsonl", "-q")[1]
    monkeypatch.setenv("DEDUP_CLUSTER_THRESHOLD", "0.99")
    assert not command("cluster", "r.jsonl", "-q")[1]
    assert command("cluster", "r.jsonl", "-q", "--threshold", "0.5")[1]
    monkeypatch.setenv("DEDUP_CLUSTER_THRESHOLD", "7")
    assert command("cluster", "r.jsonl", "-q")[0] == 2


def test_help_is_shown_whatever_the_settings_are(command):
    Path("dedup.toml").write_text("[cluster]\ntreshold = 0.4\n", "utf-8")
    for words in (("--help",), ("cluster", "--help"), ("index", "add", "x.index", "-h")):
        code, out, told = command(*words)
        assert (code, "Usage: dedup" in out) == (0, True)
        assert ("is cluster.threshold meant?" in told) == (words != ("--help",))
    assert command("explain", "--", "x", "--help")[0] == 2
    assert command("cluster", "x.jsonl")[0] == 2


def test_a_table_in_the_place_of_a_value_and_the_reverse(tmp_path):
    for name, content in (("pyproject.toml", "tool = 1"), ("pyproject.toml", "[tool]\nother = 1")):
        (tmp_path / name).write_text(content, "utf-8")
        assert settings_of(resolve(tmp_path, {})) == dedup.Settings()
    (tmp_path / "pyproject.toml").write_text("[tool]\ndedup = 1", "utf-8")
    with pytest.raises(ConfigError, match="must be a table"):
        resolve(tmp_path, {})


def test_config_prints_what_holds_as_toml(command, monkeypatch):
    monkeypatch.setenv("DEDUP_KEEP", "first")
    code, out, _ = command("config")
    assert code == 0
    assert re.search(r'^keep = "first" +# DEDUP_KEEP$', out, re.MULTILINE)
    Path("dedup.toml").write_text(out, "utf-8")
    again = command("config")[1]
    assert again.replace("# dedup.toml", "# default") == out
    rows = json.loads(command("config", "--json")[1])
    assert rows["keep"] == {"value": "first", "origin": "DEDUP_KEEP"}
    monkeypatch.setenv("DEDUP_NOPE", "1")
    assert command("config")[0] == 2


def test_a_new_run_removes_the_report_of_the_one_before(command):
    Path("raw").mkdir()
    Path("raw/a.txt").write_text(f"{ONE}\n", "utf-8")
    assert command("run", "raw", "-o", "out", "-q")[0] == 0
    assert command("report", "out") == (0, "out/report.html\n", "")
    assert "out/report.html showed the run before" in " ".join(command("run", "raw", "-o", "out")[2].split())
    assert not Path("out/report.html").exists()
    Path("out/report.html").write_text("<title>my own", "utf-8")
    assert "report" not in command("run", "raw", "-o", "out")[2]
    assert Path("out/report.html").exists()


# Manual and completion


def test_the_manual_names_every_command_and_option(command):
    page = command("manual")[1]
    for name in ("clean", "cluster", "run", "explain", "diff", "report", "config", "index add"):
        assert f".SS {name}\n" in page
    assert "\\-\\-threshold" in page
    if shutil.which("groff"):
        done = subprocess.run(
            ["groff", "-man", "-ww", "-z"], input=page.encode(), capture_output=True, check=True
        )
        assert done.stderr == b""


def test_completion_knows_the_commands():
    environment = {"_DEDUP_COMPLETE": "complete_bash", "COMP_WORDS": "dedup cl", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "dedup_cli"], env=environment, capture_output=True, check=False
    )
    assert done.stdout.split() == [b"clean", b"cluster"]
