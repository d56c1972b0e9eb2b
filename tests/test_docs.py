"""The README tells the truth: its commands run, its options and fields are those of the program."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

import dedup.pipeline
from dedup.read import read
from dedup.rows import article_row
from dedup.types import Article, Encoding, Kind, Reason
from dedup.write import json_line
from dedup_cli.main import app
from dedup_cli.terminal import article_table

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = ("clean", "cluster", "run", "learn", "profiles", "explain", "diff", "report", "config")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def told(*arguments, folder=ROOT):
    """What the installed command prints on standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "dedup_cli", *arguments],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=120,
    )
    return done.stdout.decode()


def options(text):
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def usage(command):
    (text,) = (block for block in blocks("text") if block.startswith("dedup clean"))
    return "".join(re.findall(rf"^dedup {command} .*\n(?: .*\n)*", text, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_are_those_of_help(command):
    rows = re.findall(r"^  (?:(-\w), )?(--[a-z-]+)", told(command, "--help"), re.MULTILINE)
    assert {short or long for short, long in rows} - {"-h"} == options(usage(command))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_names_the_command(command):
    example = re.search(r"Example: (dedup .*)", told(command, "--help"))[1]
    assert shlex.split(example)[1] == command
    assert options(example) <= options(usage(command))


def test_the_examples_of_help_run(tmp_path):
    """In one folder and in this order: each finds what those before it wrote."""
    page = ROOT / "samples" / "raw" / "tamsin-valley.example" / "cider.htm"
    words = page.read_text("utf-8").replace("</body>", "<p>Read more</p></body>")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "page.html").write_text(words, "utf-8")
    for command in COMMANDS:
        if command == "diff":
            for name in ("old", "new"):
                shutil.copytree(tmp_path / "out", tmp_path / name)
        example = re.search(r"Example: (dedup .*)", told(command, "--help"))[1]
        out = told(*shlex.split(example)[1:], folder=tmp_path)
        assert bool(out) == (command in ("profiles", "explain", "diff", "report", "config"))
    wrote = {"articles.jsonl", "clusters.jsonl", "links.jsonl", "out", "report.html"}
    assert wrote <= {path.name for path in tmp_path.iterdir()}


def test_the_examples_of_index_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (found,) = dedup.clean("The ferry to the island ran aground on Friday, and nobody was hurt.")
    article = article_row(found)
    Path("articles.jsonl").write_bytes(json_line(article))
    wrote = {}
    for command in ("add", "query", "stats", "expire", "export", "check"):
        said = CliRunner().invoke(app, ["index", command, "--help"]).output
        example = re.search(rf"Example: dedup (index {command} .*)", said)[1]
        done = CliRunner().invoke(app, shlex.split(example))
        assert done.exit_code == 0, done.output
        wrote[command] = done.stdout
    assert json.loads(wrote["add"])["share"] == 0
    assert json.loads(wrote["query"])["first_seen"]
    assert json.loads(wrote["export"])["id"] == article["id"]
    assert [command for command, out in wrote.items() if not out] == ["expire", "check"]


def test_every_command_is_in_the_readme():
    listed = re.findall(r"^  (\w+)  ", told("--help").split("Commands:")[1], re.MULTILINE)
    assert set(COMMANDS) <= set(listed)
    assert [name for name in listed if not usage(name)] == []


def test_the_glossary_is_sorted_and_names_the_relations():
    rows = re.findall(r"^\| ([^|]+?) \|", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)[
        1:
    ]
    assert rows == sorted(rows, key=str.casefold)
    for relation in dedup.types.Relation:
        assert relation.replace("_", " ") in rows


def test_exit_codes_are_those_of_help():
    in_help = re.findall(r"\b(\d+)\s+[a-z]", told("--help").split("Exit codes:")[1])
    assert re.findall(r"^\| (\d+) \|", README, re.MULTILINE) == in_help


def test_ci_runs_the_commands_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    shell = [block.strip() for block in blocks("sh")]
    assert len(shell) == 2
    for command in shell:
        assert command in script


def test_the_fields_are_those_of_the_rows():
    fields = dict.fromkeys(Article.__dataclass_fields__) | {"paragraphs": (), "stripped": ()}
    article = Article(**fields | {"encoding": Encoding("utf-8", "strict")})
    section = README.split("`articles.jsonl`: ")[1].split("Kinds:")[0]
    named = [name for name in re.findall(r"`(\w+)`", section) if name in article_row(article)]
    assert list(dict.fromkeys(named)) == [*article_row(article)]


def test_kinds_and_reasons_are_all_named():
    kinds, reasons = re.search(r"Kinds: (.*?)\. Reasons: (.*?)\.\n", README, re.DOTALL).groups()
    assert re.findall(r"`(\w+)`", kinds) == [kind.value for kind in Kind if kind is not Kind.TITLE]
    assert re.findall(r"`(\w+)`", reasons) == [reason.value for reason in Reason]


def test_the_library_example_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (example,) = blocks("python")
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out


def shown_table():
    """The block of the README that shows a page: the command and what it prints at 80 columns."""
    (block,) = (block for block in blocks("text") if block.startswith("$ dedup clean"))
    command = block.splitlines()[0]
    paths = [shlex.split(command)[-1]]
    screen = Console(width=80, file=io.StringIO())
    for cleaned in dedup.pipeline.clean_many(read(paths), profiles=dedup.pipeline.learn(read(paths))):
        for article in cleaned.articles:
            screen.print(article_table(article, full=False))
    rows = [row.rstrip() for row in screen.file.getvalue().rstrip().splitlines()]
    return block, "\n".join([command, *rows, ""])


def shown_summary(folder):
    """The block of the README that shows a summary, and what the command says, without the time it took."""
    (block,) = (block for block in blocks("text") if "20 inputs" in block)
    command = [sys.executable, "-m", "dedup_cli", "run", "samples/raw", "-o", f"{folder}/"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=300)
    said = [line.rstrip() for line in done.stderr.decode().splitlines()]
    return block, "\n".join([*said[:-1], ""])


def test_the_table_is_what_the_command_shows(monkeypatch):
    monkeypatch.chdir(ROOT)
    block, real = shown_table()
    assert block == real, "python tests/test_docs.py writes the README's excerpts anew"


def test_the_summary_is_what_the_command_says(tmp_path):
    block, real = shown_summary(tmp_path)
    assert block == real, "python tests/test_docs.py writes the README's excerpts anew"


if __name__ == "__main__":
    os.chdir(ROOT)
    for old, new in (shown_table(), shown_summary(tempfile.mkdtemp())):
        README = README.replace(f"```text\n{old}```", f"```text\n{new}```")
    Path("README.md").write_text(README, "utf-8")
