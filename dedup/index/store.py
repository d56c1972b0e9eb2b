"""What an index asks of the place that keeps it, and what goes wrong there.

A store keeps four things, all by whole numbers that it never has to explain:

- *texts*, each distinct comparison text once, in the words of its first copy;
- *postings*, which texts have a key: 32 bits of a band of the signature, or of the whole text;
- *articles*, by number and by id, each the numbers of its texts in order (0 for a paragraph without
  comparison text);
- *profiles* of outlets, as text.

A posting may outlive its text: what it leads to is verified against words anyway. Everything within
`writing` happens at once and alone, or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class StoreError(Exception):
    """An index that cannot be opened, read or written; what was committed before stays.

    `error` is the cause in one word: `not_an_index`, `other_format`, `other_parameters`, `damaged`,
    `read_only`, `missing`, `disk_full`, `busy`, `unreachable`, `conflict`, `extra`, or `store` for any other.
    """

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


@dataclass(frozen=True, slots=True)
class StoredText:
    """The words of a text, and the cluster it joined (16 hex digits; empty where it is its own)."""

    words: str
    cluster: str


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article as the store has it. `seen` is in seconds since 1970."""

    number: int
    id: str
    outlet: str | None
    published: str | None
    seen: int
    texts: tuple[int, ...]


class Standing(NamedTuple):
    """Where a text stands: the paragraph's place in an article, from 0, and whose article it is."""

    article: str
    place: int
    outlet: str | None
    seen: int


@dataclass(frozen=True, slots=True)
class Additions:
    """What one transaction adds. `postings` are `key << 32 | text`, sorted; `texts` are by number."""

    texts: Mapping[int, StoredText]
    postings: NDArray[np.uint64]
    articles: Sequence[StoredArticle]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a store holds; `seen` are the first and the last, in seconds since 1970."""

    articles: int
    paragraphs: int
    texts: int
    bytes: int
    text_bytes: int
    seen: tuple[int, int] | None


class Store(Protocol):
    """What `sqlite` and `redis` do alike. Everything but opening and closing happens in a transaction.

    Methods raise `StoreError` and nothing else.
    """

    def open(self, parameters: Mapping[str, float] | None) -> Mapping[str, float]:
        """Make the store with `parameters` if there is none, else say what it was made with."""

    def close(self) -> None:
        """Let go of files and connections; the next call gets them again."""

    def reading(self) -> AbstractContextManager[None]:
        """What is read within is of one moment."""

    def writing(self) -> AbstractContextManager[None]:
        """What is written within happens at once and alone, or not at all."""

    def lookup(
        self, keys: NDArray[np.uint32], *, compiled: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For sorted distinct keys: how many texts each has, and their numbers, key by key."""

    def texts(self, numbers: Collection[int]) -> dict[int, StoredText]:
        """Those of the texts that there are."""

    def standings(self, numbers: Collection[int], since: int, limit: int | None) -> dict[int, list[Standing]]:
        """Where each text stands in articles seen at `since` or later, first seen first."""

    def articles(self, ids: Collection[str]) -> dict[str, StoredArticle]:
        """Those of the articles that there are, by id."""

    def next_numbers(self) -> tuple[int, int]:
        """The numbers of the next text and of the next article."""

    def add(self, additions: Additions) -> None:
        """Put in what is not there yet."""

    def oldest(self, before: int, limit: int) -> list[StoredArticle]:
        """At most `limit` articles seen before then, first seen first."""

    def remove(self, articles: Sequence[StoredArticle]) -> None:
        """Take these articles out, and the texts that no other article has."""

    def shrink(self) -> None:
        """Take out postings without a text and give back space. In transactions of its own."""

    def scan_articles(self) -> Iterator[StoredArticle]:
        """All articles in the order they came; outside a transaction."""

    def scan_texts(self) -> Iterator[tuple[int, StoredText]]:
        """All texts by number; outside a transaction."""

    def counts(self) -> Counts:
        """How much there is; it may read everything."""

    def faults(self) -> Iterator[str]:
        """What is wrong with the store itself, in words; outside a transaction."""

    def profiles(self) -> dict[str, str]:
        """The profiles of all outlets."""

    def put_profile(self, outlet: str, profile: str) -> None:
        """Put a profile in the place of the outlet's earlier one."""
