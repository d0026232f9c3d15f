"""A million random numbers, on all the threads that each library uses for them.

`torch.rand` uses one thread. Facula's threads need a second core that is free: where another program has it,
the system runs both on one core, and what is left is the time of one thread. The row of cores used says
which it was, and the row of the words alone how much NumPy's Philox takes of it: the floor.
"""

import time

import numpy as np
import torch
from measure import compare, row

import facula
from facula.threads import in_parts

N = 1_000_000
philox = {}


def words():
    """As many words as `rand` takes, on as many threads, and nothing done with them."""

    def part(start, end):
        if start not in philox:
            philox[start] = np.random.Philox(start)
        philox[start].random_raw((end - start) // 2)

    in_parts(part, N, 8)


def cores_used(work, calls=300):
    """Seconds of CPU time in a second of `work`."""
    work()
    wall, used = time.perf_counter(), time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - used) / (time.perf_counter() - wall)


compare(
    "rand, a million float32",
    lambda: facula.rand(N),
    lambda: torch.rand(N),
    10,
    "ms",
    60,
    bound=0.5,
)
cores = cores_used(lambda: facula.rand(N))
row(f"rand: cores used meanwhile ({facula.get_num_threads()} is the most)", cores, None, "", cores)
compare("Philox words of a million float32, unused", words, lambda: torch.rand(N), 10, "ms", 60)
compare("randn, a million float32", lambda: facula.randn(N), lambda: torch.randn(N), 10, "ms", 20)
facula.set_num_threads(1)
torch.set_num_threads(1)
compare(
    "rand, a million float32, 1 thread", lambda: facula.rand(N), lambda: torch.rand(N), 10, "ms", 30
)
