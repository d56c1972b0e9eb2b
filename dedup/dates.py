"""Dates as news pages write them, as ISO 8601."""

from __future__ import annotations

import unicodedata

import regex
from dateutil import parser

_JAPANESE = regex.compile(
    r"(?<year>\d{4})\s*年\s*(?<month>\d{1,2})\s*月\s*(?<day>\d{1,2})\s*日"
    r"(?:\s*\(\p{Han}\p{Han}*\))?(?:\s*(?<pm>午後)?(?:午前)?\s*(?<hour>\d{1,2})\s*[:時]\s*(?<minute>\d{1,2})?)?"
    r"(?:\s*分)?\s*(?<zone>jst)?"
)
_NUMERIC = regex.compile(
    r"(?<year>(?:19|20)\d{2})[/.-](?<month>\d{1,2})[/.-](?<day>\d{1,2})"
    r"(?:[\st]*(?:\(\p{Han}\p{Han}*\))?\s*(?<pm>pm)?(?<hour>\d{1,2}):(?<minute>\d{2}))?(?:[:\d.]*)\s*(?<zone>jst|z|[+-]\d{2}:?\d{2})?"
)
_ENGLISH = regex.compile(
    r"(?:(?<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?<day>\d{1,2})(?:st|nd|rd|th)?,?\s+(?<year>(?:19|20)\d{2})"
    r"|(?<day>\d{1,2})(?:st|nd|rd|th)?\.?\s+(?<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?\s+(?<year>(?:19|20)\d{2}))"
    r"(?:\s*(?:,|at|-|\|)?\s*(?<time>\d{1,2}:\d{2}\s*(?:[ap]\.?m\.?)?))?"
)
_ZONES = {"jst": "+09:00", "z": "+00:00"}


def iso_date(text: str) -> str | None:
    """The first full date in the text as `YYYY-MM-DD`, with `THH:MM:00` and an offset where they stand there.

    >>> iso_date("公開：2026年2月5日(木)10時40分")
    '2026-02-05T10:40:00'
    >>> iso_date("<wire>2025年11月26日 1:38 JST")
    '2025-11-26T01:38:00+09:00'
    >>> iso_date("Published Nov. 18, 2024 at 6:05 p.m.")
    '2024-11-18T18:05:00'
    >>> iso_date("no date") is None
    True
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    for pattern in (_JAPANESE, _NUMERIC):
        if match := pattern.search(folded):
            return _numeric(match.groupdict())
    if match := _ENGLISH.search(folded):
        return _english(match.groupdict())
    return None


def _numeric(parts: dict[str, str | None]) -> str | None:
    year, month, day = (int(parts[name] or 0) for name in ("year", "month", "day"))
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    date = f"{year:04}-{month:02}-{day:02}"
    if parts["hour"] is None:
        return date
    hour = int(parts["hour"]) + (12 if parts["pm"] and int(parts["hour"]) < 12 else 0)
    minute = int(parts["minute"] or 0)
    if hour > 23 or minute > 59:
        return date
    zone = parts["zone"] or ""
    return f"{date}T{hour:02}:{minute:02}:00{_ZONES.get(zone, zone)}"


def _english(parts: dict[str, str | None]) -> str | None:
    time = (parts["time"] or "").replace(".", "")
    try:
        found = parser.parse(f"{parts['day']} {parts['month']} {parts['year']} {time}")
    except ValueError:
        return None
    return str(found.isoformat() if time else found.date().isoformat())
