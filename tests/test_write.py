"""Rows, forms and files: what is written can be read back, whatever characters the text has."""

import json
import os
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.relation_rows import (
    cluster_row,
    is_link,
    link_row,
    passage_row,
    quotation_row,
    read_links,
    story_row,
)
from dedup.repeats import unique
from dedup.rows import article_of, article_row, read_articles, unique_row
from dedup.types import (
    Article,
    Block,
    Cluster,
    Encoding,
    Evidence,
    Failure,
    JudgedBlock,
    Keep,
    Kind,
    Member,
    Paragraph,
    Passage,
    Place,
    Reason,
    Reference,
    Relation,
    Verdict,
)
from dedup.write import file_name, json_line, markdown, plain_text, whole_file


def kept(text, start=0, kind=Kind.PARAGRAPH):
    return JudgedBlock(Block(text, start, start + len(text), line=0), Verdict(kind, None))


def stripped(text, start=0, reason=Reason.NAVIGATION, evidence=()):
    return JudgedBlock(Block(text, start, start + len(text), line=0), Verdict(None, reason, evidence))


def article(identity="a1", paragraphs=("One.", "Two."), **fields):
    blocks = tuple(kept(text, 100 * number) for number, text in enumerate(paragraphs))
    values = {
        "id": identity,
        "source": f"raw/{identity}.html",
        "ordinal": 0,
        "url": None,
        "outlet": "North",
        "title": "A title",
        "published": "2026-02-05",
        "author": None,
        "agency": "共同",
        "original_title": None,
        "language": "en",
        "encoding": Encoding("utf-8", "strict"),
        "text": "\n".join(paragraphs),
        "headline": None,
        "paragraphs": blocks,
        "stripped": (),
    }
    return Article(**(values | fields))


ODD = '円\ud800\udfff\x00\x1b\x85\u2028\u202e\n\t"\\'
# JSON cannot tell two surrogates in a row from the character that they make in UTF-16.
texts = (st.text(max_size=30) | st.text(st.sampled_from(ODD), max_size=9)).filter(
    lambda text: not re.search("[\ud800-\udbff][\udc00-\udfff]", text)
)
names = st.none() | texts.filter(bool)
spans = st.integers(0, 10**6)
evidence = st.builds(Evidence, texts, texts, st.floats(-5, 5))
paragraphs = st.builds(kept, texts, spans, st.sampled_from([kind for kind in Kind if kind is not Kind.TITLE]))
chrome = st.builds(stripped, texts, spans, st.sampled_from(Reason), st.lists(evidence, max_size=2).map(tuple))
articles = st.builds(
    Article,
    id=texts.filter(bool),
    source=texts.filter(bool),
    ordinal=st.integers(0, 9),
    url=names,
    outlet=names,
    title=st.just("Title"),
    published=names,
    author=names,
    agency=names,
    original_title=names,
    language=names,
    encoding=st.builds(Encoding, texts.filter(bool), texts.filter(bool)),
    text=texts,
    headline=st.none() | st.builds(kept, st.just("Title"), spans, st.just(Kind.TITLE)),
    paragraphs=st.lists(paragraphs, max_size=3).map(tuple),
    stripped=st.lists(chrome, max_size=3).map(tuple),
)


@given(articles)
def test_an_article_comes_back_from_its_line(one):
    line = json_line(article_row(one))
    assert article_of(json.loads(line)) == one
    assert list(read_articles([line], "a.jsonl")) == [one]


@given(texts)
def test_a_line_of_json_is_one_line_of_utf8_without_control_characters(text):
    line = json_line({"text": text})
    assert json.loads(line.decode("utf-8")) == {"text": text}
    assert len(line.decode("utf-8").splitlines()) == 1
    assert line.decode("utf-8").rstrip("\n").isprintable() or not text.isprintable()
    assert b"\x1b" not in line


