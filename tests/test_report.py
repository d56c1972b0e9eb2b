"""The report: one file that holds a run, looked at in a real browser.

The tests with a browser need Playwright (the extra `browser`) and Chromium; they skip without.
"""

import base64
import hashlib
import html
import itertools
import json
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dedup
from dedup.relation_rows import cluster_row, story_row
from dedup.rows import article_row
from dedup.runs import read_rows
from dedup.types import Article, Block, Encoding, Evidence, JudgedBlock, Kind, Reason, Verdict
from dedup.viewer import _with_facts
from dedup.write import json_line

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "raw"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
HOSTILE = {
    "title": "</script><script>window.owned = 1</script>" + 150 * "W",
    "outlet": '"><img src=x onerror="window.owned = 1">' + 60 * "網",
    "text": "<!--</title><svg onload=window.owned=1> A harbour \u202eopens\u202c again \x1b[31m after.",
    "url": "javascript:window.owned=1",
}


def write_run(folder, articles):
    """What `dedup run` would write of these articles."""
    found = dedup.relations(articles)
    folder.mkdir()
    for name, rows in {
        "articles": map(article_row, articles),
        "clusters": map(cluster_row, found.clusters),
        "stories": map(story_row, found.stories),
    }.items():
        (folder / f"{name}.jsonl").write_bytes(b"".join(map(json_line, rows)))
    return folder


def article(identity, *paragraphs, stripped=(), **fields):
    kept = tuple(
        JudgedBlock(Block(text, 100 + 2 * place, 101 + 2 * place, 1), Verdict(Kind.PARAGRAPH, None))
        for place, text in enumerate(paragraphs)
    )
    gone = tuple(
        JudgedBlock(
            Block(text, place, place + 1, 1), Verdict(None, reason, (Evidence("lexicon", text, -1.0),))
        )
        for place, (reason, text) in enumerate(stripped)
    )
    values = dict.fromkeys(Article.__dataclass_fields__) | {
        "id": identity, "source": f"{identity}.html", "ordinal": 0, "title": f"Title of {identity}",
        "encoding": Encoding("utf-8", "strict"), "text": "\n".join(paragraphs), "paragraphs": kept,
        "stripped": gone,
    }  # fmt: skip
    return Article(**values | fields)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """The report of the samples, and the folder of its run."""
    return written(write_run(tmp_path_factory.mktemp("samples") / "out", read_samples()))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    fields = {"title": HOSTILE["title"], "url": HOSTILE["url"], "language": '"><b>'}
    stripped = ((Reason.NAVIGATION, HOSTILE["text"]),)
    articles = [
        article(
            "a",
            HOSTILE["text"],
            outlet=HOSTILE["outlet"],
            published="2026-01-01",
            stripped=stripped,
            **fields,
        ),
        article("b", HOSTILE["text"], outlet="b<i>", published=HOSTILE["outlet"], **fields),
    ]
    return written(write_run(tmp_path_factory.mktemp("hostile") / "out", articles))


def read_samples():
    """The articles of the samples, as `dedup run` makes them."""
    from dedup.pipeline import clean_many, learn  # noqa: PLC0415
    from dedup.read import read  # noqa: PLC0415

    profiles = learn(read([str(SAMPLES)]))
    return [one for done in clean_many(read([str(SAMPLES)]), profiles=profiles) for one in done.articles]


def written(folder):
    (folder / "report.html").write_bytes(b"".join(dedup.report(folder)))
    return folder / "report.html"


# The file


def test_the_policy_allows_its_own_script_and_style_alone(samples):
    page = samples.read_text("utf-8")
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (own,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r"\b(src|href)\s*=\s*[\"']?(https?:)?//", page)


def test_no_words_of_a_page_stand_in_the_markup(hostile):
    page = hostile.read_text("utf-8")
    for words in ("window.owned", "onerror", "Title of", "harbour"):
        assert words not in page


def test_the_same_run_makes_the_same_file(samples):
    assert b"".join(dedup.report(samples.parent)) == samples.read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("articles.jsonl", None),
        ("articles.jsonl", b"no json\n"),
        ("articles.jsonl", b'{"id": 1}\n'),
        ("run.json", b"[]"),
    ],
)
def test_what_is_no_run_is_said(samples, tmp_path, name, content):
    folder = tmp_path / "out"
    shutil.copytree(samples.parent, folder)
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(folder))):
        list(dedup.report(folder))


def test_both_languages_have_all_words():
    words = json.loads((Path(dedup.__file__).parent / "viewer" / "words.json").read_text("utf-8"))
    assert {key for key in words["en"] if not key.endswith("_1")} == set(words["ja"])
    for name in (*Kind, *Reason, *dedup.types.Relation, *dedup.types.Carriage):
        assert name in words["en"]


NUMBERED = st.text("あい、1234人5 ", max_size=40)


