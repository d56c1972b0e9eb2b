"""What holds for any input: nothing is invented, nothing vanishes, order decides nothing."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dedup
from dedup.pipeline import clean_many
from dedup.read import read
from dedup.types import Article, Media, Source

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "raw"

LINES = st.sampled_from(
    [
        "雪の朝、市電は十分遅れて停留所に着いた。乗客は十二人だった。",
        "港町の市場では、今朝も鮭の競りが静かに始まった。値は昨年より高い。",
        "The council voted late on Monday to keep the ferry running through the winter.",
        "関連記事",
        "人気ランキング",
        "• 1",
        "▽港の倉庫が図書館に＜ロイター日本語版＞2025年3月4日 9:15 JST",
        "【北浜=共同】橋の修理は来月に終わる、と市は五日に発表した。",
        "Copyright (C) 2025 北浜タイムズ",
        "原題：Harbour Warehouse Becomes Library",
        "- 住民は夏から本を借りられる",
        "",
        "   ",
        "2025年3月4日",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(LINES, max_size=25).map("\n".join))


def blocks_of(articles: list[Article]):
    found = [j for a in articles for j in (*a.paragraphs, *a.stripped, *([a.headline] if a.headline else []))]
    return sorted(found, key=lambda j: j.block.start)


@settings(deadline=None, max_examples=150)
@given(TEXTS)
def test_every_visible_character_of_flat_text_stands_in_one_block(text):
    source = Source("x", "x", text, Media.TEXT)
    (result,) = clean_many([source])
    assert result.failure is None or not text.strip()
    judged = blocks_of(list(result.articles))
    position, covered = 0, []
    for j in judged:
        assert position <= j.block.start < j.block.end
        covered.append(text[j.block.start : j.block.end])
        assert "".join(j.block.text.split()) == "".join(covered[-1].split())
        position = j.block.end
    if result.failure is None:
        invisible = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))
        squeeze = lambda s: "".join(s.translate(invisible).split())  # noqa: E731
        assert squeeze("".join(covered)) == squeeze(text)


@settings(deadline=None, max_examples=60)
@given(st.lists(LINES, min_size=1, max_size=25))
def test_text_is_the_kept_paragraphs_and_every_verdict_has_a_side(lines):
    for article in dedup.clean("\n".join(lines) + "\n."):
        assert article.text == "\n".join(p.block.text for p in article.paragraphs)
        assert all(j.verdict.kind and not j.verdict.reason for j in article.paragraphs)
        assert all(j.verdict.reason and not j.verdict.kind for j in article.stripped)
        assert all(j.verdict.evidence for j in article.stripped)


@pytest.mark.parametrize(
    "path", sorted(p for p in SAMPLES.rglob("*") if p.suffix in (".html", ".txt")), ids=str
)
def test_kept_characters_stand_in_the_source_in_order(path):
    for article in dedup.clean(path.read_bytes()):
        for j in (*article.paragraphs, *article.stripped):
            assert 0 <= j.block.start < j.block.end
        starts = [p.block.start for p in article.paragraphs]
        assert starts == sorted(starts)


def test_the_order_of_the_input_changes_no_article():
    sources = [s for s in read([str(SAMPLES)]) if isinstance(s, Source)]
    shuffled = random.Random(7).sample(sources, len(sources))
    one = {r.source: r.articles for r in clean_many(sources, profiles=dedup.learn(sources))}
    two = {r.source: r.articles for r in clean_many(shuffled, profiles=dedup.learn(shuffled))}
    assert one == two


def test_two_processes_give_what_one_gives():
    sources = [s for s in read([str(SAMPLES)]) if isinstance(s, Source)]
    assert list(clean_many(sources, jobs=2)) == list(clean_many(sources))


def test_the_library_can_be_used_by_the_names_of_its_first_page():
    articles = dedup.clean(
        "<html><body><p>"
        + "港の古い倉庫が市の図書館に変わるまでの長い年月のことを、静かな言葉で語っている。" * 3
        + "</p></body></html>"
    )
    assert dedup.cluster(articles) == []
    assert dedup.cluster([*articles, *articles])[0].kind == "exact"
