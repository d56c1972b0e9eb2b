"""Worker processes: order, limits, deaths, replacement, how they end."""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from dedup.pipeline import clean_many, learn
from dedup.settings import Settings, WorkerSettings
from dedup.types import Failure, Media, Source
from dedup.workers import Done, WorkerError, each

QUICK = WorkerSettings(seconds=2.0, memory=300_000_000)
COMMAND = (sys.executable, "-m", "dedup_cli")


def act(item):
    """What a hostile page might do to the process that cleans it."""
    match item:
        case "hang":
            while True:
                pass
        case "hang in C":  # holds the interpreter's lock, so no thread or handler of the worker can act
            re.fullmatch("(a|aa)+b", "a" * 200)
        case "swell":
            return len(bytearray(2_000_000_000))
        case "swell slowly":
            return len([bytes(1_000_000) for _ in range(2_000)])
        case "crash":
            ctypes.string_at(0)
        case "leave":
            os._exit(7)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "ended by its own alarm":
            os.kill(os.getpid(), signal.SIGALRM)
        case "pid":
            return os.getpid()
        case "grow":
            return len(bytearray(b"x") * 200_000_000)
        case ("sleep", seconds, value):
            time.sleep(seconds)
            return value
    return item


def lost(item, error, message):
    assert "\n" not in message
    return (item, error, message)


def answers(items, jobs=1, settings=QUICK, work=act):
    return list(each(work, items, lost, jobs=jobs, size=lambda _: 1, settings=settings))


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_the_order_of_the_items(jobs):
    items = [("sleep", 0.02 * (i % 3), i) for i in range(30)]
    assert answers(items, jobs) == list(range(30))
    assert answers([], jobs) == []


FATAL = {
    "hang": ("too_slow", "more than 2 s"),
    "hang in C": ("too_slow", "more than 2 s"),
    "swell": ("out_of_memory", "300 MB"),
    "swell slowly": ("out_of_memory", "300 MB"),
    "crash": ("crashed", "SIGSEGV"),
    "leave": ("crashed", "exit code 7"),
    "killed": ("crashed", "SIGKILL"),
    "ended by its own alarm": ("too_slow", "more than 2 s"),
}


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_ends_a_worker_costs_its_item_alone(jobs):
    found = answers([one for fatal in FATAL for one in ("before", fatal, "after")], jobs)
    for fatal, (before, answer, after) in zip(FATAL, zip(*[iter(found)] * 3, strict=True), strict=True):
        error, told = FATAL[fatal]
        assert (before, after) == ("before", "after")
        assert answer[:2] == (fatal, error)
        assert told in answer[2]


def test_a_worker_that_is_killed_while_idle_costs_nothing():
    def items():
        yield "pid"
        os.kill(worker, signal.SIGKILL)
        time.sleep(0.2)
        yield from ("one", "two")

    settings = WorkerSettings(ahead=1)
    worker = None
    found = []
    for answer in each(act, items(), lost, jobs=1, size=lambda _: 1, settings=settings):
        worker = worker or answer
        found.append(answer)
    assert found[1:] == ["one", "two"]


def test_workers_are_replaced_after_so_many_items():
    pids = answers(["pid"] * 7, settings=WorkerSettings(pages=3))
    assert [pids.index(pid) for pid in pids] == [0, 0, 0, 3, 3, 3, 6]
    assert len(set(answers(["pid"] * 7, settings=WorkerSettings(pages=0)))) == 1


def test_a_worker_that_has_grown_is_replaced():
    first, size, second = answers(["pid", "grow", "pid"], settings=WorkerSettings(memory=300_000_000))
    assert size == 200_000_000
    assert first != second


def test_no_limits():
    none = WorkerSettings(seconds=0, memory=0, pages=0)
    assert answers([("sleep", 0.1, "done")], settings=none) == ["done"]


