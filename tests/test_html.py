"""Pages to blocks: where blocks begin and end, what they know of themselves, and that nothing is lost."""

import gzip
import html
import json
import re
from pathlib import Path

import pytest
import trafilatura
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml import html as lxml_html

from dedup.html import heard, segment_html
from dedup.markup import tags, without_code
from dedup.settings import HtmlSettings
from dedup.types import Block, Document, Encoding, Media, Page
from dedup.witness import match_blocks

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"
needs_pages = pytest.mark.skipif(not EVAL.exists(), reason="the evaluation pages are not beside the project")


def page_of(source: str, *, witness: bool = False, settings: HtmlSettings | None = None) -> Page:
    document = Document("page", "page", source, Media.HTML, Encoding("utf-8", "given"))
    page = segment_html(document, settings)
    return heard(page, settings) if witness else page


def texts(source: str) -> list[str]:
    return [block.text for block in page_of(source).blocks]


def only(source: str) -> Block:
    (block,) = page_of(source).blocks
    return block


def squash(text: str) -> str:
    return "".join(text.split())


BLOCKS = {
    "paragraphs": ("<p>One.</p><p>Two.</p>", ["One.", "Two."]),
    "inline elements do not break": ("<p>a <b>b</b><i>c</i> <a href=x>d</a></p>", ["a bc d"]),
    "text around a block": ("<div>before<p>in</p>after</div>", ["before", "in", "after"]),
    "end tags left out": ("<ul><li>a<li>b</ul><p>c<p>d<div>e</div>", ["a", "b", "c", "d", "e"]),
    "line breaks": (
        "<div>朝は晴れ。<br>昼は雨。<br/><br />夜は雪。</div>",
        ["朝は晴れ。", "昼は雨。", "夜は雪。"],
    ),
    "an element named br": (
        '<div>a<span class="x br"></span>b<span class=br></span>c</div>',
        ["a", "b", "c"],
    ),
    "a break in a title is for the looks": ("<h1>大雨、<br>各地で</h1>", ["大雨、各地で"]),
    "a break in a link, too": ("<p><a href=x>Rain<br>again</a></p>", ["Rain again"]),
    "a rule": ("a<hr>b", ["a", "b"]),
    "line feeds in the source": ("<p>日本\n  語 の<b>\n文</b> and\n more</p>", ["日本語 の文 and more"]),
    "wide spaces separate": ("<p>　天気　晴れ</p>", ["天気 晴れ"]),
    "entities": ("<p>A&amp;B &lt;c&gt; &#26085;&#x672c;&nbsp;&hellip;</p>", ["A&B <c> 日本 …"]),
    "ruby": ("<p><ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>の話</p>", ["漢字の話"]),
    "ruby with end tags left out": ("<p><ruby>漢<rt>かん<rb>字<rt>じ</ruby>の話</p>", ["漢字の話"]),
    "what nobody sees": (
        "<head><title>t</title><style>s</style></head><!-- c --><script>1<2</script><svg><text>v</text></svg>"
        "<template>t</template><select><option>o</select><textarea>a</textarea><noscript>n</noscript><p>seen</p>",
        ["seen"],
    ),
    "a script inside a word": ("<p>be<script>x</script>side</p>", ["beside"]),
    "a script that writes a script": ("<script><!-- w('<script></script>') --></script><p>a</p>", ["a"]),
    "never closed": ("<p>a</p><script>var x = '<p>b</p>'", ["a"]),
    "a drawing left open ends with its parent": ("<div><svg><path d=x></svg>a</div><div>b</div>", ["a", "b"]),
    "quotes in attributes": ("<p title='a > b' data-x=\"</p>\">c</p><p class=it's>d</p>", ["c", "d"]),
    "signs that are no tags": ("<p>1 < 2 & 3 <4 a<b c</p>d", ["1 < 2 & 3 <4 ad"]),
    "a row of short cells": (
        "<table><tr><th>Height<td>8 m</tr><tr><td>Age</td><td>9</td></tr></table>",
        ["Height 8 m", "Age 9"],
    ),
    "cells that hold prose": (
        f"<table><tr><td>Home</td><td>{'word ' * 40}</td></tr></table>",
        ["Home", ("word " * 40).strip()],
    ),
    "cells that hold blocks": ("<table><tr><td><p>a</p></td><td>b</td></tr></table>", ["a", "b"]),
    "preformatted paragraphs": ("<pre>a\nb\n\n \nc</pre>", ["a b", "c"]),
    "links of a bar": ("<div><a href=1>News</a><a href=2>Sport</a></div>", ["News Sport"]),
    "buttons of a bar": ("<div><button>Menu</button><button>Search</button></div>", ["Menu", "Search"]),
    "a button in a sentence": ("<p>ask <button>Ann</button> again</p>", ["ask Ann again"]),
    "no markup": ("only words", ["only words"]),
    "nothing": ("", []),
}


