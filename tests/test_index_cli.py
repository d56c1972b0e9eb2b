"""`dedup index`, as installed."""

import json
import sqlite3
import subprocess
import sys

import pytest

from dedup.index import Index, record

WIRE = "The harbour board said on Tuesday that the northern quay would stay closed until the spring tides."


def run(*arguments, given="", code=0):
    done = subprocess.run(
        [sys.executable, "-m", "dedup_cli", "index", *map(str, arguments)],
        input=given.encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def lines(*records):
    return "".join(json.dumps(one) + "\n" for one in records)


def test_add_then_query_then_export(tmp_path):
    index = tmp_path / "news.index"
    out, _ = run("add", index, given=lines({"id": "a", "text": WIRE, "outlet": "north"}))
    assert json.loads(out) == {"id": "a", "first_seen": None, "share": 0.0, "matches": [[]]}
    out, _ = run("query", index, "-", "--window", "1d", given=lines({"id": 7, "text": WIRE.upper()}))
    answer = json.loads(out)
    ((match,),) = answer["matches"]
    assert (answer["id"], answer["share"]) == ("7", 1.0)
    assert (match["article"], match["outlet"], match["kind"], match["similarity"]) == (
        "a",
        "north",
        "exact",
        1.0,
    )
    out, _ = run("export", index)
    again, _ = run("add", tmp_path / "other.index", given=out)
    assert json.loads(again)["id"] == "a"
    assert json.loads(run("stats", index)[0])["articles"] == 1
    assert run("check", index) == ("", "")


def test_settings_are_the_defaults_of_options(tmp_path, monkeypatch):
    index = tmp_path / "news.index"
    monkeypatch.setenv("DEDUP_CLUSTER_THRESHOLD", "0.6")
    run("add", index, given=lines(*({"id": str(number), "text": WIRE} for number in range(4))))
    with Index(index) as opened:
        assert opened.settings.cluster.threshold == 0.6
    # Made with 0.6 it keeps that, whatever the settings of the folder are now.
    monkeypatch.setenv("DEDUP_CLUSTER_THRESHOLD", "0.9")
    monkeypatch.setenv("DEDUP_INDEX_MATCHES", "2")
    given = lines({"id": "x", "text": WIRE})
    (matches,) = json.loads(run("query", index, given=given)[0])["matches"]
    assert len(matches) == 2
    (matches,) = json.loads(run("query", index, "-", "--limit", 3, given=given)[0])["matches"]
    assert len(matches) == 3
    _, told = run("add", index, "-", "--threshold", 0.9, given=given, code=1)
    assert "threshold is 0.6, not 0.9" in told
    run("add", index, "-", "--threshold", 0.6, given=given)
    monkeypatch.setenv("DEDUP_FACTS", "true")
    near = lines({"id": "y", "text": WIRE.replace("Tuesday", "Friday")})
    (matches,) = json.loads(run("query", index, given=near)[0])["matches"]
    assert {match["kind"] for match in matches} == {"changed_facts"}


def test_every_line_is_answered_before_the_next_is_read(tmp_path):
    command = [sys.executable, "-m", "dedup_cli", "index", "add", str(tmp_path / "news.index")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pipe:
        for number in range(3):
            pipe.stdin.write(lines({"id": number, "text": WIRE}).encode())
            pipe.stdin.flush()
            answer = json.loads(pipe.stdout.readline())
            assert (answer["id"], len(answer["matches"][0])) == (str(number), number)
        pipe.stdin.close()
        assert pipe.wait(30) == 0


def test_bad_lines_are_answered_in_their_place(tmp_path):
    given = (
        lines({"id": "a", "text": WIRE})
        + "no json\n"
        + lines(
            {"id": "b", "text": ""},
            {"id": "c"},
            {"id": "a", "text": "Other words."},
            {"id": "d", "text": WIRE},
        )
    )
    out, _ = run("add", tmp_path / "news.index", given=given, code=3)
    told = [json.loads(line) for line in out.splitlines()]
    assert [one.get("error") for one in told] == [None, "not_json", "no_text", "bad_record", "conflict", None]
    assert told[-1]["matches"][0][0]["article"] == "a"


def test_expire_needs_to_know_what(tmp_path):
    index = tmp_path / "news.index"
    run("add", index, given=lines({"id": "a", "text": WIRE}))
    assert "say what to forget" in run("expire", index, code=2)[1]
    assert "is no time" in run("expire", index, "--older-than", "soon", code=2)[1]
    assert "0 articles" in run("expire", index, "--older-than", "2w", "--bytes", "1G")[1]
    assert "1 articles" in run("expire", index, "--paragraphs", "0")[1]


@pytest.mark.parametrize("command", ["query", "stats", "export", "check", "expire"])
def test_no_command_but_add_makes_an_index(tmp_path, command):
    more = ["--paragraphs", "1"] if command == "expire" else []
    assert "there is no index" in run(command, tmp_path / "news.index", *more, code=1)[1]
    assert not (tmp_path / "news.index").exists()


def test_a_foreign_file_is_told_in_one_line(tmp_path):
    other = tmp_path / "story.html"
    other.write_text("<p>Not an index, and long enough to be taken for the head of a file.</p>" * 20)
    for command in ("add", "query", "check"):
        out, err = run(command, other, code=1)
        assert out == ""
        assert err.count("\n") == 1
        assert "is no index" in err


def test_other_settings_are_told(tmp_path):
    run("add", tmp_path / "i", "--threshold", "0.7", given=lines({"id": "a", "text": WIRE}))
    run("add", tmp_path / "i", given=lines({"id": "b", "text": WIRE}))
    assert "threshold is 0.7, not 0.9" in run("add", tmp_path / "i", "--threshold", "0.9", code=1)[1]


def test_check_says_what_is_missing(tmp_path):
    with Index(tmp_path / "i") as index:
        index.add(record("a", WIRE))
    with sqlite3.connect(tmp_path / "i") as connection:
        connection.execute("DELETE FROM recent")
    connection.close()
    assert "not found by any key" in run("check", tmp_path / "i", code=1)[0]
