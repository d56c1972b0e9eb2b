"""What an index file survives: killed writers, full disks, torn and foreign files."""

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from contextlib import contextmanager, suppress

import pytest
from servers import free_port, redis_on

from dedup.index import Index, StoreError, record
from dedup.settings import IndexSettings, Settings

WIRE = "The harbour board said on Tuesday that the northern quay would stay closed until the spring tides."


def story(number):
    told = (
        f"Part {i} of story {number} says what only it says, at {number * 7 + i} places." for i in range(8)
    )
    return record(f"s{number}", *told)


# So that the others need not wait long for the turn of a writer that was killed.
HASTY = Settings(index=IndexSettings(patience=0.4))


def write_until_killed(place, first, output, settings=None):
    """Add articles one by one or ten at a time, and say of each that it is in."""
    with Index(place, settings=settings) as index:
        for number in range(first, first + 100_000, 10):
            some = [story(one) for one in range(number, number + 10)]
            for answer in index.add_many(some) if number % 20 else map(index.add, some):
                os.write(output, f"{answer.article}\n".encode())


@contextmanager
def writer(place, first, settings=None):
    """A process that writes until it is killed; gives it and, when it has ended, what it told."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        try:
            write_until_killed(place, first, writing, settings)
        finally:
            os._exit(1)
    os.close(writing)
    told = set()
    yield process, told
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
    with os.fdopen(reading) as lines:
        # The last line may be torn; what it says was not heard.
        told.update(lines.read().split("\n")[:-1])
    os.waitpid(process, 0)


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost_or_half_there(tmp_path):
    rng = random.Random(50)
    place = tmp_path / "news.index"
    returned = set()
    for turn in range(60):
        with writer(place, 100_000 * turn) as (_, told):
            time.sleep(rng.uniform(0, 0.25))
        returned |= told
        with Index(place) as index:
            there = {article.id: len(article.paragraphs) for article, _ in index.export()}
        assert returned <= there.keys()
        assert set(there.values()) <= {8}
    with Index(place) as index:
        assert index.check() == []
    assert len(returned) > 60


@pytest.mark.slow
def test_killed_writers_leave_redis_whole(tmp_path):
    rng = random.Random(51)
    port = free_port()
    returned = set()
    with redis_on(port, tmp_path):
        place = f"redis://127.0.0.1:{port}/0"
        for turn in range(50):
            with writer(place, 100_000 * turn, HASTY) as (_, told):
                time.sleep(rng.uniform(0.1, 0.4))
            returned |= told
        with Index(place, settings=HASTY) as index:
            there = {article.id: len(article.paragraphs) for article, _ in index.export()}
            assert returned <= there.keys()
            assert set(there.values()) <= {8}
            assert index.check() == []
            assert index.stats().articles == len(there)
            index.add(story(1_000_000_000))
    assert len(returned) > 50


def test_a_killed_redis_server_that_keeps_a_log_has_all_that_was_answered(tmp_path):
    rng = random.Random(52)
    port = free_port()
    returned = set()
    for turn in range(8):
        with redis_on(port, tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
            place = f"redis://127.0.0.1:{port}/0"
            with Index(place, settings=HASTY) as index:
                there = {article.id: len(article.paragraphs) for article, _ in index.export()}
                assert index.check() == []
            assert returned <= there.keys()
            assert set(there.values()) <= {8}
            with writer(place, 100_000 * turn, HASTY) as (_, told):
                time.sleep(rng.uniform(0.1, 0.4))
                server.kill()
            returned |= told
    assert len(returned) > 8


@pytest.fixture
def filled(tmp_path):
    place = tmp_path / "news.index"
    with Index(place) as index:
        list(index.add_many(record(f"a{n}", notice(n)) for n in range(900)))
    return place


def notice(number):
    """A paragraph unlike all others."""
    return " ".join(f"Gauge {place} stood at {(number + place) ** 4}." for place in range(5))


@pytest.mark.parametrize("left", [0.1, 0.5, 0.9])
def test_a_torn_file_is_told(filled, left):
    whole = filled.read_bytes()
    filled.write_bytes(whole[: int(len(whole) * left)])
    assert "damaged" in fault(filled)


def test_scribbled_pages_are_found(filled):
    content = bytearray(filled.read_bytes())
    for page in range(3, len(content) // 4096, 2):
        content[page * 4096 : page * 4096 + 2000] = bytes(2000)
    filled.write_bytes(content)
    assert fault(filled)


def test_a_schema_that_is_no_text_is_told(filled):
    filled.write_bytes(filled.read_bytes().replace(b"CREATE TABLE", b"CRE\x80TE TABLE"))
    assert fault(filled).startswith("damaged")


def fault(place):
    """What opening, reading or checking an index says is wrong with it."""
    try:
        with Index(place) as index:
            list(index.export())
            return "; ".join(index.check())
    except StoreError as error:
        return f"{error.error}: {error}"


@pytest.mark.parametrize(
    "content",
    [b"<html>no index</html>" * 300, b"x", b"SQLite format 3\x00" + b"\x01" * 4096],
    ids=["html", "short", "bad"],
)
def test_a_file_that_is_no_index(tmp_path, content):
    place = tmp_path / "other"
    place.write_bytes(content)
    with pytest.raises(StoreError) as told:
        Index(place)
    assert told.value.error in {"not_an_index", "damaged"}
    assert place.read_bytes() == content


def test_a_database_of_something_else(tmp_path):
    place = tmp_path / "other.db"
    with sqlite3.connect(place) as connection:
        connection.execute("CREATE TABLE recipe (name)")
    connection.close()
    for read_only in (False, True):
        with pytest.raises(StoreError, match="is no index"):
            Index(place, read_only=read_only)


def test_a_folder_is_no_index(tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        Index(tmp_path)


def test_there_is_no_such_folder(tmp_path):
    with pytest.raises(StoreError, match="cannot be opened"):
        Index(tmp_path / "nowhere" / "news.index")


@pytest.mark.parametrize(
    ("version", "advice"),
    [(99, "a newer dedup wrote it: update"), (2, "feed a new index from what `export` of the older dedup")],
)
def test_an_index_of_another_format(filled, version, advice):
    with sqlite3.connect(filled) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    before = filled.read_bytes()
    with pytest.raises(StoreError, match=f"has format {version}, this program reads 3; {advice}") as told:
        Index(filled)
    assert told.value.error == "other_format"
    assert filled.read_bytes() == before


def test_a_full_disk_keeps_what_was_committed(filled):
    with Index(filled) as index:
        connection = index._store._connected()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(StoreError, match="no space left") as told:
            list(index.add_many(record(f"b{n}", f"Number {n}: {WIRE}" * 5) for n in range(500)))
        assert told.value.error == "disk_full"
        connection.execute("PRAGMA max_page_count = 1000000")
        assert index.stats().articles == 900
        assert index.check() == []
        index.add(record("after", WIRE))
    with Index(filled) as index:
        assert index.stats().articles == 901


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(filled):
    filled.parent.chmod(0o500)
    try:
        with pytest.raises(StoreError) as told:
            Index(filled).add(record("b", WIRE))
        assert told.value.error in {"read_only", "missing"}
        with Index(filled, read_only=True) as index:
            assert index.seen(notice(5))
    finally:
        filled.parent.chmod(0o700)


def test_the_file_shrinks_when_articles_are_forgotten(filled):
    with Index(filled) as index:
        before = index.stats().bytes
        index.expire(paragraphs=20)
        assert index.stats().bytes < before / 2
        assert index.seen(notice(899)).article == "a899"
        assert index.check() == []
    assert filled.stat().st_size < before / 2


def test_expire_by_bytes(filled):
    with Index(filled) as index:
        goal = index.stats().bytes // 2
        assert 0 < index.expire(bytes=goal) < 900
        assert index.stats().bytes <= goal
        assert index.check() == []


def test_a_copy_of_a_closed_index_is_an_index(filled, tmp_path):
    shutil.copy(filled, tmp_path / "copy")
    with Index(tmp_path / "copy") as index:
        assert index.stats().articles == 900


def test_the_file_says_its_parameters(filled):
    with sqlite3.connect(filled) as connection:
        (told,) = connection.execute("SELECT value FROM meta WHERE name = 'parameters'").fetchone()
    connection.close()
    assert json.loads(told)["threshold"] == 0.8
