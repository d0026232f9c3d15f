"""2,000 time steps, forward and backward: time and memory must grow with their number, not its square.

python time_steps.py                        # the table
python time_steps.py facula unbind 2000     # one run: prints seconds and KiB
"""

import importlib
import json
import subprocess
import sys
import time

WIDTH = 256


def run(module, way, steps):
    x = module.ones(steps, WIDTH, requires_grad=True)
    h = module.zeros(WIDTH)
    parts = x.unbind(0) if way == "unbind" else None
    for t in range(steps):
        h = (h * 0.5 + (x[t] if parts is None else parts[t])).tanh()
    h.sum().backward()


def measure(name, way, steps):
    from measure import forget_peak, status_kib

    module = importlib.import_module(name)
    for _ in range(3):
        run(module, way, 20)
    forget_peak()
    before = status_kib("VmRSS")
    run(module, way, steps)
    memory = status_kib("VmHWM") - before
    times = []
    for _ in range(9):
        start = time.perf_counter()
        run(module, way, steps)
        times.append(time.perf_counter() - start)
    return sorted(times)[2], memory


if len(sys.argv) == 4:
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
elif __name__ == "__main__":
    from measure import row

    def child(name, way, steps):
        return json.loads(
            subprocess.check_output([sys.executable, __file__, name, way, str(steps)])
        )

    for way in ("unbind", "x[t]"):
        results = {(n, t): child(n, way, t) for t in (500, 2000) for n in ("facula", "torch")}
        (time_500, memory_500), (time_2000, memory_2000) = (
            results["facula", t] for t in (500, 2000)
        )
        peer_time, peer_memory = results["torch", 2000]
        row(
            f"{way} over 2,000 time steps",
            time_2000 * 1e3,
            peer_time * 1e3,
            "ms",
            time_2000 / peer_time,
        )
        row(
            f"{way}: time of 2,000 steps / 500",
            time_2000 * 1e3,
            time_500 * 1e3,
            "ms",
            time_2000 / time_500,
            5.0,
        )
        row(
            f"{way}: memory of 2,000 steps",
            memory_2000 / 1024,
            peer_memory / 1024,
            "MB",
            memory_2000 / peer_memory,
        )
        row(
            f"{way}: memory of 2,000 steps / 500",
            memory_2000 / 1024,
            memory_500 / 1024,
            "MB",
            memory_2000 / memory_500,
            5.0,
        )