@pytest.mark.parametrize("case", BLOCKS)
def test_blocks_are_what_a_reader_sees_as_lines(case):
    source, expected = BLOCKS[case]
    assert texts(source) == expected


PATHS = {
    "<p>a": "body/p",
    "<html><head></head><body><main><h2>a</h2></main></body></html>": "body/main/h2",
    "<p><b>a</b></p>": "body/p/b",
    "<p><b>a</b> c</p>": "body/p",
    "<b><p></b>a": "body/b/p",
    "<div><p>x</div>": "body/div/p",
    "<p><div>a": "body/div",
    "<table><tr><td></div>a": "body/table/tr/td",
    "<div></span></li></td>a": "body/div",
    "<table><tr><td>a<td>b": "body/table/tr",
    "<h2></h1>a": "body",
    "<div><div></div></p>a": "body/div",
    "<ul><li><div></div><li>a": "body/ul/li",
    "<svg><a/><path/></svg><i>a": "body/i",
}


@pytest.mark.parametrize("source", PATHS)
def test_path_is_where_the_standard_puts_the_text(source):
    block = only(source)
    assert block.path == PATHS[source]
    assert block.tag == next(
        name for name in reversed(block.path.split("/")) if name not in ("b", "i", "span")
    )


def test_block_knows_its_place():
    source = "<html>\n<p>\n  one &amp;\n two </p>\n<p>three</p>"
    first, second = page_of(source).blocks
    assert source[first.start : first.end] == "one &amp;\n two"
    assert (first.line, second.line) == (3, 5)
    assert source[second.start : second.end] == "three"


def test_hints_are_the_naming_words_nearest_last():
    block = only('<div id="Main" class="a b"><ul role=list><li itemprop="x" aria-label="Top News">t')
    assert block.hints == "a b main list x top news"
    many = only(f'<div class="{" ".join(f"u{i}" for i in range(99))}"><p class=near>t')
    assert many.hints.endswith(" near")
    assert len(many.hints.split()) == HtmlSettings().hint_words + 1


def test_link_share_counts_characters_in_links():
    assert only("<p>ab <a href=x>cd e</a></p>").link_share == pytest.approx(3 / 5)
    assert only("<p><a name=top>ab</a></p>").link_share == 0


@pytest.mark.parametrize(
    "attribute",
    ["hidden", 'style="DISPLAY : none"', "aria-hidden=true", "role=dialog", "style='visibility:hidden'"],
)
def test_hidden_text_is_marked_and_kept(attribute):
    blocks = page_of(f"<div {attribute}><p>a</p>b</div><p>c</p>").blocks
    assert [(block.text, block.hidden) for block in blocks] == [("a", True), ("b", True), ("c", False)]


def test_hidden_words_do_not_join_a_visible_sentence():
    blocks = page_of('<p>seen <span style="display:none">unseen</span> again</p>').blocks
    assert [(block.text, block.hidden) for block in blocks] == [
        ("seen", False),
        ("unseen", True),
        ("again", False),
    ]
    assert texts('<p>a <span aria-hidden="true">|</span> b</p>') == ["a | b"]


def test_depth_and_size_do_no_harm():
    assert texts("<div>" * 20_000 + "deep" + "</div>" * 20_000) == ["deep"]
    assert only("<p>" + "<b>" * 20_000 + "x" + "</i>" * 20_000).tag == "p"
    assert len(texts("<p>word</p>" * 20_000)) == 20_000
    assert texts(f'<p class="{"a " * 500_000}">x') == ["x"]
    assert texts("<a" * 100_000 + '"') == []


# Broken markup around words that each stand once on the page.
NAMES = ("p", "div", "li", "ul", "td", "tr", "table", "b", "span", "h2", "a", "button", "pre", "ruby")
PIECES = [
    *(f"<{end}{name}>" for name in NAMES for end in ("", "/")),
    *('<a href="x>y">', "<br>", "<p class='a>b' hidden>", "<hr/>", "<img alt='no'>", "<script>s()</script>"),
    *("<!-- x -->", "<!x>", "</>", "< ", " &", "&amp;", "&nbsp;", "\n", "\u3000", "\n\n", "日", "。"),
]


