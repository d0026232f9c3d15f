"""One peer in a process of its own: builds a case, and does steps of it when told.

    python worker.py PEER ROW [case size=value ...]        run by peers.py

Commands and answers are lines of JSON on standard input and output; whatever else the libraries print goes
to standard error.
"""

from __future__ import annotations

import glob
import importlib
import json
import os
import sys
import time
import traceback
from typing import Any

import numpy as np
from measure import forget_peak, status_kib

#: How many first results the peers must agree on.
COMPARED = 3
#: A slice begins with untimed steps for as long as this: caches fill, and the last peer's threads go to sleep.
WARM = 0.02


def library(name: str) -> Any:
    lib = importlib.import_module(name)
    importlib.import_module(name + ".nn")
    importlib.import_module(name + ".optim")
    return lib


def facula(row: Any, sizes: dict[str, int], compiled: bool) -> Any:
    lib = library("facula")
    work = row.build(lib, **sizes)
    if compiled:
        work.compile_whole(lambda f: lib.compile(f, backend="c"))
    return work


def torch(row: Any, sizes: dict[str, int], compiled: bool) -> Any:
    lib = library("torch")
    work = row.build(lib, **sizes)
    if compiled:
        work.compile_parts(lib.compile)
    return work


def jax(row: Any, sizes: dict[str, int], compiled: bool) -> Any:
    from models import in_jax

    return getattr(in_jax, row.build.__name__)(**sizes)


def tinygrad(row: Any, sizes: dict[str, int], compiled: bool) -> Any:
    # Its CPU device runs clang, which Debian has here where there is no package of that very name.
    if found := sorted(glob.glob("/usr/lib/llvm-*/bin/clang")):
        os.environ["PATH"] += os.pathsep + os.path.dirname(found[-1])
    from models import in_tinygrad

    return getattr(in_tinygrad, row.build.__name__)(**sizes)


class Worker:
    """Answers the commands, by method name."""

    def __init__(self, peer: str, row: Any, sizes: dict[str, int]) -> None:
        start = time.perf_counter()
        kind, _, rest = peer.partition("-")
        self.work = globals()[kind](row, sizes, rest == "compiled")
        self.built = time.perf_counter() - start

    def first(self) -> dict[str, Any]:
        """The first results, and the seconds that building and each of these steps took."""
        results, seconds = [], []
        for _ in range(COMPARED):
            start = time.perf_counter()
            results.append(number(self.work.step()))
            seconds.append(time.perf_counter() - start)
        return {"results": results, "built": self.built, "seconds": seconds}

    def peak(self, steps: int) -> int:
        """KiB at the highest during the steps above what there is now; asked of a worker that did none yet."""
        forget_peak()
        before = status_kib("VmRSS")
        for _ in range(steps):
            self.work.step()
        return status_kib("VmHWM") - before

    def slice(self, steps: int) -> float:
        """Seconds of a step, over `steps` of them."""
        end = time.perf_counter() + WARM
        number(self.work.step())
        while time.perf_counter() < end:
            number(self.work.step())
        return self.seconds(steps) / steps

    def seconds(self, steps: int) -> float:
        step = self.work.step
        start = time.perf_counter()
        for _ in range(steps):
            result = step()
        wait(result)
        return time.perf_counter() - start


def wait(result: Any) -> None:
    """Until the result is there: JAX gives promises, and so does tinygrad."""
    if type(result).__module__.startswith("tinygrad"):
        result.numpy()
    elif hasattr(result, "block_until_ready"):
        result.block_until_ready()


def number(result: Any) -> float:
    """A loss, or the mean size of what is in a tensor."""
    if type(result).__module__.startswith("tinygrad"):
        result = result.numpy()
    elif hasattr(result, "detach"):
        result = result.detach().numpy()
    return float(np.abs(np.asarray(result, np.float64)).mean())


def main() -> None:
    peer, name, *sizes = sys.argv[1:]
    # Libraries may write to file 1 without Python's knowledge.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value: Any) -> None:
        print(json.dumps(value), file=answers, flush=True)

    try:
        from table import ROWS

        row = next(r for r in ROWS if r.name == name)
        given = {k: int(v) for k, _, v in (x.partition("=") for x in sizes)}
        worker = Worker(peer, row, row.sizes | given)
        answer("built")
        for line in sys.stdin:
            command, *arguments = json.loads(line)
            answer(getattr(worker, command)(*arguments))
    except Exception:
        answer({"error": traceback.format_exc()})


if __name__ == "__main__":
    main()
