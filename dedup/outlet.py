"""Outlet evidence: what the other pages of the same outlet, and of other outlets, say of a block.

A block that recurs within an outlet is chrome; a block that recurs across outlets is syndication.

- A block is known by its words and the place it stands in (`Trace`): chrome recurs at one element
  path, while the lead of an article that returns as a teaser stands at another.
- Pages that carry the same article (refetched, updated, syndicated twice) are one *witness*: else
  their own text would look like chrome. Two pages are one witness when half of the prose that few
  pages of the outlet have is common to both.
- A `Profile` counts, for each block, how many witnesses carry it, and for each place (the elements
  around a block and their class words) how much of what stood there was content. It can be learned
  further, saved as JSON and loaded, and it forgets blocks and places that many later witnesses did not
  have, because sites are redesigned.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import regex
from numpy.typing import NDArray

from dedup.lexicon import fold
from dedup.settings import OutletSettings
from dedup.types import Page, Recurrence

FORMAT = "dedup outlet profiles 2"

# Hashes have 64 bits; those of words and path are joined by a multiplication with an odd number.
_RANGE, _ODD = 1 << 64, 0x9E3779B97F4A7C15
# Times longer that a block on many witnesses is remembered than one on a single one, at most.
_LONGEST = 10
_DIGITS = regex.compile(r"\d+")
_SENTENCE_END = regex.compile(r"[。！？!?.」』”\"’)）]\s*$")


class ProfileError(ValueError):
    """A file that holds no outlet profiles, or those of another version."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What is remembered of a page: for each block a hash of words and place, one of each, and its prose.

    `prose` is the block's characters if it reads like a sentence, else 0. `places` is empty for flat text;
    `content` holds for each place of a judged page its characters and how many of them are likely to be
    content. `key` tells pages apart.
    """

    outlet: str
    key: int
    blocks: tuple[int, ...]
    words: tuple[int, ...]
    prose: tuple[int, ...]
    places: tuple[int, ...]
    content: Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Seen:
    """By how many witnesses a block was carried, and how many there had been when it was seen last."""

    count: int
    last: int


@dataclass(frozen=True, slots=True)
class Place:
    """How many witnesses had blocks at a place, the last of them, the characters there, and the content."""

    count: int
    last: int
    characters: int
    content: int


@dataclass(frozen=True, slots=True)
class Article:
    """The prose of a witness, so that a copy of it is known again: characters by hash of words."""

    prose: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Profile:
    """What the witnesses of an outlet have in common.

    `pages` are the last pages that were learned, each with how many witnesses there were then, or 0 if it
    carried an article that was known; `learned` is how many there have been. `articles` is the prose of the
    last witnesses among them.
    """

    outlet: str
    witnesses: int
    blocks: Mapping[int, Seen]
    places: Mapping[int, Place]
    pages: Mapping[int, int]
    articles: tuple[Article, ...]
    learned: int


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of all outlets, and in how many outlets each run of prose stands (where above one)."""

    outlets: Mapping[str, Profile]
    spread: Mapping[int, int]


NOTHING = Profiles({}, {})


def trace(page: Page, settings: OutletSettings, chances: NDArray[np.float64] | None = None) -> Trace | None:
    """What the profile needs of a page; None for a page of no known outlet.

    `chances` has shape `(len(page.blocks),)`: how likely each block is content, where that was judged.
    """
    outlet = page.document.outlet
    if outlet is None:
        return None
    blocks, words, prose, places = [], [], [], []
    known: dict[tuple[str, str, str], int] = {}
    paths: dict[str, int] = {}
    for block in page.blocks:
        text = fold(block.text)
        is_prose = len(text) >= settings.prose and _SENTENCE_END.search(text) is not None
        said = _hash(text) if is_prose else _line_hash(text)
        if block.path not in paths:
            paths[block.path] = _hash(block.path)
        blocks.append((said * _ODD + paths[block.path]) % _RANGE)
        words.append(said)
        prose.append(len(text) if is_prose else 0)
        if block.path:
            names = block.path, block.tag, block.hints
            if names not in known:
                known[names] = _hash(_DIGITS.sub("0", "\0".join(names)))
            places.append(known[names])
    content: dict[int, tuple[int, int]] = {}
    if chances is not None:
        for place, block, chance in zip(places, page.blocks, chances.tolist(), strict=False):
            characters, likely = content.get(place, (0, 0))
            size = len(block.text)
            content[place] = characters + size, likely + round(size * chance)
    key = _hash(page.document.key + "\0" + page.document.text)
    return Trace(outlet, key, tuple(blocks), tuple(words), tuple(prose), tuple(places), content)