def test_the_fields_stand_in_the_order_of_the_format():
    row = article_row(article())
    assert " ".join(row).startswith(
        "id source article url outlet title published author agency language encoding text paragraphs "
        "stripped "
    )
    assert list(row["paragraphs"][0]) == ["text", "kind", "start", "end"]
    one = replace(article(), stripped=(stripped("Home", evidence=(Evidence("words", "a menu", -1.0),)),))
    assert article_row(one)["stripped"] == [
        {
            "text": "Home",
            "reason": "navigation",
            "evidence": [{"witness": "words", "says": "a menu", "vote": -1.0}],
            "start": 0,
            "end": 4,
        }
    ]


def test_the_title_is_no_paragraph_and_says_where_it_stood():
    one = replace(article(), headline=kept("A title", 7, Kind.TITLE))
    row = article_row(one)
    assert row["title_span"] == [7, 14]
    assert "A title" not in row["text"]
    assert article_row(article())["title_span"] is None


def test_cluster_rows():
    first = Paragraph("a", 0, "North", "same words")
    second = Paragraph("b", 2, None, "same words")
    found = Cluster("c1", Relation.EXACT, ("North",), first, (Member(first, 1.0), Member(second, 1.0)))
    row = cluster_row(found)
    assert list(row) == ["id", "kind", "spread", "size", "outlets", "representative", "members"]
    assert row["kind"] == "exact"
    assert row["size"] == 2
    assert row["members"][1] == {
        "document": "b", "paragraph": 2, "outlet": None, "published": None, "text": "same words",
        "similarity": 1.0, "kind": "near", "changes": [],
    }  # fmt: skip


WIRE = "The committee said on Tuesday that 12 members would publish their findings before the summer."


def relations_of(*articles):
    return dedup.relations(articles)


def test_a_changed_fact_names_its_places():
    other = WIRE.replace("12", "13")
    (found,) = relations_of(article("a", (WIRE,)), article("b", (other,), outlet="South")).clusters
    row = cluster_row(found)
    assert (row["kind"], row["spread"]) == ("changed_facts", "across_outlets")
    (change,) = row["members"][1]["changes"]
    assert change["fact"] == "number"
    for side, member in (("left", row["members"][0]), ("right", row["members"][1])):
        assert member["text"][change[side]["start"] : change[side]["end"]] == change[side]["text"]


def test_relation_rows_hold_their_figures():
    longer = f"{WIRE} Its chair, who spoke for an hour and took no question, left the hall by a side door."
    found = relations_of(
        article("a", (WIRE,)), article("b", (longer,), outlet="South"), article("c", (WIRE,), outlet="East")
    )
    (quotation,) = map(quotation_row, found.quotations)
    assert quotation["containment"] >= 0.8 > quotation["similarity"]
    assert quotation["quote"]["text"] == WIRE
    assert quotation["source"]["text"] == longer
    place = Place(Paragraph("a", 0, "North", WIRE), 4, 13)
    row = passage_row(Passage("p", "committee", 1, ("North",), (place,)))
    (told,) = row["places"]
    assert told["text"][told["start"] : told["end"]] == row["text"]
    (story,) = map(story_row, found.stories)
    assert [one["carriage"] for one in story["versions"]] == ["first", "copy"]


def test_links_come_back_from_their_lines():
    found = relations_of(
        article("a", (WIRE,)), article("b", (WIRE,)), article("c", (WIRE.replace("12", "13"),), outlet=None)
    )
    rows = [json_line(link_row(link)) for link in found.links]
    assert len(rows) == 2
    assert all(map(is_link, rows))
    assert list(read_links(rows, "l.jsonl")) == list(found.links)
    assert dedup.rethreshold(found.links, 0.8).clusters == found.clusters
    assert not is_link(json_line(article_row(article())))


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"left": {}, "right": {}}',
        b'{"kind": "near", "similarity": 2, "left": 1, "right": 2}',
    ],
)
def test_lines_that_are_no_links(line):
    good = json_line(link_row(relations_of(article("a", (WIRE,)), article("b", (WIRE,))).links[0]))
    found = list(read_links([good, b"\n", line], "l.jsonl"))
    assert [isinstance(one, Failure) for one in found] == [False, True]
    assert found[1].source == "l.jsonl#3"


