"""Peak memory of 6 steps above the size after import and construction, each in a process of its own.

Compiled programs are held against PyTorch's eager mode; compiling is part of their steps, but not the C compiler,
which is another process. `python memory.py [row ...]`
"""

from __future__ import annotations

import sys

from measure import row
from peers import CORES, Peer
from table import chosen, peers_of

NAMES = (
    "small-mlp", "small-cnn", "mlp-32", "mlp-512", "cnn", "resnet18", "lstm", "treelstm", "gpt", "gpt-tokens",
    "vae", "keywords", "resnet50-1", "bert-1",
)  # fmt: skip
STEPS = 6


def growth(peer: str, name: str) -> float:
    """MB."""
    with Peer(peer, name, len(CORES), {}) as worker:
        return worker.ask("peak", STEPS) / 1024  # type: ignore[no-any-return]


def main(names: list[str]) -> None:
    for case in chosen(names or list(NAMES)):
        theirs = growth("torch", case.name)
        for peer in peers_of(case, ["facula", "facula-compiled"]):
            ours = growth(peer, case.name)
            how = ", compiled" * (peer == "facula-compiled")
            row(f"peak memory of {case.what}{how}", ours, theirs, "MB", ours / theirs, 1.0)


if __name__ == "__main__":
    main(sys.argv[1:])
