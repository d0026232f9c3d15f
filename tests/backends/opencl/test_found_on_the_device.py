"""Errors that the device finds: raised when it is read or waited for, and it goes on working."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.backends import backend_for


@pytest.mark.parametrize(
    "wait", [lambda x: x.tolist(), lambda x: backend_for("opencl").synchronize()]
)
def test_indices_out_of_range(wait):
    x = facula.arange(5.0, device="opencl")
    at = facula.tensor([0, 7], device="opencl")
    with pytest.raises(IndexError, match="index 7 is out of bounds for dimension"):
        wait(x.gather(0, at))
    assert x.gather(0, facula.tensor([4, -5], device="opencl")).tolist() == [4, 0]


def test_writing_out_of_range_raises_and_writes_nothing_elsewhere():
    x = facula.zeros(5, device="opencl")
    with pytest.raises(IndexError):
        x[facula.tensor([1, 9], device="opencl")] = 3.0
        backend_for("opencl").synchronize()
    assert set(x.tolist()) <= {0.0, 3.0} and x[0].item() == 0


@pytest.mark.parametrize("divide", [lambda a, b: a // b, lambda a, b: a.remainder(b)])
def test_integers_by_zero(divide):
    a = facula.tensor([1, 2, 3], device="opencl")
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        divide(a, 0)
    zero = facula.tensor([1, 0, 2], device="opencl")
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        divide(a, zero).tolist()
    assert (
        divide(a, facula.tensor([1, 2, 2], device="opencl")).cpu().tolist()
        == divide(a.cpu(), facula.tensor([1, 2, 2])).tolist()
    )
    floats = divide(a.float(), zero.float()).cpu().numpy()
    assert not np.isfinite(floats[1])
    assert divide(a, 0.5).tolist() == divide(a.cpu(), 0.5).tolist()
    assert divide(a[:0], zero[:0]).tolist() == []
