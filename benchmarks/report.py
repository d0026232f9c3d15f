"""Measured rows as text, as `results.json`, and as `RESULTS.md`, which is written from it."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import peers as running
from peers import CORES, HERE, MISLEADING
from table import ROWS, Row

PEERS = ["facula", "torch", "facula-compiled", "torch-compiled"]
#: Peers with a column where some row has them.
OTHERS = ["jax", "tinygrad"]
NAMES = {
    "facula": "Facula", "torch": "PyTorch", "facula-compiled": "Facula compiled", "torch-compiled": "torch.compile",
    "jax": "JAX", "tinygrad": "tinygrad",
}  # fmt: skip
#: Which ratios are taken: of whose time, the faster of whose time it is a part.
RATIOS = {
    "eager": ("facula", ["torch"]),
    "compiled": ("facula-compiled", ["torch", "torch-compiled"]),
}
JSON, MARKDOWN = HERE / "results.json", HERE / "RESULTS.md"


def summary(row: Row, measured: running.Measured, sizes: list[tuple[str, int]]) -> dict[str, Any]:
    """What is kept of a row, ready for JSON."""
    kept = {}
    for name, (ours, theirs) in RATIOS.items():
        if values := running.ratios(measured, ours, theirs):
            median, low, high = running.spread(values)
            kept[name] = {"median": median, "low": low, "high": high}
    return {
        "row": row.name,
        "threads": measured.threads,
        "sizes": dict(sizes),
        "date": now(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "rounds": max(map(len, measured.rounds.values()), default=0),
        "ms": {k: 1e3 * statistics.median(v) for k, v in measured.rounds.items()},
        "first": measured.first,
        "ratios": kept,
        "wrong": running.disagreement(row, measured),
        "failures": measured.failures,
    }


def target(row: Row, name: str) -> float | None:
    return row.eager if name == "eager" else row.compiled


def text(found: dict[str, Any]) -> str:
    """A row for people: times, ratios with their quartiles, what is wrong."""
    row = next(r for r in ROWS if r.name == found["row"])
    threads = found["threads"]
    sizes = "".join(f", {k} {v}" for k, v in found["sizes"].items())
    lines = [f"{row.name} ({row.what}{sizes}), {threads} thread{'s' * (threads > 1)}"]
    lines += [f"    {name:16} {time(ms)}" for name, ms in found["ms"].items()]
    for name, ratio in found["ratios"].items():
        line = f"    {name:9}{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f}) of PyTorch's speed"
        if (needed := target(row, name)) is not None and not found["sizes"]:
            line += f", {needed:g} needed: {'yes' if ratio['median'] >= needed else 'NO'}"
        lines.append(line)
    if found["wrong"]:
        lines.append(f"    RESULTS DIFFER: {found['wrong']}")
    lines += [f"    {name} FAILED: {why}" for name, why in found["failures"].items()]
    return "\n".join(lines)


def time(ms: float) -> str:
    return f"{ms:.3g} ms" if ms >= 1 else f"{1e3 * ms:.3g} µs"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def load() -> dict[str, Any]:
    """What results.json holds of CPUs of this machine's kind: rows by name and threads, and scripts' rows by script."""
    return _of_this_cpu(_load())


def _load() -> dict[str, dict[str, Any]]:
    """All that results.json holds, by CPU: figures of different CPUs are not to be mixed."""
    if JSON.exists():
        return json.loads(JSON.read_text())  # type: ignore[no-any-return]
    return {}


def _of_this_cpu(kept: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return kept.setdefault(_cpu(), {"machine": {}, "rows": {}, "scripts": {}})


def save(found: list[dict[str, Any]]) -> None:
    """Puts rows in the place of their earlier selves, in both files."""
    kept = _load()
    for row in found:
        _of_this_cpu(kept)["rows"][f"{row['row']} {row['threads']}"] = row
    _write(kept)


def save_script(name: str, line: dict[str, Any]) -> None:
    """Puts a script's row in the place of its earlier self; what stands in parentheses changes from run to run."""
    kept = _load()
    _of_this_cpu(kept)["scripts"].setdefault(name, {})[_key(line)] = line | {"date": now()}
    _write(kept)


def drop_others(name: str, lines: list[dict[str, Any]]) -> None:
    """Leaves of a script's rows those of its last run: others are of cases that are called otherwise now, or are no more."""
    kept = _load()
    rows = _of_this_cpu(kept)["scripts"]
    rows[name] = {what: row for what, row in rows[name].items() if what in set(map(_key, lines))}
    _write(kept)


def _key(line: dict[str, Any]) -> str:
    return str(line["what"]).partition(" (")[0]


