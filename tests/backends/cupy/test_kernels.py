"""The device's own kernels and the generated ones it uses: numbers, bits, and memory."""

import os
import re
import subprocess
import sys
from pathlib import Path

import generated_leaves
import kernel_cases
import numpy as np
import pytest

import facula
from facula.backends import backend_for

HERE = Path(__file__).parent
on_host = pytest.mark.skipif(
    os.environ.get("FACULA_TEST_GPU") == "1",
    reason="the GPU runs the kernels: there is no host build",
)


@pytest.mark.parametrize("dtype", kernel_cases.TOLERANCE)
def test_numbers(dtype):
    count = 0
    for what, found, expected in kernel_cases.cases(dtype):
        kernel_cases.check(what, found, expected, dtype)
        count += 1
    assert count > 100


def test_generated_leaves_give_the_cpus_values():
    with generated_leaves.built_together():
        results = list(generated_leaves.calls("cuda"))
    for (name, found), (_, expected) in zip(results, generated_leaves.calls("cpu"), strict=True):
        pairs = zip(found, expected) if isinstance(found, tuple) else [(found, expected)]
        for f, e in pairs:
            f = backend_for("cuda").to_numpy(f)
            assert (f.dtype, f.shape) == (e.dtype, e.shape), name
            wide = np.complex128 if e.dtype.kind == "c" else np.float64
            tolerance = (
                0
                if e.dtype.kind in "iub"
                else {2: 1e-2, 4: 1e-6}.get(
                    e.dtype.itemsize, 1e-6 if e.dtype.kind == "c" else 1e-12
                )
            )
            if e.dtype.kind in "iub":
                np.testing.assert_array_equal(f, e, err_msg=name)
            else:
                np.testing.assert_allclose(
                    f.astype(wide), e.astype(wide), tolerance, tolerance, err_msg=name
                )


@pytest.mark.parametrize("name", ["rand", "randn"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("offset", [0, 2**64 - 3])
def test_random_bits_are_the_cpus(name, dtype, offset):
    """Across a carry of the counter, too, and for sizes that no block divides."""
    generator = facula.Generator()
    results = []
    for device in ("cpu", "cuda"):
        generator.manual_seed(11)
        generator._offset = offset
        draw = getattr(facula, name)
        t = draw(1003, generator=generator, dtype=getattr(facula, dtype), device=device)
        results.append(t.cpu().numpy())
    np.testing.assert_array_equal(*[r.view(f"u{r.itemsize}") for r in results])


def test_nan_and_infinity_go_through_softmax():
    inf, nan = float("inf"), float("nan")
    rows = [[1.0, -inf, 2.0], [-inf, -inf, -inf], [nan, 0.0, 1.0], [inf, 0.0, 1.0]]
    for name in ("softmax", "log_softmax"):
        here, there = (
            getattr(facula.tensor(rows, device=d), name)(-1).cpu().numpy() for d in ("cpu", "cuda")
        )
        np.testing.assert_allclose(there, here, rtol=1e-6)


def test_layouts_that_a_kernel_is_not_written_for():
    x = facula.arange(24.0).reshape(4, 6)
    for view in (
        lambda t: t.T,
        lambda t: t[:, ::2],
        lambda t: t[1].expand(3, 6),
        lambda t: t[2, 3],
    ):
        for f in (
            lambda t: t.softmax(-1),
            facula.nn.functional.gelu,
            facula.sigmoid,
            facula.nn.functional.silu,
        ):
            np.testing.assert_allclose(
                f(view(x.to("cuda"))).cpu().numpy(), f(view(x)).numpy(), rtol=2e-6
            )


def test_updates_of_half_types_are_rounded_once():
    for dtype in (facula.float16, facula.bfloat16):
        parts = []
        for device in ("cpu", "cuda"):
            p = facula.nn.Parameter(facula.linspace(-1, 1, 33, dtype=dtype, device=device))
            optimizer = facula.optim.AdamW([p], lr=0.1)
            for _ in range(3):
                optimizer.zero_grad()
                (p.float() ** 2).sum().backward()
                optimizer.step()
            parts.append(p.detach().cpu().float().numpy())
        np.testing.assert_allclose(*parts, rtol=1e-2, atol=1e-2)


@on_host
def test_under_address_sanitizer():
    """All kernels once more in a process of their own: no access beyond an array, no undefined behaviour."""
    libasan = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    environment = os.environ | {
        "FACULA_CUPY_MODULE": "cupy_stand_in", "PYTHONPATH": str(HERE), "FACULA_ON_HOST_SANITIZE": "1",
        "LD_PRELOAD": libasan.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1",
        "PYTHONMALLOC": "malloc",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, HERE / "kernel_cases.py"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert int(re.fullmatch(r"(\d+) cases\n", done.stdout)[1]) > 400
    assert "ERROR" not in done.stderr and "runtime error" not in done.stderr, done.stderr


PLANTED = """
import numpy as np, cupy_stand_in as m
text = 'extern "C" __global__ void f(float *x, int n) { x[blockIdx.x * blockDim.x + threadIdx.x] = n; }'
m.RawModule(code=text).get_function("f")((2,), (32,), (m.zeros(SIZE, np.float32), np.int32(1)))
"""


@on_host
@pytest.mark.parametrize(("size", "is_caught"), [(64, False), (63, True)])
def test_the_sanitizer_sees_a_planted_overflow(size, is_caught):
    libasan = subprocess.run(
        ["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    environment = os.environ | {
        "PYTHONPATH": str(HERE), "FACULA_ON_HOST_SANITIZE": "1", "LD_PRELOAD": libasan.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc",
    }  # fmt: skip
    code = PLANTED.replace("SIZE", str(size))
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert (done.returncode != 0) == is_caught, done.stderr
    assert ("heap-buffer-overflow" in done.stderr) == is_caught


@on_host
def test_a_barrier_that_some_threads_miss_is_seen():
    code = """
import numpy as np, cupy_stand_in as m
text = 'extern "C" __global__ void f(float *x) { if (threadIdx.x < 3) __syncthreads(); x[threadIdx.x] = 1; }'
m.RawModule(code=text).get_function("f")((1,), (32,), (m.zeros(32, np.float32),))
"""
    environment = os.environ | {"PYTHONPATH": str(HERE)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert done.returncode != 0 and "reached by 3 of 32 threads" in done.stderr
