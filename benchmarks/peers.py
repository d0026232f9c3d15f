"""Peers in processes of their own that take turns: while one does its slice, the others stand still."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
#: About how many seconds a slice takes, without its warming up.
SLICE = 0.15
#: Settings that make NumPy's OpenBLAS take the wrong kernels for the CPU.
MISLEADING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


#: Variables of OpenMP and the BLAS libraries, of tinygrad; JAX and tinygrad also count the cores they may run on.
COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUM_CPU_THREADS")


class PeerFailed(RuntimeError):
    """A peer raised an exception or died; the text is its traceback or its exit status."""


def environment(threads: int) -> dict[str, str]:
    """The caller's, with as many threads for each library; DEV is tinygrad's device."""
    kept = {k: v for k, v in os.environ.items() if k not in MISLEADING}
    return kept | dict.fromkeys(COUNTS, str(threads)) | {"DEV": "CPU"}


class Peer:
    """A worker's process, which may run on `threads` cores."""

    def __init__(self, name: str, row: str, threads: int, sizes: dict[str, int], **more: str):
        self.name = name
        command = [sys.executable, str(HERE / "worker.py"), name, row]
        command += [f"{k}={v}" for k, v in sizes.items()]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/", env=environment(threads) | more
        )  # fmt: skip
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, CORES[-threads:])

    def send(self, command: str, *arguments: Any) -> None:
        try:
            print(json.dumps([command, *arguments]), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # the answer says why

    def answer(self) -> Any:
        """What it answered. Raises PeerFailed."""
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise PeerFailed(f"{self.name} ended with status {self.process.wait()}")
        value = json.loads(line)
        if isinstance(value, dict) and "error" in value:
            raise PeerFailed(value["error"])
        return value

    def ask(self, command: str, *arguments: Any) -> Any:
        self.send(command, *arguments)
        return self.answer()

    def __enter__(self) -> Peer:
        """Raises PeerFailed where the case can't be built."""
        self.answer()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.process.stdin.close()  # type: ignore[union-attr]
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Measured:
    """What came of one row: per peer the first results and the seconds of a step in each round, or why not."""

    row: str
    threads: int
    first: dict[str, dict[str, Any]] = field(default_factory=dict)
    rounds: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def started(row: Any, peers: list[str], threads: int, sizes: dict[str, int]) -> Iterator[tuple[Measured, list[Peer]]]:  # fmt: skip
    """The peers, each with its case built and its first steps done, and what came of that."""
    running = [Peer(name, row.name, threads, sizes) for name in peers]
    measured, ready = Measured(row.name, threads), []
    try:
        for peer in running:
            peer.send("first")
        for peer in running:
            try:
                peer.answer()
                measured.first[peer.name] = peer.answer()
                ready.append(peer)
            except PeerFailed as failure:
                measured.failures[peer.name] = str(failure)
        yield measured, ready
    finally:
        for peer in running:
            peer.close()


def take_turns(measured: Measured, peers: list[Peer], rounds: int, slice: float = SLICE) -> None:
    """Each peer a slice in each round, every second round in the opposite order."""
    steps = {p.name: max(1, round(slice / p.ask("slice", 1))) for p in peers}
    for peer in peers:
        measured.rounds[peer.name] = []
    for i in range(rounds):
        for peer in peers if i % 2 == 0 else peers[::-1]:
            measured.rounds[peer.name].append(peer.ask("slice", steps[peer.name]))


def ratios(measured: Measured, ours: str, theirs: list[str]) -> list[float]:
    """Of each round: time of the faster of `theirs` by that of `ours`. Empty where a peer is missing."""
    found = [measured.rounds[name] for name in theirs if name in measured.rounds]
    if not found or ours not in measured.rounds:
        return []
    return [min(times) / own for own, *times in zip(measured.rounds[ours], *found)]


def spread(values: list[float]) -> tuple[float, float, float]:
    """(median, lower quartile, upper quartile)."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return statistics.median(values), low, high


def disagreement(row: Any, measured: Measured) -> str | None:
    """Which peers' first results differ from the first peer's by more than the row's tolerance, in words."""
    named = {name: first["results"] for name, first in measured.first.items()}
    reference = next((n for n in ("torch", *named) if n in named), None)
    if reference is None:
        return None
    wrong = [
        f"{name} has {got}"
        for name, got in named.items()
        for a, b in zip(got, named[reference])
        if not abs(a - b) <= row.tolerance * max(abs(b), 1e-6)
    ]
    if not wrong:
        return None
    return f"{reference} has {named[reference]}, but " + "; ".join(dict.fromkeys(wrong))
