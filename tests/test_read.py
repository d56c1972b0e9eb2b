"""Reading of inputs. All sentences are invented for these tests."""

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dedup.read
from dedup.read import count, media_of, outlet_of, read
from dedup.settings import ReadSettings
from dedup.types import Failure, Media, Source

PAGE = "<!DOCTYPE html><title>市場</title><p>港の朝市は七時に始まる。</p>".encode()
TEXT = b"The harbour market opens at seven.\n"
SMALL = ReadSettings(max_bytes=1000)


def jsonl(*records: object) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def write(root: Path, **contents: bytes) -> None:
    """Write files; `__` in a name stands for `/` and `_` for `.`."""
    for name, content in contents.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*paths: str) -> list[str]:
    return [one.name if isinstance(one, Source) else f"{one.source}: {one.error}" for one in read(paths)]


def sources(*paths: str, **options: object) -> list[Source]:
    found = list(read(paths, **options))  # type: ignore[arg-type]
    assert all(isinstance(one, Source) for one in found), found
    return [one for one in found if isinstance(one, Source)]


def failure(*paths: str, settings: ReadSettings = SMALL) -> Failure:
    (found,) = read(paths, settings=settings)
    assert isinstance(found, Failure), found
    assert "\n" not in found.message
    return found


def type_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content), closed=False))


# Files


@pytest.mark.parametrize(
    ("name", "media"),
    [("a.html", Media.HTML), ("a.HTM", Media.HTML), ("a.txt", Media.TEXT), ("a.md", Media.TEXT)],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_the_suffix_tells_the_media(here: Path, name: str, media: Media, zipped: bool) -> None:
    path = here / (name + ".gz" * zipped)
    path.write_bytes(gzip.compress(PAGE) if zipped else PAGE)
    assert sources(str(path)) == [Source(str(path), path.name, PAGE, media)]


def test_gzip_is_unpacked_whatever_its_name(here: Path) -> None:
    write(here, a_html=gzip.compress(PAGE))
    assert sources("a.html")[0].content == PAGE


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (PAGE, Media.HTML),
        (b"\xef\xbb\xbf \n<html lang=en>", Media.HTML),
        ("<html><p>港".encode("utf-16"), Media.HTML),
        (b"<!-- made by hand --><p>Ships", Media.HTML),
        (b"<script>var a = 1</script>", Media.HTML),
        (b"Ships<br>and boats", Media.HTML),
        (b"Ships</p>and boats", Media.HTML),
        (TEXT, Media.TEXT),
        ("<独自>港の朝市、値上げへ".encode(), Media.TEXT),
        (b"<PR NEWS> One < two and a > b. <b>", Media.TEXT),
        (b"{ no record", Media.TEXT),
    ],
)
def test_other_suffixes_are_sniffed(here: Path, content: bytes, media: Media) -> None:
    write(here, page=content, page_php=content)
    assert [(one.media, one.content) for one in sources("page", "page.php")] == [(media, content)] * 2
    assert media_of(content) is media


def test_other_suffixes_may_hold_records(here: Path) -> None:
    write(here, dump=b"\n \n" + jsonl({"text": "Ships."}, {"text": "Boats."}))
    assert [(one.name, one.content) for one in sources("dump")] == [
        ("dump#3", "Ships."),
        ("dump#4", "Boats."),
    ]


# Folders


def test_a_folder_is_read_in_the_order_of_names(here: Path) -> None:
    write(
        here,
        raw__b__z_html=PAGE,
        raw__b__deep__y_txt=TEXT,
        raw__a__x_html=PAGE,
        raw__top_md=TEXT,
        raw__c_jsonl=jsonl({"text": "Ships."}),
    )
    assert [(one.name, one.key, one.folder) for one in sources("raw")] == [
        ("raw/a/x.html", "a/x.html", "a"),
        ("raw/b/deep/y.txt", "b/deep/y.txt", "b"),
        ("raw/b/z.html", "b/z.html", "b"),
        ("raw/c.jsonl#1", "c.jsonl#1", None),
        ("raw/top.md", "top.md", None),
    ]