@given(NUMBERED, NUMBERED)
def test_marks_cover_what_differs_and_never_overlap(left, right):
    found = dedup.explain(left, right)
    spans = [(one.left_start, one.left_end, one.right_start, one.right_end) for one in found.edits]
    changes = [
        {
            "left": {"start": one.left_start, "end": one.left_end},
            "right": {"start": one.right_start, "end": one.right_end},
        }
        for one in found.changes
    ]
    marks = _with_facts(spans, changes)
    for before, after in itertools.pairwise(marks):
        assert before[1] <= after[0]
        assert before[3] <= after[2]
    for span in spans:
        assert any(
            one[0] <= span[0] and span[1] <= one[1] and one[2] <= span[2] and span[3] <= one[3]
            for one in marks
        )
    for change in found.changes:
        assert any(one[2] <= change.right_start and change.right_end <= one[3] for one in marks)


# In a browser


@pytest.fixture(scope="module")
def chromium():
    playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    flags = [
        "--no-sandbox",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(params=SIZES)
def window(request, chromium):
    """Opens a report: a page that may log no error and ask for nothing but its own file."""
    width, height = SIZES[request.param]
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-US")
    context.set_default_timeout(20_000)
    trouble = []

    def open_report(path):
        page = context.new_page()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: trouble.append(dialog.message))
        page.on("request", lambda asked: trouble.append(asked.url) if asked.url != path.as_uri() else None)
        page.goto(path.as_uri())
        page.wait_for_selector("h1")
        return page

    yield open_report
    context.close()
    assert trouble == []