def learn(traces: Iterable[Trace], settings: OutletSettings, known: Profiles = NOTHING) -> Profiles:
    """`known` and what these pages add to it. The order of the pages does not matter."""
    by_outlet: dict[str, dict[int, Trace]] = defaultdict(dict)
    for one in traces:
        by_outlet[one.outlet][one.key] = one
    outlets = dict(known.outlets)
    spread: Counter[int] = Counter()
    for outlet, pages in sorted(by_outlet.items()):
        before = outlets.get(outlet, Profile(outlet, 0, {}, {}, {}, (), 0))
        outlets[outlet] = _learned(before, [pages[key] for key in sorted(pages)], settings)
    for profile in outlets.values():
        spread.update({word for article in profile.articles for word in article.prose})
    return Profiles(outlets, {word: count for word, count in spread.items() if count > 1})


def merge(one: Profiles, other: Profiles) -> Profiles:
    """What both know: profiles of one outlet are added up where they have no page or article in common.

    Where they have, adding would count a witness twice, and its text would look like chrome: the profile
    of more witnesses stays.
    """
    outlets = dict(one.outlets)
    for outlet, profile in other.outlets.items():
        mine = outlets.get(outlet)
        if mine is None or (_overlap(mine, profile) and profile.witnesses > mine.witnesses):
            outlets[outlet] = profile
        elif not _overlap(mine, profile):
            outlets[outlet] = _sum(mine, profile)
    return learn((), OutletSettings(), Profiles(outlets, {}))


def _overlap(one: Profile, other: Profile) -> bool:
    """Whether a page, or prose that only one article of an outlet has, stands in both."""
    own = [
        Counter(word for article in profile.articles for word in article.prose) for profile in (one, other)
    ]
    return bool(one.pages.keys() & other.pages.keys()) or any(
        count == 1 and own[1][word] == 1 for word, count in own[0].items()
    )


def _sum(one: Profile, other: Profile) -> Profile:
    """The other's witnesses come after the first's."""
    blocks, places = dict(one.blocks), dict(one.places)
    for block, seen in other.blocks.items():
        before = blocks.get(block, Seen(0, 0))
        blocks[block] = Seen(before.count + seen.count, one.witnesses + seen.last)
    for at, place in other.places.items():
        had = places.get(at, Place(0, 0, 0, 0))
        places[at] = Place(
            had.count + place.count,
            one.witnesses + place.last,
            had.characters + place.characters,
            had.content + place.content,
        )
    pages = {**one.pages, **{page: last and one.witnesses + last for page, last in other.pages.items()}}
    return Profile(
        one.outlet,
        one.witnesses + other.witnesses,
        blocks,
        places,
        pages,
        one.articles + other.articles,
        one.learned + other.learned,
    )


def recurrences(profiles: Profiles, page: Trace | None, settings: OutletSettings) -> tuple[Recurrence, ...]:
    """For each block of the page, who else carries it; empty for a page of no known outlet.

    The page itself, and what carried the same article before, are not others.
    """
    if page is None:
        return ()
    profile = profiles.outlets.get(page.outlet)
    if profile is None:
        return (Recurrence(),) * len(page.blocks)
    own = page.key in profile.pages or _is_copy(profile, page, settings)
    of = max(profile.witnesses - own, 0)
    unseen, nowhere = Seen(0, 0), Place(0, 0, 0, 0)
    places = page.places or (0,) * len(page.blocks)
    found = []
    for block, word, at in zip(page.blocks, page.words, places, strict=True):
        place = profile.places.get(at, nowhere)
        found.append(
            Recurrence(
                pages=min(max(profile.blocks.get(block, unseen).count - own, 0), of),
                outlets=max(profiles.spread.get(word, 0) - 1, 0),
                of=of,
                place_pages=min(max(place.count - own, 0), of),
                place_content=place.content / place.characters if place.characters else 0.0,
            )
        )
    return tuple(found)


