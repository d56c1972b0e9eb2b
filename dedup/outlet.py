"""Outlet evidence: what the other pages of the same outlet, and of other outlets, say of a block.

A block that recurs within an outlet is chrome; a block that recurs across outlets is syndication.

- A block is known by its words and the place it stands in (`Trace`): chrome recurs at one element
  path, while the lead of an article that returns as a teaser stands at another.
- Pages that carry the same article (refetched, updated, syndicated twice) are one *witness*: else
  their own text would look like chrome. Two pages are one witness when half of the prose that few
  pages of the outlet have is common to both.
- A `Profile` counts, for each block, how many witnesses carry it.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import regex

from dedup.lexicon import fold
from dedup.settings import OutletSettings
from dedup.types import Page, Recurrence

_DIGITS = regex.compile(r"\d+")
_SENTENCE_END = regex.compile(r"[。！？!?.」』”\"’)）]\s*$")


@dataclass(frozen=True, slots=True)
class Trace:
    """What is remembered of a page: for each block a hash of words and place, one of the words, its prose.

    `prose` is the block's characters if it reads like a sentence, else 0. `key` tells pages apart.
    """

    outlet: str
    key: int
    blocks: tuple[int, ...]
    words: tuple[int, ...]
    prose: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """How many witnesses of an outlet carry each block, and which pages were counted."""

    outlet: str
    witnesses: int
    counts: Mapping[int, int]
    pages: frozenset[int]


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of all outlets, and in how many outlets each run of prose stands."""

    outlets: Mapping[str, Profile]
    spread: Mapping[int, int]


NOTHING = Profiles({}, {})


def trace(page: Page, settings: OutletSettings) -> Trace | None:
    """What the profile needs of a page; None for a page of no known outlet."""
    outlet = page.document.outlet
    if outlet is None:
        return None
    blocks, words, prose = [], [], []
    for block in page.blocks:
        text = fold(block.text)
        is_prose = len(text) >= settings.prose and _SENTENCE_END.search(text) is not None
        spoken = text if is_prose else _DIGITS.sub("0", text)
        blocks.append(_hash(f"{block.path}\0{spoken}"))
        words.append(_hash(spoken))
        prose.append(len(text) if is_prose else 0)
    key = _hash(page.document.key + "\0" + page.document.text)
    return Trace(outlet, key, tuple(blocks), tuple(words), tuple(prose))


def learn(traces: Iterable[Trace], settings: OutletSettings) -> Profiles:
    """The profiles of all outlets of a run; their order does not matter."""
    by_outlet: dict[str, dict[int, Trace]] = defaultdict(dict)
    for one in traces:
        by_outlet[one.outlet][one.key] = one
    spread: Counter[int] = Counter()
    profiles = {}
    for outlet, pages in sorted(by_outlet.items()):
        profiles[outlet] = _profile(outlet, list(pages.values()), settings)
        spread.update(
            {w for page in pages.values() for w, p in zip(page.words, page.prose, strict=True) if p}
        )
    return Profiles(profiles, {word: n for word, n in spread.items() if n > 1})


def recurrences(profiles: Profiles, page: Trace | None) -> tuple[Recurrence, ...]:
    """For each block of the page, who else carries it; empty for a page of no known outlet."""
    if page is None:
        return ()
    profile = profiles.outlets.get(page.outlet)
    counts: Mapping[int, int] = profile.counts if profile else {}
    own = 1 if profile and page.key in profile.pages else 0
    return tuple(
        Recurrence(max(counts.get(block, 0) - own, 0), max(profiles.spread.get(word, 0) - 1, 0))
        for block, word in zip(page.blocks, page.words, strict=True)
    )


def _profile(outlet: str, pages: Sequence[Trace], settings: OutletSettings) -> Profile:
    counts: Counter[int] = Counter()
    witnesses = _witnesses(pages, settings)
    for group in witnesses:
        counts.update({block for page in group for block in page.blocks})
    return Profile(
        outlet,
        len(witnesses),
        {block: n for block, n in counts.items() if n > 1},
        frozenset(page.key for page in pages),
    )


def _witnesses(pages: Sequence[Trace], settings: OutletSettings) -> list[list[Trace]]:
    """Pages grouped so that those which carry the same article are one witness."""
    carriers: dict[int, list[int]] = defaultdict(list)
    for i, page in enumerate(pages):
        for word in {w for w, p in zip(page.words, page.prose, strict=True) if p}:
            carriers[word].append(i)
    # Prose on many pages is the outlet's own (a notice, a footer) and makes no two pages alike.
    many = max(2, int(settings.chrome_share * len(pages)))
    rare = [
        {w: p for w, p in zip(page.words, page.prose, strict=True) if p and len(carriers[w]) <= many}
        for page in pages
    ]
    parent = list(range(len(pages)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    common: Counter[tuple[int, int]] = Counter()
    for word, holders in carriers.items():
        if 2 <= len(holders) <= many:
            for n, i in enumerate(holders):
                for j in holders[n + 1 :]:
                    common[i, j] += rare[i][word]
    for (i, j), shared in common.items():
        if shared >= settings.same_article * min(sum(rare[i].values()), sum(rare[j].values())):
            parent[root(i)] = root(j)
    groups: dict[int, list[Trace]] = defaultdict(list)
    for i, page in enumerate(pages):
        groups[root(i)].append(page)
    return list(groups.values())


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )
