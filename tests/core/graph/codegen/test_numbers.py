"""What must hold of numbers on the device 'c': random bits, sums that keep their digits, training."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.testing import c_device

pytestmark = pytest.mark.skipif(c_device.compiler() is None, reason="needs a C compiler")


@pytest.mark.parametrize("draw", [facula.rand, facula.randn])
@pytest.mark.parametrize("dtype", [facula.float32, facula.float64])
def test_random_numbers_have_the_bits_of_the_cpu(draw, dtype):
    drawn = []
    for device in ("cpu", "c"):
        facula.manual_seed(7)
        drawn.append(draw(10007, dtype=dtype, device=device).cpu().numpy())
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("shape", [(1, 1_000_000), (1000, 1000), (3, 999, 331)])
def test_sums_of_float32_are_as_good_as_pairwise_ones(shape):
    values = np.random.default_rng(0).random(shape, np.float32)
    for dims in ((-1,), tuple(range(len(shape))), (0,)):
        exact = values.astype(np.float64).sum(dims)
        got = facula.tensor(values, device="c").sum(dims).cpu().numpy()
        error = np.abs(got - exact).max() / np.abs(exact).max()
        assert error < 4 * np.finfo(np.float32).eps, (dims, error)


def test_halves_are_summed_in_float32():
    ones = facula.ones(5000, dtype=facula.bfloat16, device="c")
    assert ones.sum().item() == 4992  # 5000 rounded to bfloat16, where 256 + 1 would be 256


def test_a_whole_training_loop_matches_the_cpu():
    losses = {}
    for device in ("cpu", "c"):
        facula.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5)).to(device)  # fmt: skip
        optimizer = optim.AdamW(model.parameters(), lr=1e-2)
        x, y = facula.randn(16, 1, 8, 8, device=device), facula.arange(16, device=device) % 5
        for _ in range(5):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        losses[device] = loss.item()
    assert losses["c"] == pytest.approx(losses["cpu"], rel=1e-4)


def test_a_compiler_that_fails_is_quoted(monkeypatch):
    monkeypatch.setenv("FACULA_C_FLAGS", "-Dexpf=nonsense(")
    with pytest.raises(RuntimeError, match=r"(?s)failed on .*\.c.*error"):
        c_device.library("int broken(void) { return ; }}")


def test_no_compiler_is_said_so(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(RuntimeError, match="needs a C compiler: install one, or name it in CC"):
        c_device.library("int f(void) { return 1; }")
