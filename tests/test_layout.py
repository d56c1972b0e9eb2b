"""The order in which text in columns is read."""

from __future__ import annotations

import textwrap

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
        span = text[block.start : block.end]
        assert "".join(span.split()).lstrip("#") == "".join(block.text.split())
        assert text.count("\n", 0, block.start) + 1 == block.line
    return [block.text for block in page.blocks]


def side_by_side(*columns: tuple[str, ...], width: object = len, gap: int = 4) -> str:
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


def test_cells_may_stand_two_spaces_apart_where_many_lines_show_it() -> None:
    menu = (*MENU, *(name.upper() for name in MENU))
    text = side_by_side(menu, ("", *spread(PARAGRAPHS)), gap=2)
    assert blocks(text) == [*menu[:8], *menu[8:], *PARAGRAPHS]
    assert len(blocks(side_by_side(MENU, ("", *spread(PARAGRAPHS[:2])), gap=2))) == len(MENU)


@pytest.mark.parametrize("blank", ["\n", "\n\n"])
def test_prose_typed_with_two_spaces_is_not_torn(blank: str) -> None:
    lines = [
        "He left.  She stayed and wrote down what had been said in the room.",
        "Yes.",
        "He died.  The others went on as if nothing at all had happened there.",
    ]
    assert blocks(blank.join(lines)) == [" ".join(line.split()) for line in lines]


@pytest.mark.parametrize("label", ["1.  {}", "(d)  {}", "-   {}", "HARLOW:   {}", "Q:    {}", "##   {}"])
def test_a_label_stays_with_what_it_labels(label: str) -> None:
    first = label.format("The lower mill will close on Friday, its owner told the forty")
    lines = [
        first,
        " " * (len(label) - 2) + "people who work there, and nobody has said what comes.",
        label.format("Nobody."),
    ]
    marked = [line.split(maxsplit=1)[1] if line.startswith("##") else line for line in lines]
    assert blocks("\n".join(lines)) == [" ".join(line.split()) for line in marked]


def test_a_cell_of_hard_spaces_is_no_cell() -> None:
    for blank in ("\u00a0", "\u2003", "\x1f"):
        assert blocks(f"{PARAGRAPHS[0]}    {blank}    MOST READ") == [PARAGRAPHS[0], "MOST READ"]


def test_one_cut_line_does_not_keep_the_others_wrapped() -> None:
    wrapped = ["\n".join(textwrap.wrap(" ".join(PARAGRAPHS[i:] + PARAGRAPHS[:i]), 72)) for i in range(3)]
    byline = "By Mina Orlov, the correspondent of the Harlow Feed at Colby     12 March"
    found = blocks("\n\n".join([byline, *wrapped]))
    assert found[:2] == ["By Mina Orlov, the correspondent of the Harlow Feed at Colby", "12 March"]
    assert found[2:] == [" ".join(PARAGRAPHS[i:] + PARAGRAPHS[:i]) for i in range(3)]


@pytest.mark.parametrize(
    "text",
    [
        "The mill.  " * 100_000,
        "\n".join(["a  " * 60 + "b"] * 5_000),
        "\n".join(["a  " * 50_000 + "b"] * 2),
        "\n".join([*("a" * 3 * (300 - i) + "  b" for i in range(300)), *["a"] * 9_000]),
    ],
    ids=["one line", "many gaps", "two lines of too many gaps", "a staircase"],
)
def test_hostile_gaps_take_no_longer_than_a_page_may(text: str) -> None:
    page = segment_text(Document("-", "-", text, Media.TEXT, Encoding("utf-8", "text")))
    assert sum(len(block.text.replace(" ", "")) for block in page.blocks) == len("".join(text.split()))


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
