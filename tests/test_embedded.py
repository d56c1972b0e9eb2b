"""Articles that stand in the data of a script, from which a browser would make the page."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.pipeline import clean
from dedup.types import Article, Kind

TITLE = "Harbour ferry returns after winter repairs"
BODY = [
    "The harbour ferry sailed again on Monday, four months after a storm had torn off its ramp.",
    "“We counted every bolt twice,” said the captain, who took the first twelve cars across at six.",
    "Repairs cost 1.2 million crowns, a third less than the town council had set aside in autumn.",
    "The ferry runs every half hour until midnight; in June it will run through the night as well.",
    "A second ship, ordered in 2024, is to take over the line to the northern island next year.",
]
TEASERS = ["Ten walks along the coast for a rainy afternoon", "Fishermen ask for lower harbour fees"]


def page(script: str, markup: str = "") -> str:
    links = "".join(f"<li><a href=/{i}>{teaser}</a></li>" for i, teaser in enumerate(TEASERS))
    return (
        f"<html><head><title>{TITLE} | The Quay</title></head><body><h1>{TITLE}</h1>"
        f"<div id=app>{markup}</div>{script}<ul class=related>{links}</ul>"
        "<footer>© 2026 The Quay</footer></body></html>"
    )


def as_json(data: Any, *, ascii_only: bool = False) -> str:
    return f'<script type="application/json">{json.dumps(data, ensure_ascii=ascii_only)}</script>'


def cleaned(html: str) -> Article:
    (article,) = clean(html)
    return article


def text(node: str) -> dict[str, Any]:
    """A paragraph of rich text, whose second half is a link."""
    half = len(node) // 2
    leaves = [
        {"type": "text", "value": node[:half]},
        {"type": "link", "href": "/x", "content": [{"type": "text", "value": node[half:]}]},
    ]
    return {"type": "paragraph", "content": leaves}


MARKUP = "".join(f"<p>{line}</p>" for line in BODY)
FORMATS = {
    "rich text": as_json(
        {"props": {"story": {"headline": TITLE, "body": {"content": list(map(text, BODY))}}}}
    ),
    "with escapes": as_json({"headline": TITLE, "body": list(map(text, BODY))}, ascii_only=True),
    "markup": as_json([{"title": {"rendered": TITLE}, "content": {"rendered": MARKUP}}]),
    "elements": "<script>window.App = window.App || {}; App.page = "
    + json.dumps(
        {
            "headlines": {"basic": TITLE},
            "content_elements": [{"type": "text", "content": line} for line in BODY],
            "related": [{"title": TEASERS[0], "body": MARKUP * 2}],
        }
    )
    + "; App.start();</script>",
    "linked data": '<script type="application/ld+json">'
    + json.dumps({"@type": "NewsArticle", "headline": TITLE, "articleBody": "\n".join(BODY)})
    + "</script>",
}


@pytest.mark.parametrize("script", FORMATS.values(), ids=FORMATS)
def test_the_article_is_whole_though_only_the_data_has_it(script: str) -> None:
    article = cleaned(page(script))
    kept = [judged for judged in article.paragraphs if judged.verdict.kind is Kind.PARAGRAPH]
    assert [judged.block.text for judged in kept] == BODY
    assert article.title == TITLE
    source = page(script)
    for judged in kept:
        assert judged.verdict.evidence[0].witness == "data"
        said, span = judged.block.text, source[judged.block.start : judged.block.end]
        writings = (json.dumps(said[:20], ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
        assert span.startswith(tuple(writings))
        assert span.endswith(said[-20:])
    assert {judged.block.text for judged in article.stripped} >= set(TEASERS)


def test_what_the_markup_has_is_not_said_again() -> None:
    script = FORMATS["rich text"]
    article = cleaned(page(script, markup="".join(f"<p>{line}</p>" for line in BODY[:2])))
    assert [j.block.text for j in article.paragraphs if j.verdict.kind is Kind.PARAGRAPH] == BODY
    assert [j.block.from_data for j in article.paragraphs if j.verdict.kind is Kind.PARAGRAPH] == [
        *(False, False),
        *(True, True, True),
    ]
    assert not any(j.block.from_data for j in (*cleaned(page(script, MARKUP)).paragraphs,))


@pytest.mark.parametrize(
    "data",
    [
        {"headline": TEASERS[0], "body": list(map(text, BODY))},
        {"headline": TITLE, "related": [{"title": TEASERS[1], "body": MARKUP}]},
        {"headline": TITLE, "description": " ".join(BODY)},
        {"headline": TITLE, "style": "a { color: red; }\n" * 80},
        {"headline": TITLE, "terms": {f"key{i}": f"Accept our terms number {i}." for i in range(80)}},
    ],
    ids=["another article", "a related article", "a summary", "style sheets", "phrases of the site"],
)
def test_other_data_is_no_article(data: Any) -> None:
    article = cleaned(page(as_json(data)))
    assert not any(j.block.from_data for j in (*article.paragraphs, *article.stripped))


@pytest.mark.parametrize(
    "script",
    [
        '<script type="application/json">{"title": "' + TITLE + '", "body": ' + "[" * 50_000,
        "<script>" + 'x={"a":' * 5_000 + "</script>",
        as_json({"a": 1}).replace("1", "1" * 5_000),
        as_json(
            {"headline": TITLE, "body": [{"type": "paragraph", "content": None}, {"type": 3}, None, 1.5]}
        ),
        as_json([{"headline": TITLE, "body": [[{"headline": TITLE}] * 50] * 50}] * 50),
    ],
    ids=["deep", "torn", "a long number", "odd values", "the title everywhere"],
)
def test_broken_data_costs_nothing(script: str) -> None:
    article = cleaned(page(script, MARKUP))
    assert [j.block.text for j in article.paragraphs if j.verdict.kind is Kind.PARAGRAPH] == BODY


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
    | st.sampled_from([TITLE, *BODY]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["title", "type", "body", "content", "text", "x"]), inner, max_size=4
        )
    ),
    max_leaves=25,
)


@given(VALUES)
def test_no_data_breaks_a_page(data: Any) -> None:
    source = page(as_json({"headline": TITLE, "body": data}))
    for judged in (*(article := cleaned(source)).paragraphs, *article.stripped):
        assert 0 <= judged.block.start < judged.block.end <= len(source)
        assert source.count("\n", 0, judged.block.start) + 1 == judged.block.line
