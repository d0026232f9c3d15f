"""Captured programs on OpenCL: fused kernels beside a replay kernel by kernel, launches and time of a step.

The device is as in `opencl.py`. Both run in turn; times are medians of rounds.

    python benchmarks/fused.py [part of a name ...]
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("POCL_MAX_PTHREAD_COUNT", os.environ.get("OMP_NUM_THREADS", "2"))

from models.cnn import digits_cnn
from models.gpt import gpt
from models.mlp import mlp

import facula
from facula.backends import backend_for
from facula.nn import functional as F
from facula_opencl import programs

DEVICE = "opencl"
Step = Callable[[], Any]


def training(model: Any, x: Any, y: Any) -> Callable[..., Any]:
    model.to(DEVICE)
    optimizer = facula.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def digits(count: int, *shape: int) -> tuple[Any, Any]:
    return facula.randn(count, *shape).to(DEVICE), facula.randint(0, 10, (count,)).to(DEVICE)


def gpt_step() -> Step:
    tokens = facula.randint(0, 96, (4, 128)).to(DEVICE)
    return training(gpt(facula), tokens, facula.randint(0, 96, (512,)).to(DEVICE))


def chain() -> Step:
    x, y = facula.randn(1 << 20).to(DEVICE), facula.randn(1 << 20).to(DEVICE)
    return lambda: ((x * y + x).tanh() * y - x).exp() * 0.5


CASES: dict[str, Callable[[], Step]] = {
    "mlp-32": lambda: training(mlp(facula), *digits(32, 784)),
    "cnn": lambda: training(digits_cnn(facula), *digits(32, 1, 28, 28)),
    "gpt": gpt_step,
    "chain of 6 on 1M": chain,
}


def replay(graph: Any, backend: Any) -> None:
    """A compiler that compiles nothing: the program is replayed kernel by kernel."""


def launches(step: Step) -> int:
    """How many kernels a step enqueues."""
    backend_for(DEVICE).synchronize()
    enqueue, count = programs._enqueue, 0

    def counted(*args: Any) -> Any:
        nonlocal count
        count += 1
        return enqueue(*args)

    programs._enqueue = counted
    try:
        step()
        backend_for(DEVICE).synchronize()
    finally:
        programs._enqueue = enqueue
    return count


def timed(step: Step, repeat: int) -> float:
    """Milliseconds of a step, each waited for."""
    start = time.perf_counter()
    for _ in range(repeat):
        step()
        backend_for(DEVICE).synchronize()
    return (time.perf_counter() - start) / repeat * 1e3


def main() -> None:
    print(
        "| program | launches replayed | fused | ms replayed | fused | ratio |\n|---|---|---|---|---|---|"
    )
    for name, make in CASES.items():
        if sys.argv[1:] and not any(part in name for part in sys.argv[1:]):
            continue
        steps = []
        for backend in (replay, "fused"):
            facula.manual_seed(0)
            steps.append(facula.compile(make(), backend=backend))
            for _ in range(3):
                steps[-1]()
        counts = [launches(step) for step in steps]
        repeat = max(2, int(100 / timed(steps[0], 2)))
        rounds = [[timed(step, repeat) for step in steps] for _ in range(9)]
        replayed, fused = map(statistics.median, zip(*rounds))
        print(
            f"| {name} | {counts[0]} | {counts[1]} | {replayed:.2f} | {fused:.2f} | {replayed / fused:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
