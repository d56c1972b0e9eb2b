"""Input that is broken, or made to break what reads it: each gives articles or one clear failure.

Pages are cleaned in workers, whose limits are a failure here: no page of these needs them.
"""

import bz2
import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dedup import DecodeError, clean, outlet, pipeline, report
from dedup.decode import decode
from dedup.index import Index, StoreError
from dedup.pipeline import clean_many, learn
from dedup.read import read
from dedup.rows import article_of, read_articles
from dedup.runs import diff
from dedup.settings import ReadSettings, Settings
from dedup.types import Failure, Media, Source

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "raw"
COMMAND = (sys.executable, "-m", "dedup_cli")
SENTENCE = "The harbour market opens at seven, and the boats go out with the tide. "
BODY = f"<p>{SENTENCE * 3}</p><p>{'Nobody at the quay had seen the nets so full. ' * 4}</p>"
EVERY_CHARACTER = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))


def page(inside, body=BODY):
    return f"<!DOCTYPE html><html><head><title>Boats</title></head><body>{inside}{body}</body></html>"


# Pages that must give their text, as HTML.
SURVIVED = {
    "10,000 nested tags": page("<div>" * 10_000),
    "10,000 nested inline tags": page("<b><i><a>" * 3_333),
    "closing tags of nothing": page("</div></p></body></html>" * 5_000),
    "a megabyte attribute": page(f"<div class=\"{'x' * 1_000_000}\" data-x='{'y ' * 100_000}'></div>"),
    "10,000 attributes": page(f"<div {' '.join(f'a{i}=1' for i in range(10_000))}></div>"),
    "null bytes": page("\0\0<\0p>\0", BODY.replace("the", "t\0he")),
    "an entity bomb": page("").replace(
        "<!DOCTYPE html>",
        '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
        + "]><p>&j;</p>",
    ),
    "an external entity": page("").replace(
        "<!DOCTYPE html>", '<!DOCTYPE b [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>&x;</p>'
    ),
    "numeric entities out of range": page("<p>&#0;&#xD800;&#x110000;&#99999999999999999999;&#x;&;</p>"),
    "a script never closed": page("", BODY + "<script>var a = '</p>"),
    "a comment never closed": page("", BODY + "<!-- "),
    "many comments never closed": page("", BODY + "<!-- " * 50_000),
    "a style in a title": page("<style>p{}</style><title><style></title>"),
    "an attribute never closed": page("", BODY + '<a href="'),
    "less-than signs": page("<p>" + "<" * 100_000 + "</p>"),
    "ampersands": page("<p>" + "&" * 100_000 + "</p>"),
    "open brackets": page("<p>" + "([{「（" * 20_000 + "</p>"),
    "white space": page("<p>" + " \t\u3000\xa0\n" * 100_000 + "</p>"),
    "combining marks": page("<p>" + "e" + "\u0301" * 100_000 + "</p>"),
    "control and direction marks": page("<p>\x1b[2J\x9b\u202e\u2066\ufeff\x07</p>"),
    "tables in tables": page("<table><tr><td>" * 3_000),
    "lists in lists": page("<ul><li>" * 5_000),
    "broken metadata": page(
        '<script type="application/ld+json">' + '{"a":[' * 20_000 + "</script>"
        '<script type="application/ld+json">{"@type": "NewsArticle", "author": [[]]}</script>'
        '<meta property="article:published_time" content="99999-99-99T99:99:99Z"><base href="http://[">'
    ),
    "a link that is no address": page('<link rel=canonical href="http://[::1"><a href="//[x">y</a>'),
    "a long word": page("<p>" + "x" * 1_000_000 + "</p>"),
    "10,000 paragraphs": page("<p>x</p>" * 10_000),
    "svg and mathematics": page("<svg><title>t</title></svg><math><mi>x</mi></math>" * 1_000),
}

