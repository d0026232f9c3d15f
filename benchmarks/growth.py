"""How the time of a training step grows with width, depth, batch and length of sequence: plots/*.png.

`python growth.py [series ...]`; the numbers are in plots/growth.json.
"""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

import matplotlib as mpl
from measure import row
from peers import CORES, HERE, started, take_turns
from table import chosen

#: Per series: the row, the size that changes, its values, the sizes that stay.
SERIES: dict[str, tuple[str, str, tuple[int, ...], dict[str, int]]] = {
    "width": ("mlp-32", "width", (64, 128, 256, 512, 1024, 2048), {}),
    "depth": ("mlp-32", "hidden", (1, 2, 4, 8, 16, 32), {}),
    "batch": ("mlp-32", "batch", (8, 32, 128, 512, 2048), {}),
    "sequence length": ("gpt", "time", (32, 64, 128, 256, 512), {"batch": 2}),
}
PEERS = ["facula", "torch", "facula-compiled"]
LABELS = {
    "facula": "Facula", "torch": "PyTorch", "facula-compiled": "Facula, compiled",
}  # fmt: skip
ROUNDS, SLICE = 3, 0.1


def measure(name: str) -> dict[str, Any]:
    """Milliseconds of a step, per peer a list beside `sizes`."""
    case, size, values, fixed = SERIES[name]
    (found,) = chosen([case])
    times: dict[str, list[float]] = {peer: [] for peer in PEERS}
    for value in values:
        with started(found, PEERS, len(CORES), fixed | {size: value}) as (measured, ready):
            if measured.failures:
                raise RuntimeError(measured.failures)
            take_turns(measured, ready, ROUNDS, SLICE)
            for peer, rounds in measured.rounds.items():
                times[peer].append(1e3 * statistics.median(rounds))
    what = f"{case.partition('-')[0].upper()} training"
    return {"what": what, "sizes": values, "ms": times}


def plot(name: str, found: dict[str, Any]) -> None:
    mpl.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 3.6), layout="constrained")
    for peer, times in found["ms"].items():
        axes.loglog(found["sizes"], times, marker="o", base=2, label=LABELS[peer])
    axes.set(xlabel=name, ylabel="milliseconds a step", title=found["what"])
    axes.set_xticks(found["sizes"], found["sizes"])
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(HERE / "plots" / f"{name.replace(' ', '_')}.png", dpi=120, metadata={"Software": None})  # fmt: skip
    pyplot.close(figure)


def main(names: list[str]) -> None:
    folder = HERE / "plots"
    folder.mkdir(exist_ok=True)
    numbers = folder / "growth.json"
    kept = json.loads(numbers.read_text()) if numbers.exists() else {}
    for name in names or SERIES:
        kept[name] = found = measure(name)
        numbers.write_text(json.dumps(kept, indent=1) + "\n")
        plot(name, found)
        for peer in ("facula", "facula-compiled"):
            ours, theirs = found["ms"][peer], found["ms"]["torch"]
            what = f"{name} {found['sizes'][-1]}, {found['what']}"
            how = ", compiled" * (peer == "facula-compiled")
            row(what + how, ours[-1], theirs[-1], "ms", ours[-1] / theirs[-1])


if __name__ == "__main__":
    main(sys.argv[1:])
