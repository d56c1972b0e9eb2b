"""The judge's rules, each on a page of its own with probabilities given by hand."""

from dataclasses import replace

import numpy as np
import pytest

from dedup.dates import iso_date
from dedup.divide import split_digest, unglue
from dedup.flat import segment_text
from dedup.html import segment_html
from dedup.judge import judge
from dedup.roles import named_by_markup
from dedup.settings import JudgeSettings
from dedup.testimony import is_clear
from dedup.types import Document, Encoding, Media, Recurrence

PROSE = (
    "北浜市は四日、使われなくなった港の倉庫を市立図書館に改める計画をまとめ、来春に工事を始めると発表した。",
    "倉庫は百年前に米の取引のために建てられ、赤い煉瓦の壁と高い天井を持つ。市民の署名が計画を後押しした。",
    "設計を担う建築家は、壁を残して中に二階建ての木の箱を置く案を選んだ。費用は十二億円になる見込みだ。",
    "市長は会見で、港の記憶を次の世代に手渡したいと述べ、寄付を募る窓口を来月に開くことも明らかにした。",
    "工事の間、図書館の分室は公民館に置かれる。貸し出しは今までどおり続き、移動図書館の回数も増やされる。",
)


def verdicts(
    *lines: tuple[float, str] | tuple[float, str, float], recurs: dict[int, int] | None = None
) -> list[str]:
    """Kind or reason of each line, given as (probability, text), perhaps with that of being the title."""
    text = "\n".join(line for _, line, *_ in lines)
    page = segment_text(Document("-", "-", text, Media.TEXT, Encoding("utf-8", "text")))
    assert len(page.blocks) == len(lines)
    known = [Recurrence((recurs or {}).get(i, 0)) for i in range(len(lines))] if recurs else []
    titles = [title for _, _, title in ((*line, 0.0)[:3] for line in lines)]
    judged = judge(page, np.array([p for p, *_ in lines]), known, JudgeSettings(), titles=titles)
    return [str(j.verdict.kind or j.verdict.reason) for j in judged]