@given(st.lists(st.sampled_from([*PIECES, *["WORD"] * 20]), max_size=60))
def test_every_word_stands_once_and_in_order(pieces):
    words = 0
    for index, piece in enumerate(pieces):
        if piece == "WORD":
            pieces[index] = f"word{words}; "
            words += 1
    page = page_of("".join(pieces))
    found = re.findall(r"word\d+;", " ".join(block.text for block in page.blocks))
    assert found == [f"word{index};" for index in range(words)]
    assert_places(page)


@given(st.text(alphabet="<>/!-=&;'\"abp \n\0日", max_size=80))
def test_nothing_is_too_broken(source):
    assert_places(page_of(source))


def assert_places(page: Page) -> None:
    """Spans go forward and hold the characters of their blocks, in order."""
    source, end = page.document.text, 0
    for block in page.blocks:
        assert end <= block.start < block.end
        end = block.end
        assert block.line == source.count("\n", 0, block.start) + 1
        span = iter(html.unescape(source[block.start : block.end]))
        assert all(character in span for character in squash(block.text))
        assert block.text == " ".join(block.text.split())
        assert 0 <= block.link_share <= 1


# The witness


def test_repeated_lines_are_matched_where_their_neighbours_are():
    blocks = [
        "Rain",
        "Home",
        "Rain",
        "It rained all day long.",
        "Most read",
        "Rain",
        "It rained all day long.",
    ]
    assert match_blocks(blocks, "Rain\nIt rained all day long.") == [0, 0, 1, 1, 0, 0, 0]


def test_part_of_a_block_counts_for_its_share():
    whole, none = "宮崎県：高鍋町、新富町、宮崎市、延岡市、西都市で観測した。", "関連記事の一覧をこちらで見る"
    full, half, empty = match_blocks(
        ["気象庁が発表しました。", whole, none], "気象庁が発表しました。\n" + whole[:15]
    )
    assert full == 1
    assert 0.3 < half < 0.7
    assert empty == 0


def test_rows_and_cells_are_lines():
    assert match_blocks(["Age 9", "Home", "8 m"], "| Age | 9 |\n| 8 m | x |") == [1, 0, 1]


def article(words: str = "") -> str:
    prose = "".join(
        f"<p>The river rose by {n} metres on day {n}, and people left home.</p>" for n in range(9)
    )
    body = f"<nav><a href=x>Home</a></nav><article><h1>Flood</h1>{prose}{words}</article>"
    return f"<html><head><title>Flood</title></head><body>{body}</body></html>"


def test_the_witness_tells_text_from_navigation():
    blocks = page_of(article(), witness=True).blocks
    assert [block.extracted for block in blocks if block.tag == "p"] == [1] * 9
    assert next(block.extracted for block in blocks if block.text == "Home") == 0


def test_the_witness_says_the_same_in_any_order():
    pages = [article("<p>A line of one.</p>"), article(), article("<p>A line of two.</p>")]
    alone = [page_of(page, witness=True) for page in pages]
    assert [page_of(page, witness=True) for page in reversed(pages)] == alone[::-1]


