"""Files, folders, globs, JSONL records and standard input to sources; what cannot be used to failures.

What a file holds is told by its suffix: `.html .htm` is HTML, `.txt .md` is text, `.jsonl .ndjson` has
one JSON object a line, with `html` or `text` and optionally `url`, `outlet`, `published`, `id` and
`encoding` (all of them strings). Each may be gzipped, with `.gz` or without. `.warc` is a web archive,
gzipped or not, `.parquet .arrow .feather .ipc` a table with columns named like the fields of JSONL; these
need the extras `warc` and `parquet`. A file that is named with another suffix, and standard input, are
told by how they begin.

A folder is walked down in the order of names. Hidden files and folders and files with other suffixes
are no input there; the failure says so if that leaves nothing. Links are followed to files within the
folder. A file that is reached on two ways is read once, at the first.

Failures carry one of these codes: `not_found`, `nothing_found` (a folder or pattern without input),
`not_a_file` (devices, pipes, sockets), `outside` (a link out of the folder), `unreadable`, `empty`,
`too_large`, `bad_gzip`, `bomb` (packed bytes that would unpack without end), `bad_encoding`, `bad_json`,
`bad_record`, `not_warc`, `not_parquet`, `packed` (in a way that is not read here), `extra` (not installed).
"""

from __future__ import annotations

import glob
import gzip
import io
import json
import os
import re
import stat
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain
from typing import Any, BinaryIO, Literal, cast
from urllib.parse import urlsplit

from dedup.settings import ReadSettings
from dedup.types import Failure, Media, Source