# Texts and pages of which only an answer is asked, whatever it be.
ANSWERED = {
    "frames and menus never closed": page("<form><frameset><noframes></form><select><option>" * 2_000),
    "nothing but tags": "<html>" + "<p></p>" * 10_000,
    "all of Unicode": EVERY_CHARACTER,
    "all of Unicode in HTML": page(f"<p>{EVERY_CHARACTER.replace('<', '')}</p>"),
    "40,000 lines of one character": "x\n" * 40_000,
    "a line of a million characters": "東京" * 500_000,
    "a million sentences in a line": "Yes. " * 200_000,
    "lone surrogates": "\ud800" * 1_000 + SENTENCE,
    "headers alone": "関連記事\nランキング\n" * 5_000,
    "names alone": "Ada Quill, Bo Reed and Cy Stone\n" * 5_000,
    "dates alone": "2024-02-30 25:61\n令和99年13月32日\n" * 3_000,
}
ENCODED = {
    "invalid UTF-8": SENTENCE.encode() * 20 + b"\xff\xfe\xc3\x28\xf0\x28\x8c\xbc",
    "overlong UTF-8": b"\xc0\xaf\xe0\x80\xaf" + SENTENCE.encode() * 20,
    "mixed encodings": "港の朝市は七時に始まる。".encode() * 9
    + "港の朝市は七時に始まる。".encode("cp932") * 9,
    "UTF-16 without a mark": (SENTENCE * 9).encode("utf-16-le"),
    "UTF-16 cut in half": (SENTENCE * 9).encode("utf-16")[:-1],
    "UTF-32": (SENTENCE * 9).encode("utf-32"),
    "UTF-7": b"+ADw-script+AD4-" * 50,
    "escape sequences": b"\x1b$B" + b"$3" * 5_000,
    "a lying meta": page("<meta charset=utf-16>").encode() + "é".encode("latin-1") * 50,
    "a charset of nonsense": page('<meta charset="base64"><meta charset="\0">').encode(),
    "marks of all kinds": b"\xef\xbb\xbf\xff\xfe\xfe\xff" + SENTENCE.encode(),
    "noise": bytes(range(256)) * 4_000,
    "zeros": bytes(1_000_000),
}


def source(content, media, outlet="quay"):
    return Source("page", "page", content, media, outlet=outlet)


def cleaned(contents, media):
    """The results of both looks, in a worker; each page is another outlet's, for they share their body."""
    sources = [source(content, media, f"quay {number}") for number, content in enumerate(contents)]
    profiles = learn(sources, jobs=1)
    return list(clean_many(sources, jobs=1, profiles=profiles))


def test_broken_html_keeps_its_text():
    for name, one in zip(SURVIVED, cleaned(SURVIVED.values(), Media.HTML), strict=True):
        assert one.failure is None, (name, one.failure)
        assert "had seen the nets so full" in one.articles[0].text, name
        assert "root:" not in "".join(b.block.text for b in one.articles[0].stripped), name


@pytest.mark.parametrize("media", Media)
def test_every_text_gives_an_answer(media):
    for name, one in zip(ANSWERED, cleaned(ANSWERED.values(), media), strict=True):
        assert one.failure is None, (name, one.failure)
        for article in one.articles:
            for judged in (*article.paragraphs, *article.stripped):
                assert judged.block.text, name


@pytest.mark.parametrize("media", Media)
def test_every_encoding_gives_an_answer_or_a_failure(media):
    for name, one in zip(ENCODED, cleaned(ENCODED.values(), media), strict=True):
        if one.failure is not None:
            assert one.failure.error in ("binary", "undecodable"), (name, one.failure)
        else:
            assert one.articles, name


def test_a_page_in_too_many_pieces_is_a_failure_of_its_own():
    many = ["x\n" * 60_000, "<html>" + "<p>x" * 200_000, SENTENCE * 3]
    found = list(
        clean_many([source(one, Media.HTML if one[0] == "<" else Media.TEXT) for one in many], jobs=1)
    )
    assert [one.failure and one.failure.error for one in found] == [
        "too_many_blocks",
        "too_many_blocks",
        None,
    ]
    assert "60,000" in found[0].failure.message


# What unpacks to more than it should


def bomb(megabytes):
    return gzip.compress(bytes(1_000_000) * megabytes)


