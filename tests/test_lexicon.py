"""The lexicon's short cuts: what is not tried could not have matched."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup import lexicon as module
from dedup.lexicon import fold, lexicon

TABLES = ("header", "line", "certain")
# A letter for each script, for the engine that makes up texts knows none.
LETTERS = {r"\p{L}": "é", r"\p{Han}": "一", r"\p{Hiragana}": "ぁ", r"\p{Katakana}": "ァ"}


@cache
def parts(language: str, name: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Reason, pattern and words of all that a table holds."""
    tables = tomllib.loads(files("dedup.lexicon").joinpath(f"{language}.toml").read_text("utf-8"))
    table: dict[str, list[Any]] = tables[name]
    listed = [(reason, part) for reason, group in table.items() for part in group]
    return [(r, p, ()) if isinstance(p, str) else (r, p["pattern"], tuple(p["needs"])) for r, p in listed]


@cache
def in_one(language: str, name: str) -> regex.Pattern[str]:
    """All patterns of a table tried in turn, the longest decoration first."""
    named = "|".join(f"(?P<r{i}>{pattern})" for i, (_, pattern, _) in enumerate(parts(language, name)))
    return regex.compile(f"{module._DECORATION}(?:{named}){module._DECORATION_END}")


@cache
def texts_of(pattern: str) -> st.SearchStrategy[str]:
    for script, letter in LETTERS.items():
        pattern = pattern.replace(script, letter)
    return st.from_regex(re.compile(pattern), fullmatch=True)


@pytest.mark.parametrize("language", ["en", "ja"])
@settings(max_examples=60, deadline=None, database=None)
@given(data=st.data())
def test_what_is_not_tried_could_not_have_matched(language: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(TABLES))
    asked = {"header": lexicon(language).header, "line": lexicon(language).line}
    ask = asked.get(name, lexicon(language).certain)
    _, pattern, words = data.draw(st.sampled_from(parts(language, name)))
    text = fold(data.draw(st.sampled_from(["", "> ", "■"])) + data.draw(texts_of(pattern)))
    if len(text) <= (60 if name == "header" else 260):
        match = in_one(language, name).fullmatch(text)
        expected = parts(language, name)[int(match.lastgroup[1:])][0] if match and match.lastgroup else None
        assert ask(text) == expected
        assert not words or not regex.fullmatch(pattern, text) or any(word in text for word in words)
