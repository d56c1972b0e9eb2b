"""Words by their job, read from lexicon/words.toml: names, dates, numbers, and what a text is about."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from unicodedata import normalize

import regex

from dedup.types import Fact

# Characters around a span within which a word or name that it cuts is looked for, no farther than they
# can reach: in Japanese hiragana ends them, which makes the look three times as fast.
_CONTEXT = 40
_REACH = r"[[\p{L}\p{M}\p{N}\s’'.,・＝-]--\p{Hiragana}]*"

# A run of characters that may be a word with content.
_RUN = (
    r"\d[\d.,]*|\p{Han}{2,}|[\p{Katakana}ー][\p{Katakana}ー・＝]+|\p{Hangul}{2,}"
    r"|[\p{L}--\p{Han}--\p{Hiragana}--\p{Katakana}--\p{Hangul}]"
    r"[\p{L}\p{M}’'--\p{Han}--\p{Hiragana}--\p{Katakana}--\p{Hangul}]+"
)
_WORDS = regex.compile(r"[\w’'-]+")
_RUNS = regex.compile(_RUN, regex.VERSION1)
_BEFORE, _BEHIND = regex.compile("(?r)" + _REACH, regex.VERSION1), regex.compile(_REACH, regex.VERSION1)

_NUMERALS = "〇一二三四五六七八九"
_UNITS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "億": 10**8, "兆": 10**12}


class Token(NamedTuple):
    """A fact of a text: its kind, its value for comparison and its half-open span."""

    fact: Fact
    value: str
    start: int
    end: int


def facts(text: str) -> list[Token]:
    """Return the numbers, dates and names of a text, in order.

    >>> [(token.fact.value, token.value) for token in facts("５日、田中一郎社長は約三百人に")]
    [('date', '5日'), ('name', '田中一郎'), ('number', '300')]
    """
    return [
        Token(Fact(match.lastgroup or ""), _value(match), match.start(), match.end())
        for match in _patterns()[0].finditer(text)
    ]


def content_words(text: str, start: int, end: int, least: int = 0) -> int:
    """Count the words of `text[start:end]` that say what it is about; 0 where they are fewer than `least`.

    Words cut by an end of the span, names with their titles, reporting formulas and grammar count
    for nothing; nor do single kanji and hiragana, nor a word in brackets right behind another, which
    is its gloss, reading or abbreviation.

    >>> say = "トランプ米大統領と中国の習近平国家主席は電話で会談したと明らかにした。"
    >>> content_words(say, 0, len(say))
    2
    """
    _, content, ignored = _patterns()
    # Names are words too for this look, which most formulas do not pass.
    if least and sum(run.casefold() not in ignored for run in _RUNS.findall(text, start, end)) < least:
        return 0
    count = 0
    for match in content.finditer(text, *_around(text, start, end)):
        first, last = match.span()
        if first >= end:
            break
        if start <= first and last <= end and match.lastgroup == "content":
            count += match.group().casefold() not in ignored
    return count if count >= least else 0


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """The span and around it all that a word or name may stand in which the span cuts."""
    before = _BEFORE.match(text, max(start - _CONTEXT, 0), start)
    behind = _BEHIND.match(text, end, end + _CONTEXT)
    # Two more for a title in hiragana, or the end of a bracket.
    return before.start() if before else start, behind.end() + 2 if behind else end


def whole_words(text: str, start: int, end: int) -> int:
    """Count the words of `text[start:end]` that no end of it cuts, in scripts with spaces between words."""
    count = 0
    for match in _WORDS.finditer(text, max(start - _CONTEXT, 0), end + _CONTEXT):
        if match.start() >= end:
            break
        count += start <= match.start() and match.end() <= end
    return count


@cache
def _patterns() -> tuple[regex.Pattern[str], regex.Pattern[str], frozenset[str]]:
    """The patterns of facts and of content words, and the words that carry no content."""
    words = tomllib.loads(files("dedup.lexicon").joinpath("words.toml").read_text(encoding="utf-8"))
    ja, en = words["ja"], words["en"]

    def either(options: list[str]) -> str:
        return "|".join(regex.escape(option) for option in sorted(options, key=len, reverse=True))

    months, weekdays, numbers = either(en["months"]), either(en["weekdays"]), either(en["numbers"])
    # Letters with case alone: in 「Flashで提供」 the name ends before で.
    title, capital = either(ja["titles"]), r"\p{Lu}[\p{Ll}\p{Lu}\p{Lt}’'-]*[\p{Ll}\p{Lu}\p{Lt}]"
    # Looked at before a list is.
    heads = regex.escape("".join(sorted({option[0] for option in ja["titles"]})))
    initials = regex.escape(
        "".join(sorted({c for title in en["titles"] for c in title[0] + title[0].upper()}))
    )
    numeral = r"[〇一二三四五六七八九十百千万億兆]"
    facts = regex.compile(
        rf"""
        (?P<date>
            (?:\d+|{numeral}+)[年月日時分](?!間) | [月火水木金土日]曜日?
          | (?i:\b(?:{months})\.?\s\d{{1,2}}\b | \b\d{{1,2}}\s(?:{months})\b | \b(?:{weekdays})\b)
        )
      | (?P<number>
            \d+(?:[.,．，]\d+)*(?:[十百千万億兆]+\d*)* | {numeral}+(?={either(ja["counters"])})
          | (?i:\b(?:{numbers})(?:[\s-](?:{numbers}))*\b)
        )
      | (?P<name>
            [\p{{Katakana}}ー][\p{{Katakana}}ー・＝]+ | (?<!\p{{Han}})\p{{Han}}{{1,6}}?(?={title})
          | (?<=[\p{{L}}\d,;:]['’”"]?\s['‘“"]?){capital}(?:\s{capital})*
        )
        """,
        regex.VERBOSE,
    )
    content = regex.compile(
        rf"""
        (?P<name>
            (?=[\p{{Katakana}}ー・＝\p{{Han}}{heads}])[\p{{Katakana}}ー・＝]*+\p{{Han}}*
            (?=[{heads}])\L<titles>(?!\p{{Han}})
          | (?:(?=[{initials}])(?i:\b(?:{either(en["titles"])})\.?\s))?{capital}(?:\s{capital})*
        )
      | (?<=\w\s?)[(（] (?: {_RUN} ) [)）]  # a gloss says the word before it again
      | (?P<content> {_RUN} )
        """,
        regex.VERBOSE | regex.VERSION1,
        titles=ja["titles"],
    )
    ignored = {*ja["reporting"], *ja["titles"]}
    ignored.update(
        word for key in ("titles", "reporting", "function", "months", "weekdays") for word in en[key]
    )
    return facts, content, frozenset(ignored)


def _value(match: regex.Match[str]) -> str:
    """What two tokens must share to be the same fact: 三百, ３００ and 300 are."""
    text = normalize("NFKC", match.group()).casefold()
    if match.lastgroup == "name":
        return text.replace("ー", "")
    return regex.sub(
        r"\d[\d,]*(?:\.\d+)?(?:[十百千万億兆]+\d*)*|[〇一二三四五六七八九十百千万億兆]+",
        lambda m: _number(m.group()),
        text,
    )


def _number(text: str) -> str:
    """A number in digits: 1万2千, 三百 and 二〇二六 are 12000, 300 and 2026."""
    text = text.replace(",", "").translate(str.maketrans(_NUMERALS, "0123456789"))
    if text.replace(".", "", 1).isdigit():
        return text
    total = part = 0.0
    for piece in regex.findall(r"\d+(?:\.\d+)?|[十百千]|[万億兆]", text):
        if piece in _MYRIADS:
            total, part = total + (part or 1) * _MYRIADS[piece], 0.0
        elif piece in _UNITS:
            digit = part % 10
            part += (digit or 1) * _UNITS[piece] - digit
        else:
            part += float(piece)
    total += part
    return str(int(total)) if total == int(total) else str(total)