@pytest.mark.parametrize("name", ["bomb.html", "bomb.jsonl", "bomb.html.gz", "bomb.jsonl.gz", "bomb"])
def test_a_gzip_bomb_costs_no_more_than_the_limit(tmp_path, name):
    (tmp_path / name).write_bytes(bomb(60))
    strict = ReadSettings(max_bytes=2_000_000, max_expansion=100)
    (failure,) = read([tmp_path / name], settings=strict)
    assert isinstance(failure, Failure)
    assert failure.error in ("bomb", "too_large")


def test_records_that_unpack_to_much_are_read_and_more_is_not(tmp_path):
    line = json.dumps({"text": SENTENCE}).encode() + b"\n"
    (tmp_path / "fine.jsonl.gz").write_bytes(gzip.compress(line * 20_000))
    strict = ReadSettings(max_bytes=100_000, max_expansion=1_000)
    assert (
        sum(isinstance(one, Source) for one in read([tmp_path / "fine.jsonl.gz"], settings=strict)) == 20_000
    )
    strict = ReadSettings(max_bytes=100_000, max_expansion=100)
    *sources, failure = read([tmp_path / "fine.jsonl.gz"], settings=strict)
    assert sources
    assert failure.error == "bomb"


def test_a_bomb_in_a_bomb_is_unpacked_once(tmp_path):
    (tmp_path / "a.txt").write_bytes(gzip.compress(bomb(100)))
    (found,) = clean_many(read([tmp_path / "a.txt"]), jobs=1)
    assert found.failure.error == "binary"
    (tmp_path / "b.html").write_bytes(bz2.compress(bytes(1_000_000)))
    (found,) = clean_many(read([tmp_path / "b.html"]), jobs=1)
    assert found.articles or found.failure.error == "binary"


# Names


def test_names_cannot_lead_out_of_the_output_folder(tmp_path):
    names = [
        "a\nb.txt",
        b"\xff\xfe.txt".decode(errors="surrogateescape"),
        "x" * 251 + ".txt",
        " .txt",
        "-rf.txt",
    ]
    (tmp_path / "raw").mkdir()
    for name in names:
        (tmp_path / "raw" / name).write_text(SENTENCE)
    ids = ["../../x", "/etc/x", "..", "a\0b", "a/../../b", "x" * 3_000]
    rows = "".join(json.dumps({"text": f"{i} {SENTENCE}", "id": name}) + "\n" for i, name in enumerate(ids))
    (tmp_path / "raw/records.jsonl").write_text(rows)
    before = set(tmp_path.rglob("*"))
    done = subprocess.run(
        [*COMMAND, "clean", "raw", "--format", "txt", "-o", "deep/out/"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    written = set(tmp_path.rglob("*")) - before
    out = tmp_path / "deep" / "out"
    assert len([path for path in written if path.is_file()]) == len(names) + len(ids)
    assert all(path in (out.parent, out) or path.parent == out for path in written)


# The same from everywhere


@pytest.mark.slow
def test_the_output_depends_on_nothing_but_the_input(tmp_path):
    def run(name, *options, cwd, seed, zone):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LANG": "C", "LC_ALL": "C"}
        output = tmp_path / name
        subprocess.run(
            [*COMMAND, "run", "raw", "-o", output, "-q", *options],
            cwd=cwd,
            env=environment,
            check=True,
            timeout=100,
        )
        return {path.name: path.read_bytes() for path in output.iterdir()}

    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "raw").symlink_to(SAMPLES)
    first = run("one", "-j", "1", cwd=SAMPLES.parent, seed="0", zone="UTC")
    assert run("four", "-j", "4", cwd=other, seed="random", zone="Asia/Tokyo") == first
    assert len(first) == 8


# Anything at all


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
PIECES = [
    *[
        "<p>",
        "</p>",
        "<div>",
        "</div>",
        "<a",
        "</a>",
        "<script>",
        "</script>",
        "<!--",
        "-->",
        "<table>",
        "<tr>",
        "<td>",
        "<br>",
        "<title>",
        "</title>",
    ],
    *[
        "<h1>",
        "&amp;",
        "&#x0;",
        "<",
        ">",
        '"',
        "'",
        "=",
        "\x00",
        "<![CDATA[",
        "<?",
        "href=/x",
        "class=related",
    ],
    *(
        "\n",
        " ",
        SENTENCE,
        "関連記事",
        "港の朝市は七時に始まる。",
        "(東京=共同)",
        "By Ada Quill",
        "2024-02-30",
    ),
]
MARKUP = st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=60).map("".join)


