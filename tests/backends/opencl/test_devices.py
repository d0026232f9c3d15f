"""Which devices there are, and what FACULA_OPENCL_DEVICE makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import facula
from facula.backends import backend_for
from facula_opencl import pocl_processor
from facula_opencl.backend import dtypes_of, is_cpu
from facula_opencl.devices import choose, count, describe, devices

NAMES = [
    "NVIDIA CUDA, OpenCL 3.0: GeForce", "Portable Computing Language, OpenCL 3.0 PoCL 3.1: cpu",
    "Portable Computing Language, OpenCL 3.0 PoCL 3.0: cpu",
]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "picked"),
    [
        ("", [0, 1, 2]), (" , ", [0, 1, 2]), ("1", [1]), ("2,0", [2, 0]), ("0,0", [0]), ("nvidia", [0]), ("pocl", [1, 2]),
        ("pocl:1", [2]), ("POCL 3.0", [2]), ("portable:0, geforce", [1, 0]), ("cpu,0", [1, 2, 0]),
        ("3.0", [2]), ("3.1", [1]), ("3.0:0,3.1", [2, 1]), ("OpenCL 3.0 PoCL 3.1", [1]), ("OpenCL 3.0", [0, 1, 2]),
    ],
)  # fmt: skip
def test_choice(wanted, picked):
    assert choose(wanted, NAMES) == picked


@pytest.mark.parametrize("wanted", ["3", "amd", "pocl:2", "-1", "0,amd", "0.1", "1.0"])
def test_what_is_not_there_is_said_with_what_is(wanted):
    with pytest.raises(RuntimeError, match="is no device; there are:") as error:
        choose(wanted, NAMES)
    assert all(name in str(error.value) for name in NAMES)


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True
    )


def test_the_variable_orders_the_devices_of_a_process():
    code = (
        "from facula_opencl.devices import *; print(*[describe(d) for d in devices()], sep='\\n')"
    )
    every = run(code, FACULA_OPENCL_DEVICE="").stdout.splitlines()
    last = len(every) - 1
    picked = run(code, FACULA_OPENCL_DEVICE=f"{last}").stdout.splitlines()
    assert picked == [every[last]]
    done = run("import facula; facula.ones(1, device='opencl')", FACULA_OPENCL_DEVICE="no such")
    assert "FACULA_OPENCL_DEVICE=no such: 'no such' is no device; there are:" in done.stderr
    assert every[0] in done.stderr


def test_a_machine_without_devices_says_so(monkeypatch):
    monkeypatch.setattr("facula_opencl.devices.devices", tuple)
    with pytest.raises(RuntimeError, match="this machine has 0 of type 'opencl'"):
        backend_for("opencl:7")


def test_each_device_computes():
    for i, device in enumerate(devices()):
        x = facula.arange(1000, dtype=facula.float32, device=f"opencl:{i}")
        assert (x * 2).sum().item() == 999000
        assert str(x.device) == f"opencl:{i}"
        assert describe(device).endswith(device.name.strip())
    assert count() == len(devices()) >= 1


def test_tensors_of_two_devices_do_not_mix():
    if count() < 2:
        pytest.skip("one OpenCL device here")
    a, b = facula.ones(2, device="opencl:0"), facula.ones(2, device="opencl:1")
    with pytest.raises(RuntimeError, match=r"same device.*opencl:0 and opencl:1"):
        a + b
    assert (a + b.to("opencl:0")).tolist() == [2, 2]


def test_dtypes_follow_the_device():
    assert "float64" in dtypes_of(SimpleNamespace(double_fp_config=63))
    lacking = dtypes_of(SimpleNamespace(double_fp_config=0))
    assert not {"float64", "complex128"} & lacking
    assert {"float32", "bfloat16", "float16", "int64", "complex64", "bool"} <= lacking


def test_family_can_be_chosen(monkeypatch):
    device = backend_for("opencl").cl_device
    monkeypatch.setenv("FACULA_OPENCL_FAMILY", "gpu")
    assert not is_cpu(device)
    monkeypatch.setenv("FACULA_OPENCL_FAMILY", "tpu")
    with pytest.raises(ValueError, match="FACULA_OPENCL_FAMILY=tpu: it is 'cpu' or 'gpu'"):
        is_cpu(device)


# ---- PoCL's name for the processor


def test_processors_are_named_by_what_they_can_do():
    known = pocl_processor.PROCESSORS
    assert next(iter(known)) == "skylake-avx512" and known["x86-64"] == set()
    assert known["haswell"] - {"movbe", "bmi1", "f16c"} <= known["skylake-avx512"] | {"bmi1"}


def test_a_pointer_to_a_name_is_found_and_nothing_else_touched():
    import ctypes

    text = ctypes.create_string_buffer(b"generic")
    other = ctypes.create_string_buffer(b"generically")
    words = (ctypes.c_void_p * 512)(
        0, 3, 1 << 60, ctypes.addressof(other), 12345678, ctypes.addressof(text)
    )
    at = pocl_processor._find(ctypes.addressof(words), b"generic")
    assert at == ctypes.addressof(words) + 5 * 8
    assert pocl_processor._find(ctypes.addressof(words), b"nothing") is None