def test_keys_do_not_tell_where_the_folder_lies(here: Path) -> None:
    write(here, one__a__x_html=PAGE, two__sub__a__x_html=PAGE)
    assert sources("one")[0].key == sources(str(here / "two" / "sub"))[0].key == "a/x.html"
    assert sources("./one/")[0].name == "./one/a/x.html"


def test_a_folder_passes_over_what_is_no_input(here: Path) -> None:
    write(here, raw__a_html=PAGE, raw__b_css=b"p {}", raw__LICENSE=TEXT, raw__d_html_bak=PAGE)
    write(here, raw___hidden_html=PAGE, raw___git__x_html=PAGE)
    assert names("raw") == ["raw/a.html"]
    assert names("raw/.hidden.html") == ["raw/.hidden.html"]


def test_a_folder_without_input_says_so(here: Path) -> None:
    write(here, raw__a_png=b"x")
    (here / "void").mkdir()
    assert failure("raw").error == failure("void").error == "nothing_found"
    assert ".html" in failure("raw").message


def test_a_very_deep_folder_is_read(here: Path) -> None:
    folders = ["raw" + "/d" * depth for depth in range(1200)]
    for folder in folders:
        Path(folder).mkdir()
    path = Path(folders[-1], "x.txt")
    path.write_bytes(TEXT)
    assert names("raw") == [str(path)]
    path.unlink()
    for folder in reversed(folders):  # too deep for the clean-up of pytest
        Path(folder).rmdir()


def test_links_stay_within_the_folder(here: Path) -> None:
    write(here, raw__a__x_html=PAGE, outer__y_html=PAGE, raw__data=TEXT)
    (here / "raw" / "a" / "loop").symlink_to(here / "raw")
    (here / "raw" / "b.txt").symlink_to("data")
    (here / "raw" / "gone.html").symlink_to("nowhere")
    (here / "raw" / "out.html").symlink_to(here / "outer" / "y.html")
    (here / "raw" / "outer").symlink_to(here / "outer")
    assert names("raw") == [
        "raw/a/x.html",
        "raw/b.txt",
        "raw/gone.html: not_found",
        "raw/out.html: outside",
        "raw/outer: outside",
    ]
    (here / "raw" / "a" / "loop").unlink()
    (here / "root").symlink_to(here / "raw" / "a")
    assert names("root", "raw/out.html") == ["root/x.html", "raw/out.html"]


def test_a_file_reached_twice_is_read_once(here: Path) -> None:
    write(here, raw__a__x_html=PAGE, raw__b_html=PAGE)
    (here / "raw" / "c.html").symlink_to("b.html")
    assert names("raw/b.html", "raw", "raw/**", "./raw/a/../b.html") == ["raw/b.html", "raw/a/x.html"]


def test_keys_are_unique(here: Path) -> None:
    write(here, one__x_html=PAGE, two__x_html=PAGE, three__x_html=PAGE)
    assert [one.key for one in sources("one/x.html", "two", "three/*")] == ["x.html", "x.html~2", "x.html~3"]


# Globs


def test_globs_are_expanded_as_a_shell_does(here: Path) -> None:
    write(here, raw__b__y_html=PAGE, raw__a__x_html=PAGE, raw__c_css=b"p {}", raw__a__z_txt=TEXT)
    assert names("raw/*/*.html") == ["raw/a/x.html", "raw/b/y.html"]
    assert names("raw/**/*.txt") == ["raw/a/z.txt"]
    assert names("raw/[ab]") == ["raw/a/x.html", "raw/a/z.txt", "raw/b/y.html"]
    assert [(one.key, one.folder) for one in sources("raw/*/x.html")] == [("x.html", None)]
    assert names("raw/*.pdf") == ["raw/*.pdf: nothing_found"]


def test_a_file_may_be_called_like_a_glob(here: Path) -> None:
    write(here, **{"page[1]_html": PAGE})
    assert names("page[1].html") == ["page[1].html"]


# Failures


