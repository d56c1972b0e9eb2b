"""The cleaner that learns, alone and beside an index, in threads and under asyncio."""

import asyncio
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import dedup
from dedup import outlet as evidence
from dedup.index import Index
from dedup.pipeline import learn
from dedup.settings import Settings
from dedup.types import Media, Source

NOTICE = "Readers who value the gazette may now support its work with a standing order at any bank in town."
BODIES = [
    "The lower mill closed on {day} after the river rose past the second mark; the miller moved his grain.",
    "A new clerk was sworn in on {day}, the third this year, and promised to answer letters within the week.",
    "The council met on {day} to hear from the bargemen, who want the lock kept open through the night.",
]


def page(number, notice=NOTICE):
    paragraphs = "".join(f"<p>{body.format(day=f'day {number}')} Entry {number * 31}.</p>" for body in BODIES)
    return (
        f"<html><head><title>Day {number}</title></head><body><article><h1>Day {number}</h1>"
        f"{paragraphs}</article><div class='box'><p>{notice}</p></div></body></html>"
    )


def eager(pages=4):
    settings = Settings()
    return replace(settings, index=replace(settings.index, learn_pages=pages))


def sources(pages):
    return [
        Source(name=f"https://g.example/{n}", key=f"https://g.example/{n}", content=one, media=Media.HTML,
               url=f"https://g.example/{n}", outlet="gazette")
        for n, one in enumerate(pages)
    ]  # fmt: skip


def test_it_cleans_as_clean_does():
    cleaner = dedup.Cleaner()
    assert cleaner.clean(page(1), "https://g.example/1") == dedup.clean(page(1), "https://g.example/1")


def test_it_learns_what_learn_learns():
    pages = [page(n) for n in range(8)]
    cleaner = dedup.Cleaner(settings=eager(100))
    for number, one in enumerate(pages):
        cleaner.clean(one, f"https://g.example/{number}", "gazette")
    assert cleaner.profiles.outlets == {}
    cleaner.flush()
    (mine,), (theirs,) = cleaner.profiles.outlets.values(), learn(sources(pages)).outlets.values()
    assert (mine.blocks, mine.pages, mine.articles) == (theirs.blocks, theirs.pages, theirs.articles)
    assert mine.places.keys() == theirs.places.keys()  # of these it knows what was kept, not only likely


@pytest.mark.parametrize("address", ["https://g.example/2", "https://g.example/2?from=front"])
def test_an_update_keeps_what_was_said_before(address):
    cleaner = dedup.Cleaner(settings=eager())
    for number in range(4):
        cleaner.clean(page(number), f"https://g.example/{number}")
    added = (
        "<p>On the morning after, the miller's grain was found dry in the loft of the old customs house.</p>"
    )
    (before,) = dedup.clean(page(2), "https://g.example/2")
    (after,) = cleaner.clean(page(2).replace("</article>", f"{added}</article>"), address)
    assert [j.block.text for j in after.paragraphs if "loft" not in j.block.text][:3] == [
        j.block.text for j in before.paragraphs
    ][:3]
    assert any("loft" in j.block.text for j in after.paragraphs)
    assert any(j.block.text == NOTICE for j in after.stripped)


def test_spread_follows_what_was_learned():
    cleaner = dedup.Cleaner(settings=eager(2))
    for number in range(6):
        for outlet in ("north", "south", "west"):
            cleaner.clean(page(number), f"https://{outlet}.example/{number}", outlet)
    cleaner.flush()
    known = cleaner.profiles
    assert known.spread
    assert known == evidence.learn((), Settings().outlet, evidence.Profiles(known.outlets, {}))


def test_profiles_live_beside_the_index(tmp_path):
    with Index(tmp_path / "i") as index:
        first = dedup.Cleaner(index=index, settings=eager())
        for number in range(4):
            first.clean(page(number), f"https://g.example/{number}", "gazette")
        second = dedup.Cleaner(index=index)
        assert second.profiles == first.profiles
        assert second.profiles.outlets["gazette"].witnesses > 0
        # Two cleaners learn on; what both learned comes together.
        for number in range(4, 8):
            first.clean(page(number), f"https://g.example/{number}", "gazette")
        for number in range(8, 12):
            second.clean(page(number), f"https://g.example/{number}", "gazette")
        second.flush()
        assert len(second.profiles.outlets["gazette"].pages) == 12
        assert dedup.Cleaner(index=index).profiles == second.profiles


def test_threads_share_a_cleaner(tmp_path):
    with Index(tmp_path / "i") as index:
        cleaner = dedup.Cleaner(index=index, settings=eager(5))
        failures = []

        def work(part):
            try:
                for number in range(part, 40, 4):
                    for article in cleaner.clean(page(number), f"https://g.example/{number}", "gazette"):
                        index.add(article)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        cleaner.flush()
        assert failures == []
        assert index.stats().articles == 40
        assert len(cleaner.profiles.outlets["gazette"].pages) == 40


def test_the_loop_goes_on_while_pages_are_cleaned(tmp_path):
    ticks = []

    async def tick():
        while True:
            ticks.append(time.perf_counter())
            await asyncio.sleep(0.005)

    async def take(cleaner, number):
        for article in await asyncio.to_thread(cleaner.clean, page(number), f"https://g.example/{number}"):
            await asyncio.to_thread(cleaner.index.add, article)

    async def scrape():
        with Index(tmp_path / "i") as index:
            cleaner = dedup.Cleaner(index=index)
            cleaner.clean(page(99))  # the model is loaded once
            ticking = asyncio.create_task(tick())
            started = len(ticks)
            await asyncio.gather(*(take(cleaner, number) for number in range(20)))
            ticking.cancel()
            return index.stats().articles, len(ticks) - started

    articles, during = asyncio.run(scrape())
    assert articles == 20
    assert during > 5


@pytest.mark.parametrize("content", [b"\x00\x01\x02" * 400])
def test_bytes_that_are_no_text_are_told(content):
    with pytest.raises(dedup.DecodeError):
        dedup.Cleaner().clean(content)


def test_samples_as_they_come():
    raw = Path(__file__).resolve().parents[1] / "samples" / "raw" / "hokuseki.example" / "tunnel.html"
    (article,) = dedup.Cleaner().clean(raw.read_bytes(), outlet="北石新報")
    assert article.title


def test_the_example_of_the_readme_runs(monkeypatch, tmp_path, capsys):
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    exec(readme.split("```py\n")[1].split("```")[0], {})
    assert capsys.readouterr().out.startswith("0.0 ((),)\nMatch(")