_SETTINGS = ReadSettings()
_STANDARD_INPUT = "-"
_MEDIA = {".html": Media.HTML, ".htm": Media.HTML, ".txt": Media.TEXT, ".md": Media.TEXT}
_RECORDS = (".jsonl", ".ndjson")
_ARCHIVES = (".warc",)
_TABLES = (".parquet", ".arrow", ".feather", ".ipc")
_KNOWN = (*_MEDIA, *_RECORDS, *_ARCHIVES, *_TABLES)
_FIELDS = {
    "html": str,
    "text": str,
    "url": str,
    "outlet": str,
    "published": str,
    "encoding": str,
    "id": str | int,
}
_TOLD = ("url", "outlet", "published", "encoding", "id")
_GZIP = b"\x1f\x8b"
_ARCHIVE = re.compile(rb"WARC/\d\.\d\r?\n")
_UTF8_MARK = b"\xef\xbb\xbf"
_GLOB = re.compile(r"[*?\[]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HOST_PREFIX = re.compile(r"^(?:(?:www|m|amp)\.)+(?=[^.]+\.)")
# Text may begin with `<` and speak of tags: markup begins with a tag of pages or closes one early.
_TAG = r"html|head|body|title|meta|script|style|article|section|main|div|table|h[1-6]|p|ul|ol|li|span|a"
_OPENED = re.compile(rf"\s*<(?:!doctype\s+html\b|!--|\?xml\b|(?:{_TAG})(?:\s[^>]*)?>)", re.IGNORECASE)
_CLOSED = re.compile(rf"</(?:{_TAG})>|<br\s*/?>", re.IGNORECASE)
_SNIFFED_BYTES = 4096
_CHUNK_BYTES = 1 << 20


def read(
    paths: Iterable[str | os.PathLike[str]],
    *,
    outlet: str | None = None,
    standard_input: BinaryIO | None = None,
    settings: ReadSettings = _SETTINGS,
) -> Iterator[Source | Failure]:
    """The sources that `paths` name, and a `Failure` for each that cannot be used.

    A path is a file, a folder, a glob (`raw/**/*.html`) or `-` for standard input. Sources come in the
    order of `paths`, within a folder or glob in the order of names. Nothing is raised for bad input,
    and nothing is read ahead: a JSONL file is streamed line by line. `outlet` holds for all sources.
    `standard_input` is a file to read from its start in the place of standard input.
    """
    for place in _places(paths):
        for source in [place] if isinstance(place, Failure) else _sources(place, standard_input, settings):
            yield replace(source, outlet=outlet) if outlet and isinstance(source, Source) else source


def count(paths: Iterable[str | os.PathLike[str]]) -> int | None:
    """How many files `paths` name (a JSONL file is one); None with standard input among them."""
    number = 0
    for place in _places(paths):
        if isinstance(place, _Place):
            if place.path == _STANDARD_INPUT:
                return None
            number += 1
    return number


def media_of(content: bytes | str) -> Media:
    """HTML if the content begins like a page or has tags near its beginning, else text.

    >>> media_of("<PR> A new ship was named today. <b>")
    <Media.TEXT: 'text'>
    """
    head = content[:_SNIFFED_BYTES]
    if isinstance(head, bytes):
        head = head.removeprefix(_UTF8_MARK).replace(b"\0", b"").decode("latin-1")
    head = head.lstrip("\ufeff\xff\xfe")
    return Media.HTML if _OPENED.match(head) or _CLOSED.search(head) else Media.TEXT


def outlet_of(url: str | None) -> str | None:
    """The host of an http address in lower case, without `www.`, `m.`, `amp.` and port; else None.

    >>> outlet_of("https://www.North-Post.example:8080/a/b")
    'north-post.example'
    """
    try:
        parts = urlsplit(url or "")
        host = (parts.hostname or "").lower().rstrip(".")
    except ValueError:
        return None
    return _HOST_PREFIX.sub("", host) or None if parts.scheme in {"http", "https"} else None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an input lies, and how it is called (see `Source`)."""

    path: str
    name: str
    key: str
    folder: str | None = None


def _places(paths: Iterable[str | os.PathLike[str]]) -> Iterator[_Place | Failure]:
    """Every input once. Keys tell inputs apart, so a key that is taken gets a number."""
    seen: set[str] = set()
    keys: Counter[str] = Counter()
    for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
        for place in _expanded(os.fspath(path)):
            if isinstance(place, Failure):
                yield place
                continue
            real = place.path if place.path == _STANDARD_INPUT else os.path.realpath(place.path)
            if real in seen:
                continue
            seen.add(real)
            keys[place.key] += 1
            taken = keys[place.key]
            yield replace(place, key=f"{place.key}~{taken}") if taken > 1 else place


def _expanded(path: str) -> Iterator[_Place | Failure]:
    if path == _STANDARD_INPUT:
        yield _Place(path, path, path)
    elif os.path.isdir(path):
        yield from _in_folder(path)
    elif os.path.lexists(path):
        yield _Place(path, _shown(path), _shown(os.path.basename(path)))
    elif _GLOB.search(path):
        matches = _matches(path)
        for match in matches:
            yield from _expanded(match)
        if not matches:
            yield _failure(path, "nothing_found", "no file matches this pattern; check it")
    else:
        yield _failure(path, "not_found", "there is no such file or folder; check the path")


def _matches(pattern: str) -> list[str]:
    try:
        return sorted(glob.glob(pattern, recursive=True))
    except ValueError:  # no name of a file: it has a zero byte or half a character
        return []


def _in_folder(root: str) -> Iterator[_Place | Failure]:
    found = False
    for path in _walk(root):
        found = True
        if isinstance(path, Failure):
            yield path
            continue
        key = _shown(os.path.relpath(path, root).replace(os.sep, "/"))
        yield _Place(path, _shown(path), key, key.split("/")[0] if "/" in key else None)
    if not found:
        kinds = " ".join(_KNOWN)
        says = (
            f"no file with a known suffix ({kinds}, or .gz of these) in this folder; name files to read them"
        )
        yield _failure(root, "nothing_found", says)


def _walk(root: str) -> Iterator[str | Failure]:
    """The files of a folder with a known suffix, depth first; links to folders are not followed."""
    inside = os.path.realpath(root)
    waiting = [root]
    while waiting:
        path = waiting.pop()
        is_folder = os.path.isdir(path)
        if not is_folder and _suffix(path) not in _KNOWN:
            continue
        if path != root and os.path.islink(path):
            if not _is_within(os.path.realpath(path), inside):
                yield _failure(
                    path, "outside", "this link leads out of the input folder; name its target to read it"
                )
            elif not is_folder:
                yield path
        elif is_folder:
            try:
                names = sorted(os.listdir(path), reverse=True)
            except OSError as error:
                yield _unreadable(_shown(path), error)
            else:
                waiting += [os.path.join(path, name) for name in names if not name.startswith(".")]
        else:
            yield path


def _sources(
    place: _Place, standard_input: BinaryIO | None, settings: ReadSettings
) -> Iterator[Source | Failure]:
    try:
        if place.path != _STANDARD_INPUT and not stat.S_ISREG(os.stat(place.path).st_mode):
            says = "devices, pipes and sockets are not read; give a regular file, or - for standard input"
            yield Failure(place.name, "not_a_file", says)
            return
        if _suffix(place.path) in _TABLES:
            yield from _through_adapter("arrow", place.path, place, settings)
            return
        with _raw(place.path, standard_input) as raw:
            if _suffix(place.path) in _ARCHIVES or _is_archive(raw, place):
                yield from _through_adapter("warc", raw, place, settings)
                return
            zipped = raw.peek(2).startswith(_GZIP) or place.path.lower().endswith(".gz")
            stream = cast(BinaryIO, io.BufferedReader(_Unpacked(raw, settings))) if zipped else raw
            yield from _contents(stream, place, settings.max_bytes)
    except _BombError:
        says = f"it unpacks to more than {settings.max_expansion} times its size, as no pages do"
        yield Failure(place.name, "bomb", f"{says}; unpack it yourself if you trust it")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        yield Failure(place.name, "bad_gzip", f"{error}; it is damaged or cut short: fetch it again")
    except OSError as error:
        yield _unreadable(place.name, error)


def _raw(path: str, standard_input: BinaryIO | None) -> AbstractContextManager[Any]:
    """The bytes of an input as they are: pages are often stored as sent, gzipped under any name."""
    return nullcontext(_standard_input(standard_input)) if path == _STANDARD_INPUT else open(path, "rb")


class _BombError(Exception):
    """Packed bytes that unpack to far more than packed text does."""


class _Packed:
    """Gzipped bytes, counted as they are read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.bytes = 0

    def read(self, size: int = -1) -> bytes:
        content = self._raw.read(size)
        self.bytes += len(content)
        return content


class _Unpacked(io.RawIOBase):
    """What gzipped bytes hold; raises `_BombError` where that is far more than text gives."""

    def __init__(self, raw: BinaryIO, settings: ReadSettings) -> None:
        self._packed = _Packed(raw)
        self._unpacker = gzip.GzipFile(fileobj=cast(Any, self._packed))
        self._bytes = 0
        self._settings = settings

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._unpacker.read1(len(buffer))
        buffer[: len(content)] = content
        self._bytes += len(content)
        if self._bytes > max(self._settings.max_bytes, self._settings.max_expansion * self._packed.bytes):
            raise _BombError
        return len(content)


def _standard_input(given: BinaryIO | None) -> Any:
    """Standard input, or the file in its place, as a stream that can be peeked at."""
    if given is not None:
        given.seek(0)
        return given if hasattr(given, "peek") else io.BufferedReader(cast(Any, given))
    if sys.stdin is None or sys.stdin.closed:
        raise OSError("standard input is closed")
    stream: Any = sys.stdin.buffer
    return stream if hasattr(stream, "peek") else io.BufferedReader(stream)


def _through_adapter(
    what: Literal["arrow", "warc"], file: Any, place: _Place, settings: ReadSettings
) -> Iterator[Source | Failure]:
    """The pages of a file that takes an extra to read."""
    from dedup.index.store import StoreError

    try:
        adapter = import_module(f"dedup.adapters.{what}")
    except StoreError as error:
        yield Failure(place.name, error.error, str(error))
        return
    for source in adapter.entries(file, place.name, place.key, settings):
        yield replace(source, folder=place.folder) if isinstance(source, Source) else source


def _is_archive(stream: Any, place: _Place) -> bool:
    return _suffix(place.path) not in _KNOWN and bool(_ARCHIVE.match(stream.peek(16)[:16]))


def _contents(stream: BinaryIO, place: _Place, limit: int) -> Iterator[Source | Failure]:
    suffix = _suffix(place.path)
    if suffix in _RECORDS:
        yield from _records(_lines(stream, limit), place, 1, limit)
    elif suffix in _MEDIA:
        yield _page(b"", stream, place, limit)
    else:
        blank, line = _beginning(stream, limit)
        if _is_object(line):
            yield from _records(chain([line], _lines(stream, limit)), place, blank.count(b"\n") + 1, limit)
        else:
            yield _page(blank + line, stream, place, limit)


def _page(head: bytes, stream: BinaryIO, place: _Place, limit: int) -> Source | Failure:
    content = bytearray(head)
    while len(content) <= limit and (chunk := stream.read(_CHUNK_BYTES)):
        content += chunk
    if len(content) > limit:
        return _too_large(place.name, limit)
    if not content.removeprefix(_UTF8_MARK).strip():
        return Failure(place.name, "empty", "there is nothing in it; fetch the page again")
    media = _MEDIA.get(_suffix(place.path)) or media_of(bytes(content[:_SNIFFED_BYTES]))
    return Source(place.name, place.key, bytes(content), media, folder=place.folder)


def _lines(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """The lines, with None for each that is longer than the limit."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(_CHUNK_BYTES)
        yield None


def _beginning(stream: BinaryIO, limit: int) -> tuple[bytes, bytes]:
    """The blank lines at the beginning, and the first line that is not."""
    blank = bytearray()
    while (line := stream.readline(limit + 1)) and not line.strip() and len(blank) <= limit:
        blank += line
    return bytes(blank), line


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(_loaded(line), dict)
    except (ValueError, RecursionError):
        return False


def _loaded(line: bytes) -> Any:
    return json.loads(line.removeprefix(_UTF8_MARK).decode())


def _records(
    lines: Iterable[bytes | None], place: _Place, first: int, limit: int
) -> Iterator[Source | Failure]:
    empty = True
    for number, line in enumerate(lines, first):
        name = f"{place.name}#{number}"
        if line is None:
            yield _too_large(name, limit)
        elif line.strip():
            yield _record(line, name, place, number)
        else:
            continue
        empty = False
    if empty:
        yield Failure(place.name, "empty", "there is no record in it; write one JSON object a line")


def _record(line: bytes, name: str, place: _Place, number: int) -> Source | Failure:
    try:
        row = _loaded(line)
    except UnicodeDecodeError as error:
        return Failure(name, "bad_encoding", f"JSONL is UTF-8, and this line is not ({error}); encode it so")
    except (ValueError, RecursionError) as error:
        return Failure(name, "bad_json", f"this line is no JSON ({error}); write one JSON object a line")
    if not isinstance(row, dict):
        return Failure(name, "bad_json", "this line is no JSON object; write one a line, with html or text")
    if wrong := [field for field, kind in _FIELDS.items() if not isinstance(row.get(field), kind | None)]:
        return Failure(name, "bad_record", f"{' and '.join(wrong)} must be a string; write it as one, or not")
    if not any(isinstance(row.get(media), str) for media in Media):
        return Failure(name, "bad_record", "this record has neither html nor text; it needs one of them")
    media = next((media for media in Media if (row.get(media) or "").strip()), None)
    if media is None:
        return Failure(name, "empty", "its html or text is empty; fetch the page again")
    told = {field: None if row.get(field) is None else _shown(str(row[field])) for field in _TOLD}
    return Source(
        name=name,
        key=f"{place.key}#{told['id'] or number}",
        content=row[media],
        media=media,
        declared_encoding=told["encoding"],
        url=told["url"],
        outlet=told["outlet"],
        published=told["published"],
        folder=place.folder,
    )


def _suffix(path: str) -> str:
    return os.path.splitext(path.lower().removesuffix(".gz"))[1]


def _is_within(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder


def _shown(name: str) -> str:
    """A name that output can hold: file names may have bytes, and JSON strings halves, of no character."""
    return _SURROGATE.sub("\ufffd", name)


def _failure(path: str, error: str, message: str) -> Failure:
    return Failure(_shown(path), error, message)


def _too_large(name: str, limit: int) -> Failure:
    says = f"it is larger than {limit / 1e6:,.0f} MB unpacked, which no page is; split it"
    return Failure(name, "too_large", says)


def _unreadable(name: str, error: OSError) -> Failure:
    if isinstance(error, FileNotFoundError):
        return Failure(name, "not_found", "it was there and is gone, or is a link to nothing; check the path")
    return Failure(name, "unreadable", f"{error.strerror or error}; check the file and its permissions")