CASES = {
    "the title is the line that is likeliest to be it": (
        [
            (0.1, "地域", 0.3),
            (0.2, "港の倉庫を図書館に 北浜市が計画", 0.6),
            (0.1, "2025年3月4日"),
            (0.9, PROSE[0]),
        ],
        ["navigation", "title", "dateline", "paragraph"],
    ),
    "posts of a thread are the article of its digest, comments on it are not": (
        [
            (0.1, "倉庫の図書館について語る", 0.7),
            *(
                post
                for n in range(1, 7)
                for post in (
                    (0.02, f"{n}：名無しの利用者：2025/03/04(火) 12:1{n}:05.39 ID:aB{n}"),
                    (0.05, f"煉瓦は残せ {n}"),
                )
            ),
            (0.02, "関連記事"),
            (0.1, "港の市が開く"),
            (0.02, "コメント"),
            (0.02, "9：名無しの利用者：2025/03/05(水) 08:10"),
            (0.05, "読んだ。"),
        ],
        ["title", *["byline", "paragraph"] * 6, "related", "related", "comments", "navigation", "comments"],
    ),
    "four posts are no digest of a thread": (
        [
            (0.9, PROSE[0]),
            *(
                post
                for n in range(1, 5)
                for post in ((0.02, f"{n}：名無しの利用者：2025/03/04(火) 12:1{n}"), (0.05, "煉瓦は残せ"))
            ),
        ],
        ["paragraph", *["navigation", "boilerplate"] * 4],
    ),
    "what stands between many paragraphs is no sub-heading": (
        [line for prose in PROSE[:4] for line in ((0.9, prose), (0.3, "記事はまだ続きます"))],
        ["paragraph", "boilerplate"] * 4,
    ),
    "a dialog of consent goes however long it is": (
        [
            (0.9, "The lower mill will close on Friday, its owner said, after a hundred years of weaving."),
            (0.9, "Nobody has said what becomes of the weir, which the town bought in spring for a pound."),
            (0.2, "Cookie Preferences"),
            (0.9, "Cookies that are needed cannot be turned off, because the pages would not work without."),
            (0.9, "Under state law you may ask that what was gathered of you is not sold to anybody else."),
            (0.9, "The button below is remembered for a year on the device that you are reading this on."),
        ],
        ["paragraph", "paragraph", *["cookie_notice"] * 4],
    ),
    "a text need not have a title": (
        [(0.1, "地域", 0.05), (0.9, PROSE[0]), (0.9, PROSE[1])],
        ["navigation", "paragraph", "paragraph"],
    ),
    "a repeated title is a duplicate": (
        [
            (0.4, "港の倉庫を図書館に 北浜市が計画を発表", 0.7),
            (0.6, "港の倉庫を図書館に 北浜市が計画を発表"),
            (0.9, PROSE[0]),
        ],
        ["title", "duplicate_in_document", "paragraph"],
    ),
    "prose under a header that stands alone is related, however sure the forest is": (
        [
            (0.9, PROSE[0]),
            (0.9, PROSE[1]),
            (0.9, PROSE[2]),
            (0.1, "関連記事"),
            (0.99, PROSE[3]),
            (0.1, "もっと見る"),
        ],
        ["paragraph", "paragraph", "paragraph", "related", "related", "navigation"],
    ),
    "a header before the body opens nothing": (
        [(0.1, "関連記事"), (0.95, PROSE[0]), (0.95, PROSE[1])],
        ["related", "paragraph", "paragraph"],
    ),
    "three sure paragraphs in sequence end a box of related links": (
        [
            (0.9, PROSE[0]),
            (0.9, PROSE[1]),
            (0.9, PROSE[1] + "続く。"),
            (0.1, "関連記事"),
            (0.2, "駅前の書店が閉店"),
        ]
        + [(0.95, PROSE[n]) for n in (2, 3, 4)],
        ["paragraph"] * 3 + ["related"] * 2 + ["paragraph"] * 3,
    ),
    "a header inside a region gives its own reason to what follows": (
        [(0.9, p) for p in PROSE[:3]]
        + [(0.1, "あわせて読みたい"), (0.1, "人気ランキング"), (0.1, "市電が脱線")],
        ["paragraph"] * 3 + ["related", "ranking", "ranking"],
    ),
    "a card that quotes another site ends with its source line": (
        [
            (0.9, PROSE[0]),
            (0.6, "隣町でも倉庫を改装"),
            (0.1, "公開日:2025/02/01"),
            (0.6, "隣町でも倉庫を改装"),
            (0.9, "✅ 隣町の倉庫は劇場になる。"),
            (0.9, "✅ 開館は来年の秋を見込む。"),
            (0.5, "さらに読む ⇒南浜新報 出典: https://minami.example/a"),
            (0.9, PROSE[1]),
        ],
        ["paragraph"] + ["embedded_source"] * 6 + ["paragraph"],
    ),
    "bullets between title and body sum it up, a name there is a byline": (
        [
            (0.3, "▽港の倉庫を図書館に 北浜市が計画", 0.7),
            (0.1, "Mina Orlov"),
            (0.3, "- 工事は来年の春に始まる見込み"),
            (0.3, "- 費用は十二億円、寄付も募る"),
            (0.9, PROSE[0]),
        ],
        ["title", "byline", "summary", "summary", "paragraph"],
    ),
    "a short line between two paragraphs is a sub-heading": (
        [(0.9, PROSE[0]), (0.3, "煉瓦の壁を残す"), (0.9, PROSE[1])],
        ["paragraph", "heading", "paragraph"],
    ),
    "an agency's name alone on a line is no sentence": (
        [(0.9, PROSE[0]), (0.6, "［ロイター］")],
        ["paragraph", "agency"],
    ),
    "the title of the original": (
        [(0.9, PROSE[0]), (0.8, "原題:Harbour Warehouse to Become Library(抜粋)")],
        ["paragraph", "original_title"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_of_the_judge(name):
    lines, want = CASES[name]
    assert verdicts(*lines) == want


def test_what_recurs_on_the_outlet_is_stripped_from_flat_text_only_when_two_other_pages_have_it():
    lines = [(0.9, PROSE[0]), (0.9, PROSE[1]), (0.9, PROSE[2])]
    assert verdicts(*lines, recurs={1: 1}) == ["paragraph"] * 3
    assert verdicts(*lines, recurs={1: 2}) == ["paragraph", "repeated_on_outlet", "paragraph"]


def test_background_that_a_few_articles_repeat_is_no_chrome():
    page = segment_text(Document("-", "-", "\n".join(PROSE[:3]), Media.TEXT, Encoding("utf-8", "text")))
    for chance, pages, kept in ((0.95, 3, True), (0.8, 3, False), (0.95, 8, False)):
        known = (Recurrence(of=20), Recurrence(pages=pages, of=20), Recurrence(of=20))
        judged = judge(page, np.array([0.95, chance, 0.95]), known, JudgeSettings())
        assert (judged[1].verdict.kind is not None) is kept


PAGE = (
    """<article><header><h1>{}</h1></header><div class="text"><p>{}</p><p>{}</p><p>{}</p></div></article>"""
)


def verdicts_of(html: str, kept: float) -> dict[str, str]:
    """Kind or reason by text; blocks that read like prose have the probability `kept`, others .2."""
    page = segment_html(Document("-", "-", html, Media.HTML, Encoding("utf-8", "html")))
    chances = np.array([kept if len(block.text) > 40 else 0.2 for block in page.blocks])
    judged = judge(page, chances, (), JudgeSettings())
    return {j.block.text: str(j.verdict.kind or j.verdict.reason) for j in judged}


def test_an_article_loaded_behind_the_first_is_another():
    first = PAGE.format("港の倉庫を図書館に", *PROSE[:3])
    second = PAGE.format("山の駅に朝市が立つ", *(f"{line}（続報）" for line in PROSE[2:]))
    found = verdicts_of(first + second, 0.9)
    assert [found[line] for line in PROSE[:3]] == ["paragraph"] * 3
    assert {found[f"{line}（続報）"] for line in PROSE[2:]} == {"other_article"}


def test_a_signed_article_behind_sections_is_another():
    sections = "".join(f"<h2>第{i}部</h2><p>{line}</p>" for i, line in enumerate(PROSE[:3]))
    second = f"<h1>山の駅に朝市が立つ</h1><p>（記者 山田花子）</p><p>{PROSE[3]}</p><p>{PROSE[4]}</p>"
    found = verdicts_of(f"<article><div>{sections}</div></article><article>{second}</article>", 0.9)
    assert [found[line] for line in PROSE] == ["paragraph"] * 3 + ["other_article"] * 2


@pytest.mark.parametrize(
    "head", ["Comments (12)", "<b>Have your say</b>", "12 comments so far", "コメント（3件）"]
)
def test_what_readers_write_under_the_head_of_comments_is_not_the_article(head):
    body = "".join(f"<p>{line}</p>" for line in PROSE[:3])
    found = verdicts_of(f"<div>{body}<h3>{head}</h3><p>{PROSE[3]}</p><p>{PROSE[4]}</p></div>", 0.95)
    assert [found[line] for line in PROSE] == ["paragraph"] * 3 + ["comments"] * 2


@pytest.mark.parametrize("line", ["<a href=#c>Comments (12)</a>", "Discussion", "Comments on the plan"])
def test_a_link_to_the_comments_and_a_section_are_no_head_of_comments(line):
    body = "".join(f"<p>{line}</p>" for line in PROSE[:3])
    found = verdicts_of(f"<div>{body}<h3>{line}</h3><p>{PROSE[3]}</p><p>{PROSE[4]}</p></div>", 0.95)
    assert [found[line] for line in PROSE] == ["paragraph"] * 5


READERS = [
    line
    for name in ("Maud", "Piet", "Lena")
    for line in (
        f"Posted by {name} on March 4, 2025 at 9:15 am",
        f"My own view, says {name}, is that the harbour ought to keep its old cranes as well.",
    )
]


@pytest.mark.parametrize("signed", [True, False])
def test_under_a_head_of_comments_flat_text_is_cut_where_lines_are_signed(signed):
    readers = READERS if signed else READERS[1::2]
    lines = (*((0.9, f"{line}{line}") for line in PROSE[:3]), (0.2, "3 Comments"))
    found = verdicts(*lines, *((0.8, line) for line in readers))
    assert found[:3] == ["paragraph"] * 3
    assert (set(found[4:]) == {"comments"}) is signed


def test_a_long_line_above_the_body_is_no_short_line():
    long = (0.7, " / ".join(PROSE) + " / " + " / ".join(PROSE[::-1]) + " (to be continued")
    assert verdicts(long, (0.9, PROSE[0]), (0.9, PROSE[1]))[0] == "paragraph"
    short = (0.7, "Harbour / library / town / (to be continued")
    assert verdicts(short, (0.9, PROSE[0]), (0.9, PROSE[1]))[0] == "navigation"


def test_comments_above_the_body_head_nothing():
    body = "".join(f"<p>{line}</p>" for line in PROSE)
    found = verdicts_of(f"<p>12 comments</p>{body}", 0.95)
    assert [found[line] for line in PROSE] == ["paragraph"] * 5


def test_a_title_within_the_text_begins_a_section():
    sections = "".join(f"<h1>第{i}部</h1><p>{line}</p><p>{line}（{i}）</p>" for i, line in enumerate(PROSE))
    found = verdicts_of(f"<div class='text'>{sections}</div>", 0.9)
    assert {found[line] for line in PROSE} == {"paragraph"}


def test_a_heading_between_two_kept_blocks_is_kept_whatever_they_are():
    html = f"<h2>倉庫の壁</h2><p>設計：木組み</p><h2>倉庫の床</h2><p>{PROSE[0]}</p><p>{PROSE[1]}</p>"
    page = segment_html(Document("-", "-", f"<div>{html}</div>", Media.HTML, Encoding("utf-8", "html")))
    judged = judge(page, np.array([0.1, 0.6, 0.2, 0.9, 0.9]), (), JudgeSettings())
    assert [j.verdict.kind is not None for j in judged] == [False, True, True, True, True]


@pytest.mark.parametrize("likely", [True, False])
def test_a_table_is_judged_as_a_whole(likely):
    rows = "".join(f"<tr><td>区{n}</td><td>{n}件</td></tr>" for n in range(1, 6))
    html = f"<div><p>{PROSE[0]}</p><p>別館</p><table>{rows}</table><p>案内</p></div>"
    page = segment_html(Document("-", "-", html, Media.HTML, Encoding("utf-8", "html")))
    table = [b.tag in {"td", "tr"} for b in page.blocks]
    chances = np.where(table, 0.45 if likely else 0.3, [0.9] + [0.1] * (len(table) - 1))
    judged = judge(page, chances, (), JudgeSettings(keep=0.5, least_keep=0.5))
    assert {j.verdict.kind is not None for j, row in zip(judged, table, strict=True) if row} == {likely}


@pytest.mark.parametrize(("chance", "kept"), [(0.45, True), (0.3, False)])
def test_a_list_is_judged_as_a_whole(chance, kept):
    items = [(chance, f"・倉庫の部屋{n}") for n in range(1, 7)]
    found = verdicts((0.9, PROSE[0]), (0.9, PROSE[1]), *items, (0.1, "トップページへ"))
    assert set(found[2:-1]) == ({"list_item"} if kept else {"boilerplate"})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *(("liste-komentarzy", "comments"), ("leserbriefe", "comments"), ("box_publicidad", "advertisement")),
        *(
            ("meistgelesen", "ranking"),
            ("post-cap", "caption"),
            ("has-drop-cap", None),
            ("with_drop_cap", None),
        ),
    ],
)
def test_class_words_of_many_languages(name, reason):
    html = f"<div class='{name}'><p>{PROSE[0]}</p></div>"
    (block,) = segment_html(Document("-", "-", html, Media.HTML, Encoding("utf-8", "html"))).blocks
    assert named_by_markup(block) == reason


@pytest.mark.parametrize("name", ["cookie-wall", "onetrust-text", "privacy-modal", "image-caption"])
def test_a_box_named_for_chrome_needs_a_sure_forest_or_trafilatura(name):
    html = f"<article><p>{PROSE[0]}</p></article><div class='{name}'><p>{PROSE[1]}</p></div>"
    page = segment_html(Document("-", "-", html, Media.HTML, Encoding("utf-8", "html")))
    for extracted, kept in ((0.0, False), (1.0, True)):
        blocks = tuple(replace(block, extracted=extracted) for block in page.blocks)
        judged = judge(replace(page, blocks=blocks), np.array([0.9, 0.7]), (), JudgeSettings())
        assert [j.verdict.kind is not None for j in judged] == [True, kept]


ASKS = (
    "We and our partners store cookies on your device to tell how this website is used.",
    "Um externe Inhalte anzuzeigen, brauchen wir deine Einwilligung nach den Regeln des Datenschutzes.",
    "当サイトは利用状況の解析と広告のためにクッキーを使います。続けてご利用の場合は同意したものとします。",
)


@pytest.mark.parametrize("asks", ASKS)
def test_sentences_that_ask_for_consent_are_no_article(asks):
    assert verdicts(*((0.95, line) for line in (*PROSE, asks)))[-1] == "cookie_notice"


def test_an_article_about_cookies_is_whole():
    lead = "Cookies, by which a site knows a reader again, are to vanish from the pages of the town hall."
    lines = (lead, ASKS[0], "The clerk said that nobody had ever read what they agreed to on that page.")
    assert set(verdicts(*((0.95, line) for line in lines))[1:]) == {"paragraph"}


@pytest.mark.parametrize("source", ["forest", "place"])
def test_the_first_evidence_says_where_the_probability_is_from(source):
    page = segment_text(Document("-", "-", PROSE[0], Media.TEXT, Encoding("utf-8", "text")))
    (judged,) = judge(page, np.array([0.9]), (), JudgeSettings(), source)
    assert judged.verdict.evidence[0].witness == source


def test_every_stripped_block_has_evidence_against_it():
    page = segment_text(
        Document("-", "-", "\n".join([*PROSE, "関連記事", PROSE[0]]), Media.TEXT, Encoding("utf-8", "text"))
    )
    judged = judge(page, np.full(7, 0.95), (), JudgeSettings())
    assert all(any(e.vote < 0 for e in j.verdict.evidence) for j in judged if j.verdict.reason)


def divided(text: str):
    return split_digest(unglue(segment_text(Document("-", "-", text, Media.TEXT, Encoding("utf-8", "text")))))


@pytest.mark.parametrize(
    ("line", "prefix"),
    [
        ("【北浜=共同】橋の修理は来月に終わる。", "【北浜=共同】"),
        ("東京、2025年3月4日 /PRNewswire/ -- 橋の修理は来月に終わる。", "東京、2025年3月4日 /PRNewswire/ --"),
        ("[北浜 4日 ロイター] - 橋の修理は来月に終わる。", "[北浜 4日 ロイター] -"),
        ("NORTH QUAY, Maine (AP) — The bridge reopens in May.", "NORTH QUAY, Maine (AP) —"),
        ("LISBON, March 4 (Reuters) - The bridge reopens in May.", "LISBON, March 4 (Reuters) -"),
    ],
)
def test_a_glued_prefix_becomes_a_block_and_the_sentence_stays(line, prefix):
    (page,) = divided(line)
    assert [b.text for b in page.blocks] == [prefix, line[len(prefix) :].strip()]
    assert [line[b.start : b.end].strip() for b in page.blocks] == [b.text for b in page.blocks]


@pytest.mark.parametrize(
    "line",
    ["【速報】橋の修理が終わる。", "The bridge (AP, 1901) reopens - in May.", "港で[注]橋の修理が終わる。"],
)
def test_other_brackets_are_no_prefix(line):
    (page,) = divided(line)
    assert [b.text for b in page.blocks] == [line]


def test_a_digest_is_split_at_its_titles():
    pages = divided(
        "きょうの記事\n▽橋の修理が終わる＜AP日本語版＞2025年3月4日\n本文。\n▽港の倉庫が図書館に<ロイター>3月4日\n本文二。"
    )
    assert [[b.line for b in page.blocks] for page in pages] == [[1, 2, 2, 3], [4, 4, 5]]


def test_one_title_line_makes_no_digest():
    assert len(divided("▽橋の修理が終わる＜AP日本語版＞2025年3月4日\n本文。")) == 1


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2025年3月4日(火)午後3時05分", "2025-03-04T15:05:00"),
        ("2025/3/4 9:15", "2025-03-04T09:15:00"),
        ("2025-03-04T09:15:30+09:00", "2025-03-04T09:15:00+09:00"),
        ("4 March 2025", "2025-03-04"),
        ("Mar. 4th, 2025, 10:30 am", "2025-03-04T10:30:00"),
        ("2025年13月4日", None),
        ("February 30, 2025", None),
        ("昨日", None),
    ],
)
def test_dates(text, date):
    assert iso_date(text) == date


