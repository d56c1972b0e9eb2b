"""Parts of work in threads: in order, no more at once than asked, an error ends the rest."""

from __future__ import annotations

import threading
import time

import pytest

from dedup.threads import in_order


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("count", [0, 1, 7, 100])
def test_results_are_in_the_order_of_the_parts(workers: int, count: int) -> None:
    assert in_order(lambda part: part * part, range(count), workers) == [part**2 for part in range(count)]


def test_as_many_at_once_as_there_are_workers() -> None:
    together = threading.Barrier(3, timeout=10)  # broken, and the call fails, where fewer meet
    assert len(set(in_order(lambda _: (together.wait(), threading.get_ident())[1], range(3), 3))) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_comes_out_and_ends_the_rest(workers: int) -> None:
    begun: list[int] = []
    failed = threading.Event()

    def work(part: int) -> None:
        begun.append(part)
        if part == 0:
            failed.set()
            raise ValueError("part 0")
        failed.wait(10)
        time.sleep(0.001)  # all parts would take seconds, the end of the rest does not

    with pytest.raises(ValueError, match="part 0"):
        in_order(work, range(10_000), workers)
    assert len(begun) < 10_000
