"""Which keys an index surely does not have, told from memory.

A Bloom filter ("Space/time trade-offs in hash coding with allowable errors", 1970) whose keys set two bits
each of one word of 64 (Putze, Sanders and Singler, "Cache-, hash- and space-efficient Bloom filters",
2007). The keys are hashes already: their upper 21 bits are the word and the others its bits. It takes one
key in 1,000 that is not there for one that may be at 100,000 paragraphs, and one in 30 at a million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Keys = NDArray[np.uint32]

_LOW = np.uint64(63)


class Filter:
    """A set of keys that may seem to have others too; 16 MB."""

    def __init__(self) -> None:
        self._words = np.zeros(1 << 21, np.uint64)

    def put(self, keys: Keys, *, compiled: bool = False) -> None:
        """Have these keys."""
        if compiled:
            from dedup.index import kernels  # noqa: PLC0415 - numba is optional and slow to import

            kernels.put(self._words, keys)
        else:
            np.bitwise_or.at(self._words, *_bits(keys))

    def may_have(self, keys: Keys, *, compiled: bool = False) -> NDArray[np.bool_]:
        """Whether each key may have been put; where not, it was not."""
        if compiled:
            from dedup.index import kernels  # noqa: PLC0415

            told: NDArray[np.bool_] = kernels.may_have(self._words, keys)
            return told
        words, bits = _bits(keys)
        return self._words[words] & bits == bits  # type: ignore[no-any-return]


def _bits(keys: Keys) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The word of every key, and its bits there."""
    wide = keys.astype(np.uint64)
    one = np.uint64(1)
    return wide >> np.uint64(11), one << (wide >> np.uint64(5) & _LOW) | one << (wide & _LOW)