def test_a_page_is_clear_where_no_verdict_is_open():
    article = "".join(f"<p>{text}</p>" for text in PROSE)
    source = f"<main>{article}<aside class=recommended><p>{PROSE[0]}</p></aside></main>"
    page = segment_html(Document("-", "-", source, Media.HTML, Encoding("utf-8", "text")))
    settings = JudgeSettings()

    def clear(*chances: float, known: tuple[Recurrence, ...] = ()) -> bool:
        return is_clear(page, np.array(chances), known, settings)

    assert clear(0.99, 0.99, 0.99, 0.99, 0.99, 0.01)
    assert not clear(0.99, 0.6, 0.6, 0.99, 0.99, 0.01)
    # What recurs on other pages of the outlet will be stripped, whatever the forest says.
    once, again = Recurrence(of=9), Recurrence(pages=3, of=9)
    assert clear(0.99, 0.6, 0.6, 0.99, 0.99, 0.01, known=(once, again, again, once, once, once))
    # One that seems to hold nothing is not clear, nor one that is kept though its box says chrome.
    assert not clear(*[0.1] * 6)
    sure = [0.999] * 5
    assert clear(*sure, 0.95)
    assert not clear(*sure, 0.79)
    assert not is_clear(page, np.array([*sure, 0.01]), (), JudgeSettings(doubt=0))
