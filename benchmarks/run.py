"""Runs all benchmarks, each in a process of its own, prints a table and writes RESULTS.md beside this file.

    python benchmarks/run.py [name ...]       # names of files here; without any: all, and RESULTS.md is written

Facula and PyTorch take turns within one process, with the same number of threads; a ratio is the median
of the turns' ratios. A busy machine shifts times more than ratios, but run it on a quiet one.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
#: (file, threads): what runs, in this order.
BENCHMARKS = (
    ("small_ops", 1), ("mlp", 1), ("mlp", 2), ("imports", 1), ("installed", 1), ("memory", CORES),
    ("time_steps", 1), ("random_numbers", CORES), ("opencl", CORES),
)  # fmt: skip
#: Settings that make NumPy's OpenBLAS take the wrong kernels for the CPU.
MISLEADING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def run(name: str, threads: int) -> list[dict[str, Any]]:
    """The rows that one benchmark prints."""
    environment = {k: v for k, v in os.environ.items() if k not in MISLEADING}
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[variable] = str(threads)
    done = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py")],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def line(row: dict[str, Any]) -> str:
    """A row of the Markdown table."""
    theirs = "" if row["theirs"] is None else f"{row['theirs']:.3g} {row['unit']}"
    bound, verdict = "", ""
    if row["bound"] is not None:
        bound = f"{row['bound']:g}"
        verdict = "yes" if row["value"] <= row["bound"] else "**no**"
    value = f"{row['value']:.2f}" if row["value"] < 20 else f"{row['value']:.0f}"
    return f"| {row['what']} | {row['ours']:.3g} {row['unit']} | {theirs} | {value} | {bound} | {verdict} |"


def machine() -> list[str]:
    """What the figures depend on, as Markdown."""
    unset = [f"{name}={os.environ[name]}" for name in MISLEADING if name in os.environ]
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": f"{_cpu()}, {CORES} cores for this process",
        "system": platform.platform(),
        "load before": " ".join(f"{x:.1f}" for x in os.getloadavg())
        if hasattr(os, "getloadavg")
        else "unknown",
        "versions": f"Python {platform.python_version()}, NumPy {version('numpy')}, PyTorch {version('torch')}",
        "BLAS": _blas(),
        "threads": "as many for Facula (OPENBLAS_NUM_THREADS, OMP_NUM_THREADS) as for PyTorch: 1 unless a row says so, "
        f"{CORES} for memory, random numbers and OpenCL",
        "unset for the benchmarks": ", ".join(unset) or "nothing",
    }
    return [f"- {name}: {value}" for name, value in facts.items()]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((x.partition(": ")[2] for x in lines if x.startswith("model name")), "unknown")


def _blas() -> str:
    code = "import numpy; c = numpy.show_config('dicts')['Build Dependencies']['blas']; print('NumPy with', c['name'], c['version'])"
    environment = {k: v for k, v in os.environ.items() if k not in MISLEADING}
    return subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip()


HEAD = "| what | Facula | PyTorch or base | ratio or figure | at most | met |\n|---|---|---|---|---|---|"


def main(names: list[str]) -> None:
    facts = machine()
    print(*facts, "", HEAD, sep="\n", flush=True)
    lines, start = [], time.time()
    for name, threads in BENCHMARKS:
        if not names or name in names:
            for row in run(name, threads):
                lines.append(line(row))
                print(lines[-1], flush=True)
    if not names:
        text = [
            "# Results",
            "",
            "Written by `make bench`; see `docs/design/speed.md`.",
            "",
            *facts,
            "",
            HEAD,
            *lines,
        ]
        (HERE / "RESULTS.md").write_text("\n".join(text) + "\n")
        print(f"\n{HERE / 'RESULTS.md'} written, after {time.time() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
