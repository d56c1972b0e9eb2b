"""A run that was stopped goes on where it stood, and writes what an undisturbed run writes."""

import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from importlib.resources import files as files_of
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup import outlet, pipeline
from dedup.forest import from_bytes, to_bytes
from dedup.journal import Entries, Journal, pack, unpack
from dedup.looks import clean_twice, itself
from dedup.outlet import Trace, trace
from dedup.pipeline import _page, clean_many, learn
from dedup.read import read
from dedup.settings import JudgeSettings, Settings, WorkerSettings
from dedup.types import Cleaned, Failure, Media, Source
from dedup.workers import _context

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "raw"
COMMAND = (sys.executable, "-m", "dedup_cli")
JOURNAL = ".run.journal"


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """The samples and two pages that fail, in the folder `raw` of the working folder."""
    shutil.copytree(SAMPLES, tmp_path / "raw")
    (tmp_path / "raw/empty.html").write_bytes(b"")
    (tmp_path / "raw/noise.txt").write_bytes(bytes(range(256)) * 40)
    monkeypatch.chdir(tmp_path)


def go(*arguments, cwd="."):
    """The command, as a process of its own that starts at once."""
    process = _context().Process(target=_command, args=(arguments, str(Path(cwd).resolve())))
    process.start()
    return process


def _command(arguments, cwd):
    from dedup_cli.main import main  # noqa: PLC0415

    # Whatever test started the server that forked it: Ctrl-C is heard, as from a terminal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.chdir(cwd)
    sys.argv = ["dedup", *arguments]
    main()


def finished(*arguments):
    process = go(*arguments)
    process.join(300)
    return process.exitcode


def files(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def keys(folder):
    """What the journal holds, each line that is whole."""
    try:
        content = Path(folder, JOURNAL).read_bytes()
    except FileNotFoundError:
        return None
    return [line[:32] for line in content.splitlines(keepends=True) if line.endswith(b"\n")]


def run(output, *options):
    return ("run", "raw", "-o", output, "-q", "--errors", f"{Path(output).name}-errors.jsonl", *options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [8, 9])
def test_killed_at_any_moment_it_goes_on(raw, seed):
    """With both seeds 32 kills."""
    assert finished(*run("whole")) == 3
    begun = time.monotonic()
    assert finished(*run("again")) == 3
    lasting = time.monotonic() - begun
    assert files("again") == files("whole")

    choice = random.Random(seed)
    kills, ends, resumed = 0, 0, 0
    while kills < 16:
        before = keys("out")
        jobs = choice.choice("12")
        process = go(*run("out", "--resume", "-j", jobs))
        # Half of the kills anywhere in the run, half soon after some more work was kept.
        if choice.random() < 0.5:
            process.join(choice.uniform(0, lasting))
        else:
            more = len(before or ()) + choice.randrange(1, 8)
            while process.is_alive() and len(keys("out") or ()) < more:
                time.sleep(0.002)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        after = keys("out")
        if process.exitcode == -signal.SIGKILL:
            kills += 1
            resumed += bool(before)
            if after is not None:
                assert max(Counter(after).values(), default=1) == 1  # nothing was done twice
                assert set(before or ()) <= set(after)  # nor lost
                continue
        ends += 1
        assert process.exitcode in (3, -signal.SIGKILL)
        assert finished(*run("out", "--resume")) == 3
        assert files("out") == files("whole")
        shutil.rmtree("out")
    assert finished(*run("out", "--resume")) == 3
    assert files("out") == files("whole")
    assert Path("out-errors.jsonl").read_bytes() == Path("whole-errors.jsonl").read_bytes()
    assert resumed > 4


@pytest.mark.slow
def test_only_what_is_the_same_is_taken_over(raw):
    assert finished(*run("whole")) == 3
    stop_after(30)
    page = next(Path("raw").glob("*/*.html"))
    old = page.read_bytes()
    page.write_bytes(b"<title>Boats</title><p>The harbour market opens at seven, and closes at nine.</p>")
    assert finished(*run("other")) == 3
    assert finished(*run("out", "--resume")) == 3
    assert files("out") == files("other")
    assert files("other")["articles.jsonl"] != files("whole")["articles.jsonl"]
    page.write_bytes(old)
    stop_after(30)
    assert finished(*run("out")) == 3  # without --resume it begins anew
    assert files("out") == files("whole")


def stop_after(entries):
    process = go(*run("out"))
    while len(keys("out") or ()) < entries:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_ctrl_c_leaves_the_journal_alone(raw):
    process = go(*run("out"))
    while len(keys("out") or ()) < 10:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGINT)
    process.join()
    assert process.exitcode == 130
    assert [path.name for path in Path("out").iterdir()] == [JOURNAL]
    assert len(keys("out")) >= 10


