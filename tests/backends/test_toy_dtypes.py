"""The samples of every op again, in the smaller floating-point dtypes: both devices promote and round alike."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.testing.samples import build, samples_of, tensors_in

DTYPES = {"float32": 3e-6, "bfloat16": 1.6e-2, "float16": 2e-3}
OPS = [op for op in sorted(facula.ops.OPS.values(), key=lambda o: o.name) if samples_of(op) and not op.unspecified_values]


def place(device, dtype):
    def placed(draw):
        values = draw.values
        if values.dtype == np.float64:
            values = values.astype(dtype)
        elif values.dtype == np.complex128:
            values = values.astype(np.complex64)
        return facula.tensor(values, device=device)

    return placed


def outcome(op, sample, device, dtype):
    """The results as NumPy arrays, or the type of what was raised."""
    facula.manual_seed(0)
    call = build(sample, place(device, dtype))
    try:
        result = op.public_call(*call.args, **call.kwargs)
    except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
        return type(error)
    return [t.detach().cpu().numpy() for t in tensors_in(result)]


def widened(array):
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_smaller_dtypes(op, dtype):
    storage, tolerance = facula.dtypes.NAMES[dtype].dtype, DTYPES[dtype]
    for sample in samples_of(op):
        expected, got = outcome(op, sample, "cpu", storage), outcome(op, sample, "toy", storage)
        if isinstance(expected, type) or isinstance(got, type):
            assert got is expected
            continue
        for e, g in zip(expected, got, strict=True):
            assert (g.dtype, g.shape) == (e.dtype, e.shape)
            np.testing.assert_allclose(widened(g), widened(e), rtol=tolerance, atol=tolerance, equal_nan=True)