def _write(kept: dict[str, dict[str, Any]]) -> None:
    _of_this_cpu(kept)["machine"] = machine()
    JSON.write_text(json.dumps(kept, indent=1) + "\n")
    MARKDOWN.write_text(markdown(kept))


def markdown(kept: dict[str, dict[str, Any]]) -> str:
    """RESULTS.md: a part for each CPU, the latest first."""
    lines = [
        "# Results",
        "",
        "Written by `make bench` from `results.json`; `docs/design/speed.md` has what the figures mean.",
        "Rows are measured one by one; `results.json` has the date of each, and the load, the quartiles and the first results.",
        "In the first table of a machine, ratios are 'time of PyTorch / time of Facula', medians over the rounds with their quartiles:",
        "more than 1 is faster than PyTorch. Eager is held against eager, compiled against the faster of PyTorch's eager mode and",
        "`torch.compile`. In the second, they are 'time of Facula / time of PyTorch'.",
    ]
    for found in sorted(kept.values(), key=lambda x: x["machine"]["date of the last row"], reverse=True):  # fmt: skip
        lines += _part(found)
    return "\n".join(lines) + "\n"


def _part(kept: dict[str, Any]) -> list[str]:
    """What is known of one machine."""
    rows = kept["rows"].values()
    peers = PEERS + [p for p in OTHERS if any(p in x["ms"] for x in rows)]
    return [
        "",
        f"## {kept['machine']['CPU']}",
        "",
        *(f"- {name}: {value}" for name, value in kept["machine"].items() if name != "CPU"),
        "",
        *_heads([*("case", "threads"), *(NAMES[p] for p in peers), *REACHED]),
        *(_line(row, x, peers) for row in ROWS for x in rows if x["row"] == row.name),
        "",
        *_heads(["what", "Facula", "PyTorch or base", "ratio or figure", "at most", "met"]),
        *(script_line(x) for lines in kept["scripts"].values() for x in lines.values()),
    ]


REACHED = ("eager", "needed", "reached", "compiled", "needed", "reached")


def _heads(names: list[str]) -> list[str]:
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]


def _line(row: Row, found: dict[str, Any], peers: list[str]) -> str:
    cells = [row.what, str(found["threads"])]
    cells += [time(found["ms"][p]) if p in found["ms"] else _missing(found, p) for p in peers]
    for name in RATIOS:
        ratio, needed = found["ratios"].get(name), target(row, name)
        cells.append(
            f"{ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f})" if ratio else ""
        )
        cells.append("" if needed is None else f"{needed:g}")
        reached = ratio and needed is not None and ratio["median"] >= needed
        cells.append("" if needed is None else "yes" if reached else "**no**")
    if found["wrong"]:
        cells[0] += f" **results differ: {found['wrong']}**"
    return "| " + " | ".join(cells) + " |"


def _missing(found: dict[str, Any], peer: str) -> str:
    why = found["failures"].get(peer, "")
    return f"failed: {why.strip().splitlines()[-1][:100]}" if why else ""


def script_line(row: dict[str, Any]) -> str:
    """A row of a script for the Markdown table."""
    theirs = "" if row["theirs"] is None else f"{row['theirs']:.3g} {row['unit']}"
    bound, verdict = "", ""
    if row["bound"] is not None:
        bound = f"{row['bound']:g}"
        verdict = "yes" if row["value"] <= row["bound"] else "**no**"
    value = f"{row['value']:.2f}" if row["value"] < 20 else f"{row['value']:.0f}"
    return f"| {row['what']} | {row['ours']:.3g} {row['unit']} | {theirs} | {value} | {bound} | {verdict} |"


def machine() -> dict[str, str]:
    """What the figures depend on."""
    unset = [f"{name}={os.environ[name]}" for name in MISLEADING if name in os.environ]
    libraries = [f"{x} {_version(x)}" for x in ("numpy", "torch", "jax", "tinygrad")]
    return {
        "date of the last row": now(),
        "CPU": f"{_cpu()}, {len(CORES)} cores for this process",
        "system": platform.platform(),
        "versions": f"Python {platform.python_version()}, {', '.join(libraries)}",
        "BLAS": _blas(),
        "unset for the benchmarks": ", ".join(unset) or "nothing",
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((x.partition(": ")[2] for x in lines if x.startswith("model name")), "unknown")


def _blas() -> str:
    code = "import numpy; c = numpy.show_config('dicts')['Build Dependencies']['blas']; print('NumPy with', c['name'], c['version'])"
    return subprocess.check_output(
        [sys.executable, "-c", code], env=running.environment(1), text=True
    ).strip()
