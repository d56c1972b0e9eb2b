"""What is clustered, and what came of it, as columns; objects are made when they are looked at.

A million links and clusters take longer to make as objects than to find as numbers. `Links` and
`Clusters` are sequences of `Link` and `Cluster` like any other, and their attributes are the arrays
behind them: who needs numbers alone takes those. `Paragraphs` is the same for the input.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from dedup.compare import comparison_text
from dedup.strings import DictionaryArray, StringArray
from dedup.types import Cluster, Link, Member, Paragraph, Relation, Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

_T = TypeVar("_T")

# Objects made at once while a result is gone through.
_CHUNK = 1 << 10


class _Made(Sequence[_T]):
    """A sequence whose objects `_some` makes; equal to any sequence of equal objects, so without a hash."""

    def _some(self, first: int, last: int) -> list[_T]:
        """Make the objects `first` to `last`, half open."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> list[_T]: ...
    def __getitem__(self, index: int | slice) -> _T | list[_T]:
        if isinstance(index, int | np.integer):
            number = range(len(self))[index]
            return self._some(number, number + 1)[0]
        chosen = range(len(self))[index]
        if chosen.step == 1:
            return self._some(chosen.start, max(chosen.start, chosen.stop))
        return [self[i] for i in chosen]

    def __iter__(self) -> Iterator[_T]:
        for first in range(0, len(self), _CHUNK):
            yield from self._some(first, min(first + _CHUNK, len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == two for one, two in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,}>"


class Paragraphs(_Made[Paragraph]):
    """Paragraphs given as columns of one length: for who has rows, and wants no object made of each.

    `outlets`, `indices` and `published` may be left out: no outlet, place 0, no date. `documents` and `texts`
    that are a `strings.StringArray`, `outlets` and `published` that are a `strings.DictionaryArray`, are read
    without making strings of them.

    >>> Paragraphs(["a", "b"], ["Rain.", "Snow."], outlets=["north", None])[0]
    Paragraph(document='a', index=0, outlet='north', text='Rain.', published=None)
    """

    def __init__(
        self,
        documents: Sequence[str],
        texts: Sequence[str],
        *,
        outlets: Sequence[str | None] | None = None,
        indices: Sequence[int] | None = None,
        published: Sequence[str | None] | None = None,
    ) -> None:
        """Raises ValueError where the columns differ in length."""
        columns = (documents, texts, outlets, indices, published)
        if len({len(column) for column in columns if column is not None}) > 1:
            raise ValueError("the columns differ in length")
        self.documents, self.texts = documents, texts
        self.outlets, self.indices, self.published = outlets, indices, published

    def __len__(self) -> int:
        return len(self.texts)

    def _some(self, first: int, last: int) -> list[Paragraph]:
        none, zero = itertools.repeat(None), itertools.repeat(0)
        return [
            Paragraph(*row)
            for row in zip(
                self.documents[first:last],
                self.indices[first:last] if self.indices is not None else zero,
                self.outlets[first:last] if self.outlets is not None else none,
                self.texts[first:last],
                self.published[first:last] if self.published is not None else none,
                strict=False,
            )
        ]


class Links(_Made[Link]):
    """Links by the numbers of their paragraphs in the input: four arrays of one length.

    First the near links, between the first paragraphs of two distinct texts, then one exact link
    from the first paragraph of a text to each of its copies. `exact` says which are those.
    """

    def __init__(
        self,
        paragraphs: Sequence[Paragraph],
        left: NDArray[np.int64],
        right: NDArray[np.int64],
        similarity: NDArray[np.float64],
        exact: NDArray[np.bool_],
    ) -> None:
        self.paragraphs = paragraphs
        self.left, self.right, self.similarity, self.exact = left, right, similarity, exact

    def __len__(self) -> int:
        return self.left.size

    def _some(self, first: int, last: int) -> list[Link]:
        held = self.paragraphs
        columns = (self.left, self.right, self.similarity, self.exact)
        return [
            Link(held[left], held[right], Relation.EXACT if exact else Relation.NEAR, similarity)
            for left, right, similarity, exact in zip(
                *(column[first:last].tolist() for column in columns), strict=True
            )
        ]


class Clusters(_Made[Cluster]):
    """Clusters by the numbers of their members in the input.

    The members of cluster `i` are `members[starts[i] : starts[i + 1]]`, the representative first;
    `similarity` and `exact` are by place in `members`: how alike each is to the representative.
    """

    def __init__(
        self,
        paragraphs: Sequence[Paragraph],
        members: NDArray[np.int64],
        starts: NDArray[np.int64],
        similarity: NDArray[np.float64],
        exact: NDArray[np.bool_],
    ) -> None:
        self.paragraphs, self.members, self.starts = paragraphs, members, starts
        self.similarity, self.exact = similarity, exact

    def __len__(self) -> int:
        return self.starts.size - 1

    def _some(self, first: int, last: int) -> list[Cluster]:
        starts = self.starts[first : last + 1]
        begin, end = int(starts[0]), int(starts[-1])
        columns = (self.members, self.similarity, self.exact)
        with all_survive():
            made = [
                Member(self.paragraphs[number], similarity, Relation.EXACT if exact else Relation.NEAR)
                for number, similarity, exact in zip(
                    *(column[begin:end].tolist() for column in columns), strict=True
                )
            ]
            bounds = itertools.pairwise((starts - begin).tolist())
            return [_cluster(tuple(made[start:stop])) for start, stop in bounds]


@contextlib.contextmanager
def all_survive() -> Iterator[None]:
    """Leave out the search for garbage while many objects are made that all stay.

    It would go over them again and again: 1.2 us a paragraph of a million.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _cluster(members: tuple[Member, ...]) -> Cluster:
    outlets = {member.paragraph.outlet for member in members}
    known = tuple(sorted(outlet for outlet in outlets if outlet is not None))
    first, kind = members[0].paragraph, members[-1].kind
    spread = _spread(len(known), unknown=len(known) < len(outlets))
    return Cluster(text_id(comparison_text(first.text)), kind, known, first, members, spread)


def text_id(text: str) -> str:
    """Return the hash of a text by which its cluster is known (16 hex digits)."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _spread(outlets: int, *, unknown: bool) -> Spread:
    if outlets > 1:
        return Spread.ACROSS_OUTLETS
    return Spread.UNKNOWN if unknown else Spread.WITHIN_OUTLET


def held(paragraphs: Iterable[Paragraph]) -> Sequence[Paragraph]:
    """Return paragraphs as a sequence that does not change if the caller's list does."""
    lazy = isinstance(paragraphs, Sequence) and not isinstance(paragraphs, list)
    return paragraphs if lazy else tuple(paragraphs)  # type: ignore[return-value]


def precedence(paragraph: Paragraph) -> tuple[str, str, str, int, str]:
    """Sort key: earliest published first, undated last; then by names, never by input position."""
    published = paragraph.published or "\U0010ffff"
    return published, paragraph.outlet or "", paragraph.document, paragraph.index, paragraph.text


def by_precedence(paragraphs: Sequence[Paragraph], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the `numbers` of paragraphs in the order of their precedence.

    Dates, outlets and the beginnings of documents are sorted as numbers; only what these leave equal, the
    paragraphs of one article for instance, is sorted by all that `precedence` says.
    """
    columns = paragraphs if isinstance(paragraphs, Paragraphs) else _named(paragraphs, numbers)
    places = numbers if columns is paragraphs else np.arange(numbers.size)
    keys: list[NDArray[Any]] = [*_heads(columns.documents, places)]
    if columns.outlets is not None:
        keys.append(_ranks(columns.outlets, places, ""))
    if columns.published is not None:
        keys.append(_ranks(columns.published, places, "\U0010ffff"))
    order = np.lexsort(keys)
    same = np.zeros(order.size + 1, bool)  # as the one before
    same[1:-1] = True
    for key in keys:
        same[1:-1] &= key[order[1:]] == key[order[:-1]]
    begins, ends = np.flatnonzero(same[1:] & ~same[:-1]), np.flatnonzero(same[:-1] & ~same[1:])
    numbers = numbers[order]
    for begin, end in zip(begins.tolist(), (ends + 1).tolist(), strict=True):
        alike = numbers[begin:end].tolist()
        numbers[begin:end] = sorted(alike, key=lambda number: precedence(paragraphs[number]))
    return numbers


def _named(paragraphs: Sequence[Paragraph], numbers: NDArray[np.int64]) -> Paragraphs:
    """Documents, outlets and dates of the paragraphs of these numbers, as columns."""
    some = [paragraphs[i] for i in numbers.tolist()]
    documents = [one.document for one in some]
    return Paragraphs(
        documents, documents, outlets=[one.outlet for one in some], published=[one.published for one in some]
    )


def _heads(names: Sequence[str], places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Numbers that are ordered as the first eight characters of the names are, the last of them first."""
    if isinstance(names, StringArray):
        return names.heads(places).reshape(1, -1)
    heads = np.array([names[i] for i in places.tolist()], "U8").view(np.uint32).reshape(-1, 8)
    # One number a name where a character fits in a byte, else four of two characters each.
    character = np.uint8 if heads.max(initial=0) < 256 else np.dtype(">u4")
    words: NDArray[np.uint64] = heads.astype(character).view(">u8").astype(np.uint64)
    return words.T[::-1]


def _ranks(names: Sequence[str | None], places: NDArray[np.int64], default: str) -> NDArray[np.int64]:
    """The place of every name among the distinct ones; `default` stands for none and for an empty one."""
    if isinstance(names, DictionaryArray):
        return names.ranks(places, default)
    codes: defaultdict[str | None, int] = defaultdict(itertools.count().__next__)
    some = [names[i] for i in places.tolist()]
    numbered = np.fromiter(map(codes.__getitem__, some), np.int64, places.size)
    return DictionaryArray(list(codes), numbered).ranks(np.arange(places.size), default)