def is_covered(profiles: Profiles, page: Trace, settings: OutletSettings) -> bool:
    """Whether the page need not be learned before it is judged.

    It need not if it was learned before; nor if many pages of its outlet were and it carries no article that
    is known: of such a copy the article's own text must not count as recurring.
    """
    profile = profiles.outlets.get(page.outlet)
    if profile is None or page.key in profile.pages:
        return profile is not None
    return profile.witnesses >= settings.covered and not _is_copy(profile, page, settings)


def _is_copy(profile: Profile, page: Trace, settings: OutletSettings) -> bool:
    """Whether the page carries an article that is known: an update, a refetch, another address."""
    prose = _prose([page])
    carriers = [
        [word for word in prose if word in article.prose]
        for article in profile.articles
        if not prose.keys().isdisjoint(article.prose)
    ]
    counts = Counter(word for words in carriers for word in words)
    many = max(2, int(settings.chrome_share * len(profile.articles)))
    own = sum(size for word, size in prose.items() if counts[word] <= many)
    return any(
        shared and shared >= settings.same_article * own
        for shared in (sum(prose[word] for word in words if counts[word] <= many) for words in carriers)
    )


def by_places(
    page: Page, known: Sequence[Recurrence], settings: OutletSettings
) -> NDArray[np.float64] | None:
    """How likely each block is content by its place, 0 where it recurs; None where that is not to be trusted.

    Other places are clear if they nearly always or nearly never held content; an unclear one takes the
    side of the clear ones before and behind it, where these agree. All is trusted where enough other pages
    of the outlet are known, few characters stay unclear, and the content is long enough for an article.
    """
    if not known or known[0].of < settings.trusted:
        return None
    size = np.array([len(block.text) for block in page.blocks])
    of = known[0].of
    recurs = np.array([one.pages >= max(2.0, settings.known_share * of) for one in known])
    placed = np.array([one.place_pages >= max(2.0, settings.place_share * of) for one in known])
    chances = np.where(recurs, 0.0, np.where(placed, [one.place_content for one in known], 0.5))
    clear = np.abs(chances - 0.5) > 0.5 - settings.clear
    if size[clear & (chances > 0.5)].sum() < settings.whole:
        return None
    before, behind = _nearest(chances, clear), _nearest(chances[::-1], clear[::-1])[::-1]
    agreed = ~clear & ((before > 0.5) == (behind > 0.5))
    chances = np.where(agreed, (before + behind) / 2, chances)
    content = size[chances >= 0.5].sum()
    return None if size[~clear & ~agreed].sum() > settings.unclear * content else chances