def test_a_failing_witness_says_nothing(monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(trafilatura, "extract", fail)
    assert {block.extracted for block in page_of(article(), witness=True).blocks} == {0.0}


@pytest.mark.parametrize(("text", "asked"), [("The ferry. " * 16, 2), ("船は港を出た。" * 25, 1)])
def test_the_other_extractors_are_asked_where_little_is_found(monkeypatch, text, asked):
    given = []

    def extract(page, **options):
        given.append(options["fast"])
        return text

    monkeypatch.setattr(trafilatura, "extract", extract)
    page_of(article(), witness=True)
    assert given == [True, False][:asked]


def test_a_large_page_is_not_shown_to_the_witness():
    settings = HtmlSettings(witness_blocks=3)
    assert {block.extracted for block in page_of(article(), witness=True, settings=settings).blocks} == {None}


def test_code_is_cut_before_the_witness_looks():
    linked = "<script type='application/ld+json'>{}</script>"
    source = f"<meta x><p>a<!-- b --><svg><title>t</title><svg></svg>c{linked}"
    assert without_code(source, list(tags(source))) == f"<p>ac{linked}"


# Metadata

LINKED = json.dumps(
    {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": "River floods town",
        "datePublished": "2024-03-05T09:07:00+09:00",
        "author": {"@type": "Person", "name": "Ann Field"},
    }
)
HEAD = f"""<html lang="en-GB"><head><title>River floods town | The Ferry Times</title>
<meta property="og:title" content="River floods town | The Ferry Times">
<meta property="og:site_name" content="The Ferry Times">
<link rel="canonical" href="https://ferry.example/news/1">
<script type="application/ld+json">{LINKED}</script></head><body><h1>River floods town</h1><p>Text."""


def test_metadata_of_a_page():
    found = page_of(HEAD).metadata
    assert found.title == "River floods town"
    assert found.author == "Ann Field"
    assert found.published == "2024-03-05T09:07:00+09:00"
    assert found.site == "The Ferry Times"
    assert found.language == "en"
    assert found.url == "https://ferry.example/news/1"


def test_the_name_of_the_site_is_no_title():
    head = "<title>大雨で川が増水 - 渡し新聞</title><meta property=og:site_name content=渡し新聞>"
    assert page_of(f"<head>{head}</head><p>本文。").metadata.title == "大雨で川が増水"


def test_the_text_overrules_a_template_that_declares_english():
    assert page_of("<html lang=en><p>川の水があふれました。町は静かです。").metadata.language == "ja"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "<p>a",
        '<script type="application/ld+json">' + "[" * 50_000,
        '<script type="application/ld+json">{"author": 3, "@graph": [null]}</script>',
        '<meta property="og:title" content="">',
        "<title>" + "a - " * 5_000,
    ],
)
def test_metadata_may_be_missing_or_broken(source):
    assert page_of(source).metadata.author is None


# Real pages


def real_pages(name: str, count: int) -> list[tuple[dict[str, str], str]]:
    rows = [json.loads(line) for line in (EVAL / name / "gold.jsonl").read_text("utf-8").splitlines()]
    pages = []
    for row in rows[:: max(1, len(rows) // count)]:
        raw = gzip.decompress((EVAL / name / "html" / f"{row['id']}.html.gz").read_bytes())
        pages.append((row, raw.decode("utf-8", "replace")))
    return pages


@needs_pages
@pytest.mark.parametrize("name", ["ja", "ja_web", "aed", "fundus", "daniel", "l3s"])
def test_real_pages_keep_their_places(name):
    for _, source in real_pages(name, 6):
        assert_places(page_of(source))


@needs_pages
@pytest.mark.parametrize("name", ["ja", "ja_web"])
def test_gold_text_stands_in_the_blocks_in_order(name):
    for row, source in real_pages(name, 12):
        words = re.sub(r"[\W_]+", "", "".join(texts(source)))
        position = 0
        for line in filter(None, (re.sub(r"[\W_]+", "", line) for line in row["gold"].splitlines())):
            assert words.find(line, position) >= 0, (row["id"], line)
            position = words.find(line, position) + len(line)


@needs_pages
@pytest.mark.parametrize("name", ["ja", "aed", "fundus", "daniel", "wcxb_article"])
def test_the_text_is_that_of_lxml(name):
    """All text libxml2 finds is found, and no more: on 1,335 of the 1,336 pages, 10 a set here."""
    for row, source in real_pages(name, 10):
        assert squash_words(texts(source)) == squash_words(lxml_texts(source)), row["id"]


SILENT = {
    *(
        "audio",
        "canvas",
        "datalist",
        "math",
        "object",
        "rp",
        "rt",
        "rtc",
        "select",
        "svg",
        "template",
        "video",
    ),
    *("head", "iframe", "noembed", "noframes", "noscript", "script", "style", "textarea", "title", "xmp"),
}


def squash_words(parts: list[str]) -> str:
    return re.sub(r"[\W_]+", "", "".join(parts))


def lxml_texts(source: str) -> list[str]:
    parser = lxml_html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    tree = lxml_html.fromstring(source.replace("\0", "").encode(), parser=parser)
    found, silent = [], 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            silent += element.tag in SILENT
            found.append("" if silent else element.text or "")
        else:
            silent -= element.tag in SILENT
            found.append("" if silent else element.tail or "")
    return found


def test_a_title_without_an_end_loses_nothing() -> None:
    assert texts("<svg><title>t</svg><p>The mill is open.</p>")[-1] == "The mill is open."
    assert texts("<p>Before.</p><title>A<p>After.</p>") == ["Before.", "A", "After."]
    assert texts("<p>Before.</p><script>x<p>After.</p>") == ["Before."]


def test_many_elements_without_an_end_take_linear_time() -> None:
    assert len(list(tags("<title><textarea>" * 50_000))) == 100_000
