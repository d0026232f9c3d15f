"""2,000 time steps, forward and backward: time and memory must grow with their number, not its square.

python time_steps.py                        # the table
python time_steps.py facula unbind 2000     # one run: seconds of CPU time, KiB of pages, bytes held

Two measures of memory, each the peak above what was held before the run. Pages of the process can be had
of both libraries, but before the first run the allocator already has free pages, which small sizes
fill first, so they say nothing about growth. The bytes that Python and NumPy ask for are exact; PyTorch's aren't seen so.
"""

import importlib
import json
import subprocess
import sys
import time
import tracemalloc

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
        start = time.process_time()
        run(module, way, steps)
        times.append(time.process_time() - start)
    return min(times), memory, bytes_held(lambda: run(module, way, steps))


def bytes_held(work):
    """Bytes of Python objects and NumPy arrays that `work()` held at its peak."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


if len(sys.argv) == 4:
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
elif __name__ == "__main__":
    from measure import row

    def child(name, way, steps):
        return json.loads(
            subprocess.check_output([sys.executable, __file__, name, way, str(steps)])
        )

    for way in ("unbind", "x[t]"):
        ours = {t: child("facula", way, t) for t in (500, 1000, 2000)}
        theirs = {t: child("torch", way, t) for t in (500, 1000, 2000)}
        time_ours, time_theirs = ours[2000][0], theirs[2000][0]
        row(
            f"{way} over 2,000 time steps",
            time_ours * 1e3,
            time_theirs * 1e3,
            "ms",
            time_ours / time_theirs,
        )
        growth = time_ours / ours[500][0]
        peer = time_theirs / theirs[500][0]
        row(
            f"{way}: time of 2,000 steps / of 500 (PyTorch: {peer:.1f})",
            time_ours * 1e3,
            ours[500][0] * 1e3,
            "ms",
            growth,
            5.0,
        )
        memory_ours, memory_theirs = ours[2000][1] / 1024, theirs[2000][1] / 1024
        row(
            f"{way}: memory of 2,000 steps",
            memory_ours,
            memory_theirs,
            "MB",
            memory_ours / memory_theirs,
        )
        second, first = ((ours[2 * t][2] - ours[t][2]) / 2**20 for t in (1000, 500))
        row(
            f"{way}: bytes held for steps 1,001-2,000 / for 501-1,000",
            second,
            first,
            "MB",
            second / first,
            2.25,
        )