def test_failures_of_files(here: Path) -> None:
    write(here, empty_html=b"", blank_txt=b"\xef\xbb\xbf \n\t", large_txt=b"x" * 1001, zero_html_gz=b"")
    write(
        here,
        plain_html_gz=PAGE,
        cut_html_gz=gzip.compress(PAGE)[:-9],
        bomb_txt_gz=gzip.compress(bytes(99999)),
    )
    write(here, bad_txt_gz=gzip.compress(TEXT * 9)[:15] + b"~" * 40)
    os.mkfifo(here / "pipe.html")
    expected = {
        "missing.html": "not_found",
        "": "not_found",
        "a\0b": "not_found",
        "a\0*": "nothing_found",
        "empty.html": "empty",
        "zero.html.gz": "empty",
        "blank.txt": "empty",
        "large.txt": "too_large",
        "bomb.txt.gz": "bomb",
        "plain.html.gz": "bad_gzip",
        "cut.html.gz": "bad_gzip",
        "bad.txt.gz": "bad_gzip",
        "pipe.html": "not_a_file",
        "/dev/null": "not_a_file",
    }
    assert {path: failure(path).error for path in expected} == expected
    assert all(failure(path).source == path for path in expected)


def test_a_failure_stops_nothing(here: Path) -> None:
    write(here, raw__a_html=b"", raw__b_html=PAGE)
    assert names("gone", "raw") == ["gone: not_found", "raw/a.html: empty", "raw/b.html"]


