"""Files, folders, globs, JSONL records and standard input to sources; what cannot be read to failures."""

from __future__ import annotations

import glob
import gzip
import io
import json
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import regex

from dedup.settings import ReadSettings
from dedup.types import Failure, Media, Source

_DEFAULTS = ReadSettings()
_MEDIA = {".html": Media.HTML, ".htm": Media.HTML, ".txt": Media.TEXT, ".md": Media.TEXT}
_RECORDS = (".jsonl", ".ndjson")
_MARKUP = regex.compile(rb"(?i)<(?:!doctype\s+html|html|head|body|article|div|p|table|h[1-6]|meta|span|a)\b")
_GLOB = regex.compile(r"[*?\[]")
_HOST_PREFIXES = ("www.", "m.", "amp.")
_OPTIONAL = ("url", "outlet", "published", "encoding")

Found = Source | Failure


def read(
    paths: Iterable[str], *, outlet: str | None = None, settings: ReadSettings = _DEFAULTS
) -> Iterator[Found]:
    """The sources that `paths` name, in a stable order, and a failure for each that cannot be used.

    A path is a file, a folder (walked down, names sorted; hidden files and other suffixes are passed
    over), a glob, or `-` for standard input. Nothing is raised for bad input and nothing is read
    ahead: a JSONL file is streamed line by line. `outlet`, where given, holds for all sources.
    """
    for path in paths:
        if path == "-":
            yield from _stream(sys.stdin.buffer, "-", outlet, settings)
            continue
        for name, key, folder in _files(path):
            if isinstance(key, Failure):
                yield key
            else:
                yield from _file(name, key, folder, outlet, settings)


def count(paths: Sequence[str]) -> int | None:
    """How many files `paths` name, for a progress bar; None where standard input is among them."""
    if "-" in paths:
        return None
    return sum(not isinstance(key, Failure) for path in paths for _, key, _ in _files(path))


def outlet_of(url: str | None) -> str | None:
    """The host of an http address without `www.`, `m.`, `amp.` and port, in lower case; else None.

    >>> outlet_of("https://www.North-Post.example:8080/a/b")
    'north-post.example'
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    for prefix in _HOST_PREFIXES:
        host = host.removeprefix(prefix)
    return host or None


def _files(path: str) -> Iterator[tuple[str, str | Failure, str | None]]:
    """Name, key and folder of every file that a path names; a failure in place of the key where none."""
    if os.path.isdir(path):
        found = False
        for name, key in _walk(path):
            found = True
            folder = key.split("/")[0] if isinstance(key, str) and "/" in key else None
            yield name, key, folder
        if not found:
            says = "no .html .htm .txt .md .jsonl (.gz) in this folder; name a file to read it anyway"
            yield path, Failure(path, "nothing_found", says), None
    elif os.path.lexists(path):
        yield path, os.path.basename(path), None
    elif _GLOB.search(path):
        matches = sorted(glob.glob(path, recursive=True))
        if not matches:
            yield path, Failure(path, "nothing_found", "no file matches this pattern; check the path"), None
        for match in matches:
            yield from _files(match)
    else:
        yield path, Failure(path, "not_found", "there is no such file or folder; check the path"), None


def _walk(root: str) -> Iterator[tuple[str, str | Failure]]:
    refused: list[Failure] = []

    def refuse(error: OSError) -> None:
        name = error.filename or root
        refused.append(Failure(name, "unreadable", f"{error.strerror}; check the permissions of this folder"))

    inside = os.path.realpath(root)
    for folder, folders, files in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.join(folder, name)
            if name.startswith(".") or _suffixes(name)[0] not in (*_MEDIA, *_RECORDS):
                continue
            if os.path.islink(path) and not _is_within(os.path.realpath(path), inside):
                says = "this link leads out of the input folder; name its target to read it"
                yield path, Failure(path, "outside", says)
            else:
                yield path, Path(os.path.relpath(path, root)).as_posix()
    yield from ((failure.source, failure) for failure in refused)


def _is_within(path: str, root: str) -> bool:
    return os.path.commonpath((path, root)) == root


def _suffixes(name: str) -> tuple[str, bool]:
    """The suffix that tells what a file holds, and whether it is gzipped."""
    lower = name.lower()
    zipped = lower.endswith(".gz")
    return os.path.splitext(lower.removesuffix(".gz"))[1], zipped


def _file(
    name: str, key: str, folder: str | None, outlet: str | None, settings: ReadSettings
) -> Iterator[Found]:
    suffix, zipped = _suffixes(name)
    try:
        mode = os.stat(name).st_mode
        if not stat.S_ISREG(mode):
            yield Failure(name, "no_file", "a device, pipe or socket is not read; give a regular file")
            return
        with open(name, "rb") as file:
            stream: BinaryIO = gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[assignment]
            if suffix in _RECORDS:
                yield from _records(stream, name, key, folder, outlet, settings)
            else:
                content = _content(stream, name, settings)
                yield (
                    content
                    if isinstance(content, Failure)
                    else _source(
                        name,
                        key,
                        content,
                        _MEDIA.get(suffix) or _sniffed(content),
                        folder=folder,
                        outlet=outlet,
                    )
                )
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        yield Failure(name, "bad_gzip", f"{error}; the file is damaged or cut short: fetch it again")
    except OSError as error:
        yield Failure(name, "unreadable", f"{error.strerror or error}; check the file and its permissions")


def _stream(stream: BinaryIO, name: str, outlet: str | None, settings: ReadSettings) -> Iterator[Found]:
    """Standard input: JSONL if its first line is a JSON object, else one page of HTML or text."""
    first = stream.readline(settings.max_bytes + 1)
    rest = io.BytesIO(first)
    if _is_object(first):
        yield from _records(_Chained(rest, stream), name, name, None, outlet, settings)
        return
    content = _content(_Chained(rest, stream), name, settings)
    if isinstance(content, Failure):
        yield content
    else:
        yield _source(name, name, content, _sniffed(content), outlet=outlet)


class _Chained(io.RawIOBase):
    """Two streams read as one."""

    def __init__(self, first: BinaryIO, second: BinaryIO) -> None:
        self._parts = [first, second]

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(part.read() for part in self._parts)
        return self._parts[0].read(size) or self._parts[1].read(size)

    def readline(self, size: int | None = -1) -> bytes:
        limit = -1 if size is None else size
        return self._parts[0].readline(limit) or self._parts[1].readline(limit)


def _content(stream: Any, name: str, settings: ReadSettings) -> bytes | Failure:
    content = bytearray()
    while chunk := stream.read(1 << 20):
        content += chunk
        if len(content) > settings.max_bytes:
            return _too_large(name, settings)
    if not content.strip():
        return Failure(name, "empty", "there is nothing in it; fetch the page again")
    return bytes(content)


def _too_large(name: str, settings: ReadSettings) -> Failure:
    says = f"larger than {settings.max_bytes / 1e6:.0f} MB unpacked, which no page is; split it"
    return Failure(name, "too_large", says)


def _sniffed(content: bytes) -> Media:
    return Media.HTML if _MARKUP.search(content[:4096].replace(b"\0", b"")) else Media.TEXT


def _is_object(line: bytes) -> bool:
    if not line.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line.removeprefix(b"\xef\xbb\xbf")), dict)
    except ValueError:
        return False


def _records(
    stream: Any, name: str, key: str, folder: str | None, outlet: str | None, settings: ReadSettings
) -> Iterator[Found]:
    number, records = 0, 0
    while line := stream.readline(settings.max_bytes + 1):
        number += 1
        where = f"{name}#{number}"
        if len(line) > settings.max_bytes:
            yield _too_large(where, settings)
            while line and not line.endswith(b"\n"):  # the rest of the long line
                line = stream.readline(1 << 20)
            records += 1
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            records += 1
            yield _record(line, where, f"{key}#{number}", folder, outlet)
    if not records:
        yield Failure(name, "empty", "there is no record in it; write one JSON object a line")


def _record(line: bytes, name: str, key: str, folder: str | None, outlet: str | None) -> Found:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Failure(name, "bad_encoding", f"JSONL is UTF-8, and this line is not ({error}); encode it so")
    except (ValueError, RecursionError) as error:
        return Failure(name, "bad_json", f"this line is no JSON ({error}); write one JSON object a line")
    if not isinstance(row, dict):
        return Failure(name, "bad_json", "this line is no JSON object; write one a line, with html or text")
    for media, field in ((Media.HTML, "html"), (Media.TEXT, "text")):
        content = row.get(field)
        if content is None:
            continue
        if not isinstance(content, str):
            return Failure(name, "bad_record", f"its {field!r} is no string")
        if wrong := next((f for f in _OPTIONAL if not isinstance(row.get(f), str | None)), None):
            return Failure(name, "bad_record", f"its {wrong!r} is no string; leave it out or make it one")
        if not content.strip():
            return Failure(name, "empty", f"its {field!r} is empty; fetch the page again")
        return Source(
            name=name,
            key=key,
            content=content,
            media=media,
            declared_encoding=row.get("encoding"),
            url=row.get("url"),
            outlet=outlet or row.get("outlet"),
            published=row.get("published"),
            folder=folder,
        )
    return Failure(name, "bad_record", "this record has neither 'html' nor 'text'; it needs one of them")


def _source(
    name: str, key: str, content: bytes, media: Media, *, folder: str | None = None, outlet: str | None = None
) -> Source:
    return Source(name=name, key=key, content=content, media=media, outlet=outlet, folder=folder)
