"""`make bench-check`: have we become slower? Compares ratios of a short run with those in results.json.

    python benchmarks/check.py [row ...]

Ratios are compared, never times, so that another day's load or another machine of the kind does not matter. A ratio
that is lower than the kept one by more than TOLERANCE is measured again with more rounds; where it stays so, that is a
regression, and the exit status 1. Results that differ between the peers, and peers that fail, are errors too.
"""

from __future__ import annotations

import sys
from typing import Any

import peers as running
import report
import table

#: A ratio may fall to this part of the kept one: quiet runs of the same program differ by up to a tenth, short ones by more.
TOLERANCE = 0.25
#: Rounds of the first look, and of the second.
ROUNDS = 5, 15
#: torch.compile is left out: it would take most of the time; its kept time is used by way of the eager ratio.
PEERS = ["facula", "torch", "facula-compiled"]


def ratios(row: table.Row, threads: int, rounds: int) -> tuple[dict[str, float], str]:
    """Medians by name, both against PyTorch's eager mode, and what is wrong."""
    names = table.peers_of(row, PEERS)
    with running.started(row, names, threads, {}) as (measured, ready):
        running.take_turns(measured, ready, rounds)
    wrong = running.disagreement(row, measured) or ""
    wrong += "".join(f"{k} failed: {v}" for k, v in measured.failures.items())
    found = {
        name: running.spread(values)[0]
        for name in names
        if name != "torch" and (values := running.ratios(measured, name, ["torch"]))
    }
    return found, wrong


def kept_ratios(kept: dict[str, Any]) -> dict[str, float]:
    """The same of a row in results.json, from its times."""
    ms = kept["ms"]
    return {k: ms["torch"] / v for k, v in ms.items() if k.startswith("facula") and "torch" in ms}


def slower(found: dict[str, float], kept: dict[str, float]) -> list[str]:
    """In words, which ratios fell by more than the tolerance."""
    return [
        f"{name} has {found[name]:.2f} of PyTorch's speed, it had {before:.2f}"
        for name, before in kept.items()
        if name in found and found[name] < before * (1 - TOLERANCE)
    ]


def check(row: table.Row, kept: dict[str, Any]) -> list[str]:
    """What is wrong with a row; an empty list where nothing is."""
    for rounds in ROUNDS:
        found, wrong = ratios(row, kept["threads"], rounds)
        if wrong:
            return [wrong]
        fell = slower(found, kept_ratios(kept))
        if not fell:
            break
    return fell


def main(names: list[str]) -> int:
    rows = table.chosen(names or ["table"])
    kept = report.load()["rows"]
    failed = False
    for row in rows:
        if (known := kept.get(f"{row.name} {max(row.threads)}")) is None:
            print(f"{row.name}: not in results.json, for this CPU")
            continue
        faults = check(row, known)
        failed |= bool(faults)
        print(f"{row.name}: {'; '.join(faults) or 'as fast as it was'}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