def test_what_may_not_be_read_is_a_failure(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(here, raw__a__x_html=PAGE, raw__b_html=PAGE, raw__c_html=PAGE)
    lists, opens = os.listdir, open

    def refuse(path: str) -> list[str]:
        if path.endswith("a"):
            raise PermissionError(13, "Permission denied")
        return lists(path)

    def refuse_open(path: str, mode: str) -> object:
        if path.endswith("b.html"):
            raise PermissionError(13, "Permission denied")
        return opens(path, mode)

    monkeypatch.setattr(os, "listdir", refuse)
    monkeypatch.setattr(dedup.read, "open", refuse_open, raising=False)
    assert names("raw") == ["raw/a: unreadable", "raw/b.html: unreadable", "raw/c.html"]


def test_names_that_are_no_text_can_be_printed(here: Path) -> None:
    path = os.fsdecode(os.fsencode(here) + b"/caf\xe9.txt")
    Path(path).write_bytes(TEXT)
    (one,) = sources(".")
    assert (one.name, one.key) == ("./caf\ufffd.txt", "caf\ufffd.txt")
    assert failure("half \ud800").source == "half \ufffd"


# Records


def test_records(here: Path) -> None:
    record = {
        "html": "<p>Ships.",
        "text": "Ships.",
        "url": "https://post.example/1",
        "outlet": "post",
        "published": "2024-05-01",
        "encoding": "shift_jis",
    }
    content = (
        b"\xef\xbb\xbf" + jsonl(record) + b"\r\n\n" + jsonl({"text": "Boats.", "html": " ", "more": [1]})
    )
    write(
        here, raw__north__a_jsonl=content, raw__b_ndjson_gz=gzip.compress(jsonl({"text": "Rafts.", "id": 7}))
    )
    assert sources("raw") == [
        Source(
            name="raw/b.ndjson.gz#1",
            key="b.ndjson.gz#7",
            content="Rafts.",
            media=Media.TEXT,
        ),
        Source(
            name="raw/north/a.jsonl#1",
            key="north/a.jsonl#1",
            content="<p>Ships.",
            media=Media.HTML,
            declared_encoding="shift_jis",
            url="https://post.example/1",
            outlet="post",
            published="2024-05-01",
            folder="north",
        ),
        Source(
            name="raw/north/a.jsonl#4",
            key="north/a.jsonl#4",
            content="Boats.",
            media=Media.TEXT,
            folder="north",
        ),
    ]
    assert {one.outlet for one in sources("raw", outlet="mine")} == {"mine"}


RECORD_FAILURES = {
    "no json": (b"{", "bad_json"),
    "a list": (b"[1]", "bad_json"),
    "a huge number": (b'{"text": ' + b"9" * 5000 + b"}", "bad_json"),
    "deep": (b"[" * 200_000, "bad_json"),
    "no utf-8": ('{"text": "港"}'.encode("cp932"), "bad_encoding"),
    "no text": (b'{"url": "https://post.example/1"}', "bad_record"),
    "text of null": (b'{"text": null}', "bad_record"),
    "text of a number": (b'{"text": 1}', "bad_record"),
    "html of a list": (b'{"html": [], "text": "Ships."}', "bad_record"),
    "date of a number": (b'{"text": "Ships.", "published": 2024}', "bad_record"),
    "url of an object": (b'{"text": "Ships.", "url": {}}', "bad_record"),
    "empty": (b'{"text": " ", "html": ""}', "empty"),
}


@pytest.mark.parametrize("case", RECORD_FAILURES)
def test_a_bad_record_is_one_failure(here: Path, case: str) -> None:
    line, error = RECORD_FAILURES[case]
    write(here, a_jsonl=jsonl({"text": "Ships."}) + line + b"\n" + jsonl({"text": "Boats."}))
    assert names("a.jsonl") == ["a.jsonl#1", f"a.jsonl#2: {error}", "a.jsonl#3"]


def test_a_long_line_is_passed_over(here: Path) -> None:
    write(here, a_jsonl=b"x" * 3_000_000 + b"\n" + jsonl({"text": "Boats."}), b_jsonl=b"x" * 1001)
    first, second, third = read(["a.jsonl", "b.jsonl"], settings=SMALL)
    assert isinstance(first, Failure)
    assert isinstance(second, Source)
    assert isinstance(third, Failure)
    assert (first.error, second.name, third.source) == ("too_large", "a.jsonl#2", "b.jsonl#1")


def test_records_before_the_damage_are_read(here: Path) -> None:
    records = [{"text": os.urandom(3000).hex()} for _ in range(40)]
    write(here, a_jsonl_gz=gzip.compress(jsonl(*records))[:-5000], b_jsonl=b"\n\n")
    found = names("a.jsonl.gz", "b.jsonl")
    assert found[:20] == [f"a.jsonl.gz#{number}" for number in range(1, 21)]
    assert found[-2:] == ["a.jsonl.gz: bad_gzip", "b.jsonl: empty"]


def test_halves_of_characters_in_fields_are_replaced(here: Path) -> None:
    write(here, a_jsonl=b'{"text": "Ships.", "url": "https://post.example/\\ud800", "id": "\\udfff"}')
    (one,) = sources("a.jsonl")
    assert (one.url, one.key) == ("https://post.example/\ufffd", "a.jsonl#\ufffd")


def test_reading_is_lazy(here: Path) -> None:
    write(here, a_jsonl=jsonl({"text": "Ships."}, {"text": "Boats."}), b_html=PAGE)
    found = read(["a.jsonl", "b.html"])
    assert isinstance(next(found), Source)
    (here / "b.html").unlink()
    assert isinstance(next(found), Source)
    gone = next(found)
    assert isinstance(gone, Failure)
    assert gone.error == "not_found"


# Standard input


@pytest.mark.parametrize(
    ("content", "media"),
    [(PAGE, Media.HTML), (TEXT, Media.TEXT), (b"\n\n" + TEXT, Media.TEXT), (b'{"text": cut\n', Media.TEXT)],
)
def test_standard_input_is_sniffed(monkeypatch: pytest.MonkeyPatch, content: bytes, media: Media) -> None:
    for sent in (content, gzip.compress(content)):
        type_in(monkeypatch, sent)
        assert sources("-") == [Source("-", "-", content, media)]


def test_standard_input_of_records(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, b"\n" + jsonl({"text": "Ships."}, {"id": "b", "text": "Boats."}))
    assert [(one.name, one.key) for one in sources("-", "-")] == [("-#2", "-#2"), ("-#3", "-#b")]


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", "empty"), (b" \n", "empty"), (b"x" * 1001, "too_large"), (b"\n" * 1001, "too_large")],
)
def test_standard_input_fails(monkeypatch: pytest.MonkeyPatch, content: bytes, error: str) -> None:
    type_in(monkeypatch, content)
    assert failure("-") == Failure("-", error, failure_message(monkeypatch, content))


