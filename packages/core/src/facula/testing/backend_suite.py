"""The tests that every backend passes, for plug-in authors to run (with pytest, which must be installed).

    # tests/test_my_device.py
    from facula.testing.backend_suite import BackendSuite

    class TestMyDevice(BackendSuite):
        device = "mine"

Each op's samples give the same results there as on the CPU (`test_values`), the same gradients
(`test_gradients`), and in float32, bfloat16 and float16 the same dtypes and values to their precision.
`device` may say less: `pytest -k "softmax or matmul"`. What `facula report mine` calls missing runs
on the host and passes; run with FACULA_STRICT=1 to see it fail.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula
from facula.testing.samples import build, on_device, samples_of, tensors_in

#: How far results may differ, relative and absolute, by their dtype.
TOLERANCE = {
    "float64": 1e-9, "complex128": 1e-9, "float32": 4e-6, "complex64": 4e-6, "bfloat16": 1.6e-2, "float16": 2e-3,
}  # fmt: skip
OPS = [op for op in sorted(facula.ops.OPS.values(), key=lambda o: o.name) if samples_of(op)]
CASES = [pytest.param(op, i, id=f"{op.name}-{i}") for op in OPS for i in range(len(samples_of(op)))]


class BackendSuite:
    """Compares `device` with the CPU. Subclass it in a test file, with `device` set."""

    device: str
    #: Added to TOLERANCE where the device's functions are less accurate.
    slack = 0.0

    @pytest.mark.parametrize(("op", "i"), CASES)
    def test_values(self, op: Any, i: int) -> None:
        expected, got = (_run(op, i, on_device(d)) for d in ("cpu", self.device))
        if not op.unspecified_values:
            self.compare(got, expected)

    @pytest.mark.parametrize(("op", "i"), CASES)
    def test_gradients(self, op: Any, i: int) -> None:
        expected, got = (gradients(op, i, d) for d in ("cpu", self.device))
        if not op.unspecified_values:
            self.compare(got, expected)

    @pytest.mark.filterwarnings("ignore::RuntimeWarning")
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
    @pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
    def test_smaller_dtypes(self, op: Any, dtype: str) -> None:
        if op.unspecified_values:
            return
        for i in range(len(samples_of(op))):
            expected, got = (_outcome(op, i, _narrowed(d, dtype)) for d in ("cpu", self.device))
            if isinstance(expected, type) or isinstance(got, type):
                assert got is expected  # both refuse it, and alike
            else:
                self.compare(got, expected, TOLERANCE[dtype])

    def compare(self, got: list[Any], expected: list[Any], least: float = 0.0) -> None:
        """Raises AssertionError where dtypes, shapes or values differ. None stands for no gradient."""
        for g, e in zip(got, expected, strict=True):
            assert (g is None) == (e is None)
            if e is not None:
                assert (g.dtype, g.shape) == (e.dtype, e.shape)
                tolerance = max(TOLERANCE.get(e.dtype.name, 0), least) + self.slack
                np.testing.assert_allclose(
                    _wide(g), _wide(e), rtol=tolerance, atol=tolerance, equal_nan=True
                )


def _wide(array: Any) -> Any:
    if array.dtype.kind in "iub":
        return array
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _run(op: Any, i: int, place: Any) -> list[Any]:
    """The results of one sample as NumPy arrays."""
    facula.manual_seed(0)
    call = build(samples_of(op)[i], place)
    result = op.public_call(*call.args, **call.kwargs)
    return [t.detach().cpu().numpy() for t in tensors_in(result)]


def _outcome(op: Any, i: int, place: Any) -> Any:
    """The results of one sample, or the type of what was raised."""
    try:
        return _run(op, i, place)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        return type(error)


def _narrowed(device: str, dtype: str) -> Any:
    """A `place` for `build` that makes float64 `dtype`, and complex128 complex64."""
    storage = facula.dtypes.NAMES[dtype].dtype
    narrow = {np.dtype(np.float64): storage, np.dtype(np.complex128): np.dtype(np.complex64)}

    def place(draw: Any) -> Any:
        values = draw.values.astype(narrow.get(draw.values.dtype, draw.values.dtype))
        return facula.tensor(values, device=device)

    return place


def gradients(op: Any, i: int, device: str) -> list[Any]:
    """Gradients of the sum of all results of a sample; None for inputs that have no influence."""
    facula.manual_seed(0)
    sample = build(samples_of(op)[i], on_device(device, grad=True))
    inputs = [t for t in tensors_in(sample) if t.requires_grad]
    results = tensors_in(op.public_call(*sample.args, **sample.kwargs))
    results = [t for t in results if t.requires_grad]
    if not inputs or not results:
        return []
    ones = [facula.ones_like(r) for r in results]
    found = facula.autograd.grad(results, inputs, ones, allow_unused=True)
    return [None if g is None else g.detach().cpu().numpy() for g in found]