def _nearest(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each place the value of the nearest chosen one before it; 0 where there is none."""
    index = np.maximum.accumulate(np.where(chosen, np.arange(len(values)), -1))
    return np.where(index >= 0, values[index], 0.0)


def dump(profiles: Profiles) -> str:
    """The profiles as JSON; the same profiles give the same text."""
    outlets = {
        name: {
            "witnesses": profile.witnesses,
            "blocks": {
                f"{block:x}": [seen.count, seen.last] for block, seen in sorted(profile.blocks.items())
            },
            "places": {
                f"{at:x}": [place.count, place.last, place.characters, place.content]
                for at, place in sorted(profile.places.items())
            },
            "pages": {f"{page:x}": last for page, last in profile.pages.items()},
            "learned": profile.learned,
            "articles": [
                {f"{word:x}": characters for word, characters in sorted(article.prose.items())}
                for article in profile.articles
            ],
        }
        for name, profile in sorted(profiles.outlets.items())
    }
    return json.dumps({"format": FORMAT, "outlets": outlets}, ensure_ascii=False)


def parse(text: str) -> Profiles:
    """Read what `dump` wrote. Raises `ProfileError` for anything else."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"this is no JSON ({error}); give a file that dedup wrote") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ProfileError(f"this is no file of outlet profiles in the format {FORMAT!r}; learn it again")
    try:
        outlets = {str(name): _profile(str(name), row) for name, row in content["outlets"].items()}
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ProfileError(f"the outlet profiles are damaged ({error}); learn them again") from error
    return learn((), OutletSettings(), Profiles(outlets, {}))


def _profile(name: str, row: dict[str, Any]) -> Profile:
    pages = row["pages"]
    if isinstance(pages, list):  # as they were written before any was forgotten
        pages = dict.fromkeys(pages, row["witnesses"])
    return Profile(
        name,
        int(row["witnesses"]),
        {int(block, 16): Seen(int(count), int(last)) for block, (count, last) in row["blocks"].items()},
        {int(at, 16): Place(*map(int, numbers)) for at, numbers in row["places"].items()},
        {int(page, 16): int(last) for page, last in pages.items()},
        tuple(
            Article({int(word, 16): int(characters) for word, characters in article.items()})
            for article in row["articles"]
        ),
        int(row.get("learned", len(pages))),
    )


def _learned(before: Profile, pages: Sequence[Trace], settings: OutletSettings) -> Profile:
    new = [page for page in pages if page.key not in before.pages]
    groups = _witnesses(before.articles, new, settings)
    witnesses = before.witnesses + len(groups)
    blocks, places = dict(before.blocks), dict(before.places)
    for group in groups:
        for block in {block for page in group for block in page.blocks}:
            blocks[block] = Seen(blocks[block].count + 1 if block in blocks else 1, witnesses)
        for at, (characters, content) in group[0].content.items():
            place = places.get(at, Place(0, 0, 0, 0))
            places[at] = Place(
                place.count + 1, witnesses, place.characters + characters, place.content + content
            )
    articles = [*before.articles, *(Article(_prose(group)) for group in groups)]

    def remembered(seen: Seen | Place) -> bool:
        return witnesses - seen.last <= settings.forget * min(seen.count, _LONGEST)

    return Profile(
        before.outlet,
        witnesses,
        {block: seen for block, seen in blocks.items() if remembered(seen)},
        {at: place for at, place in places.items() if remembered(place)},
        _last(before.pages, witnesses, settings)
        | {page.key: 0 for page in new}
        | {page.key: witnesses for group in groups for page in group},
        tuple(articles[-settings.articles :]),
        before.learned + len(new),
    )


def _last(pages: Mapping[int, int], witnesses: int, settings: OutletSettings) -> dict[int, int]:
    """The pages that must be known when they come again, so that their blocks don't count against them.

    Of a witness no block is remembered that it alone carried once its page is forgotten here.
    """
    again = [page for page, last in pages.items() if not last]
    forgotten = set(again[: max(len(again) - settings.pages, 0)])
    longest = settings.forget * _LONGEST
    return {
        page: last
        for page, last in pages.items()
        if page not in forgotten and (not last or witnesses - last <= longest)
    }


def _prose(group: Sequence[Trace]) -> dict[int, int]:
    return {word: n for page in group for word, n in zip(page.words, page.prose, strict=True) if n}


def _witnesses(
    known: Sequence[Article], pages: Sequence[Trace], settings: OutletSettings
) -> list[list[Trace]]:
    """The new witnesses: pages grouped by article, but for those that carry a known one again.

    Pages are grouped by the prose they share: an inverted index of prose, then a union of all pairs
    that share half of the smaller one's.
    """
    prose = [dict(article.prose) for article in known] + [_prose([page]) for page in pages]
    carriers: dict[int, list[int]] = defaultdict(list)
    for i, words in enumerate(prose):
        for word in words:
            carriers[word].append(i)
    # Prose on many pages is the outlet's own (a notice, a footer) and makes no two pages alike.
    many = max(2, int(settings.chrome_share * len(prose)))
    own = [sum(n for word, n in words.items() if len(carriers[word]) <= many) for words in prose]
    common: Counter[tuple[int, int]] = Counter()
    for word, holders in carriers.items():
        if 2 <= len(holders) <= min(many, settings.carriers):
            for n, i in enumerate(holders):
                for j in holders[n + 1 :]:
                    common[i, j] += prose[i][word]
    parent = list(range(len(prose)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for (i, j), shared in common.items():
        if shared >= settings.same_article * min(own[i], own[j]):
            low, high = sorted((root(i), root(j)))
            parent[high] = low  # a known article stays the root of its copies
    groups: dict[int, list[Trace]] = defaultdict(list)
    for i, page in enumerate(pages, len(known)):
        groups[root(i)].append(page)
    return [group for i, group in groups.items() if i >= len(known)]


# What is not prose comes back on every page of an outlet, and on most is short.
@lru_cache(maxsize=8192)
def _line_hash(text: str) -> int:
    return _hash(_DIGITS.sub("0", text))


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )
