"""A million random numbers, on all the threads that each library uses for them."""

import torch
from measure import compare

import facula

N = 1_000_000
compare(
    "rand, a million float32",
    lambda: facula.rand(N),
    lambda: torch.rand(N),
    10,
    "ms",
    60,
    bound=0.5,
)
compare("randn, a million float32", lambda: facula.randn(N), lambda: torch.randn(N), 10, "ms", 20)
facula.set_num_threads(1)
torch.set_num_threads(1)
compare(
    "rand, a million float32, 1 thread", lambda: facula.rand(N), lambda: torch.rand(N), 10, "ms", 30
)
