"""The readiness table: what a run of the suite found out about a device, in one screen."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any, NamedTuple

from facula.backends import backend_for
from facula.backends.base import DTYPES
from facula.backends.readiness import readiness
from facula.testing.backend_suite.samples import REQUIRED

OUTCOMES = ("passed", "failed", "missing", "skipped")


class Result(NamedTuple):
    """One test: the op it is about (None: no single one), its kind, its outcome, and calls on the host."""

    op: str | None
    kind: str
    outcome: str
    host_calls: dict[str, int]


class Table:
    """Reads results; `str(table)` is the text, and `verdict` its last line."""

    def __init__(self, device: str, results: list[Result]):
        self.device, self.results = device, results
        self.found = readiness(device)
        self.lacks = sorted(DTYPES - backend_for(device).dtypes)
        self.leaves = self._leaves()
        self.kinds: dict[str, Counter[str]] = {}
        for r in results:
            self.kinds.setdefault(r.kind, Counter())[r.outcome] += 1

    def _leaves(self) -> dict[str, list[str]]:
        """Required leaves by state; one is tested where a test of its values passed on the device."""
        seen: dict[str | None, set[str]] = {}
        for r in self.results:
            if r.kind != "has required leaf" or r.outcome == "missing":
                seen.setdefault(r.op, set()).add(r.outcome)
        states: dict[str, list[str]] = {"pass": [], "wrong": [], "missing": [], "not tested": []}
        for op in REQUIRED:
            outcomes = seen.get(op.name, set())
            if "missing" in outcomes or op.name in self.found.missing:
                state = "missing"
            elif "failed" in outcomes:
                state = "wrong"
            else:
                state = "pass" if "passed" in outcomes else "not tested"
            states[state].append(op.name)
        return states

    @property
    def verdict(self) -> str:
        total = {o: sum(c[o] for c in self.kinds.values()) for o in OUTCOMES}
        if self.leaves["missing"]:
            return f"NOT READY: {len(self.leaves['missing'])} required leaves are missing"
        if total["failed"]:
            return f"NOT READY: {total['failed']} tests failed"
        if self.leaves["not tested"]:
            return f"INCOMPLETE: {len(self.leaves['not tested'])} required leaves were not tested"
        return f"READY: all {len(REQUIRED)} required leaves were tested and pass"

    def __str__(self) -> str:
        counts = ", ".join(f"{len(names)} {state}" for state, names in self.leaves.items())
        lines = [f"required leaves    {len(REQUIRED)}: {counts}"]
        for state in ("wrong", "missing", "not tested"):
            lines += _names(state, self.leaves[state])
        lines.append(f"optional kernels   {len(self.found.own)} of its own")
        lines += _names("", self.found.own)
        for provider, ops in self.found.provided.items():
            lines += _names(f"by {provider}", ops)
        lines.append(f"host ops           {len(self.found.host)} optional ones run on the host")
        lines += _names("", self.found.host)
        held = [name for name in self.found.dtypes if name not in self.lacks]
        lines.append(f"dtypes             {len(held)} of {len(DTYPES)}: {', '.join(held)}")
        if self.lacks:
            lines += _names("cannot hold", self.lacks)
            lines.append("    samples in these were drawn in float32, complex64, int32, or skipped")
        lines += ["", *self._kinds(), "", *self._fallbacks(), "", self.verdict]
        return "\n".join(lines)

    def _kinds(self) -> list[str]:
        lines = [f"{'tests of':<22}" + "".join(f"{o:>9}" for o in OUTCOMES)]
        for kind, counts in self.kinds.items():
            lines.append(f"  {kind:<20}" + "".join(f"{counts[o] or '-':>9}" for o in OUTCOMES))
        return lines

    def _fallbacks(self) -> list[str]:
        calls: Counter[str] = Counter()
        for r in self.results:
            calls.update(r.host_calls)
        told = [f"{op} x{n}" for op, n in sorted(calls.items())]
        return [f"calls on the host  {sum(calls.values())}", *_names("", told)]


def _names(title: str, names: list[Any]) -> list[str]:
    text = (f"{title}: " if title and names else "") + ", ".join(names)
    return textwrap.wrap(text, 94, initial_indent=" " * 4, subsequent_indent=" " * 6)
