"""How the cost of work grows with its size, measured so that other programs on the machine don't count."""

from __future__ import annotations

import gc
import time

import pytest


@pytest.fixture(scope="session")
def growth():
    """`growth(work, small, large)`: CPU time of `work(large)` over that of `work(small)`.

    Time of this thread alone, so that waiting for a core doesn't count; both sizes in turns, the least of
    each, so that a moment in which others empty the caches doesn't either. The collector of cycles,
    whose passes grow with all that is alive, is off meanwhile.
    """

    def measure(work, small, large, turns=3):
        work(small)
        gc.collect()
        gc.disable()
        try:
            times = {size: [] for size in (small, large)}
            for _ in range(turns):
                for size in (small, large):
                    start = time.thread_time()
                    work(size)
                    times[size].append(time.thread_time() - start)
        finally:
            gc.enable()
        return min(times[large]) / min(times[small])

    return measure
