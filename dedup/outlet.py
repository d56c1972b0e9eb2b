"""Outlet evidence: what the other pages of the same outlet, and of other outlets, say of a block.

A block that recurs within an outlet is chrome; a block that recurs across outlets is syndication.

- A block is known by its words and the place it stands in (`Trace`): chrome recurs at one element
  path, while the lead of an article that returns as a teaser stands at another.
- Pages that carry the same article (refetched, updated, syndicated twice) are one *witness*: else
  their own text would look like chrome. Two pages are one witness when half of the prose that few
  pages of the outlet have is common to both.
- A `Profile` counts, for each block, how many witnesses carry it. It can be learned further, saved
  as JSON and loaded, and it forgets blocks that many later witnesses did not carry, because sites
  are redesigned.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from dedup.lexicon import fold
from dedup.settings import OutletSettings
from dedup.types import Page, Recurrence

FORMAT = "dedup outlet profiles 1"

_DIGITS = regex.compile(r"\d+")
_SENTENCE_END = regex.compile(r"[。！？!?.」』”\"’)）]\s*$")


class ProfileError(ValueError):
    """A file that holds no outlet profiles, or those of another version."""


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
class Seen:
    """By how many witnesses a block was carried, and how many there had been when it was seen last."""

    count: int
    last: int


@dataclass(frozen=True, slots=True)
class Article:
    """The prose of a witness, so that a copy of it is known again: characters by hash of words."""

    prose: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Profile:
    """What the witnesses of an outlet have in common.

    `pages` are all pages that were counted; `articles` is the prose of the last witnesses among them.
    """

    outlet: str
    witnesses: int
    blocks: Mapping[int, Seen]
    pages: frozenset[int]
    articles: tuple[Article, ...]


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of all outlets, and in how many outlets each run of prose stands (where above one)."""

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


def learn(traces: Iterable[Trace], settings: OutletSettings, known: Profiles = NOTHING) -> Profiles:
    """`known` and what these pages add to it. The order of the pages does not matter."""
    by_outlet: dict[str, dict[int, Trace]] = defaultdict(dict)
    for one in traces:
        by_outlet[one.outlet][one.key] = one
    outlets = dict(known.outlets)
    spread: Counter[int] = Counter()
    for outlet, pages in sorted(by_outlet.items()):
        before = outlets.get(outlet, Profile(outlet, 0, {}, frozenset(), ()))
        outlets[outlet] = _learned(before, [pages[key] for key in sorted(pages)], settings)
    for profile in outlets.values():
        spread.update({word for article in profile.articles for word in article.prose})
    return Profiles(outlets, {word: count for word, count in spread.items() if count > 1})


def recurrences(profiles: Profiles, page: Trace | None) -> tuple[Recurrence, ...]:
    """For each block of the page, who else carries it; empty for a page of no known outlet."""
    if page is None:
        return ()
    profile = profiles.outlets.get(page.outlet)
    if profile is None:
        return (Recurrence(),) * len(page.blocks)
    own = page.key in profile.pages
    unseen = Seen(0, 0)
    return tuple(
        Recurrence(
            pages=max(profile.blocks.get(block, unseen).count - own, 0),
            outlets=max(profiles.spread.get(word, 0) - 1, 0),
        )
        for block, word in zip(page.blocks, page.words, strict=True)
    )


def dump(profiles: Profiles) -> str:
    """The profiles as JSON; the same profiles give the same text."""
    outlets = {
        name: {
            "witnesses": profile.witnesses,
            "blocks": {
                f"{block:x}": [seen.count, seen.last] for block, seen in sorted(profile.blocks.items())
            },
            "pages": [f"{page:x}" for page in sorted(profile.pages)],
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
    return Profile(
        name,
        int(row["witnesses"]),
        {int(block, 16): Seen(int(count), int(last)) for block, (count, last) in row["blocks"].items()},
        frozenset(int(page, 16) for page in row["pages"]),
        tuple(
            Article({int(word, 16): int(characters) for word, characters in article.items()})
            for article in row["articles"]
        ),
    )


def _learned(before: Profile, pages: Sequence[Trace], settings: OutletSettings) -> Profile:
    new = [page for page in pages if page.key not in before.pages]
    groups = _witnesses(before.articles, new, settings)
    counts = {block: seen.count for block, seen in before.blocks.items()}
    last = {block: seen.last for block, seen in before.blocks.items()}
    witnesses = before.witnesses + len(groups)
    for group in groups:
        for block in {block for page in group for block in page.blocks}:
            counts[block] = counts.get(block, 0) + 1
            last[block] = witnesses
    articles = [*before.articles, *(Article(_prose(group)) for group in groups)]
    return Profile(
        before.outlet,
        witnesses,
        {
            block: Seen(count, last[block])
            for block, count in counts.items()
            if witnesses - last[block] <= settings.forget * min(count, 10)
        },
        before.pages | {page.key for page in new},
        tuple(articles[-settings.articles :]),
    )


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


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )
