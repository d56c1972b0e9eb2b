"""Pages of web archives: WARC and WARC.gz. Needs the extra `warc`.

    from dedup.adapters import warc
    cleaned = dedup.clean_many(warc.pages("crawl.warc.gz"))

`dedup clean` and `dedup run` read such files by themselves.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from dedup.adapters.records import missing
from dedup.settings import ReadSettings
from dedup.types import Failure, Media, Source

try:
    from fastwarc.warc import ArchiveIterator, WarcRecordType
except ImportError as error:
    raise missing("FastWARC", "warc") from error

_DEFAULTS = ReadSettings()
_PAGES = ("text/html", "application/xhtml+xml", "text/plain")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\r\n]*)?\r?\n")
_PACKED = ("gzip", "x-gzip", "deflate")


def pages(path: str | os.PathLike[str], settings: ReadSettings = _DEFAULTS) -> Iterator[Source | Failure]:
    """The pages that an archive's responses of status 200 hold, HTML or plain text, in their order.

    They are named `crawl.warc.gz#3` for the third record of the file. A page that is too large, or packed as
    nothing here reads, gives a `Failure`, and so does a file that is no archive.
    """
    name = os.fspath(path)
    with Path(name).open("rb") as stream:
        yield from entries(stream, name, Path(name).name, settings)


def entries(
    stream: BinaryIO, name: str, key: str, settings: ReadSettings = _DEFAULTS
) -> Iterator[Source | Failure]:
    """The same of an open file; `key` is its name in keys of sources."""
    with _seekable(stream) as file:
        most = max(settings.max_bytes, settings.max_expansion * file.seek(0, os.SEEK_END))
        file.seek(0)
        number = told = 0
        try:
            for entry in ArchiveIterator(file, record_types=WarcRecordType.any_type, parse_http=True):
                number += 1
                told += entry.content_length
                if told > most:
                    says = (
                        f"its records are longer than {settings.max_expansion} times the file; no pages are"
                    )
                    yield Failure(name, "bomb", says)
                    return
                if entry.record_type is not WarcRecordType.response or entry.http_headers is None:
                    continue
                kind = (entry.http_content_type or "").lower()
                if entry.http_headers.status_code == 200 and kind in _PAGES:
                    yield _page(entry, f"{name}#{number}", f"{key}#{number}", kind, settings)
        except (OSError, ValueError) as error:
            yield _damaged(name, number, error)
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of FastWARC's Rust, and no Exception
                raise
            yield _damaged(name, number, error)
        else:
            if not number:
                yield Failure(name, "not_warc", "no record of a web archive was found in the file")


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """FastWARC goes back and forth in a file, which a pipe does not allow."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(stream, file)
        yield cast(BinaryIO, file)


def _damaged(name: str, records: int, error: BaseException) -> Failure:
    where = "damaged: pages from here on are missing" if records else "no web archive"
    return Failure(name, "not_warc", f"the file is {where} ({error})")


def _page(entry: Any, name: str, key: str, kind: str, settings: ReadSettings) -> Source | Failure:
    limit = settings.max_bytes
    content = entry.reader.read(limit + 1)
    headers = {key.lower(): value.strip().lower() for key, value in entry.http_headers}
    # Some archives hold what was sent, others what it meant and the headers all the same.
    if headers.get("transfer-encoding") == "chunked" and len(content) <= limit:
        content = _joined(content)
    packed = headers.get("content-encoding", "identity")
    if packed in _PACKED and len(content) <= limit:
        content = _unpacked(content, limit)
    elif packed not in (*_PACKED, "identity", "") and b"<" not in content[:1000]:
        return Failure(
            name, "packed", f"the page was sent packed ({packed[:20]!r}), which is not unpacked here"
        )
    if len(content) > limit:
        return Failure(name, "too_large", f"the page has more than {limit / 1e6:,.0f} MB unpacked")
    if not content.strip():
        return Failure(name, "empty", "there is nothing in it; fetch the page again")
    url = entry.headers.get("WARC-Target-URI")
    return Source(
        name=name,
        key=key,
        content=content,
        media=Media.TEXT if kind == "text/plain" else Media.HTML,
        declared_encoding=entry.http_charset,
        url=url,
    )


def _joined(content: bytes) -> bytes:
    """What came in chunks in one piece; anything else as it is."""
    parts, at = [], 0
    while found := _CHUNK.match(content, at):
        size = int(found[1], 16)
        parts.append(content[found.end() : found.end() + size])
        if not size:
            return b"".join(parts)
        at = found.end() + size
        at += 2 if content[at : at + 2] == b"\r\n" else 1
    # A response that was cut short has no last chunk.
    return b"".join(parts) if parts and at >= len(content) else content


def _unpacked(content: bytes, limit: int) -> bytes:
    """What was packed, at most a byte more than `limit`, cut short where it is; anything else as it is."""
    for bits in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):  # with a header of gzip or zlib, or with none
        try:
            return zlib.decompressobj(bits).decompress(content, limit + 1)
        except zlib.error:
            continue
    return content
