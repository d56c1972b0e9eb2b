"""Work in slices: several at once in threads, large arrays in files.

Numpy's sorts and the compiled kernels release the interpreter's lock, so threads use several
cores without copying anything. Results come in the order of the slices: they do not depend on the
number of workers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_order(work: Callable[[_In], _Out], parts: Iterable[_In], workers: int) -> list[_Out]:
    """Return `work` of every part, in order; up to `workers` at once.

    A part that fails ends the call with its error; parts not begun by then are left.

    >>> in_order(abs, [-2, 1], workers=2)
    [2, 1]
    """
    if workers == 1:
        return list(map(work, parts))
    listed = list(parts)
    results: list[Any] = [None] * len(listed)
    ahead = iter(range(len(listed)))

    # Threads take parts themselves: a future for each part wakes the garbage collector, which holds the
    # interpreter's lock for .1 s at a time where a million texts are in memory.
    def take() -> None:
        try:
            for number in ahead:
                results[number] = work(listed[number])
        except BaseException:
            for _ in ahead:
                pass
            raise

    with ThreadPoolExecutor(workers) as pool:
        for thread in [pool.submit(take) for _ in range(workers)]:
            thread.result()
    return results


def slices(count: int, size: int) -> list[tuple[int, int]]:
    """Return half-open ranges of `size` that make up `count`, the last one shorter.

    >>> slices(5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def allocate(shape: tuple[int, ...], dtype: type[Any], scratch: str) -> NDArray[Any]:
    """Return an array without set values, in a file of the folder `scratch` if one is named.

    The file has no name of its own and goes with the array; the system writes its pages out and
    drops them from memory when it needs to.
    """
    if not scratch or 0 in shape:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(dir=scratch) as file:
        return np.memmap(file, dtype, "w+", shape=shape)
