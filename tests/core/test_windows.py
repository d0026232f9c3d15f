"""Window functions against PyTorch's and SciPy's."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.signal import windows

NAMES = {
    "bartlett": {}, "blackman": {}, "cosine": {}, "exponential": {"tau": 2.5}, "gaussian": {"std": 1.7},
    "general_cosine": {"a": [0.4, 0.3, 0.2, 0.1]}, "general_hamming": {"alpha": 0.6}, "hamming": {}, "hann": {},
    "kaiser": {"beta": 7.0}, "nuttall": {},
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sym", [True, False])
def test_windows_are_scipys(name, sym):
    signal = pytest.importorskip("scipy.signal")
    for n in (0, 1, 2, 5, 8, 33):
        mine = getattr(windows, name)(n, sym=sym, dtype=facula.float64, **NAMES[name])
        theirs = getattr(signal.windows, name)(n, sym=sym, **NAMES[name])
        np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-12)


@pytest.mark.parity
@pytest.mark.parametrize("name", ["hann", "hamming", "blackman", "bartlett", "kaiser"])
def test_older_windows_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    for n in (0, 1, 2, 7, 16):
        for periodic in (True, False):
            mine = getattr(facula, name + "_window")(n, periodic)
            theirs = getattr(torch, name + "_window")(n, periodic)
            assert mine.dtype is facula.float32
            np.testing.assert_allclose(mine.numpy(), theirs.numpy(), atol=1e-6)
    np.testing.assert_allclose(
        facula.hamming_window(9, True, 0.5, 0.4).numpy(),
        torch.hamming_window(9, True, 0.5, 0.4).numpy(),
        atol=1e-6,
    )


def test_errors():
    with pytest.raises(ValueError, match="non-negative"):
        windows.hann(-1)
    with pytest.raises(ValueError, match="float32 or float64"):
        windows.hann(3, dtype=facula.int64)
    with pytest.raises(RuntimeError, match="non-negative"):
        facula.hann_window(-1)
    assert windows.hann(4, requires_grad=True, device="toy").requires_grad
