"""Columns of strings as arrays, in the layout of Arrow: no object for a string until one is looked at.

Making a million strings takes longer than finding which of them are alike, and holds the
interpreter's lock meanwhile. What is clustered may come in these instead of in lists of strings;
`adapters.arrow.paragraphs` makes them of a table without copying it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Strings looked at together when all are gone through.
_CHUNK = 1 << 10


class StringArray(Sequence[str]):
    """Strings end to end in UTF-8: string `i` is `data[starts[i] : starts[i + 1]]` (uint8; int64)."""

    def __init__(self, data: NDArray[np.uint8], starts: NDArray[np.int64]) -> None:
        """Raises ValueError where `starts` do not rise within `data`."""
        if starts.size < 1 or starts[0] < 0 or starts[-1] > data.size or (np.diff(starts) < 0).any():
            raise ValueError("the starts of the strings do not rise within the data")
        self.data, self.starts = data, starts

    @classmethod
    def of(cls, strings: Sequence[str]) -> StringArray:
        """The same strings. Raises UnicodeEncodeError for a lone surrogate, which UTF-8 does not have."""
        encoded = [string.encode() for string in strings]
        starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), starts)

    def __len__(self) -> int:
        return self.starts.size - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        chosen = range(len(self))[index]
        if isinstance(chosen, int):
            return self.data[self.starts[chosen] : self.starts[chosen + 1]].tobytes().decode()
        if chosen.step == 1:
            return StringArray(self.data, self.starts[chosen.start : max(chosen.start, chosen.stop) + 1])
        return [self[i] for i in chosen]

    def __iter__(self) -> Iterator[str]:
        data = self.data.data
        for first in range(0, len(self), _CHUNK):
            for begin, end in itertools.pairwise(self.starts[first : first + _CHUNK + 1].tolist()):
                yield str(data[begin:end], "utf-8")

    def heads(self, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
        """The first eight bytes of these strings as numbers, which are ordered as the strings are.

        Equal where strings begin alike, or differ in null characters at their end.
        """
        begin, size = self.starts[numbers], self.starts[numbers + 1] - self.starts[numbers]
        found = np.zeros((numbers.size, 8), np.uint8)
        for place in range(8):
            longer = np.flatnonzero(size > place)
            found[longer, place] = self.data[begin[longer] + place]
        return found.view(">u8").astype(np.uint64).reshape(-1)


class DictionaryArray(Sequence[str | None]):
    """Strings of which many are equal, or None: string `i` is `names[codes[i]]`."""

    def __init__(self, names: Sequence[str | None], codes: NDArray[np.integer[Any]]) -> None:
        self.names, self.codes = list(names), codes

    def __len__(self) -> int:
        return self.codes.size

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str | None] | None:
        if isinstance(index, slice):
            return DictionaryArray(self.names, self.codes[index])
        return self.names[int(self.codes[index])]

    def __iter__(self) -> Iterator[str | None]:
        return map(self.names.__getitem__, self.codes.tolist())

    def ranks(self, numbers: NDArray[np.int64], default: str) -> NDArray[np.int64]:
        """The place of these strings among the sorted distinct ones; `default` stands for None and for ''."""
        filled = [name or default for name in self.names]
        rank = {name: i for i, name in enumerate(sorted(set(filled)))}
        ranks: NDArray[np.int64] = np.array([rank[name] for name in filled], np.int64)[self.codes[numbers]]
        return ranks