def test_an_id_used_twice_is_a_failure():
    lines = [json_line({"id": name, "text": "words"}) for name in "aba"]
    first, second, third = read_articles(lines, "r.jsonl")
    assert (first.id, second.id) == ("a", "b")
    assert (third.source, third.error) == ("r.jsonl#3", "duplicate_id")
    assert "line 1" in third.message


def test_plain_records_have_a_paragraph_a_line():
    line = json.dumps({"id": 5, "text": " One.\n\n\tTwo. \n"}).encode()
    (one,) = read_articles([line], "x")
    assert one.id == "5"
    assert [(p.block.text, p.block.start, p.block.line) for p in one.paragraphs] == [
        ("One.", 1, 1),
        ("Two.", 8, 3),
    ]


def test_reading_passes_over_blank_lines_and_a_byte_order_mark():
    lines = [b"\xef\xbb\xbf" + b'{"id": "a", "text": "x"}\n', b"\n", b'{"id": "b", "text": "y"}']
    assert [one.id for one in read_articles(lines, "x")] == ["a", "b"]


BAD_LINES = {
    "not JSON": (b"<html>", "not_json", "not JSON"),
    "cut off": (b'{"id": "a", "te', "not_json", "not JSON"),
    "nested without end": (b"[" * 100_000, "not_json", "not JSON"),
    "not UTF-8": (b'{"id": "\xff"}', "not_utf8", "UTF-8"),
    "no object": (b"[1]", "bad_record", "no object"),
    "no id": (b'{"text": "x"}', "bad_record", "`id`"),
    "id of a wrong kind": (b'{"id": true, "text": "x"}', "bad_record", "`id`"),
    "no text": (b'{"id": "a"}', "bad_record", "`text`"),
    "text of a wrong kind": (b'{"id": "a", "text": 3}', "bad_record", "`text`"),
    "paragraph of no kind": (b'{"id": "a", "text": "", "paragraphs": [1]}', "bad_record", "`paragraphs`"),
    "unknown kind": (
        b'{"id": "a", "text": "", "paragraphs": [{"text": "x", "kind": "poem"}]}', "bad_record", "poem",
    ),
    "unknown reason": (b'{"id": "a", "text": "", "stripped": [{"reason": "x"}]}', "bad_record", "`reason`"),
    "no number": (b'{"id": "a", "text": "", "article": NaN}', "bad_record", "`article`"),
    "no span": (b'{"id": "a", "text": "", "title_span": [1]}', "bad_record", "`title_span`"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_says_where_and_what(name):
    line, error, words = BAD_LINES[name]
    good = b'{"id": "a", "text": "x"}'
    before, failure, after = read_articles([good, line, good.replace(b"a", b"b")], "a.jsonl")
    assert isinstance(before, Article)
    assert isinstance(after, Article)
    assert isinstance(failure, Failure)
    assert (failure.source, failure.error) == ("a.jsonl#2", error)
    assert words in failure.message


def test_plain_text_is_title_and_paragraphs():
    assert plain_text(article()) == b"A title\n\nOne.\nTwo.\n"
    assert plain_text(article(title=None)) == b"One.\nTwo.\n"
    assert plain_text(article(paragraphs=["\ud800"])) == b"A title\n\n?\n"


def test_markdown_says_what_blocks_are_and_escapes_what_they_are_not():
    blocks = (
        kept("A # heading", kind=Kind.HEADING),
        kept("first", kind=Kind.SUMMARY),
        kept("- second", kind=Kind.LIST_ITEM),
        kept("a <b>quote</b>", kind=Kind.QUOTE),
        kept("# no *heading*"),
        kept("1. no list"),
    )
    one = replace(article(), paragraphs=blocks)
    assert markdown(one).decode() == (
        "# A title\n\nNorth · 2026-02-05 · 共同\n\n## A # heading\n\n- first\n\n- second\n\n"
        "> a \\<b\\>quote\\</b\\>\n\n"
        "\\# no \\*heading\\*\n\n1\\. no list\n"
    )


@pytest.mark.parametrize(
    "source",
    ["../../etc/passwd", "a/b/../c.html", "x" * 400, "円" * 400, "-", "..", "nul\x00\n.txt", "feed.jsonl#3"],
)
def test_file_names_stay_in_their_folder(tmp_path, source):
    name = file_name(article(identity="0a1b", source=source), ".md")
    assert name.endswith("0a1b.md")
    assert (tmp_path / name).parent == tmp_path
    (tmp_path / name).write_bytes(b"")
    assert (tmp_path / name).resolve().parent == tmp_path.resolve()


def test_a_whole_file_replaces_what_was_there(tmp_path):
    place = tmp_path / "a.jsonl"
    place.write_bytes(b"old")
    with whole_file(place) as file:
        file.write(b"new")
        file.flush()
        assert place.read_bytes() == b"old"
    assert place.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [place]


def test_a_broken_run_leaves_what_was_there(tmp_path):
    place = tmp_path / "a.jsonl"
    place.write_bytes(b"old")

    def broken():
        with whole_file(place) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert place.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [place]


def test_a_link_stays_a_link_and_a_device_is_written_directly(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with whole_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    with whole_file(tmp_path.joinpath(os.devnull)) as file:
        file.write(b"gone")


# unique


def shared(*places, similarity=1.0):
    """A cluster of paragraphs given as (document, index, text, published)."""
    members = tuple(Paragraph(document, index, None, text, day) for document, index, text, day in places)
    return Cluster("c", Relation.NEAR, (), members[0], tuple(Member(one, similarity) for one in members))


def replaced(found):
    return {one.article.id: one.same_as for one in found}


THREE = [
    article("a", ["x", "long words"], published="2026-02-05"),
    article("b", ["longer words"], published="2026-02-03T10:00"),
    article("c", ["words", "y"], published=None),
]
COPIES = shared(
    ("a", 1, "long words", "2026-02-05"),
    ("b", 0, "longer words", "2026-02-03T10:00"),
    ("c", 0, "words", None),
)


@pytest.mark.parametrize(("keep", "stays"), [("first", "a"), ("earliest", "b"), ("longest", "b")])
def test_one_copy_stays_and_the_others_refer_to_it(keep, stays):
    found = unique(THREE, [COPIES], similarity=lambda *_: 0.9, threshold=0.8, keep=Keep(keep))
    places = {"a": ("a", 1), "b": ("b", 0), "c": ("c", 0)}
    same_as = Reference(*places[stays], 0.9)
    assert replaced(found) == {
        "a": (None, None if stays == "a" else same_as),
        "b": (None if stays == "b" else same_as,),
        "c": (same_as, None),
    }


def test_copies_that_are_not_alike_themselves_all_stay():
    found = unique(THREE, [COPIES], similarity=lambda *_: 0.5, threshold=0.8, keep=Keep.FIRST)
    assert not any(reference for one in found for reference in one.same_as)


def test_a_repeat_inside_one_article_stays():
    one = article("a", ["same", "same"])
    copies = shared(("a", 0, "same", None), ("a", 1, "same", None))
    assert unique([one], [copies], similarity=lambda *_: 1.0, threshold=0.8)[0].same_as == (None, None)


def test_unique_rows_leave_out_the_text_of_what_is_replaced():
    found = unique(THREE, [COPIES], similarity=lambda *_: 0.9, threshold=0.8, keep=Keep.FIRST)
    row = unique_row(found[2])
    assert row["text"] == "y"
    assert row["paragraphs"] == [
        {"same_as": {"article": "a", "paragraph": 1}, "similarity": 0.9, "start": 0, "end": 5},
        {"text": "y", "kind": "paragraph", "start": 100, "end": 101},
    ]
    assert [paragraph.block.text for paragraph in article_of(row).paragraphs] == ["y"]
    assert unique_row(found[0]) == article_row(THREE[0])


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=2, unique=True),
    st.sampled_from(Keep),
)
def test_what_is_referred_to_stays(places, keep):
    three = [article(name, ["p", "q", "r"]) for name in "abc"]
    copies = shared(*((document, index, "same", None) for document, index in places))
    found = unique(three, [copies], similarity=lambda *_: 1.0, threshold=0.8, keep=keep)
    by_id = replaced(found)
    for document, references in by_id.items():
        for reference in references:
            if reference is not None:
                assert reference.article != document
                assert by_id[reference.article][reference.paragraph] is None
