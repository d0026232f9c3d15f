"""Seconds that `facula.compile(backend="c")` adds to the first three steps: with an empty cache, and from the disk.

What all programs share (threads, matrix product) is compiled before. `python compile_time.py [row ...]`
"""

from __future__ import annotations

import sys
import tempfile

from measure import row
from peers import CORES, Peer
from table import chosen

NAMES = (
    "mlp-32", "mlp-512", "cnn", "resnet18", "lstm", "gpt", "gpt-tokens", "vae", "keywords", "resnet50-1",
    "bert-1", "policy", "chain", "chain-exp",
)  # fmt: skip


def seconds(name: str, cache: str) -> float:
    """Of the first steps, less what as many later ones take."""
    with Peer("facula-compiled", name, len(CORES), {}, FACULA_CACHE=cache) as worker:
        first = worker.ask("first")["seconds"]
        later = min(worker.ask("slice", 1) for _ in range(3))
        return sum(first) - len(first) * later  # type: ignore[no-any-return]


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as cache:
        seconds("sum", cache)
        for case in chosen(names or list(NAMES)):
            cold, warm = seconds(case.name, cache), seconds(case.name, cache)
            row(f"compile time of {case.what}, cold", cold, None, "s", cold, 10)
            row(f"compile time of {case.what}, from the disk cache", warm, None, "s", warm, 0.3)


if __name__ == "__main__":
    main(sys.argv[1:])
