"""Word and pattern lists by language, read from the TOML files beside this module.

Headers, lines and agencies are matched against the folded block text (NFKC, case folding, white space
folded), fields against the same in its own letters, prefixes, entries and names against the text as it
stands. `ja.toml` says what the tables mean. To teach the judge a word of a line, add it there; class and
id words are in `dedup.roles`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import regex

from dedup.types import Reason

# A pattern that takes longer than this on one block says nothing about it (hostile input).
_TIMEOUT = 0.2
# Longer blocks are prose: no header or chrome line of the training pages is longer.
_LONGEST_LINE = 260

# Words of consent dialogs, its subject among them, that make a text one of theirs.
_CONSENT = 3

_NEVER = r"(?!)(?<tail>)"

# What ends every prefix: a dash, a slash or a bracket. Most lines have none.
_GLUE = re.compile(r"[-‐‑–—―ー－/)）\]］】]")

_CJK = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
_DECORATION = r"[\s■□◆◇●○◎▼▽▲△★☆♦・•※▶►▸◀◁#*|:：>»«<〉《【\[(（\-–—=_~～]*"
_DECORATION_END = r"[\s*#■□◆◇●○◎▼▽▲△★☆♦・•▶►▸|:：>»›〉》】\])）\-–—=_~～…]*"


def normal(text: str) -> str:
    """NFKC and single spaces.

    >>> normal("  原題：Ｒａｉｎ  ")
    '原題:Rain'
    """
    if not text.isascii() and not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split())


# Several stages fold the same blocks, one after the other.
@lru_cache(maxsize=2048)
def fold(text: str) -> str:
    """NFKC, case folding and single spaces: what the patterns are written for.

    >>> fold("  関連  ＮＥＷＳ ")
    '関連 news'
    """
    return normal(text).casefold()


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The compiled patterns of one language."""

    headers: regex.Pattern[str]
    lines: regex.Pattern[str]
    other_lines: regex.Pattern[str]
    needs: re.Pattern[str]
    certainties: regex.Pattern[str]
    prefixes: regex.Pattern[str]
    entries: regex.Pattern[str]
    names: regex.Pattern[str]
    agencies: Mapping[str, regex.Pattern[str]]
    some_agency: regex.Pattern[str]
    consent: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, regex.Pattern[str]]

    def header(self, folded: str) -> Reason | None:
        """The region that this line opens if it stands alone, else None."""
        return _reason(self.headers, folded) if len(folded) <= 60 else None

    def line(self, folded: str) -> Reason | None:
        """The kind of chrome this whole line is, else None."""
        if len(folded) > _LONGEST_LINE:
            return None
        # Nine in ten lines hold none of the words, and are matched in a third of the time.
        return _reason(self.lines if self.needs.search(folded) else self.other_lines, folded)

    def certain(self, folded: str) -> Reason | None:
        """The kind of chrome this whole line is beyond doubt, else None."""
        return _reason(self.certainties, folded) if len(folded) <= _LONGEST_LINE else None

    def speaks_of_consent(self, folded: str) -> bool:
        """Whether the text names what consent dialogs are about."""
        return any(word in folded for word in self.consent["subject"])

    def asks_for_consent(self, folded: str) -> bool:
        """Whether the text reads like one of a consent dialog: its subject, more of its words, to the reader.

        Of 267 blocks of the training pages with the subject and two more words none belongs to an article.
        """
        if not self.speaks_of_consent(folded) or not any(word in folded for word in self.consent["address"]):
            return False
        words = (*self.consent["subject"], *self.consent["words"])
        return sum(word in folded for word in words) >= _CONSENT

    def prefix(self, text: str) -> int:
        """Length of the dateline or wire tag glued before the first sentence of `text`, or 0."""
        match = _within(self.prefixes.match, text) if may_have_prefix(text) else None
        return match.end() if match else 0

    def entry(self, text: str) -> int:
        """Length of the title in a line that begins an article of a digest, 0 if it is no such line.

        The rest of the line names the source and the date.
        """
        match = _within(self.entries.fullmatch, text)
        return match.start("tail") if match else 0

    def is_name(self, text: str) -> bool:
        """Whether the text is a person's name and no more, by its form; place names can look the same."""
        return len(text) <= 80 and _within(self.names.fullmatch, text) is not None

    def agency(self, folded: str) -> str | None:
        """The first news agency that the text names, else None."""
        found = [
            (m.start(), name)
            for name, pattern in self.agencies.items()
            if (m := _within(pattern.search, folded))
        ]
        return min(found)[1] if found else None

    def is_agency(self, folded: str) -> bool:
        """Whether the text names an agency and no more, but for brackets and dashes around it."""
        return _matches(self.some_agency, folded.strip(" []()【】（）［］〔〕<>=-–—―/・:："))

    def field(self, name: str, text: str) -> str | None:
        """The value of a field in a line of its own, in its original letters; None if it is no such line."""
        match = _within(self.fields[name].fullmatch, normal(text)) if name in self.fields else None
        return next((group.strip() for group in match.groups() if group), None) if match else None


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon of a language (`ja` or `en`), compiled once: it never changes."""
    table = tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text("utf-8"))
    lines = {
        name: [part if isinstance(part, str) else part["pattern"] for part in parts]
        for name, parts in table["line"].items()
    }
    others = {
        name: [part for part in parts if isinstance(part, str)] for name, parts in table["line"].items()
    }
    needs = {
        word
        for parts in table["line"].values()
        for part in parts
        if isinstance(part, dict)
        for word in part["needs"]
    }
    return Lexicon(
        headers=_named(table["header"], _DECORATION, _DECORATION_END),
        lines=_named(lines, _DECORATION, _DECORATION_END),
        other_lines=_named(
            {name: parts for name, parts in others.items() if parts}, _DECORATION, _DECORATION_END
        ),
        needs=re.compile("|".join(map(re.escape, sorted(needs)))),
        certainties=_named(table["certain"], _DECORATION, _DECORATION_END),
        prefixes=regex.compile(_either(table["prefix"]["dateline"])),
        entries=regex.compile(_either(table["entry"]["title"] or [_NEVER]), regex.IGNORECASE),
        names=regex.compile(_either(table["name"]["person"])),
        agencies={name: regex.compile(_either(parts)) for name, parts in table["agency"].items()},
        some_agency=regex.compile(_either([part for parts in table["agency"].values() for part in parts])),
        consent={name: tuple(words) for name, words in table["consent"].items()},
        fields={
            name: regex.compile(_either(parts), regex.IGNORECASE)
            for name, parts in table["field"].items()
            if parts
        },
    )


def may_have_prefix(text: str) -> bool:
    """Whether the text has what ends every prefix, where a prefix may end."""
    return _GLUE.search(text, 0, 160) is not None


def lexicon_for(text: str) -> Lexicon:
    """The lexicon a line is read with: Japanese where it has a CJK character, else English."""
    return lexicon("en" if text.isascii() or not _CJK.search(text) else "ja")


def _either(patterns: list[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _named(table: Mapping[str, Any], before: str, after: str) -> regex.Pattern[str]:
    reasons = "|".join(f"(?P<{Reason(name)}>{_either(parts)})" for name, parts in table.items())
    return regex.compile(f"{before}(?:{reasons}){after}")


def _within(matching: Callable[..., regex.Match[str] | None], text: str) -> regex.Match[str] | None:
    """The match that a method of a pattern finds in time."""
    try:
        return matching(text, timeout=_TIMEOUT)
    except TimeoutError:
        return None


# The lines of a site's chrome come back on every page, many on those of every site; none is long.
@lru_cache(maxsize=8192)
def _reason(pattern: regex.Pattern[str], folded: str) -> Reason | None:
    match = _within(pattern.fullmatch, folded)
    return Reason(match.lastgroup) if match and match.lastgroup else None


@lru_cache(maxsize=8192)
def _matches(pattern: regex.Pattern[str], text: str) -> bool:
    return _within(pattern.fullmatch, text) is not None
