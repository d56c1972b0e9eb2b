"""Outlet profiles: what counts as a witness, what is remembered, and the file they are kept in."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.flat import segment_text
from dedup.html import segment_html
from dedup.outlet import (
    FORMAT,
    NOTHING,
    ProfileError,
    by_places,
    dump,
    learn,
    merge,
    parse,
    recurrences,
    trace,
)
from dedup.settings import OutletSettings
from dedup.types import Document, Encoding, Media

OWN = OutletSettings()
CHROME = "北浜タイムズは毎朝五時に更新しています。ご意見は編集局までお寄せください。お待ちしています。"
STORY = [
    f"第{n}の段落は、港の古い倉庫が市の図書館に変わるまでの長い年月のことを、静かな言葉で語っている。"
    for n in range(12)
]


def page(name: str, *lines: str, outlet: str | None = "kita"):
    document = Document(name, name, "\n".join(lines), Media.TEXT, Encoding("utf-8", "text"), outlet=outlet)
    return trace(segment_text(document), OWN)


def pages_of(profiles, one):
    return [r.pages for r in recurrences(profiles, one, OWN)]


def test_chrome_of_an_outlet_recurs_and_copies_of_an_article_are_one_witness():
    traces = [
        page("a", *STORY[:3], CHROME),
        page("a-again", *STORY[:3], "訂正しました。", CHROME),
        page("b", *STORY[3:5], CHROME),
        page("c", STORY[5], CHROME),
    ]
    profiles = learn(traces, OWN)
    assert profiles.outlets["kita"].witnesses == 3
    assert pages_of(profiles, traces[0]) == [0, 0, 0, 2]


def test_what_another_outlet_carries_is_syndication_and_no_chrome():
    here, there = page("a", *STORY[:3], CHROME), page("x", *STORY[:3], outlet="minami")
    profiles = learn([here, page("b", *STORY[4:6], CHROME), there], OWN)
    assert [(r.pages, r.outlets) for r in recurrences(profiles, here, OWN)] == [
        (0, 1),
        (0, 1),
        (0, 1),
        (1, 0),
    ]


def test_a_page_that_was_not_learned_profits_from_what_was():
    profiles = learn([page("a", STORY[0], CHROME), page("b", STORY[1], CHROME)], OWN)
    assert pages_of(profiles, page("new", STORY[2], CHROME)) == [0, 2]
    assert pages_of(profiles, page("new", STORY[2], CHROME, outlet="higashi")) == [0, 0]
    assert recurrences(profiles, page("new", STORY[2], outlet=None), OWN) == ()


def test_a_copy_that_comes_later_adds_nothing():
    first = learn([page("a", *STORY[:3], CHROME), page("b", *STORY[3:6], CHROME)], OWN)
    later = learn([page("a2", *STORY[:3], "続報あり。", CHROME), page("a", *STORY[:3], CHROME)], OWN, first)
    assert later.outlets["kita"].blocks == first.outlets["kita"].blocks
    assert pages_of(later, page("a2", *STORY[:3], "続報あり。", CHROME)) == [0, 0, 0, 0, 1]


def test_what_is_not_seen_for_long_is_forgotten():
    own = OutletSettings(forget=3)
    old = "旧デザインのお知らせ"
    profiles = learn([page("a", STORY[0], old), page("b", STORY[1], CHROME)], own)
    for n in range(2, 8):
        profiles = learn([page(f"p{n}", STORY[n], CHROME)], own, profiles)
    assert pages_of(profiles, page("new", old, CHROME)) == [0, 7]


def test_a_page_is_known_as_learned_however_many_articles_came_after_it():
    own = OutletSettings(articles=2)
    traces = [page(f"p{n}", STORY[n], CHROME) for n in range(8)]
    profiles = learn(traces, own)
    assert [pages_of(profiles, one)[0] for one in traces] == [0] * 8
    assert learn(traces, own, profiles) == profiles


def test_pages_are_forgotten_with_what_they_alone_carried():
    own = OutletSettings(forget=1, pages=3)
    profiles = NOTHING
    for n in range(12):
        profiles = learn([page(f"p{n}", STORY[n], CHROME)], own, profiles)
    for n in range(20):  # a live page that says something else at every fetch
        profiles = learn([page("live", STORY[11], f"第{n}報です。", CHROME)], own, profiles)
        assert len(profiles.outlets["kita"].pages) <= 11 + 4
    profile = profiles.outlets["kita"]
    assert (profile.witnesses, profile.learned) == (12, 32)
    assert page("p0", STORY[0], CHROME).key not in profile.pages
    assert pages_of(profiles, page("p0", STORY[0], CHROME))[0] == 0
    assert parse(dump(profiles)) == profiles


def test_a_file_without_the_time_of_its_pages_is_read():
    profiles = learn([page("a", *STORY[:3], CHROME), page("b", STORY[4], CHROME)], OWN)
    rows = json.loads(dump(profiles))
    kita = rows["outlets"]["kita"]
    del kita["learned"]
    kita["pages"] = sorted(kita["pages"])
    assert parse(json.dumps(rows)) == profiles


@settings(deadline=None, max_examples=30)
@given(st.permutations(range(6)))
def test_the_order_of_pages_does_not_matter(order):
    traces = [page(f"p{n}", STORY[n], STORY[n // 2], CHROME) for n in range(6)]
    assert dump(learn([traces[n] for n in order], OWN)) == dump(learn(traces, OWN))


def test_profiles_survive_their_file():
    profiles = learn(
        [page("a", *STORY[:3], CHROME), page("b", STORY[4], CHROME), page("x", *STORY[:3], outlet="m")], OWN
    )
    assert parse(dump(profiles)) == profiles
    assert parse(dump(NOTHING)) == NOTHING


FOREIGN = ["", "{", "[]", "3", "[" * 100_000, '{"format": "other"}']
DAMAGED = [
    {"format": FORMAT},
    {"format": FORMAT, "outlets": {"a": {"witnesses": "x"}}},
    {"format": FORMAT, "outlets": {"a": {"witnesses": float("inf")}}},
]


@pytest.mark.parametrize("content", [*FOREIGN, *map(json.dumps, DAMAGED)])
def test_another_file_is_refused_with_what_to_do(content):
    with pytest.raises(ProfileError, match=r"learn|give"):
        parse(content)


# Places -------------------------------------------------------------------------------------------

LONG = " ".join(STORY[:8])


def html_page(name: str, story: str, *, outlet: str = "kita"):
    """A page whose article stands in `div.story` and whose teaser, a sentence too, in `div.tease`."""
    source = (
        f"<div class=story><p>{story}</p></div>"
        f"<div class=tease><p>{name}の特集では、名物の鍋料理と古い町並みを歩く旅を紹介しています。</p></div>"
    )
    document = Document(name, name, source, Media.HTML, Encoding("utf-8", "text"), outlet=outlet)
    return segment_html(document)


def traced(one, *chances):
    return trace(one, OWN, np.array(chances))


def test_a_profile_tells_what_stood_at_a_place():
    pages = [html_page(f"p{n}", STORY[n]) for n in range(4)]
    profiles = learn([traced(one, 0.9, 0.1) for one in pages], OWN)
    story, tease = recurrences(profiles, trace(html_page("new", STORY[5]), OWN), OWN)
    assert (story.of, story.pages, story.place_pages) == (4, 0, 4)
    assert story.place_content == pytest.approx(0.9, abs=0.02)
    assert tease.place_content == pytest.approx(0.1, abs=0.02)
    elsewhere = recurrences(profiles, page("flat", STORY[5]), OWN)
    assert [(r.of, r.place_pages) for r in elsewhere] == [(4, 0)]


def test_places_are_trusted_once_enough_pages_agree():
    new = html_page("new", LONG)
    for pages, sure, trusted in ((2, 0.97, False), (6, 0.97, True), (6, 0.6, False)):
        profiles = learn([traced(html_page(f"p{n}", STORY[n]), sure, 0.02) for n in range(pages)], OWN)
        chances = by_places(new, recurrences(profiles, trace(new, OWN), OWN), OWN)
        assert (chances is not None) == trusted
        if chances is not None:
            assert (chances >= 0.5).tolist() == [True, False]


def test_a_page_of_another_shape_is_not_taken_by_places():
    profiles = learn([traced(html_page(f"p{n}", STORY[n]), 0.97, 0.02) for n in range(6)], OWN)
    source = f"<main><p>{LONG}</p></main>"
    redesigned = segment_html(Document("r", "r", source, Media.HTML, Encoding("utf-8", "t"), outlet="kita"))
    assert by_places(redesigned, recurrences(profiles, trace(redesigned, OWN), OWN), OWN) is None
    assert by_places(redesigned, (), OWN) is None


def test_merged_profiles_know_what_both_know():
    first = learn([page("a", STORY[0], CHROME), page("b", STORY[1], CHROME)], OWN)
    second = learn([page("c", STORY[2], CHROME), page("x", STORY[3], outlet="minami")], OWN)
    both = merge(first, second)
    assert both.outlets["kita"].witnesses == 3
    assert pages_of(both, page("new", STORY[4], CHROME)) == [0, 3]
    assert set(both.outlets) == {"kita", "minami"}
    assert parse(dump(both)) == both


def test_profiles_with_an_article_in_common_are_not_added_up():
    first = learn([page("a", STORY[0], CHROME), page("b", STORY[1], CHROME)], OWN)
    second = learn([page("a2", STORY[0], CHROME)], OWN)
    for both in (merge(first, second), merge(second, first)):
        assert both.outlets["kita"] == first.outlets["kita"]


def test_places_survive_the_file():
    profiles = learn([traced(html_page(f"p{n}", STORY[n]), 0.9, 0.1) for n in range(3)], OWN)
    assert profiles.outlets["kita"].places
    assert parse(dump(profiles)) == profiles
