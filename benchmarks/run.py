"""Facula beside its peers: `make bench`, or parts of it by name.

    python benchmarks/run.py                        # all; RESULTS.md and results.json are written
    python benchmarks/run.py mlp gpt --rounds 5 --peers facula,torch,facula-compiled --threads 2
    python benchmarks/run.py mlp --save             # these rows of RESULTS.md and results.json anew
    python benchmarks/run.py table --rounds 7 --save     # all rows with something to reach

Names are those of `table.py` (or what they begin with) and of the scripts in SCRIPTS. Peers are facula, torch
and both with -compiled, jax and tinygrad. A peer is a process of its own with the same initial weights; they take turns,
a slice of steps each in every round, never two at once; a ratio is the median over the rounds, with its quartiles.
Peers whose first results differ are an error.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import peers as running
import report
import table
from peers import CORES, HERE, environment

#: (file, threads): programs with rows of their own.
SCRIPTS = (
    ("small_ops", 1), ("imports", 1), ("installed", 1), ("time_steps", 1),
    ("random_numbers", len(CORES)), ("opencl", len(CORES)), ("memory", len(CORES)),
    ("compile_time", len(CORES)), ("growth", len(CORES)),
)  # fmt: skip


def script_rows(name: str, threads: int) -> Iterator[dict[str, Any]]:
    """The rows that a script prints, as they come. Raises CalledProcessError where it fails."""
    command = [sys.executable, str(HERE / f"{name}.py")]
    with subprocess.Popen(
        command, env=environment(threads), stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            yield json.loads(line)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def measure(row: table.Row, threads: int, options: argparse.Namespace) -> dict[str, Any]:
    """One row with all peers: what `report` keeps of it."""
    names = table.peers_of(row, options.peers)
    with running.started(row, names, threads, dict(options.size)) as (measured, ready):
        guard = _begin(options.during)
        try:
            running.take_turns(measured, ready, options.rounds)
        finally:
            if guard is not None:
                guard.terminate()
                guard.wait()
    return report.summary(row, measured, options.size)


def _begin(command: str | None) -> subprocess.Popen[str] | None:
    """Starts what is to run while times are taken, and waits for its first line."""
    if not command:
        return None
    guard = subprocess.Popen(shlex.split(command), stdout=subprocess.PIPE, text=True)
    guard.stdout.readline()  # type: ignore[union-attr]
    return guard


def size(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    return name, int(value)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="rows or scripts; without any: all, saved")
    parser.add_argument("--peers", type=lambda x: x.split(","), default=report.PEERS)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, help="instead of those that a row names")
    parser.add_argument(
        "--size", type=size, action="append", default=[], help="NAME=NUMBER, of the case's function"
    )
    parser.add_argument("--save", action="store_true", help="write RESULTS.md and results.json")
    parser.add_argument(
        "--during", help="a command that is started before the rounds of each row and ended after "
        "them; its first line of output is waited for"
    )  # fmt: skip
    return parser.parse_args()


def main() -> int:
    options = arguments()
    everything = not options.names
    scripts = [s for s in SCRIPTS if everything or s[0] in options.names]
    names = [n for n in options.names if n not in dict(SCRIPTS)]
    rows = table.chosen(names) if names or everything else []
    if unknown := [n for n in names if not table.chosen([n])]:
        print(f"no row or script is named {', '.join(unknown)}; there are: "
              f"{', '.join([*(r.name for r in table.ROWS), *dict(SCRIPTS)])}", file=sys.stderr)  # fmt: skip
        return 2
    start, failed = time.time(), False
    save = everything or options.save
    for row in rows:
        for threads in (options.threads,) if options.threads else row.threads:
            found = measure(row, threads, options)
            failed |= bool(found["wrong"] or found["failures"])
            print(report.text(found), flush=True)
            if save:
                report.save([found])
    for name, threads in scripts:
        lines = []
        for line in script_rows(name, threads):
            print(report.script_line(line), flush=True)
            lines.append(line)
            if save:
                report.save_script(name, line)
        if save:
            report.drop_others(name, lines)
    print(f"{time.time() - start:.0f} s", "" if not save else f"; {HERE / 'RESULTS.md'} written")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