def failure_message(monkeypatch: pytest.MonkeyPatch, content: bytes) -> str:
    type_in(monkeypatch, content)
    return failure("-").message


def test_closed_standard_input_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert failure("-").error == "unreadable"


def test_records_of_a_pipe_come_as_they_are_written() -> None:
    program = "from dedup.read import read\nfor one in read(['-']): print(one.name, flush=True)"
    root = str(Path(__file__).resolve().parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    ) as process:
        assert process.stdin
        assert process.stdout
        for number in (1, 2):
            process.stdin.write(jsonl({"text": "Ships."}))
            process.stdin.flush()
            assert process.stdout.readline() == f"-#{number}\n".encode()
        process.stdin.close()
        assert process.wait(timeout=20) == 0


# Beside


def test_count(here: Path) -> None:
    write(here, raw__a_html=PAGE, raw__b_jsonl=jsonl({"text": "Ships."}, {"text": "Boats."}), raw__c_css=b"")
    assert count(["raw", "raw/a.html", "gone"]) == 2
    assert count(["raw", "-"]) is None
    assert count([]) == 0


def test_a_lone_path_is_one_path(here: Path) -> None:
    write(here, a_html=PAGE)
    assert len(list(read("a.html"))) == len(list(read([Path("a.html")]))) == 1


@pytest.mark.parametrize(
    ("url", "outlet"),
    [
        ("https://www.north-post.example/a", "north-post.example"),
        ("HTTP://M.North-Post.Example:8080", "north-post.example"),
        ("https://amp.www.post.example./", "post.example"),
        ("https://user:word@news.post.example/", "news.post.example"),
        ("https://xn--p8j9a0d.example/", "xn--p8j9a0d.example"),
        ("https://新聞.example/", "新聞.example"),
        ("https://m.example/", "m.example"),
        ("https://www.m.example/", "m.example"),
        ("https://amplitude.example/", "amplitude.example"),
        ("https://www.example.co.jp/", "example.co.jp"),
        ("https://127.0.0.1:80/", "127.0.0.1"),
        ("ftp://post.example/", None),
        ("file:///raw/a.html", None),
        ("mailto:a@post.example", None),
        ("post.example/a", None),
        ("https://[broken/", None),
        ("https:///a", None),
        ("", None),
        (None, None),
    ],
)
def test_outlet_of(url: str | None, outlet: str | None) -> None:
    assert outlet_of(url) == outlet


@given(st.text(max_size=60))
def test_outlet_of_never_raises(text: str) -> None:
    assert outlet_of(text) is None or text
    found = outlet_of(f"https://{text}")
    assert found is None or (found and found == found.lower())


suffixes = st.sampled_from(["", ".html", ".txt", ".md.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".bin"])
lines = st.lists(
    st.binary(max_size=40)
    | st.sampled_from([b'{"text": "Ships."}', b"{}", b'{"html": 1}', b"[[", b"\x1f\x8b"])
).map(b"\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines, suffixes, st.booleans())
def test_any_bytes_give_sources_or_failures(here: Path, content: bytes, suffix: str, zipped: bool) -> None:
    path = here / f"any{suffix}"
    path.write_bytes(gzip.compress(content) if zipped else content)
    found = list(read([str(path)], settings=SMALL))
    assert found == list(read([str(path)], settings=SMALL))
    assert found
    assert len({one.name if isinstance(one, Source) else one.source for one in found}) == len(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.text(alphabet="a*?[]/.~\0\ud800 -", min_size=1, max_size=6).filter(lambda path: path != "-"))
)
def test_any_paths_give_sources_or_failures(here: Path, paths: list[str]) -> None:
    inner = [path for path in paths if not path.startswith(("/", ".")) and "/." not in path]
    assert all(isinstance(one, Failure) for one in read(inner))
    assert count(inner) == 0
