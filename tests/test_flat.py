"""Flat text to blocks: lines, and paragraphs whose lines were wrapped at a width."""

from __future__ import annotations

import textwrap

import pytest

from dedup.flat import segment_text
from dedup.types import Document, Encoding, Media

ENGLISH = (
    "The ferry between the two islands will stop at noon from Monday, the harbour office said, because"
    " the older of its two engines has to be taken out and repaired on the mainland.",
    "Passengers with tickets for the afternoon may travel on the morning boat or ask for their money, and"
    " schools on the smaller island will end an hour earlier until the repair is done.",
    "The office had asked for a second boat in spring. The council put the request off twice.",
    "A new engine would cost more than the line earns in four years, according to the accounts, and no"
    " yard on the coast has one in stock before the end of the season.",
    "Fishermen have offered to carry letters and medicine in the meantime, as they did nine years ago when"
    " the pier was closed for a whole winter.",
)
JAPANESE = (
    "港湾事務所は月曜日から二つの島を結ぶ渡し船の午後の便を休むと発表した。古い方の機関を外して本土の工場で直すためで、"
    "再開は早くても来月の半ばになるという。午後の切符を持つ人は午前の便に乗るか、払い戻しを受けることができる。小さい方の"
    "島の学校は修理が終わるまで一時間早く授業を終える予定で、給食の時間も変わる。",
    "事務所は春に二隻目の船を求めていたが、議会は二度にわたって結論を先に延ばしていた。新しい機関の値段は路線の四年分の"
    "収入を上回るとされている。漁師たちは手紙と薬を運ぶことを申し出た。九年前に桟橋が冬の間ずっと閉じられたときにも、"
    "同じように船を出していたという人が多い。",
)
NAVIGATION = ("Home", "Islands", "Weather and tides", "Sign in")


def blocks(text: str) -> list[str]:
    page = segment_text(Document("-", "-", text, Media.TEXT, Encoding("utf-8", "text")))
    for block in page.blocks:
        span = text[block.start : block.end]
        assert "".join(span.split()) == "".join(block.text.split())
    return [block.text for block in page.blocks]


def wide(text: str, columns: int) -> list[str]:
    """Every character takes two columns."""
    size = columns // 2
    return [text[i : i + size] for i in range(0, len(text), size)]


@pytest.mark.parametrize("between", ["\n", "\n\n", "\r\n\r\n"])
@pytest.mark.parametrize("columns", [66, 72, 80])
def test_lines_of_a_wrapped_paragraph_are_one_block(columns: int, between: str) -> None:
    english = (*NAVIGATION, *("\n".join(textwrap.wrap(text, columns)) for text in ENGLISH))
    assert blocks(between.join(english)) == [*NAVIGATION, *ENGLISH]
    japanese = (*NAVIGATION, *("\n".join(wide(text, columns)) for text in JAPANESE))
    assert blocks(between.join(japanese)) == [*NAVIGATION, *JAPANESE]


def test_words_of_korean_keep_their_spaces() -> None:
    words = [
        "두",
        "섬을",
        "오가는",
        "배는",
        "월요일부터",
        "정오까지만",
        "다니고",
        "낡은",
        "기관은",
        "육지의",
        "공장에서",
        "고친다",
    ]
    lines = [" ".join(words[i % 3 :] + words[: i % 5] + words) for i in range(8)]
    broken = "\n\n".join("\n".join(textwrap.wrap(line, 40)) for line in lines)  # 40 characters, 70 columns
    assert blocks(broken) == lines


def test_indented_text_is_unwrapped() -> None:
    wrapped = (textwrap.fill(text, 80, initial_indent="   ", subsequent_indent="   ") for text in ENGLISH)
    assert blocks("\n\n".join(wrapped)) == list(ENGLISH)


def test_an_item_of_a_list_continues_no_line() -> None:
    items = [f"* {text}" for text in ENGLISH]
    wrapped = (textwrap.fill(text, 72, subsequent_indent="  ") for text in items)
    assert blocks("\n".join(wrapped)) == items


def test_short_lines_that_were_not_wrapped_stay_lines() -> None:
    lines = [f"{name} will be read {when}." for name in ENGLISH[2].split() for when in ("today", "on Friday")]
    assert blocks("\n".join(lines)) == lines


def test_paragraphs_in_a_line_each_stay_as_they_are() -> None:
    assert blocks("\n".join(ENGLISH + JAPANESE)) == [*ENGLISH, *JAPANESE]
