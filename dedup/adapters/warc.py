"""Pages of web archives: WARC and WARC.gz. Needs the extra `warc`.

from dedup.adapters import warc
cleaned = dedup.clean_many(warc.pages("crawl.warc.gz"))
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dedup.adapters.records import missing
from dedup.settings import ReadSettings
from dedup.types import Failure, Media, Source

try:
    from fastwarc.warc import ArchiveIterator, WarcRecordType
except ImportError as error:
    raise missing("FastWARC", "warc") from error

_DEFAULTS = ReadSettings()
_PAGES = ("text/html", "application/xhtml+xml", "text/plain")


def pages(path: str | os.PathLike[str], settings: ReadSettings = _DEFAULTS) -> Iterator[Source | Failure]:
    """The pages that an archive's responses of status 200 hold, HTML or plain text, in their order.

    A page that is too large gives a `Failure`, and so does a file that is no archive.
    """
    name = os.fspath(path)
    found = False
    with Path(name).open("rb") as stream:
        try:
            for entry in ArchiveIterator(stream, record_types=WarcRecordType.any_type, parse_http=True):
                found = True
                if entry.record_type is not WarcRecordType.response or entry.http_headers is None:
                    continue
                kind = (entry.http_content_type or "").lower()
                if entry.http_headers.status_code == 200 and kind in _PAGES:
                    yield _page(entry, name, kind, settings)
        except OSError as error:
            where = "damaged: pages from here on are missing" if found else "no web archive"
            yield Failure(name, "not_warc", f"the file is {where} ({error})")
            return
    if not found:
        yield Failure(name, "not_warc", "no record of a web archive was found in the file")


def _page(entry: Any, name: str, kind: str, settings: ReadSettings) -> Source | Failure:
    url = entry.headers.get("WARC-Target-URI")
    source = f"{name}#{url}"
    content = entry.reader.read(settings.max_bytes + 1)
    if len(content) > settings.max_bytes:
        return Failure(source, "too_large", f"the page has more than {settings.max_bytes:,} bytes")
    return Source(
        name=source,
        key=url or source,
        content=content,
        media=Media.TEXT if kind == "text/plain" else Media.HTML,
        declared_encoding=entry.http_charset,
        url=url,
    )