def test_no_more_is_read_ahead_than_may_be():
    read = 0

    def items():
        nonlocal read
        while read < 100:
            read += 1
            yield read

    for size, most in ((1, 2 * 4), (60, 2)):
        settings = WorkerSettings(ahead=4, ahead_bytes=100)
        read = furthest = 0
        results = each(act, items(), lost, jobs=2, size=lambda _, size=size: size, settings=settings)
        for done, _ in enumerate(results):
            furthest = max(furthest, read - done)
        assert furthest <= most


def test_what_is_done_is_not_done_again():
    assert answers([Done("a"), "b", Done("hang"), "c"]) == ["a", "b", "hang", "c"]


def test_leaving_early_ends_the_workers():
    threads = threading.active_count()
    results = each(
        act, ["pid"] + ["hang"] * 5, lost, jobs=2, size=lambda _: 1, settings=WorkerSettings(ahead=1)
    )
    pid = next(results)
    begun = time.monotonic()
    results.close()
    assert time.monotonic() - begun < 5
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert threading.active_count() == threads


class Unloadable:
    """Work that no worker can load."""

    def __reduce__(self):
        return (os._exit, (9,))


def test_workers_that_do_not_start_are_an_error():
    with pytest.raises(WorkerError, match="exit code 9"):
        answers(["a"], work=Unloadable())


# Pages

GOOD = Source("good.txt", "good.txt", "The harbour market opens at seven.\n", Media.TEXT, outlet="port")
LONG = replace(GOOD, name="long.txt", content="The harbour market opens at seven.\n" * 50_000)
STRICT = Settings(worker=WorkerSettings(seconds=0.001))


def test_one_page_over_a_limit_is_one_failure():
    for jobs in (1, 2):
        (late,) = clean_many([LONG], jobs=jobs, settings=STRICT)
        assert (late.source, late.articles, late.failure.error) == ("long.txt", (), "too_slow")
    failure = Failure("gone.txt", "not_found", "it is gone")
    found = list(clean_many([GOOD, failure, GOOD], jobs=2))
    assert [one.failure for one in found] == [None, failure, None]
    assert found == list(clean_many([GOOD, failure, GOOD]))


def test_pages_over_a_limit_teach_nothing():
    assert not learn([LONG], jobs=1, settings=STRICT).outlets
    assert list(learn([GOOD], jobs=1).outlets) == ["port"]


def test_the_command_names_the_page_and_goes_on(tmp_path):
    (tmp_path / "raw").mkdir()
    words = "Der Hafen öffnet um sieben, und die Boote fahren hinaus. "
    (tmp_path / "raw/big.txt").write_text("\n".join(f"{i} {words * 20}" for i in range(20_000)), "utf-8")
    (tmp_path / "raw/good.txt").write_text("The harbour market opens at seven.\n", "utf-8")
    done = subprocess.run(
        [*COMMAND, "clean", "raw", "--errors", "errors.jsonl"],
        cwd=tmp_path,
        env={**os.environ, "DEDUP_WORKER_MEMORY": "100000000"},
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 3
    assert b"opens at seven" in done.stdout
    failed = json.loads((tmp_path / "errors.jsonl").read_bytes())
    assert (failed["source"], failed["error"]) == ("raw/big.txt", "out_of_memory")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_command(tmp_path, ending):
    (tmp_path / "raw").mkdir()
    for i in range(300):
        (tmp_path / f"raw/{i}.txt").write_text("The harbour market opens at seven.\n" * 300, "utf-8")
    process = subprocess.Popen(
        [*COMMAND, "clean", "raw", "-j", "2", "-o", "a.jsonl"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    wait_until(lambda: len(children := members(process.pid)) >= 4 and children)
    if ending is signal.SIGINT:
        os.killpg(process.pid, ending)  # as a terminal does
    else:
        process.send_signal(ending)
    _, err = process.communicate(timeout=30)
    wait_until(partial(lambda pid: not members(pid), process.pid))
    if ending is signal.SIGINT:
        assert (process.returncode, err) == (130, b"dedup: interrupted\n")
    if ending is not signal.SIGKILL:
        assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def members(session):
    """The processes of a session that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(path.parent.name)
    return found


def wait_until(holds, seconds=60):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
