"""The five real documents, line by line. They are not part of the project: without them this is skipped."""

from pathlib import Path

import pytest
from seed_labels import KEPT, NEITHER, SEED_LINES, labels

import dedup

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"
pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed documents are not beside the project")

ARTICLES = dict.fromkeys(SEED_LINES, 1) | {"001_e288b1c575e8c98b": 3}


@pytest.mark.parametrize("name", SEED_LINES)
def test_every_line_of_a_seed_is_judged_as_a_reader_would(name):
    text = (SEEDS / f"{name}.txt").read_text("utf-8")
    articles = dedup.clean(text)
    assert len(articles) == ARTICLES[name]
    truth = labels(name)
    kept = {(j.block.line, j.block.text) for article in articles for j in article.paragraphs}
    stripped = {(j.block.line, j.block.text) for article in articles for j in article.stripped}
    lost = [pair for pair in stripped if truth[pair[0]] in KEPT and not is_prefix(*pair)]
    leaked = [pair for pair in kept if truth[pair[0]] not in KEPT | NEITHER]
    assert lost == []
    assert leaked == []


def is_prefix(line: int, text: str) -> bool:
    """The one wire prefix of the seeds, glued to a sentence that must stay."""
    return line == 1 and text.endswith("--")


def test_the_fields_of_the_digest():
    articles = dedup.clean((SEEDS / "001_e288b1c575e8c98b.txt").read_text("utf-8"))
    assert [article.author for article in articles] == [None, "Daniel Flatley", "Josh Wingrove"]
    assert {article.agency for article in articles} == {"ブルームバーグ"}
    assert all(article.original_title for article in articles)
    assert [(article.published or "")[:10] for article in articles] == [
        "2025-11-26",
        "2025-11-25",
        "2025-11-24",
    ]
