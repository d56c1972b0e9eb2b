"""A cleaner that learns: what a scraper calls for every page it gets.

    cleaner = dedup.Cleaner(index=dedup.Index("news.index"))
    for article in cleaner.clean(page, url):
        answer = cleaner.index.add(article)

From asyncio, so that the loop goes on meanwhile: `await asyncio.to_thread(cleaner.clean, page, url)`.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence

from dedup import outlet as evidence
from dedup.index import Index
from dedup.outlet import NOTHING, Profile, Profiles, Trace
from dedup.pipeline import clean_traced
from dedup.settings import Settings
from dedup.types import Article

_DEFAULTS = Settings()


class Cleaner:
    """Holds settings and the profiles of outlets, which it learns further as pages come.

    Safe to share between threads. With an `index` the profiles live beside its paragraphs: they are
    loaded from there, and what several processes learn comes together there. A page is learned after
    `settings.index.learn_pages` pages of its outlet have come, or at `flush`, so the first pages of an
    outlet are cleaned as `dedup.clean` cleans them.

    >>> cleaner = Cleaner()
    >>> [article.text for article in cleaner.clean("The bridge is open again.", outlet="ridge")]
    ['The bridge is open again.']
    """

    def __init__(
        self, profiles: Profiles = NOTHING, *, index: Index | None = None, settings: Settings = _DEFAULTS
    ) -> None:
        self.index = index
        self.settings = settings
        stored = {} if index is None else index.profiles()
        known = [evidence.parse(text) for text in stored.values()]
        outlets = {name: one for some in (*known, profiles) for name, one in some.outlets.items()}
        self._profiles = evidence.learn((), settings.outlet, Profiles(outlets, {}))
        self._carriers = Counter(word for one in outlets.values() for word in _prose(one))
        self._waiting: dict[str, list[Trace]] = defaultdict(list)
        self._lock, self._learning = threading.Lock(), threading.Lock()

    @property
    def profiles(self) -> Profiles:
        """What is known of the outlets now."""
        return self._profiles

    def clean(self, content: bytes | str, url: str | None = None, outlet: str | None = None) -> list[Article]:
        """The articles of one page, as `dedup.clean`; the page is remembered to learn from.

        Raises `dedup.DecodeError` for bytes that are no text, and `dedup.StoreError` where the index
        cannot take what was learned.
        """
        articles, trace = clean_traced(content, url, outlet, profiles=self._profiles, settings=self.settings)
        if trace is not None:
            with self._lock:
                waiting = self._waiting[trace.outlet]
                waiting.append(trace)
                enough = len(waiting) >= self.settings.index.learn_pages
                if enough:
                    del self._waiting[trace.outlet]
            if enough:
                self._learn(trace.outlet, waiting)
        return articles

    def flush(self) -> None:
        """Learn the pages that are still waiting."""
        with self._lock:
            waiting, self._waiting = self._waiting, defaultdict(list)
        for outlet, traces in waiting.items():
            self._learn(outlet, traces)

    def _learn(self, outlet: str, traces: Sequence[Trace]) -> None:
        with self._learning:
            before = self._profiles.outlets.get(outlet)
            if self.index is None:
                after = self._learned(before, outlet, traces)
            else:
                text = self.index.update_profile(
                    outlet,
                    lambda stored: evidence.dump(
                        Profiles(
                            {
                                outlet: self._learned(
                                    evidence.parse(stored).outlets[outlet] if stored else before,
                                    outlet,
                                    traces,
                                )
                            },
                            {},
                        )
                    ),
                )
                after = evidence.parse(text).outlets[outlet]
            old, new = (set() if one is None else _prose(one) for one in (before, after))
            self._carriers.subtract(old - new)
            self._carriers.update(new - old)
            spread = dict(self._profiles.spread)
            for word in old ^ new:
                spread.pop(word, None)
                if self._carriers[word] > 1:
                    spread[word] = self._carriers[word]
            self._profiles = Profiles({**self._profiles.outlets, outlet: after}, spread)

    def _learned(self, before: Profile | None, outlet: str, traces: Sequence[Trace]) -> Profile:
        known = NOTHING if before is None else Profiles({outlet: before}, {})
        return evidence.learn(traces, self.settings.outlet, known).outlets[outlet]


def _prose(profile: Profile) -> set[int]:
    """The runs of prose of an outlet's articles."""
    return {word for article in profile.articles for word in article.prose}