def fits(page):
    """Nothing is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def tab(page, name):
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", level=1, name=name, exact=True).wait_for()


def test_overview_tells_the_figures(window, samples):
    page = window(samples)
    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    assert len(list(read_rows(samples.parent, "articles"))) == 22
    assert "22\nArticles" in page.locator(".tiles").inner_text()
    for name in ("Stripped, by reason", "Kept and stripped, by outlet", "Who published first"):
        assert page.get_by_role("heading", name=name).is_visible()
    assert page.locator("svg").count() >= 3
    assert fits(page)


def test_stripped_blocks_unfold_in_place(window, samples):
    page = window(samples)
    tab(page, "Articles")
    page.get_by_role("link", name="Cider makers press on").click()
    fold = page.locator("details.gone", has_text="Sponsored").first
    words = fold.get_by_text("Sponsored", exact=True).first
    assert not words.is_visible()
    fold.locator("summary").click()
    assert words.is_visible()
    assert "against" in fold.locator(".why").first.inner_text()
    page.get_by_role("button", name="Fold all").click()
    assert not words.is_visible()
    page.get_by_role("button", name="Show all").click()
    assert words.is_visible()
    assert fits(page)


def test_filters_and_search(window, samples):
    rows = list(read_rows(samples.parent, "articles"))
    paywalls = [row for row in rows if any(block["reason"] == "paywall" for block in row["stripped"])]
    costs = [row for row in rows if "1280億円" in row["text"]]
    page = window(samples)
    tab(page, "Articles")
    status = page.locator("main [role=status]")
    items = page.locator(".list > li")
    page.get_by_label("Outlet", exact=True).select_option("nifuda.example")
    assert (items.count(), status.inner_text()) == (4, "4 of 4 shown")
    page.get_by_label("Outlet", exact=True).select_option("")
    page.get_by_label("Stripped as").select_option("paywall")
    assert 0 < items.count() == len(paywalls) < len(rows)
    page.get_by_label("Stripped as").select_option("")
    page.get_by_label("Search").fill("1280億円")
    status.get_by_text(f"{len(costs)} of {len(costs)} shown").wait_for()
    assert 0 < items.count() == len(costs)
    page.reload()
    status.get_by_text(f"{len(costs)} of {len(costs)} shown").wait_for()
    page.get_by_label("Search").fill("no such words")
    status.get_by_text("Nothing matches").wait_for()


def test_a_cluster_is_followed_to_its_articles(window, samples):
    page = window(samples)
    tab(page, "Clusters")
    page.get_by_label("Kind").select_option("changed_facts")
    assert page.locator(".list > li").count() == 4
    page.locator(".list a").first.click()
    page.get_by_role("heading", level=1, name="Cluster", exact=True).wait_for()
    assert page.locator("ins.fact").count() >= 1
    assert page.locator("del.fact").count() >= 1
    assert fits(page)
    page.locator("section.card a").first.click()
    page.locator("article.article").wait_for()
    page.locator("a.shared").first.click()
    page.get_by_role("heading", level=1, name="Cluster", exact=True).wait_for()


def test_a_story_stands_side_by_side(window, samples):
    page = window(samples)
    tab(page, "Stories")
    page.get_by_role("link", name="蓮葉湾トンネルが貫通").click()
    versions = page.locator(".versions > section")
    versions.nth(3).wait_for()
    assert versions.count() == 4
    assert "hokuseki.example" in versions.first.inner_text()
    assert page.locator("ins.fact", has_text="150").is_visible()
    assert page.locator("p.added").count() >= 2
    assert fits(page)


def test_stories_are_found_by_their_text(window, samples):
    rows = {row["id"]: row for row in read_rows(samples.parent, "articles")}
    stories = list(read_rows(samples.parent, "stories"))
    words = next(
        word
        for word in re.findall(r"\w{4,}", rows[stories[0]["versions"][1]["document"]]["text"])
        if not any(word in (row["title"] or "") for row in rows.values())
    )
    holding = [
        story
        for story in stories
        if any(
            words.casefold()
            in f"{rows[one['document']]['title']}\n{rows[one['document']]['text']}".casefold()
            for one in story["versions"]
        )
    ]
    page = window(samples)
    tab(page, "Stories")
    page.get_by_label("Search").fill(words)
    page.get_by_text(f"{len(holding)} of {len(holding)} shown").wait_for()
    assert 0 < page.locator(".list > li").count() == len(holding)


def test_the_interface_speaks_japanese(window, samples):
    page = window(samples)
    page.get_by_role("button", name="日本語").click()
    page.get_by_role("heading", level=1, name="概要").wait_for()
    assert page.locator("html").get_attribute("lang") == "ja"
    assert page.get_by_role("link", name="ナビゲーション").count() == 1
    assert fits(page)


def test_keys_alone_go_everywhere(window, samples):
    page = window(samples)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    tab(page, "Articles")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    controls = "[...document.querySelectorAll('a, button, input, select')]"
    assert page.evaluate(f"{controls}.filter((one) => !one.innerText && !one.labels?.length).length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_to_mend(chromium, samples, size, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra `browser`").Axe()
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-US"
    )
    page = context.new_page()
    story = next(read_rows(samples.parent, "stories"))["id"]
    first = next(read_rows(samples.parent, "articles"))["id"]
    views = ("overview", "articles", "clusters", "stories", "passages", "quotations")
    for route in (*views, f"article/{first}", "cluster/0", f"story/{story}"):
        page.goto(f"{samples.as_uri()}#/{route}")
        page.locator("h1").wait_for()
        page.wait_for_timeout(100)
        for fold in page.locator("details > summary").all()[:3]:
            fold.click()
        said = axe.run(page).response
        assert said["passes"]
        found = [(one["id"], one["nodes"][0]["target"]) for one in said["violations"]]
        assert (route, found) == (route, [])
    context.close()


def test_what_a_page_says_is_only_ever_text(window, hostile):
    page = window(hostile)
    elements = "document.querySelectorAll('main script, main img, main i, main b, main svg[onload]').length"
    for name in ("Overview", "Articles", "Clusters", "Stories"):
        tab(page, name)
        page.wait_for_timeout(100)
        assert page.evaluate(elements) == 0
        assert fits(page)
    for route in ("article/a", "cluster/0", f"story/{next(read_rows(hostile.parent, 'stories'))['id']}"):
        page.evaluate("(to) => { location.hash = to; }", f"#/{route}")
        page.locator("article.article, section.card").first.wait_for()
        assert page.evaluate(elements) == 0
        assert HOSTILE["outlet"] in page.locator("main").inner_text()
        assert page.locator("#announce").bounding_box()["width"] <= 1
    page.evaluate("location.hash = '#/article/a'")
    page.locator("article.article").wait_for()
    page.get_by_role("button", name="Show all").click()
    shown = page.locator("main").inner_text()
    assert HOSTILE["title"] in shown
    assert "\u202e" not in shown
    assert "U+202E" in shown
    assert "U+001B" in shown
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.evaluate("window.owned") is None


def test_an_unknown_address_is_said(window, samples):
    page = window(samples)
    for route in ("article/none", "cluster/999", "story/%E0%A4%A", "constructor", "cluster/__proto__"):
        page.evaluate("(to) => { location.hash = to; }", f"#/{route}")
        page.wait_for_timeout(100)
        assert page.locator("main").inner_text()


def test_five_thousand_articles_are_listed_in_part(chromium, tmp_path):
    words = [
        f"Paragraph {number} tells of a bridge, a ferry and the {number % 7} towns. " * 8
        for number in range(50)
    ]
    rows = [
        article_row(article(f"n{number}", f"needle {number}. {words[number % 50]}", outlet=f"o{number % 40}"))
        for number in range(5000)
    ]
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "articles.jsonl").write_bytes(b"".join(map(json_line, rows)))
    (folder / "clusters.jsonl").write_bytes(b"")
    page = chromium.new_page(locale="en-US")
    page.goto(written(folder).as_uri())
    page.wait_for_selector("h1")
    assert "The first 20 of 40." in page.locator("main").inner_text()
    tab(page, "Articles")
    page.get_by_text("50 of 5,000 shown").wait_for()
    page.get_by_role("button", name="Show more").click()
    page.get_by_text("100 of 5,000 shown").wait_for()
    page.get_by_label("Search").fill("needle 4999.")
    page.get_by_text("1 of 1 shown").wait_for()
    page.close()


if __name__ == "__main__":
    # The picture of the README.
    from playwright.sync_api import sync_playwright

    report = written(write_run(Path(tempfile.mkdtemp()) / "out", read_samples()))
    story = next(read_rows(report.parent, "stories"))["id"]
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 760}, locale="en-US")
        page.goto(f"{report.as_uri()}#/story/{story}")
        page.locator("ins.fact").first.wait_for()
        page.screenshot(path=Path(__file__).resolve().parents[1] / "docs" / "report.png")
        browser.close()
