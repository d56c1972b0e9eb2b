"""The order in which text in columns is read."""

from __future__ import annotations

import pytest

from dedup.flat import segment_text
from dedup.types import Document, Encoding, Media

PARAGRAPHS = (
    "The lower mill will close on Friday, its owner told the forty people who work there.",
    "Nobody has said what becomes of the weir, which the town bought in spring for a pound.",
    "The last cloth leaves on Thursday; a museum has asked for two of the looms.",
)
JAPANESE = (
    "下流の紡績工場は金曜日に操業を終えると、所有者が働く四十人に伝えた。最後の布は木曜日に運び出される。",
    "町が春に一ポンドで買い取った堰をどうするのかは、まだ誰も明らかにしていないという。",
)
MENU = ("Home", "Sport", "Weather", "Letters", "Jobs", "Archive")
TEASERS = ("MOST READ", "Bus fares rise", "A second bridge", "Market moves")


def blocks(text: str) -> list[str]:
    page = segment_text(Document("-", "-", text, Media.TEXT, Encoding("utf-8", "text")))
    for block in page.blocks:
        assert " ".join(text[block.start : block.end].split()) == block.text
        assert text.count("\n", 0, block.start) + 1 == block.line
    return [block.text for block in page.blocks]


def side_by_side(*columns: tuple[str, ...], width: object = len, gap: int = 2) -> str:
    """The columns as a text browser lays out the cells of a table."""
    assert callable(width)
    widths = [max(map(width, column)) for column in columns]
    rows = []
    for i in range(max(map(len, columns))):
        cells = [column[i] if i < len(column) else "" for column in columns]
        padded = (cell + " " * (size - width(cell)) for cell, size in zip(cells, widths, strict=True))
        rows.append((" " * gap).join(padded))
    return "\n".join(rows)


def spread(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A blank line behind each, as behind the paragraphs of a cell."""
    return tuple(part for line in lines for part in (line, ""))


def test_columns_are_read_one_after_the_other() -> None:
    text = side_by_side(MENU, ("", *spread(PARAGRAPHS)), TEASERS)
    assert blocks(text) == [*MENU, *PARAGRAPHS, *TEASERS]


def test_a_line_across_the_columns_ends_them() -> None:
    across = "The Tamsin Valley News is printed on paper from the upper mill. " * 3 + "Write to us."
    upper, lower = side_by_side(MENU, spread(PARAGRAPHS)), side_by_side(TEASERS, spread(PARAGRAPHS[::-1]))
    assert blocks(f"{upper}\n{across}\n{lower}") == [
        *(*MENU, *PARAGRAPHS),
        across,
        *(*TEASERS, *PARAGRAPHS[::-1]),
    ]


def test_a_table_within_a_column_is_cut_by_its_own_rivers() -> None:
    inner = side_by_side(spread((PARAGRAPHS[2], MENU[0])), ("Tides", "Ferries", "Buses")).split("\n")
    text = side_by_side(MENU[:3], ("Mill closes", *inner, PARAGRAPHS[1]))
    assert blocks(text) == [
        *(*MENU[:3], "Mill closes"),
        *(PARAGRAPHS[2], MENU[0], "Tides", "Ferries", "Buses"),
        PARAGRAPHS[1],
    ]


@pytest.mark.parametrize("double", [False, True], ids=["characters", "columns of a terminal"])
def test_columns_are_measured_as_they_were_set(double: bool) -> None:
    def width(text: str) -> int:
        return sum(2 if double and ord(c) > 0x2E80 else 1 for c in text)

    menu = ("ホーム", "スポーツ", "天気予報", "読者の声欄", "求人")
    text = side_by_side(menu, ("", *spread(JAPANESE)), ("人気の記事", "バス値上げ"), width=width)
    assert blocks(text) == [*menu, *JAPANESE, "人気の記事", "バス値上げ"]


def test_a_table_of_data_is_read_by_its_rows() -> None:
    said = tuple(f"{paragraph[:60]}" for paragraph in PARAGRAPHS)
    text = side_by_side(("Owner", "Weir", "Cloth"), said)
    assert blocks(text) == [f"{a} {b}" for a, b in zip(("Owner", "Weir", "Cloth"), said, strict=True)]
    assert len(blocks(side_by_side(MENU, ("3", "", "1", "", "2")))) == len(MENU)


def test_two_spaces_behind_a_sentence_are_no_river() -> None:
    lines = [
        f"{one}  {other}" for one, other in zip(PARAGRAPHS, (*PARAGRAPHS[1:], PARAGRAPHS[0]), strict=True)
    ]
    assert blocks("\n".join(lines)) == [" ".join(line.split()) for line in lines]


def test_fifty_thousand_lines_are_cut_in_time() -> None:
    row = f"Jobs    {PARAGRAPHS[0]}    Buses"
    text = "\n".join([row, "", "Home"] * 25_000)
    page = segment_text(Document("-", "-", text, Media.TEXT, Encoding("utf-8", "text")))
    assert len(page.blocks) == 100_000
