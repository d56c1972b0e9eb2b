"""The command as a user runs it: what it prints and writes, its exit codes, and how it stops.

The app is loaded through the console-script entry point, so the package has to be installed.
"""

import errno
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import dedup.looks
import dedup.pipeline
from dedup.read import read
from dedup.relation_rows import cluster_row
from dedup.rows import article_of, article_row
from dedup.workers import WorkerError
from dedup.write import json_line, markdown, plain_text
from dedup_cli.report import Report

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "raw"
PAGE = "hokuseki.example/tunnel.html"
# The command in a process of its own.
COMMAND = (sys.executable, "-m", "dedup_cli")


@pytest.fixture
def dedup_main(monkeypatch, capsysbinary):
    """Runs the command in this process: (exit code, standard output, standard error)."""
    (script,) = entry_points(group="console_scripts", name="dedup")
    main = script.load()

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["dedup", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capsysbinary.readouterr()
        return leaving.value.code or 0, out, err.decode()

    return run


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A folder `raw` with two sample pages, in the working folder."""
    raw = tmp_path / "raw"
    for name in (PAGE, "ellery-courier.example/heatpumps.txt"):
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes((SAMPLES / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return Path("raw")


def library(*names):
    """What the library makes of the same paths."""
    paths = [*map(str, names)]
    profiles = dedup.pipeline.learn(read(paths))
    return [
        one
        for cleaned in dedup.pipeline.clean_many(read(paths), profiles=profiles)
        for one in cleaned.articles
    ]


def lines(articles):
    return b"".join(json_line(article_row(one)) for one in articles)


# Same as the library


def test_clean_prints_what_the_library_gives(dedup_main, pages):
    code, out, err = dedup_main("clean", pages)
    assert code == 0
    assert out == lines(library("raw"))
    assert len(out.splitlines()) >= 2
    assert "2 inputs" in err


def test_clean_writes_the_same_to_a_file_and_a_folder(dedup_main, pages):
    expected = lines(library("raw"))
    assert dedup_main("clean", pages, "-o", "a.jsonl")[:2] == (0, b"")
    assert dedup_main("clean", pages, "-o", "out/")[:2] == (0, b"")
    assert Path("a.jsonl").read_bytes() == expected
    assert [path.name for path in Path("out").iterdir()] == ["articles.jsonl"]
    assert Path("out/articles.jsonl").read_bytes() == expected


@pytest.mark.parametrize(("form", "written"), [("md", markdown), ("txt", plain_text)])
def test_text_forms(dedup_main, pages, form, written):
    articles = library("raw")
    code, out, _ = dedup_main("clean", pages, "--format", form)
    assert code == 0
    assert out == b"\n----\n\n".join(written(one) for one in articles)
    assert dedup_main("clean", pages, "--format", form, "-o", "texts/")[0] == 0
    files = {path.name: path.read_bytes() for path in Path("texts").iterdir()}
    assert sorted(files.values()) == sorted(written(one) for one in articles)
    assert all(name.endswith(f".{form}") for name in files)


def test_the_number_of_processes_changes_nothing(dedup_main, pages):
    assert dedup_main("clean", pages, "-j", 2)[1] == dedup_main("clean", pages)[1]


def test_standard_input_is_read_only_when_it_is_named(pages):
    page = (SAMPLES / PAGE).read_bytes()
    named = subprocess.run([*COMMAND, "clean", "-"], input=page, capture_output=True, check=False)
    assert named.returncode == 0
    assert json.loads(named.stdout)["text"] == library(SAMPLES / PAGE)[0].text
    unnamed = subprocess.run([*COMMAND, "clean"], input=page, capture_output=True, check=False)
    assert unnamed.returncode == 2
    assert unnamed.stdout == b""


def test_the_outlet_can_be_named(dedup_main, pages):
    _, out, _ = dedup_main("clean", pages, "--outlet", "北のニュース")
    assert {json.loads(line)["outlet"] for line in out.splitlines()} == {"北のニュース"}


def test_cluster_prints_what_the_library_gives(dedup_main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dedup_main("clean", SAMPLES, "-o", "a.jsonl")[0] == 0
    rows = [json.loads(line) for line in Path("a.jsonl").read_bytes().splitlines()]
    expected = b"".join(
        json_line(cluster_row(one)) for one in dedup.pipeline.cluster([article_of(row) for row in rows])
    )
    code, out, err = dedup_main("cluster", "a.jsonl")
    assert (code, out) == (0, expected)
    assert len(out.splitlines()) >= 2
    assert "across outlets" in plain(err)
    assert dedup_main("cluster", "a.jsonl", "-o", "c.jsonl")[:2] == (0, b"")
    assert Path("c.jsonl").read_bytes() == expected


def plain(told):
    """What a summary says, however its lines are broken."""
    return " ".join(told.split())


def test_cluster_writes_links_and_what_else_is_asked_for(dedup_main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dedup_main("run", SAMPLES, "-o", "out")[0] == 0
    names = ("links", "quotations", "passages", "stories")
    asked = [part for name in names for part in (f"--{name}", f"{name}.jsonl")]
    code, _, err = dedup_main("cluster", "out/articles.jsonl", "-o", "clusters.jsonl", *asked)
    assert code == 0
    for name in (*names, "clusters"):
        assert Path(f"{name}.jsonl").read_bytes() == Path(f"out/{name}.jsonl").read_bytes()
        assert Path(f"{name}.jsonl").read_bytes()
    links = Path("links.jsonl").read_bytes().splitlines()
    assert f"{len(links)} links" in plain(err)
    assert all(0.8 <= json.loads(line)["similarity"] <= 1 for line in links)


def test_stored_links_are_clustered_at_another_threshold(dedup_main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dedup_main("run", SAMPLES, "-o", "out")[0] == 0
    assert dedup_main("cluster", "out/links.jsonl")[1] == Path("out/clusters.jsonl").read_bytes()
    strict = dedup_main("cluster", "out/articles.jsonl", "--threshold", 0.9)[1]
    code, again, err = dedup_main("cluster", "out/links.jsonl", "--threshold", 0.9)
    assert (code, again) == (0, strict)
    assert "missing" not in err
    assert "pairs below are missing" in plain(dedup_main("cluster", "out/links.jsonl", "--threshold", 0.5)[2])
    assert dedup_main("cluster", "out/links.jsonl", "--links", "l.jsonl")[0] == 2


def test_an_id_used_twice_is_told(dedup_main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.jsonl").write_bytes(b"".join(json_line({"id": 1, "text": "the same words"}) for _ in range(2)))
    code, out, err = dedup_main("cluster", "r.jsonl")
    assert (code, out) == (3, b"")
    assert "r.jsonl#2: the id 1 is that of line 1" in err


def test_the_run_can_leave_relations_out(dedup_main, pages):
    assert dedup_main("run", pages, "-o", "out")[0] == 0
    code, _, err = dedup_main("run", pages, "-o", "out", "--without", "links", "--without", "passages")
    assert code == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "articles.jsonl", "clusters.jsonl", "quotations.jsonl", "run.json", "stories.jsonl", "unique.jsonl",
    ]  # fmt: skip
    assert "0 stories, 0 quotations" in plain(err)


def test_the_run_tells_its_figures_and_settings(dedup_main, pages):
    assert dedup_main("run", pages, "-o", "out", "--threshold", 0.7)[0] == 0
    first = Path("out/run.json").read_bytes()
    told = json.loads(first)
    assert (told["inputs"], told["articles"], told["failed"]) == (2, 2, 0)
    assert told["settings"]["cluster"]["threshold"] == 0.7
    assert dedup_main("run", pages, "-o", "out", "--threshold", 0.7, "-j", 2)[0] == 0
    assert Path("out/run.json").read_bytes() == first


def test_the_log_can_be_json(dedup_main, pages):
    (pages / "empty.html").write_bytes(b"")
    code, _, err = dedup_main("clean", pages, "--log-json")
    assert code == 3
    failure, summary = map(json.loads, err.splitlines())
    assert (failure["event"], failure["source"]) == ("failure", "raw/empty.html")
    assert (summary["event"], summary["inputs"], summary["failed"]) == ("summary", 3, 1)
    assert sum(summary["stripped"].values()) > 0


def test_cluster_takes_plain_records_and_a_threshold(dedup_main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = "The harbour board said on Monday that the new ferry would sail before the end of May."
    two = one.replace("Monday", "Tuesday")
    records = [{"id": number, "text": f"Short.\n{text}"} for number, text in enumerate((one, two))]
    Path("r.jsonl").write_bytes(b"".join(map(json_line, records)))
    found = map(json.loads, dedup_main("cluster", "r.jsonl", "--threshold", 0.5)[1].splitlines())
    (near,) = (one for one in found if one["kind"] == "changed_facts")
    assert [(one["document"], one["paragraph"]) for one in near["members"]] == [("0", 1), ("1", 1)]
    assert 0.5 <= near["members"][1]["similarity"] < 0.95
    strict = dedup_main("cluster", "r.jsonl", "--threshold", 0.95)[1].splitlines()
    assert [json.loads(line)["kind"] for line in strict] == ["exact"]


def test_cluster_reads_a_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    process = subprocess.Popen(
        [*COMMAND, "cluster", "pipe", "-q"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    records = b"".join(json_line({"id": name, "text": "the same words"}) for name in "ab")
    wait_until(lambda: process.poll() is not None or fed(tmp_path / "pipe", records))
    out, err = process.communicate(timeout=30)
    assert err == b""
    assert json.loads(out)["size"] == 2


def fed(pipe, data):
    """Whether somebody reads the pipe and got the data."""
    try:
        writing = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    os.write(writing, data)
    os.close(writing)
    return True


def test_run_writes_articles_clusters_and_what_is_new(dedup_main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = dedup_main("run", SAMPLES, "-o", "out/")
    assert (code, out) == (0, b"")
    articles = library(SAMPLES)
    assert Path("out/articles.jsonl").read_bytes() == lines(articles)
    clusters = dedup.pipeline.cluster(articles)
    assert Path("out/clusters.jsonl").read_bytes() == b"".join(
        json_line(cluster_row(one)) for one in clusters
    )
    rows = {row["id"]: row for row in map(json.loads, Path("out/unique.jsonl").read_bytes().splitlines())}
    references = [one for row in rows.values() for one in row["paragraphs"] if "same_as" in one]
    assert references
    for one in references:
        there = rows[one["same_as"]["article"]]["paragraphs"][one["same_as"]["paragraph"]]
        assert "text" in there
        assert 0.8 <= one["similarity"] <= 1
    assert f"{len(references):,} paragraphs replaced" in plain(err)


@pytest.mark.parametrize("keep", ["earliest", "longest", "first"])
def test_every_article_stands_in_unique(dedup_main, tmp_path, monkeypatch, keep):
    monkeypatch.chdir(tmp_path)
    assert dedup_main("run", SAMPLES / "feed.jsonl", "-o", "out", "--keep", keep)[0] == 0
    assert [json.loads(line)["id"] for line in Path("out/unique.jsonl").read_bytes().splitlines()] == [
        one.id for one in library(SAMPLES / "feed.jsonl")
    ]


# What goes wrong


def test_bad_inputs_are_reported_and_the_rest_is_done(dedup_main, pages):
    (pages / "empty.html").write_bytes(b"")
    (pages / "binary.txt").write_bytes(bytes(range(256)) * 40)
    code, out, err = dedup_main("clean", pages, "raw/nowhere.html")
    assert code == 3
    assert out == lines(library("raw"))
    assert "3 inputs failed" in err
    for name in ("raw/empty.html", "raw/binary.txt", "raw/nowhere.html"):
        assert len([line for line in err.splitlines() if line.startswith(f"{name}: ")]) == 1
    assert "Traceback" not in err


def test_errors_go_to_a_file_of_their_own(dedup_main, pages):
    (pages / "empty.html").write_bytes(b"")
    code, _, err = dedup_main("clean", pages, "-o", "a.jsonl", "--errors", "errors.jsonl")
    assert code == 3
    assert "empty.html" not in err
    (row,) = map(json.loads, Path("errors.jsonl").read_bytes().splitlines())
    assert list(row) == ["source", "error", "message"]
    assert row["source"] == "raw/empty.html"


def test_the_error_file_is_empty_when_nothing_failed(dedup_main, pages):
    assert dedup_main("clean", pages, "-o", "a.jsonl", "--errors", "errors.jsonl")[0] == 0
    assert Path("errors.jsonl").read_bytes() == b""


def test_bad_lines_of_records_are_reported(dedup_main, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r.jsonl").write_text('{"id": 1, "text": "x"}\nno json\n', "utf-8")
    code, out, err = dedup_main("cluster", "r.jsonl")
    assert (code, out) == (3, b"")
    assert re.search(r"^r\.jsonl#2: .*not JSON", err, re.MULTILINE)


def test_a_page_without_article_is_a_warning(dedup_main, pages):
    (pages / "menu.html").write_text("<html><body><nav><a href='/'>Home</a></nav></body></html>", "utf-8")
    code, out, err = dedup_main("clean", "raw/menu.html")
    assert code == 0
    assert json.loads(out)["text"] == ""
    assert "1 article without text: raw/menu.html" in plain(err)


WRONG_USAGE = {
    "no command": [],
    "unknown command": ["clen"],
    "no path": ["clean"],
    "unknown option": ["clean", "raw", "--nope"],
    "unknown format": ["clean", "raw", "--format", "xml"],
    "no process": ["clean", "raw", "-j", "0"],
    "threshold above one": ["cluster", "a.jsonl", "--threshold", "1.5"],
    "no such file": ["cluster", "nowhere.jsonl"],
    "no such folder": ["clean", "raw", "-o", "nowhere/a.jsonl"],
    "no output": ["run", "raw"],
    "output is a file": ["run", "raw", "-o", "file"],
    "output in the input": ["clean", "raw", "-o", "raw/a.jsonl"],
    "output is the input": ["clean", "raw/page.html", "-o", "raw/page.html"],
    "output folder in the input": ["run", "raw", "-o", "raw/out/"],
    "errors in the input": ["clean", "raw", "--errors", "raw/e.jsonl"],
    "errors in the output": ["clean", "raw", "-o", "a.jsonl", "--errors", "./a.jsonl"],
    "errors in the output folder": ["clean", "raw", "-o", "old", "--errors", "old/articles.jsonl"],
    "errors of run in its output": ["run", "raw", "-o", "old", "--errors", "old/unique.jsonl"],
    "errors in the clusters": ["cluster", "file", "-o", "c.jsonl", "--errors", "c.jsonl"],
    "two outputs in one file": ["cluster", "file", "-o", "c.jsonl", "--links", "./c.jsonl"],
    "no folder for links": ["cluster", "file", "--links", "nowhere/l.jsonl"],
    "links in place of the input": ["cluster", "file", "--links", "file"],
    "nothing of that name to leave out": ["run", "raw", "-o", "out", "--without", "clusters"],
    "no run to show": ["report", "old"],
    "no run to compare": ["diff", "old", "raw"],
    "no such article": ["explain", "a", "b", "--run", "old"],
    "unknown copy to keep": ["run", "raw", "-o", "out", "--keep", "best"],
}


@pytest.mark.parametrize("name", WRONG_USAGE)
def test_wrong_usage_is_exit_code_2_and_leaves_nothing(dedup_main, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/page.html").write_bytes(b"<p>x</p>")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "old").mkdir()
    before = sorted(tmp_path.rglob("*"))
    code, out, err = dedup_main(*WRONG_USAGE[name])
    assert code == 2
    assert "Traceback" not in err
    assert (out + err.encode()).strip()
    assert sorted(tmp_path.rglob("*")) == before


def test_an_output_that_cannot_be_written_is_one_line(dedup_main, pages):
    Path("out").mkdir()
    Path("out/articles.jsonl").mkdir()
    code, _, err = dedup_main("run", pages, "-o", "out")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "articles.jsonl" in err


STOPPED = {
    "full disk": (OSError(errno.ENOSPC, "No space left on device"), "dedup: No space left on device"),
    "no worker": (WorkerError("a process ended"), "dedup: a process ended"),
    "own fault": (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
}


@pytest.mark.parametrize("name", STOPPED)
def test_what_stops_a_run_is_said_in_one_line(dedup_main, pages, monkeypatch, name):
    error, told = STOPPED[name]

    def stop(*_, **__):
        raise error

    monkeypatch.setattr(dedup.looks, "clean_twice", stop)
    code, _, err = dedup_main("clean", pages, "-o", "a.jsonl")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert told in err
    assert not Path("a.jsonl").exists()


def test_quiet_says_nothing_and_still_reports_errors(dedup_main, pages):
    assert dedup_main("clean", pages, "-q")[2] == ""
    code, _, err = dedup_main("clean", "nowhere.html", "-q")
    assert code == 3
    assert len(err.splitlines()) == 1


def test_verbose_names_every_source(dedup_main, pages):
    err = dedup_main("clean", pages, "-v")[2]
    assert f"raw/{PAGE}: " in err


# How it stops


def test_ctrl_c_leaves_no_half_file(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "clean", "-", "-o", "a.jsonl"], cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_until(lambda: list(tmp_path.glob(".*.part")))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == b"dedup: interrupted\n"
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_ends_the_run_quietly(pages):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "clean", pages, "-q"], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


# In a terminal


def in_terminal(*arguments, columns=80, cwd=None):
    """What the command writes to a terminal of that width, and its exit code."""
    main, side = pty.openpty()
    environment = os.environ | {"COLUMNS": str(columns), "LINES": "40", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=side, stderr=side, env=environment, cwd=cwd
    )
    os.close(side)
    told = b""
    while select.select([main], [], [], 60)[0]:
        try:
            told += os.read(main, 65536)
        except OSError:
            break
    os.close(main)
    return told.decode(), process.wait(timeout=60)


def without_styles(told):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told)


def test_a_terminal_shows_a_table_that_fits(pages):
    told, code = in_terminal("clean", pages)
    assert code == 0
    rows = [row for row in re.split("[\r\n]+", without_styles(told)) if row[:2] in ("+ ", "- ")]
    assert any(row.startswith("+ paragraph") for row in rows)
    assert any(row.startswith("- ") for row in rows)
    assert max(map(cell_len, rows)) <= 80
    assert '{"id"' not in told


def test_a_terminal_shows_progress(pages):
    assert "Cleaning" in without_styles(in_terminal("clean", pages, "-o", "a.jsonl")[0])
    assert "Cleaning" not in without_styles(in_terminal("clean", pages, "-o", "a.jsonl", "-q")[0])


def test_a_terminal_shows_ten_failures_of_a_kind_and_counts_the_rest(pages):
    (pages / "bad.jsonl").write_text('{"id": 1}\n' * 30, "utf-8")
    told, code = in_terminal("clean", pages, "-o", "a.jsonl")
    assert code == 3
    assert len(re.findall(r"raw/bad.jsonl#\d+", told)) == 10
    assert "30 inputs failed: 30 bad_record" in plain(without_styles(told))
    assert len(re.findall(r"raw/bad.jsonl#\d+", in_terminal("clean", pages, "-o", "a.jsonl", "-v")[0])) == 30


def test_explain_shows_text_without_spaces_whole(pages):
    (paragraph, *_) = library(pages / PAGE)[0].paragraphs
    told = without_styles(in_terminal("explain", pages / PAGE)[0])
    assert paragraph.block.text in "".join(told.split())


def test_comparing_shows_how_far_it_is_and_how_long_the_rest_will_take(monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    screen = Console(file=io.StringIO(), force_terminal=True, width=80)
    report = Report(errors=None, quiet=False, verbose=False, console=screen)
    with report.comparing([]) as told:
        told("links", 0.0, 5.0)
        told("stories", 1.0, 4.0)  # as if a second of work had taken no time
    shown = without_styles(screen.file.getvalue())
    assert re.search(r"Comparing .* 25% stories .*0:03 left", shown)


@pytest.mark.parametrize(
    "options", [[], ["-v"], ["--format", "jsonl"], ["--format", "md"], ["--format", "txt"]]
)
def test_page_text_cannot_steer_the_terminal(tmp_path, options):
    words = (
        "The council met \x1b]0;owned\x07 and \x9b31m agreed \u202e on the plan for the harbour this week. "
    )
    (tmp_path / "evil.txt").write_text(f"Evil \x1b[2J title\n\n{words * 3}\n{words}\n", "utf-8")
    told, code = in_terminal("clean", "evil.txt", *options, cwd=tmp_path)
    assert code in (0, 3)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202e]", told)
    # The command's own escape sequences set styles, move the cursor, hide it or erase a line.
    assert "\x1b" not in re.sub(r"\x1b\[([0-9;]*m|\?25[hl]|[0-9]*[AGK])", "", told)


def test_a_cluster_table(tmp_path):
    records = [
        {"id": f"id-{number}", "text": "同じ文章が二つの新聞に載った。", "outlet": "新聞"}
        for number in (1, 2)
    ]
    (tmp_path / "r.jsonl").write_bytes(b"".join(map(json_line, records)))
    told, code = in_terminal("cluster", "r.jsonl", cwd=tmp_path)
    assert code == 0
    assert "Cluster 1: exact, 2 paragraphs, 新聞 (its own repeats)" in without_styles(told)
    assert "id-2#0" in told


# The start


def test_version_and_help_import_nothing_heavy():
    heavy = {"trafilatura", "lxml", "numpy", "datasketch", "regex", "pydantic", "rich"}
    check = f"import dedup_cli.main, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_workers_do_not_load_the_program():
    # Each loads the module of the entry point, as multiprocessing has it.
    (script,) = entry_points(group="console_scripts", name="dedup")
    check = f"import {script.module}, sys; print('typer' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True)
    assert done.stdout == b"False\n"


def test_version(dedup_main):
    assert dedup_main("--version")[:2] == (0, f"dedup {dedup.__version__}\n".encode())


def test_copies_to_keep_are_those_of_the_library(dedup_main):
    _, out, _ = dedup_main("run", "--help")
    assert f"<{'|'.join(dedup.types.Keep)}>" in out.decode()


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
