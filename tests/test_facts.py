"""Changed facts: what an editor wants to see, and what only looks like it."""

import pytest

import dedup
from dedup.clustering import cluster
from dedup.facts import changes, mark_changed_facts
from dedup.index import record
from dedup.types import Fact, Paragraph, Relation

CHANGED = {
    "number": ("死者は12人に上った。", "死者は13人に上った。", [(Fact.NUMBER, "12", "13")]),
    "longer number": ("予算は12億円。", "予算は120億円。", [(Fact.NUMBER, "12億", "120億")]),
    "kanji numeral": ("負傷者は八人だった。", "負傷者は九人だった。", [(Fact.NUMBER, "八", "九")]),
    "day": ("会談は5日に開かれた。", "会談は6日に開かれた。", [(Fact.DATE, "5日", "6日")]),
    "weekday": ("会談は水曜日に開く。", "会談は木曜日に開く。", [(Fact.DATE, "水曜日", "木曜日")]),
    "katakana name": ("ロシアが提案した。", "ウクライナが提案した。", [(Fact.NAME, "ロシア", "ウクライナ")]),
    "name before a title": ("田中社長が辞任した。", "山本社長が辞任した。", [(Fact.NAME, "田中", "山本")]),
    "English number": ("It killed 12 people.", "It killed 1,200 people.", [(Fact.NUMBER, "12", "1,200")]),
    "English number word": ("At least three died.", "At least four died.", [(Fact.NUMBER, "three", "four")]),
    "English weekday": ("It opens on Monday.", "It opens on Friday.", [(Fact.DATE, "Monday", "Friday")]),
    "English date": ("It opens March 3.", "It opens April 3.", [(Fact.DATE, "March 3", "April 3")]),
    "English name": (
        "A call from Anna Berg.",
        "A call from Otto Lind.",
        [(Fact.NAME, "Anna Berg", "Otto Lind")],
    ),
    "two at once": (
        "5日、12人が死亡した。",
        "6日、13人が死亡した。",
        [(Fact.DATE, "5日", "6日"), (Fact.NUMBER, "12", "13")],
    ),
}

SAME = {
    "nothing": ("", ""),
    "width": ("死者は１２人。", "死者は12人。"),
    "kanji and digits": ("約三百人が参加した。", "約300人が参加した。"),
    "myriads": ("1万2千人が避難した。", "12,000人が避難した。"),
    "year in kanji": ("二〇二六年に開く。", "2026年に開く。"),
    "an addition": ("死者は12人に上った。", "死者は12人に上った。負傷者は30人。"),
    "a wire prefix": ("首相が会見した。", "【東京12日共同】首相が会見した。"),
    "long vowel mark": ("サーバーが止まった。", "サーバが止まった。"),
    "other words": ("首相は会見で説明した。", "首相は会議で説明した。"),
    "not a numeral": ("一部で停電した。", "全部で停電した。"),
    "sentence starts": ("Police closed the road.", "Officers closed the road."),
}


@pytest.mark.parametrize("case", CHANGED.values(), ids=CHANGED.keys())
def test_a_change_is_found(case: tuple[str, str, list[tuple[Fact, str, str]]]) -> None:
    left, right, expected = case
    found = changes(left, right)
    assert [(change.fact, change.left, change.right) for change in found] == expected
    for change in found:
        assert left[change.left_start : change.left_end] == change.left
        assert right[change.right_start : change.right_end] == change.right


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME.keys())
def test_no_fact_changed(pair: tuple[str, str]) -> None:
    assert changes(*pair) == ()
    assert changes(*reversed(pair)) == ()


def test_members_carry_their_changes() -> None:
    text = "気象庁は十日、台風{}号が十二日ごろ沖縄に近づく恐れがあるとして、早めの備えを呼びかけた。"
    text += "離島への船は欠航が見込まれ、港では漁船を固定する作業が続いた。"
    items = [
        Paragraph("a", 0, "north", text.format(7), "2026-08-10T01:00"),
        Paragraph("b", 0, "south", text.format("８"), "2026-08-10T02:00"),
        Paragraph("c", 0, "east", text.format("７"), "2026-08-10T03:00"),
        Paragraph("d", 0, "west", text.format(7).replace("早めの", "早い"), "2026-08-10T04:00"),
    ]
    (found,) = mark_changed_facts(cluster(items).clusters)
    assert found.kind is Relation.CHANGED_FACTS
    kinds = {member.paragraph.document: member.kind for member in found.members}
    assert kinds == {
        "a": Relation.EXACT,
        "c": Relation.EXACT,
        "b": Relation.CHANGED_FACTS,
        "d": Relation.NEAR,
    }
    (change,) = next(member.changes for member in found.members if member.changes)
    assert (change.left, change.right) == ("7", "８")


def test_very_long_texts_are_not_aligned() -> None:
    assert changes("1" + "あ" * 20_000, "2" + "あ" * 20_000) == ()


def test_links_tell_the_facts_that_differ():
    texts = [
        "The ferry carried 120 passengers and 14 cars to the northern islands on Tuesday morning.",
        "The ferry carried 150 passengers and 14 cars to the northern islands on Tuesday morning.",
        "The ferry carried 120 passengers and 14 cars to the northern islands on Tuesday mornings.",
    ]
    found = dedup.relations([record(str(number), text) for number, text in enumerate([*texts, texts[0]])])
    kinds = sorted((one.left.document, one.right.document, one.kind.value) for one in found.links)
    assert kinds == [
        ("0", "1", "changed_facts"), ("0", "2", "near"), ("0", "3", "exact"), ("1", "2", "changed_facts"),
    ]  # fmt: skip
    for one in found.links:
        assert one.changes == (() if one.kind.value == "exact" else changes(one.left.text, one.right.text))
        assert (one.kind.value == "changed_facts") == bool(one.changes)
    assert found.links[:2] == [found.links[0], found.links[1]]
    again = dedup.rethreshold(list(found.links), 0.8)
    assert again.clusters == found.clusters
    assert list(again.links) == list(found.links)
