"""Stories: who had it first, and what became of it elsewhere."""

from dedup.clustering import cluster
from dedup.stories import stories
from dedup.types import Carriage, Paragraph, Story

WIRE = [
    "県は十日、老朽化した北部浄水場を二年かけて建て替える計画を県議会に示した。",
    "総事業費は百八十億円で、うち六十億円は国の交付金を充てる見込みだという。",
    "工事中は隣の市から水を融通してもらい、断水は避けられると担当課は説明している。",
    "議会では、料金への影響をもっと早く示すべきだったとの意見が相次いで出された。",
]
OWN = "本紙の取材に、浄水場の近くに住む農家は「工事車両の通る時間を知らせてほしい」と話した。"
OTHER = "週末の祭りには五千人が集まり、商店街では深夜まで屋台の列が続いたと実行委員会が発表した。"


def document(name: str, outlet: str, published: str | None, *texts: str) -> list[Paragraph]:
    return [Paragraph(name, i, outlet, text, published) for i, text in enumerate(texts)]


def told(*documents: list[Paragraph]) -> tuple[Story, ...]:
    paragraphs = [paragraph for one in documents for paragraph in one]
    return stories(paragraphs, cluster(paragraphs).clusters)


def test_copies_updates_and_excerpts_of_the_first() -> None:
    (story,) = told(
        document("copy", "south", "2026-03-10T12:00", *WIRE),
        document("excerpt", "east", "2026-03-10T13:00", WIRE[0], WIRE[1]),
        document("first", "north", "2026-03-10T09:00", *WIRE),
        document("update", "west", "2026-03-11T09:00", WIRE[1], OWN, WIRE[0], WIRE[2]),
        document("else", "west", "2026-03-09T09:00", OTHER),
    )
    assert story.outlets == ("east", "north", "south", "west")
    versions = {version.document: version for version in story.versions}
    assert [version.document for version in story.versions] == ["first", "copy", "excerpt", "update"]
    assert {name: version.carriage for name, version in versions.items()} == {
        "first": Carriage.FIRST,
        "copy": Carriage.COPY,
        "excerpt": Carriage.EXCERPT,
        "update": Carriage.UPDATE,
    }
    update = versions["update"]
    assert [paragraph.text for paragraph in update.added] == [OWN]
    assert [paragraph.text for paragraph in update.left_out] == [WIRE[3]]
    assert not update.in_order
    assert versions["excerpt"].in_order
    assert versions["excerpt"].of_this == 1.0 > versions["excerpt"].of_first > 0.4


def test_one_common_paragraph_is_no_story() -> None:
    assert (
        told(
            document("a", "north", None, *WIRE),
            document("b", "south", None, WIRE[0], OWN, OTHER, OWN + OTHER),
        )
        == ()
    )


def test_chrome_is_no_story() -> None:
    assert told(document("a", "north", None, OTHER, WIRE[0]), document("b", "north", None, OTHER, OWN)) == ()


def test_stories_are_stars_and_not_chains() -> None:
    a = document("a", "north", "2026-01-01", WIRE[1])
    b = document("b", "south", "2026-01-02", WIRE[1], WIRE[2])
    c = document("c", "east", "2026-01-03", WIRE[2])
    (story,) = told(a, b, c)
    assert [version.document for version in story.versions] == ["a", "b"]


def test_undated_documents_count_in_the_order_of_the_input() -> None:
    early, late = document("z", "north", None, *WIRE), document("a", "south", None, *WIRE)
    assert told(early, late)[0].versions[0].document == "z"
    assert told(late, early)[0].versions[0].document == "a"


def test_an_id_used_twice_is_one_document() -> None:
    twice = [*document("a", "north", None, *WIRE[:2]), *document("a", "south", None, *WIRE[2:])]
    (story,) = told(twice, document("b", "east", None, *WIRE))
    assert [version.document for version in story.versions] == ["a", "b"]
    assert story.versions[1].of_first == 1.0
