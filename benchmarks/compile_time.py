"""Seconds that `facula.compile(backend="c")` adds to the first three steps: with an empty cache, and from the disk.

What all programs share (threads, matrix product) is compiled before. Steps of half a second differ by a tenth, so what
comes from the disk is the median of several processes, and what the same program takes is that of the steps that follow at
once: the shortest of later ones would count the CPU's moods as compiling. `python compile_time.py [row ...]`
"""

from __future__ import annotations

import statistics
import sys
import tempfile

from measure import row
from peers import CORES, Peer
from table import chosen

NAMES = (
    "mlp-32", "mlp-512", "cnn", "resnet18", "lstm", "gpt", "gpt-tokens", "vae", "keywords", "resnet50-1",
    "bert-1", "policy", "chain", "chain-exp",
)  # fmt: skip
#: Processes that find their program on the disk, and steps that follow the first three.
PROCESSES, LATER = 7, 5


def seconds(name: str, cache: str) -> float:
    """Of the first steps, less what as many that follow take."""
    with Peer("facula-compiled", name, len(CORES), {}, FACULA_CACHE=cache) as worker:
        first = worker.ask("first")["seconds"]
        later = statistics.median(worker.ask("seconds", 1) for _ in range(LATER))
        return sum(first) - len(first) * later


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as cache:
        seconds("sum", cache)
        for case in chosen(names or list(NAMES)):
            cold = seconds(case.name, cache)
            warm = statistics.median(seconds(case.name, cache) for _ in range(PROCESSES))
            row(f"compile time of {case.what}, cold", cold, None, "s", cold, 10)
            row(f"compile time of {case.what}, from the disk cache", warm, None, "s", warm, 0.3)


if __name__ == "__main__":
    main(sys.argv[1:])
