"""Printed C against the interpreter, kernel by kernel; and the same once more under AddressSanitizer and UBSan."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facula._device import device as Device
from facula.backends.buffer.kernels import Gather, Operand, Reduce, Scatter
from facula.dtypes import F32, I64
from facula.graph.codegen import CUDA, OPENCL, C, Launcher, layout, printer, source_of
from facula.testing import c_device

sys.path.insert(0, str(Path(__file__).parent))
import printed_cases as cases

needs_cc = pytest.mark.skipif(c_device.compiler() is None, reason="needs a C compiler")
ALL = cases.cases()


@pytest.fixture(scope="module")
def device():
    made = c_device.CBackend(Device("c"))
    made.prepare((case.kernel, case.arguments) for case in ALL)
    return made


@needs_cc
@pytest.mark.parametrize("case", ALL, ids=repr)
def test_case(case, device):
    cases.compare(case, device)


@needs_cc
def test_indices_of_64_bits(monkeypatch):
    monkeypatch.setattr(layout, "_WIDE", 0)
    device, some = c_device.CBackend(Device("c")), ALL[::7]
    device.prepare((case.kernel, case.arguments) for case in some)
    programs = [
        Launcher(c.kernel, C, device.build, device.alloc).program(*c.arguments) for c in some
    ]
    assert not any("i32 n0" in p.text for p in programs)
    for case in some:
        cases.compare(case, device)


def test_indices_are_wide_where_they_must_be():
    index = {}
    for n in (1000, 2**31):
        made = printer(Reduce("a + b", 0, F32, F32), C)
        index[n] = made.geometry(((n,), (2,), (1,), (2, 1))).layout.index
    assert index == {1000: "i32", 2**31: "i64"}


@needs_cc
@pytest.mark.parametrize("pick", [3, -4, 2**62, -(2**63)])
@pytest.mark.parametrize("kernel", [Gather(F32), Scatter("a + b", F32)], ids=["gather", "scatter"])
def test_an_index_out_of_range_raises(kernel, pick):
    device = c_device.CBackend(Device("c"))
    out, other, index = np.zeros(3, F32), np.ones(3, F32), np.array([0, pick, 1], I64)
    operands = [out, other, index] if isinstance(kernel, Gather) else [out, index, other]
    case = cases.Case("out", kernel, ((3,), 3, *(Operand(x, 0, (1,)) for x in operands)))
    with pytest.raises(
        IndexError, match=f"index {pick} is out of bounds for dimension with size 3"
    ):
        cases.run(case, device)


@pytest.mark.parametrize("dialect", [C, OPENCL, OPENCL.for_family("cpu"), CUDA], ids=["c", "opencl-gpu", "opencl-cpu", "cuda"])  # fmt: skip
def test_every_case_is_printed_in_every_dialect(dialect):
    programs = []
    for case in ALL:
        made = printer(case.kernel, dialect)
        found = made.geometry(made.split(*case.arguments)[2]).layout
        programs.append(made.program(found))
        assert made.program(found) == programs[-1]
        assert hash(found) == hash(made.geometry(made.split(*case.arguments)[2]).layout)
    source = source_of(dialect, programs)
    for program in programs:
        assert source.count(f"KERNEL void {program.name}(") == 1


# ---- under the sanitizers

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import printed_cases as cases
from facula._device import device
from facula.testing.c_device import CBackend
made, chosen = CBackend(device("c")), cases.cases()[:: int(sys.argv[2])]
made.prepare((case.kernel, case.arguments) for case in chosen)
for case in chosen:
    cases.compare(case, made)
print(len(chosen), "cases")
"""
PLANTED = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import printed_cases as cases
from facula._device import device
from facula.backends.buffer.kernels import Input, Map, Operand
from facula.testing.c_device import CBackend
f = np.dtype(np.float32)
out, a = np.zeros(4, f), np.zeros(4, f)
launch = (5,), Operand(out, 0, (1,)), Operand(a, 0, (1,))  # one element more than there are
cases.run(cases.Case("planted", Map("a", (Input(f),), f, f), launch), CBackend(device("c")))
"""


def sanitized(script, *arguments):
    """A Python process in which the kernels, and their memory, are watched."""
    runtimes = []
    for name in ("libasan.so", "libubsan.so"):
        path = subprocess.run([*c_device.compiler(), f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()  # fmt: skip
        if not os.path.isabs(path):
            pytest.skip(f"the compiler has no {name}")
        runtimes.append(path)
    flags = "-O0 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all"
    settings = {"LD_PRELOAD": " ".join(runtimes), "ASAN_OPTIONS": "detect_leaks=0", "FACULA_C_FLAGS": flags}  # fmt: skip
    here = str(Path(__file__).parent)
    return subprocess.run(
        [sys.executable, "-c", script, here, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **settings},
        timeout=900,
    )


@needs_cc
def test_sanitizers_find_nothing():
    done = sanitized(SCRIPT, "1")
    assert done.returncode == 0, done.stderr[-5000:]
    assert "cases" in done.stdout and "ERROR" not in done.stderr and "runtime error" not in done.stderr  # fmt: skip


@needs_cc
def test_sanitizers_find_a_planted_overflow():
    done = sanitized(PLANTED)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
