"""Two looks at many sources: the same as learning, then cleaning; little in memory; nothing asked twice."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup import looks, pipeline, schedule
from dedup.html import segment_html
from dedup.looks import clean_many, clean_twice, itself, learn
from dedup.outlet import Place, Profiles, Seen, is_covered, trace
from dedup.pipeline import _page
from dedup.read import read
from dedup.settings import OutletSettings, Settings, WorkerSettings
from dedup.shelf import Looked, Shelf, Spool, Table, compact
from dedup.types import Media, Source
from dedup.workers import Done

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "raw"
HASHES = st.integers(0, 2**64 - 1)


def page(number, words="", outlet="quay"):
    story = (
        f"<p>Story {number} tells that {words or 'boat ' * number} came home on day {number} of the year.</p>"
    )
    menu = "<ul><li><a href=/>Home</a></li><li><a href=/news>All the news of the quay</a></li></ul>"
    html = f"<html><title>Story {number}</title><body><nav>{menu}</nav><main>{story * 2}</main></body></html>"
    return Source(f"{outlet}/{number}", f"{outlet}/{number}", html, Media.HTML, outlet=outlet)


@pytest.fixture
def asked(monkeypatch):
    """The sources that workers are asked for, of whom this process takes the place."""
    names = []

    def each(work, items, lost, **_):
        for item in items:
            if isinstance(item, Done):
                yield item.result
                continue
            names.append(item.name)
            late = item.name.startswith("late")
            yield lost(item, "too_slow", "it takes for ever") if late else work(item)

    monkeypatch.setattr(schedule, "each", each)
    return names


def test_two_looks_are_learning_and_cleaning(tmp_path):
    (tmp_path / "empty.html").touch()
    sources = list(read([SAMPLES, tmp_path]))
    expected = list(clean_many(sources, profiles=learn(sources)))
    assert [one.failure.error for one in expected if one.failure] == ["empty"]
    assert list(clean_twice(sources, sources, itself)) == expected
    assert list(clean_twice(sources, sources, itself, jobs=2)) == expected


def test_a_page_over_a_limit_costs_one_look(asked):
    late = Source("late", "late", "The harbour market opens at seven.", Media.TEXT)
    sources = [page(1), late, page(2)]
    found = list(clean_twice(sources, sources, itself, jobs=1))
    assert asked == ["quay/1", "late", "quay/2", "quay/1", "quay/2"]
    assert [one.failure and one.failure.error for one in found] == [None, "too_slow", None]
    # Another file in its place is looked at.
    found = list(clean_twice(sources, [page(1), page(3), page(2)], itself, jobs=1))
    assert [one.failure for one in found] == [None] * 3


def test_the_second_look_goes_on_from_the_first(monkeypatch):
    cut = []

    def segmented(document, settings):
        cut.append(document.source)
        return segment_html(document, settings)

    monkeypatch.setattr(pipeline, "segment_html", segmented)
    text = Source("text", "text", "The harbour market opens at seven.\n\nIt closes at noon.", Media.TEXT)
    broken = Source("broken", "broken", b"%PDF-1.4\0\1\2\3", Media.HTML)
    sources = [*(page(number) for number in range(5)), text, broken]
    expected = list(clean_many(sources, profiles=learn(sources)))
    pages = [source.name for source in sources[:5]]
    cut.clear()
    assert list(clean_twice(sources, sources, itself)) == expected
    assert cut == pages
    cut.clear()
    forgetful = Settings(worker=WorkerSettings(kept=0))
    assert list(clean_twice(sources, sources, itself, settings=forgetful)) == expected
    assert cut == pages * 2
    # What changed meanwhile is looked at again.
    changed = [replace(sources[0], content=sources[1].content), *sources[2:]]
    again = list(clean_twice(sources, changed, itself, settings=forgetful))
    assert list(clean_twice(sources, changed, itself)) == again != expected


def test_pages_that_were_learned_are_cleaned_at_the_first_look(asked):
    sources = [page(number) for number in range(6)]
    profiles = learn(sources)
    expected = list(clean_many(sources, profiles=profiles))
    assert list(clean_twice(sources, sources, itself, jobs=1, profiles=profiles)) == expected
    assert asked == [source.name for source in sources]


def test_new_pages_of_outlets_well_known_need_not_be_learned():
    settings = OutletSettings(covered=4)
    known = learn([page(number) for number in range(4)])

    def covered(source, given=settings):
        return is_covered(known, trace(_page(source, Settings()), given), given)

    assert covered(page(3))
    assert covered(page(9))
    assert not covered(page(9), OutletSettings(covered=5))
    assert not covered(page(9, outlet="elsewhere"))
    copy = page(3)
    assert not covered(replace(copy, content=copy.content.replace("All the news", "News")))


def test_many_pages_of_an_outlet_are_learned_in_parts():
    sources = [page(number) for number in range(7)]
    few = Settings(outlet=OutletSettings(batch=2))
    (profile,) = learn(sources, settings=few).outlets.values()
    (whole,) = learn(sources).outlets.values()
    assert profile.witnesses == whole.witnesses == 7
    assert {at: seen.count for at, seen in profile.blocks.items()} == {
        at: seen.count for at, seen in whole.blocks.items()
    }


@given(st.dictionaries(HASHES, st.tuples(HASHES, HASHES)), st.lists(HASHES))
def test_a_table_is_a_mapping(rows, others):
    table = Table(rows, Seen)
    again = pickle.loads(pickle.dumps(table))
    expected = {key: Seen(*row) for key, row in rows.items()}
    assert dict(table) == dict(again) == expected
    for key in [*rows, *others]:
        assert table.get(key) == expected.get(key)
        assert (key in table) == (key in expected)


def test_profiles_come_back_from_the_shelf():
    known = learn([page(number, outlet=f"outlet {number % 40}") for number in range(80)])
    with Shelf() as shelf:
        for profile in known.outlets.values():
            shelf.put(profile)
        for one in (shelf, pickle.loads(pickle.dumps(shelf))):
            assert len(one) == 40
            assert "nowhere" not in one
            for outlet, profile in [*known.outlets.items()] * 2:
                found = one[outlet]
                assert dict(found.blocks) == dict(profile.blocks)
                assert dict(found.places) == dict(profile.places)
                assert dict(found.pages) == dict(profile.pages)
                assert [dict(a.prose) for a in found.articles] == [dict(a.prose) for a in profile.articles]
    assert compact(profile).witnesses == profile.witnesses
    assert isinstance(next(iter(found.places.values())), Place)


def test_the_spread_of_prose_is_that_of_all_outlets():
    told = "the harbour of the northern town stays closed until the ice has gone"
    sources = [page(1, told, f"outlet {number}") for number in range(3)] + [page(2)]
    expected = learn(sources)
    with Spool() as spool:
        waiting = looks._Waiting(spool)
        for source in sources:
            trace = looks._Late("traced", settings=Settings())(source)
            waiting.add(trace.outlet, spool.put(Looked(trace)))
        spread = looks._Spread()
        for profile in waiting.learned(Profiles({}, {}), Settings()):
            spread.add(profile)
    assert dict(spread.counts()) == dict(expected.spread)
    assert set(expected.spread.values()) == {3}
