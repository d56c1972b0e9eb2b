"""Word and pattern lists by language, read from the TOML files beside this module.

Headers, lines and agencies are matched against the folded block text (NFKC, case folding, white space
folded), fields against the same in its own letters, prefixes, entries and names against the text as it
stands. `ja.toml` says what the tables mean. To teach the judge a word of a line, add it there; class and
id words are in `dedup.roles`. What the chrome of other languages says stands in `latin.toml` and
`chinese.toml`, each read with the language whose script it shares.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import groupby
from operator import itemgetter
from typing import Any

import regex

from dedup.types import Reason

# A pattern that takes longer than this on one block says nothing about it (hostile input).
_TIMEOUT = 0.2
# Longer blocks are prose: no header or chrome line of the training pages is longer.
_LONGEST_LINE = 260

# Words of consent dialogs, its subject among them, that make a text one of theirs.
_CONSENT = 3

# Characters of a line that tell what it can't be.
_HEAD = 3

_NEVER = r"(?!)(?<tail>)"

# What ends every prefix: a dash, a slash or a bracket. Most lines have none.
_GLUE = re.compile(r"[-‐‑–—―ー－/)）\]］】]")

# Files of each lexicon; of the second its headers, lines and certainties.
_FILES = {"en": ("en", "latin"), "ja": ("ja", "chinese")}

_CJK = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
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


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Patterns of whole lines, each a group with the name of its reason.

    `swift` is most of them, those of a file in one. The `slow` come with the words of which every match of
    theirs has one; `words` are all of those, and `needs` finds any of them.
    """

    reasons: tuple[str, ...]
    swift: tuple[regex.Pattern[str], ...]
    slow: tuple[tuple[frozenset[str], regex.Pattern[str]], ...]
    words: tuple[str, ...]
    needs: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The compiled patterns of one language."""

    headers: Table
    lines: Table
    certainties: Table
    prefixes: regex.Pattern[str]
    entries: regex.Pattern[str]
    names: regex.Pattern[str]
    posts: regex.Pattern[str]
    agencies: Mapping[str, regex.Pattern[str]]
    some_agency: regex.Pattern[str]
    consent: Mapping[str, tuple[str, ...]]
    fields: Mapping[str, regex.Pattern[str]]

    def header(self, folded: str) -> Reason | None:
        """The region that this line opens if it stands alone, else None."""
        return _reason(self.headers, folded) if len(folded) <= 60 else None

    def line(self, folded: str) -> Reason | None:
        """The kind of chrome this whole line is, else None."""
        return _reason(self.lines, folded) if len(folded) <= _LONGEST_LINE else None

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

    def heads_post(self, folded: str) -> bool:
        """Whether the text says who wrote a post of a thread, and when, and no more."""
        return len(folded) <= _LONGEST_LINE and _within(self.posts.fullmatch, folded) is not None

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
    """The lexicon of a language (`ja` or `en`) and of those that share its script, compiled once."""
    folder = files(__package__)
    read = [tomllib.loads(folder.joinpath(f"{name}.toml").read_text("utf-8")) for name in _FILES[language]]
    table = read[0]
    headers, lines, certainties = (
        _table([table[name] for table in read]) for name in ("header", "line", "certain")
    )
    return Lexicon(
        headers=headers,
        lines=lines,
        certainties=certainties,
        prefixes=regex.compile(_either(table["prefix"]["dateline"])),
        entries=regex.compile(_either(table["entry"]["title"] or [_NEVER]), regex.IGNORECASE),
        names=regex.compile(_either(table["name"]["person"])),
        posts=regex.compile(_either(table["post"]["head"] or [_NEVER])),
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
    """The lexicon a line is read with: `ja` where it has a character of CJK scripts, else `en`."""
    return lexicon("en" if text.isascii() or not _CJK.search(text) else "ja")


def _either(patterns: list[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _table(read: Sequence[Mapping[str, list[Any]]]) -> Table:
    """One table of those that several files have."""
    reasons = tuple(dict.fromkeys(reason for table in read for reason in table))
    swift = tuple(
        _whole({name: [part for part in parts if isinstance(part, str)] for name, parts in table.items()})
        for table in read
    )
    slow = tuple(
        (frozenset(part["needs"]), _whole({name: [part["pattern"]]}))
        for table in read
        for name, parts in table.items()
        for part in parts
        if not isinstance(part, str)
    )
    words = tuple(sorted({word for needs, _ in slow for word in needs}))
    return Table(reasons, swift, slow, words, re.compile(_any_of(words)))


def _whole(table: Mapping[str, list[str]]) -> regex.Pattern[str]:
    named = "|".join(f"(?P<{Reason(name)}>{_either(parts)})" for name, parts in table.items() if parts)
    return regex.compile(f"{_DECORATION}(?:{named}){_DECORATION_END}")


def _any_of(words: Sequence[str]) -> str:
    """A pattern of sorted words by their first letters: a third of the time of one after the other."""
    groups = [(re.escape(first), [re.escape(w[1:]) for w in g]) for first, g in groupby(words, itemgetter(0))]
    return "|".join(f"{first}(?:{'|'.join(rest)})" for first, rest in groups) or "(?!)"


def _within(matching: Callable[..., regex.Match[str] | None], text: str) -> regex.Match[str] | None:
    """The match that a method of a pattern finds in time."""
    try:
        return matching(text, timeout=_TIMEOUT)
    except TimeoutError:
        return None


# The lines of a site's chrome come back on every page, many on those of every site; none is long.
@lru_cache(maxsize=8192)
def _reason(table: Table, folded: str) -> Reason | None:
    """What the line is called by the match with the least besides decoration, of several by the first."""
    patterns = _begun(table.swift, folded)
    if table.needs.search(folded):
        standing = {word for word in table.words if word in folded}
        patterns += tuple(pattern for words, pattern in table.slow if not words.isdisjoint(standing))
    found = [
        (-match.start(match.lastgroup), table.reasons.index(match.lastgroup))
        for pattern in patterns
        if (match := _within(pattern.fullmatch, folded)) and match.lastgroup
    ]
    return Reason(table.reasons[min(found)[1]]) if found else None


@lru_cache(maxsize=8192)
def _matches(pattern: regex.Pattern[str], text: str) -> bool:
    return any(_within(begun.fullmatch, text) for begun in _begun((pattern,), text))


def _begun(patterns: tuple[regex.Pattern[str], ...], text: str) -> tuple[regex.Pattern[str], ...]:
    """Those of the patterns of which a match may begin as the text does: for most lines soon none."""
    for end in range(1, _HEAD + 1):
        patterns = patterns and _may_begin(patterns, text[:end])
    return patterns


# The first characters of lines come again. So few hold no pattern up: there is no need for `_within`.
@lru_cache(maxsize=8192)
def _may_begin(patterns: tuple[regex.Pattern[str], ...], head: str) -> tuple[regex.Pattern[str], ...]:
    return tuple(one for one in patterns if one.fullmatch(head, partial=True))
