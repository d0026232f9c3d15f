"""Start-up: a fresh process that imports Facula and runs a first operation, against one that imports NumPy."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from measure import row

ROUNDS = 21
PROGRAMS = {
    "numpy": "import numpy",
    "import": "import facula",
    "first": "import facula; facula.ones(3) + 1",
    "torch": "import torch; torch.ones(3) + 1",
}


def seconds(program, environment):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return time.perf_counter() - start


with tempfile.TemporaryDirectory() as cache:
    # Bytecode is cached, as pip leaves it, whatever the caller's setting says.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = cache
    for program in PROGRAMS.values():
        seconds(program, environment)
    times = {name: [] for name in PROGRAMS}
    for i in range(ROUNDS):
        for name, program in PROGRAMS.items():
            if name != "torch" or i < 5:
                times[name].append(seconds(program, environment) * 1e3)

numpy, torch = statistics.median(times["numpy"]), statistics.median(times["torch"])
for name, what in (("import", "import facula"), ("first", "import facula and a first operation")):
    over = statistics.median(a - b for a, b in zip(times[name], times["numpy"]))
    row(
        f"{what}: ms over NumPy's import ({numpy:.0f} ms)",
        statistics.median(times[name]),
        torch,
        "ms",
        over,
        80.0,
    )