def test_two_runs_into_one_folder_are_refused(raw):
    with Journal(Path("busy.journal"), resume=False) as journal:
        with pytest.raises(OSError, match="another run") as refused:
            Journal(Path("busy.journal"), resume=True)
        assert refused.value.errno == errno.EBUSY
        journal.remove()
    Journal(Path("busy.journal"), resume=True).__exit__(None, None, None)


# What goes wrong with the output


@pytest.mark.slow
def test_a_full_disk_is_told_and_nothing_is_torn(raw):
    done = subprocess.run(
        [*COMMAND, *run("out")],
        capture_output=True,
        check=False,
        timeout=100,
        env={**os.environ, "DEDUP_WORKER_KEPT": "0"},  # else the files of the run itself are larger
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)),
    )
    assert (done.returncode, done.stderr) == (1, b"dedup: out/.run.journal: File too large\n")
    assert keys("out")
    assert list(files("out")) == [JOURNAL]
    assert finished(*run("out", "--resume")) == 3
    assert finished(*run("whole")) == 3
    assert files("out") == files("whole")


def test_a_disk_that_is_really_full(raw):
    Path("disk").mkdir()
    size = sum(len(content) for content in whole_run().values()) // 2
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", "disk"]
    if os.geteuid() or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        Path("disk/ballast").write_bytes(bytes(size // 2))
        done = subprocess.run([*COMMAND, *run("disk/out")], capture_output=True, check=False, timeout=100)
        assert done.returncode == 1
        assert done.stderr.startswith(b"dedup: ")
        assert done.stderr.endswith(b"No space left on device\n")
        assert len(done.stderr.splitlines()) == 1
        assert {path.name for path in Path("disk/out").iterdir()} <= {JOURNAL}
        subprocess.run(["mount", "-o", "remount,size=64m", "disk"], check=True)
        assert finished(*run("disk/out", "--resume")) == 3
        assert files("disk/out") == files("whole")
    finally:
        subprocess.run(["umount", "disk"], check=True)


def whole_run():
    assert finished(*run("whole")) == 3
    return files("whole")


def test_an_output_folder_that_goes_away_is_told(raw):
    process = subprocess.Popen([*COMMAND, *run("out")], stderr=subprocess.PIPE)
    while len(keys("out") or ()) < 10:
        time.sleep(0.002)
    shutil.rmtree("out")
    err = process.communicate(timeout=100)[1].decode()
    assert process.returncode == 1
    assert err.startswith("dedup: ")
    assert "out" in err
    assert len(err.splitlines()) == 1


def test_an_output_that_cannot_be_written_is_told(raw):
    done = subprocess.run([*COMMAND, *run("/proc/dedup")], capture_output=True, check=False, timeout=100)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


# The journal


def test_a_torn_journal_is_read_up_to_the_tear(tmp_path):
    path = tmp_path / "journal"
    written = {f"{i:032x}": json.dumps(["x" * i, i]).encode() for i in range(6)}
    with Journal(path, resume=False) as journal:
        for key, content in written.items():
            journal.put(key, content)
    whole = path.read_bytes()
    ends = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        with Journal(path, resume=True) as journal:
            found = [journal.get(key) for key in written]
            journal.put("f" * 32, b"1")
        intact = sum(end <= cut for end in ends)
        assert found == [*list(written.values())[:intact], *[None] * (6 - intact)]
        with Journal(path, resume=True) as journal:
            assert journal.get("f" * 32) == b"1"


@given(st.data())
def test_a_journal_of_any_bytes_gives_only_what_was_kept(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("journal") / "journal"
    written = {f"{i:032x}": json.dumps(i).encode() for i in range(4)}
    with Journal(path, resume=False) as journal:
        for key, content in written.items():
            journal.put(key, content)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at:at] = data.draw(st.binary(max_size=40))
    content[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    path.write_bytes(bytes(content))
    with Journal(path, resume=True) as journal:
        assert all(journal.get(key) in (None, content) for key, content in written.items())


def test_what_is_kept_comes_back_equal():
    sources = list(read([str(SAMPLES)]))
    profiles = learn(sources)
    for source, cleaned in zip(sources, clean_many(sources, profiles=profiles), strict=True):
        assert unpack(Cleaned, json.loads(json.dumps(pack(cleaned)))) == cleaned
        found = trace(_page(source, Settings()), Settings().outlet)
        assert unpack(Trace | None, json.loads(json.dumps(pack(found)))) == found
    failed = Cleaned("a\ud800", (), Failure("a", "empty", "there is nothing"))
    assert unpack(Cleaned, json.loads(json.dumps(pack(failed)))) == failed


def test_the_key_tells_apart_what_gives_other_results(tmp_path):
    source = Source("a", "a", b"One.", Media.TEXT)
    others = [
        Source("b", "a", b"One.", Media.TEXT),
        Source("a", "b", b"One.", Media.TEXT),
        Source("a", "a", b"One!", Media.TEXT),
        Source("a", "a", "One.", Media.TEXT),
        Source("a", "a", b"One.", Media.HTML),
        Source("a", "a", b"One.", Media.TEXT, url="x"),
        Source("a", "a", b"One.", Media.TEXT, outlet="x"),
    ]
    with Journal(tmp_path / "journal", resume=False) as journal:
        entries = Entries(journal, Cleaned, Settings())
        made = [entries.key(one) for one in (source, *others)]
        made += [Entries(journal, Trace, Settings()).key(source), Entries(journal, Cleaned).key(source)]
        assert len(set(made)) == len(made)
        assert Entries(journal, Cleaned, Settings()).key(source) == made[0]


def test_what_a_limit_ended_is_tried_again(tmp_path):
    page = Source("a", "a", b"The harbour market opens at seven.\n" * 2_000, Media.TEXT)
    strict = Settings(worker=WorkerSettings(seconds=0.001))
    with Journal(tmp_path / "journal", resume=False) as journal:
        (late,) = clean_twice([page], [page], itself, jobs=1, settings=strict, journal=journal)
        assert late.failure.error == "too_slow"
    with Journal(tmp_path / "journal", resume=True) as journal:
        (done,) = clean_twice([page], [page], itself, journal=journal)
    assert done.articles == next(iter(dedup.clean_many([page]))).articles


def test_other_models_and_profiles_take_nothing_over(tmp_path, monkeypatch):
    page = Source("a", "a", b"The harbour market opens at seven.", Media.TEXT, outlet="quay")
    models = tmp_path / "models"
    shutil.copytree(files_of("dedup").joinpath("model"), models)
    settings = Settings(judge=JudgeSettings(models=str(models)))
    asked = []
    monkeypatch.setattr(pipeline, "cleaned", lambda source, **_: asked.append(1) or Cleaned("a", (), None))

    def again(profiles=outlet.NOTHING):
        with Journal(tmp_path / "journal", resume=True) as journal:
            list(clean_twice([page], [page], itself, settings=settings, profiles=profiles, journal=journal))
        return len(asked)

    assert [again(), again()] == [1, 1]
    flat = models / "flat.npz"
    flat.write_bytes(to_bytes(replace(from_bytes(flat.read_bytes()), depth=1)))
    assert [again(), again()] == [2, 2]
    known = learn([replace(page, content=b"The boats go out with the tide.")])
    assert [again(known), again(known)] == [3, 3]