@FUZZ
@given(st.binary(max_size=3_000) | MARKUP.map(str.encode), st.none() | st.text(max_size=12), st.booleans())
def test_any_bytes_decode_or_are_refused(content, declared, html):
    with suppress(DecodeError):
        text, encoding = decode(content, declared, html=html, settings=ReadSettings())
        assert isinstance(text, str)
        assert encoding.name


@FUZZ
@given(MARKUP)
def test_any_markup_is_cut_into_blocks_of_its_own_text(content):
    for html in (content, f"<html>{content}"):
        for article in clean(html, outlet="quay"):
            for judged in (*article.paragraphs, *article.stripped):
                assert 0 <= judged.block.start <= judged.block.end <= len(html)
            assert article.text == "\n".join(one.block.text for one in article.paragraphs)


FIELDS = st.sampled_from(
    [
        "id",
        "text",
        "html",
        "url",
        "paragraphs",
        "stripped",
        "evidence",
        "start",
        "end",
        "kind",
        "reason",
        "title",
        "title_span",
        "outlet",
        "format",
        "outlets",
        "blocks",
        "pages",
        "articles",
        "witnesses",
        "vote",
        "same_as",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=12,
)
LINES = st.lists(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60), max_size=6)


@FUZZ
@given(LINES)
def test_any_lines_are_records_or_failures(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("fuzz") / "a.jsonl"
    path.write_bytes(b"\n".join(lines))
    for one in read([path]):
        assert isinstance(one, Source | Failure)
    for one in read_articles(lines, "a.jsonl"):
        if isinstance(one, Failure):
            assert "\n" not in one.message


@FUZZ
@given(JSON)
def test_any_row_is_an_article_or_a_value_error(row):
    with suppress(ValueError):
        assert article_of(row).id


@FUZZ
@given(st.data())
def test_any_profile_file_is_profiles_or_refused(data):
    known = learn([source(SENTENCE * 5, Media.TEXT), source(page(""), Media.HTML)])
    text = outlet.dump(known)
    at = data.draw(st.integers(0, len(text)))
    broken = text[:at] + data.draw(st.text(max_size=8)) + text[at + data.draw(st.integers(0, 8)) :]
    rows = {"format": outlet.FORMAT, "outlets": {"quay": data.draw(JSON)}}
    for one in (broken, json.dumps(data.draw(JSON)), json.dumps(rows)):
        with suppress(outlet.ProfileError):
            profiles = outlet.parse(one)
            (_,) = clean_many([source(page(""), Media.HTML)], profiles=profiles)


@pytest.fixture(scope="module")
def rows_of_a_run(tmp_path_factory):
    """The rows of a run over the samples, by file."""
    from dedup_cli.main import main  # noqa: PLC0415

    output = tmp_path_factory.mktemp("run") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["dedup", "run", str(SAMPLES), "-o", str(output), "-q"])
        with suppress(SystemExit):
            main()
    return {path.name: [*map(json.loads, path.read_text("utf-8").splitlines())] for path in output.iterdir()}


def places(value, path=()):
    """The ways to every value within a value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def put(value, path, new):
    """A copy of the value with another at the end of the way."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


