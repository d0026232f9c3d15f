"""Timing two libraries against each other: in turns, so that both meet the same moments of a busy machine."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

#: About how many seconds one library's turn takes at most, also on a machine that is busy.
TURN = 0.1


def interleave(
    first: Callable[[], Any], second: Callable[[], Any], number: int, rounds: int = 60
) -> tuple[float, float, float]:
    """(median seconds of one `first()`, of one `second()`, median of their ratios).

    A turn is `number` calls, or fewer where they take long.
    """
    firsts, seconds = [], []
    for function in (first, second):
        _time(function, 3)
    slower = max(_time(function, 3) for function in (first, second))
    number = max(1, min(number, int(TURN / slower)))
    for _ in range(rounds):
        firsts.append(_time(first, number))
        seconds.append(_time(second, number))
    ratios = [a / b for a, b in zip(firsts, seconds)]
    return statistics.median(firsts), statistics.median(seconds), statistics.median(ratios)


def _time(function: Callable[[], Any], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        function()
    return (time.perf_counter() - start) / number


def compare(
    what: str,
    facula: Any,
    torch: Any,
    number: int,
    unit: str = "µs",
    rounds: int = 60,
    bound: Any = None,
    each: int = 1,
) -> None:
    """Times both and prints the row; `bound` is the largest ratio that is good enough.

    `each`: how often a call of either does what is timed.
    """
    scale = {"µs": 1e6, "ms": 1e3, "s": 1.0}[unit] / each
    ours, theirs, ratio = interleave(facula, torch, number, rounds)
    row(what, ours * scale, theirs * scale, unit, ratio, bound)


def row(
    what: str, ours: float, theirs: float | None, unit: str, value: float, bound: Any = None
) -> None:
    """Prints one line of the table for `run.py`: `value` (a ratio where there is a peer) is held against `bound`."""
    print(
        json.dumps(
            {
                "what": what,
                "ours": ours,
                "theirs": theirs,
                "unit": unit,
                "value": value,
                "bound": bound,
            }
        ),
        flush=True,
    )


def status_kib(field: str) -> int:
    """A size of this process from /proc, in KiB: VmRSS now, VmHWM at its highest."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


def forget_peak() -> None:
    """Makes the highest size start again from the present one."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
