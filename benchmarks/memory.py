"""Peak memory of 6 steps above the size after import and construction, each in a process of its own.

Compiled programs are held against PyTorch's eager mode, twice: with an empty cache, where making the program (but not the
C compiler, which is another process) is part of the steps, and with the program on the disk.
`python memory.py [row ...]`
"""

from __future__ import annotations

import sys
import tempfile

from measure import row
from peers import CORES, Peer
from table import chosen, peers_of

NAMES = (
    "small-mlp", "small-cnn", "mlp-32", "mlp-512", "cnn", "resnet18", "lstm", "treelstm", "gpt", "gpt-tokens",
    "vae", "keywords", "resnet50-1", "bert-1",
)  # fmt: skip
STEPS = 6


def growth(peer: str, name: str, **environment: str) -> float:
    """MB."""
    with Peer(peer, name, len(CORES), {}, **environment) as worker:
        return worker.ask("peak", STEPS) / 1024  # type: ignore[no-any-return]


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as cache:
        own = {"FACULA_CACHE": cache}
        growth("facula-compiled", "sum", **own)  # compiles what all programs share
        for case in chosen(names or list(NAMES)):
            theirs = growth("torch", case.name)
            ways = [("", growth("facula", case.name))]
            if peers_of(case, ["facula-compiled"]):
                for how in (", compiled, cold", ", compiled, from the disk cache"):
                    ways.append((how, growth("facula-compiled", case.name, **own)))
            for how, ours in ways:
                row(f"peak memory of {case.what}{how}", ours, theirs, "MB", ours / theirs, 1.0)


if __name__ == "__main__":
    main(sys.argv[1:])
