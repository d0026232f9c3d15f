"""Products of matrices by the built-in and by oneDNN: the same arguments, float64's numbers, no threads but ours."""

import ctypes
import os
import subprocess
import sys

import numpy as np
import pytest

from facula.graph.runtime import has_onednn, shared_library
from facula.graph.runtime.onednn import library_path

needs_onednn = pytest.mark.skipif(
    library_path() is None, reason="oneDNN's wheel, onednn-cpu-gomp, is for Linux on x86-64"
)


def product(function, a, b, ldc=None):
    (m, k), n = a.shape, b.shape[1]
    out = np.full((m, ldc or n), 7, np.float32)
    steps = [s // 4 for s in (*a.strides, *b.strides)]
    arguments = (m, n, k, a.ctypes.data, *steps[:2], b.ctypes.data, *steps[2:], out.ctypes.data, ldc or n)  # fmt: skip
    types = [ctypes.c_void_p if i in (3, 6, 9) else ctypes.c_long for i in range(11)]
    assert function(*(t(x) for t, x in zip(types, arguments))) == 1
    assert (out[:, n:] == 7).all()
    return out[:, :n]


def made(rng, rows, columns, kind):
    """A matrix that lies in memory by rows, by columns, as part of a wider one, every other element, or backwards."""
    if kind == "T":
        return made(rng, columns, rows, "N").T
    if kind == "wide":
        return made(rng, rows, columns + 5, "N")[:, 2 : 2 + columns]
    if kind == "step":
        return made(rng, rows, 2 * columns, "N")[:, ::2]
    if kind == "back":
        return made(rng, rows, columns, "N")[::-1]
    if kind == "same":
        return np.broadcast_to(made(rng, 1, columns, "N"), (rows, columns))
    return rng.standard_normal((rows, columns)).astype(np.float32)


SHAPES = [(1, 1, 1), (1, 70, 33), (70, 1, 33), (5, 7, 1), (13, 40, 300), (33, 129, 17), (1600, 19, 20), (3, 4, 0)]  # fmt: skip


@pytest.mark.parametrize("b_kind", ["N", "T", "wide", "step", "same"])
@pytest.mark.parametrize("a_kind", ["N", "T", "wide", "step", "back", "same"])
@pytest.mark.parametrize("name", ["gemm", pytest.param("onednn_gemm", marks=needs_onednn)])
def test_products_of_all_layouts_are_float64s(name, a_kind, b_kind):
    assert name == "gemm" or has_onednn()
    rng = np.random.default_rng(0)
    for m, n, k in SHAPES:
        a, b = made(rng, m, k, a_kind), made(rng, k, n, b_kind)
        found = product(getattr(shared_library(), name), a, b, n + 3)
        expected = a.astype(float) @ b.astype(float)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * k)


@needs_onednn
def test_nan_and_infinity_stay():
    a = np.array(20 * [[np.nan, 1], [np.inf, 1], [2, 3]], np.float32)
    found = product(shared_library().onednn_gemm, a, np.eye(2, dtype=np.float32).T)
    expected = 20 * [[True, True], [False, True], [False, False]]
    np.testing.assert_array_equal(np.isnan(found), expected)


SCRIPT = """
import ctypes, os, numpy as np
from facula.graph.runtime import has_onednn, shared_library
assert has_onednn()
a, L, P = np.ones((700, 700), np.float32), ctypes.c_long, ctypes.c_void_p
out = np.empty_like(a)
p = P(a.ctypes.data)
before = len(os.listdir("/proc/self/task"))
n = L(700)
assert shared_library().onednn_gemm(n, n, n, p, n, L(1), p, L(1), n, P(out.ctypes.data), n)
print(len(os.listdir("/proc/self/task")) - before)
"""


@needs_onednn
def test_no_second_pool_of_threads_is_made():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout.strip() == "0", done.stderr


REPEATED = """
import ctypes, threading, numpy as np
from facula.graph.runtime import has_onednn, shared_library
assert has_onednn()
m, n, k = 512, 192, 768
a, b, out = (np.ones(s, np.float32) for s in ((m, k), (n, k), (m, n)))
types = [ctypes.c_void_p if i in (3, 6, 9) else ctypes.c_long for i in range(11)]
numbers = m, n, k, a.ctypes.data, k, 1, b.ctypes.data, 1, k, out.ctypes.data, n
arguments = [t(x) for t, x in zip(types, numbers)]

def size():
    with open("/proc/self/status") as file:
        return 1024 * next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

def multiply():
    for i in range(20):
        assert shared_library().onednn_gemm(*arguments)
        if i == 1:
            before = size()
    print((size() - before) / a.nbytes)

thread = threading.Thread(target=multiply)  # has memory of its own
thread.start()
thread.join()
"""


@needs_onednn
def test_products_find_the_memory_of_the_last_ones_again():
    """In bytes of a factor; without care there are seven packs of more than half as many, side by side."""
    done = subprocess.run([sys.executable, "-c", REPEATED], capture_output=True, text=True)
    assert float(done.stdout) < 1, done.stderr


UNDER_SIGNALS = """
import ctypes, signal, time
import numpy as np
from facula.graph.runtime import shared_library
L, P = ctypes.c_long, ctypes.c_void_p
a, b = np.random.rand(640, 92).astype("f"), np.random.rand(256, 92).astype("f").T
out, expected = np.empty((640, 256), np.float32), a @ b
p = [P(x.ctypes.data) for x in (a, b, out)]
run = shared_library().onednn_gemm
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 2e-4, 2e-4)
end = time.monotonic() + 0.8
while time.monotonic() < end:
    assert run(L(640), L(256), L(92), p[0], L(92), L(1), p[1], L(1), L(92), p[2], L(256))
    np.testing.assert_allclose(out, expected, rtol=1e-4)
signal.setitimer(signal.ITIMER_REAL, 0)
many = [s for s in signal.valid_signals() if s not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGALRM) and s > 31 or s in (signal.SIGUSR1, signal.SIGTERM)]
got = []
for s in many: signal.signal(s, lambda number, frame: got.append(number))
signal.pthread_sigmask(signal.SIG_BLOCK, many)
for s in many: signal.raise_signal(s)
signal.pthread_sigmask(signal.SIG_UNBLOCK, many)  # all at once: their frames lie one upon the other
assert sorted(got) == sorted(many) and len(many) > 30
print("done")
"""


@needs_onednn
def test_signals_do_not_write_into_matrices():
    command = [sys.executable, "-c", UNDER_SIGNALS]  # no faulthandler, which makes such a stack too
    off = {k: v for k, v in os.environ.items() if k != "PYTHONFAULTHANDLER"}
    done = subprocess.run(command, capture_output=True, text=True, env=off)
    assert done.stdout.strip() == "done", (done.returncode, done.stderr)


def test_a_library_that_is_none_is_named(tmp_path):
    script = "from facula.graph.runtime import has_onednn, gemm_address; print(has_onednn(), gemm_address() > 0)"
    wrong = tmp_path / "libdnnl.so.3"
    wrong.write_bytes(b"not a library")
    environment = {**__import__("os").environ, "FACULA_ONEDNN": str(wrong)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)  # fmt: skip
    assert done.stdout.strip() == "False True" and str(wrong) in done.stderr, done.stderr


def test_an_empty_setting_switches_it_off(monkeypatch):
    monkeypatch.setenv("FACULA_ONEDNN", "")
    assert library_path() is None