BREAKING = JSON | st.sampled_from(
    ["</script><script>window.owned = 1</script>", "\ud800", "<!--", -1, 10**30]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_rows_are_a_report_of_their_own_scripts_or_refused(rows_of_a_run, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    broken = data.draw(st.sampled_from(sorted(name for name, rows in rows_of_a_run.items() if rows)))
    at = data.draw(st.integers(0, max(len(rows_of_a_run[broken]) - 1, 0)))
    ways = [*places(rows_of_a_run[broken][at])]
    row = put(rows_of_a_run[broken][at], data.draw(st.sampled_from(ways)), data.draw(BREAKING))
    for name, rows in {**rows_of_a_run, broken: put(rows_of_a_run[broken], (at,), row)}.items():
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    with suppress(ValueError):
        page = b"".join(report(folder))
        scripts = re.findall(rb"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
        assert len(scripts) == page.lower().count(b"<script")
        *held, (attributes, _) = scripts
        assert attributes == b""
        for attributes, content in held:
            assert attributes.startswith(b' type="application/gzip" id="')
            assert re.fullmatch(rb"[A-Za-z0-9+/=]*", content)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_index_file_is_an_index_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "a.index"
    with Index(str(path)) as index:
        index.add(clean(SENTENCE * 5, url="https://quay.example/1")[0])
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    new = data.draw(st.binary(min_size=1, max_size=200))
    content[at : at + len(new)] = new
    path.write_bytes(
        content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    )
    with suppress(StoreError), Index(str(path)) as index:
        index.query(clean(SENTENCE * 5)[0])


@pytest.fixture(scope="module")
def index_file(tmp_path_factory):
    """An index with articles, of which some are near others, and an outlet's profile."""
    path = tmp_path_factory.mktemp("index") / "a.index"
    with Index(str(path)) as index:
        for number in range(4):
            parts = [f"{SENTENCE * 2}Boat {number} came {part} times." for part in range(3)]
            index.add(clean("\n\n".join(parts), url=f"https://quay.example/{number}")[0])
        index.update_profile("quay.example", lambda _: "{}")
    return path


COLUMNS = (
    *("meta.name", "meta.value", "text.words", "text.cluster", "posting.row", "posting.bucket"),
    *("recent.postings", "article.id", "article.outlet", "article.published", "article.seen"),
    *("article.texts", "paragraph.text", "paragraph.place", "profile.outlet", "profile.profile"),
)


@FUZZ
@given(
    st.sampled_from(COLUMNS),
    st.one_of(
        *(st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=9), st.binary(max_size=99)),
        st.sampled_from(["{}", "[1]", '{"threshold": 9}', '{"permutations": 1e99}', b"\x80", bytes(12)]),
    ),
)
@example("text.words", b"\x80")
@example("article.seen", 2**62)
@example("paragraph.text", 2**62)
@example("meta.value", '{"permutations": 1e99}')
def test_any_value_in_an_index_is_read_or_told_as_damage(index_file, tmp_path_factory, column, value):
    path = tmp_path_factory.mktemp("fuzz") / "a.index"
    shutil.copy(index_file, path)
    table, name = column.split(".")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, suppress(sqlite3.IntegrityError):
        connection.execute(f"UPDATE {table} SET {name} = ?", (value,))
    article = clean(SENTENCE * 2 + "Boat 2 came 1 times.\n\n" + SENTENCE * 3)[0]
    calls = (
        lambda index: index.query(article),
        lambda index: index.stats(),
        lambda index: list(index.export()),
        lambda index: index.profiles(),
        lambda index: index.check(),
        lambda index: index.add(article),
        lambda index: index.expire(paragraphs=5),
    )
    for call in calls:
        with suppress(StoreError), Index(str(path)) as index:
            call(index)


@FUZZ
@given(LINES, LINES)
def test_any_run_folder_is_compared_or_refused(tmp_path_factory, left, right):
    folder = tmp_path_factory.mktemp("fuzz")
    for name, lines in (("left", left), ("right", right)):
        (folder / name).mkdir()
        (folder / name / "articles.jsonl").write_bytes(b"\n".join(lines))
    with suppress(ValueError):
        diff(folder / "left", folder / "right")


def test_limits_are_the_settings(monkeypatch):
    few = Settings().html.__class__(max_blocks=1)
    with pytest.raises(pipeline.TooManyBlocksError):
        clean("One.\n\nTwo.\n\nThree.", settings=Settings(html=few))
