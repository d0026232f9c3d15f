"""Training under autocast to bfloat16: float64's gradients within bfloat16's digits, PyTorch's losses, curves that fall as float32's.

Each product rounds two factors and its result, each by at most 2**-8 of it (8 bits of significand), forward and, with the
gradient and the other factor, backward. So the gradient of a network of L layers has seen at most 6 L roundings, and is within
6 L 2**-8 of its size of float64's, unless it is what is left of terms that cancel.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import facula

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
UNIT = 2.0**-8
#: The case, its sizes, and its layers along the longest way.
CASES = {
    "mlp": ("mlp_training", {"batch": 32, "width": 32}, 3),
    "cnn": ("small_cnn_training", {"batch": 8}, 3),
    "gpt": ("gpt_training", {"batch": 2, "time": 16, "width": 24, "layers": 1}, 7),
}


@pytest.fixture
def cases(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module("cases")
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def parameters(work):
    return [p for group in work.optimizer.param_groups for p in group["params"]]


def first_gradients(work, double=False):
    given = work.given[0]
    if double:
        given = [x.double() if x.is_floating_point() else x for x in given]
        for p in parameters(work):
            p.data = p.data.double()
    loss = work.loss(*given)
    loss.backward()
    return loss.item(), [p.grad.double().numpy() for p in parameters(work)]


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_float64s_within_bfloat16s_digits(name, cases):
    case, sizes, layers = CASES[name]
    make = getattr(cases, case)
    loss, found = first_gradients(cases.in_bfloat16(make)(facula, **sizes))
    exact_loss, exact = first_gradients(make(facula, **sizes), double=True)
    assert abs(loss - exact_loss) <= 3 * layers * UNIT * exact_loss
    size = np.sqrt(sum(np.sum(e**2) for e in exact))
    error = np.sqrt(sum(np.sum((f - e) ** 2) for f, e in zip(found, exact)))
    assert 0 < error <= 6 * layers * UNIT * size


@pytest.mark.parametrize("name", CASES)
def test_losses_fall_as_float32s(name, cases):
    case, sizes, layers = CASES[name]
    make = getattr(cases, case)
    runs = [m(facula, **sizes) for m in (make, cases.in_bfloat16(make))]
    single, half = ([work.step().item() for _ in range(24)] for work in runs)
    fall = np.mean(single[:4]) - np.mean(single[-4:])
    assert fall > 0.05 * single[0]
    assert abs(np.mean(half[-4:]) - np.mean(single[-4:])) <= 3 * layers * UNIT * max(fall, 1)


@pytest.mark.parity
@pytest.mark.parametrize("name", CASES)
def test_losses_are_those_of_pytorchs_autocast(name, cases):
    """Both are within the bound of the exact ones, so within twice that of each other."""
    torch = pytest.importorskip("torch")
    case, sizes, layers = CASES[name]
    make = cases.in_bfloat16(getattr(cases, case))
    ours, theirs = (make(lib, **sizes) for lib in (facula, torch))
    for _ in range(2):
        a, b = ours.step().item(), theirs.step().item()
        assert abs(a - b) <= 2 * 3 * layers * UNIT * b


def trained(cases, dtype, scaler, steps=6):
    work = cases.mlp_training(facula, batch=32, width=32)
    autocast = facula.autocast("cpu", dtype=dtype)
    losses = []
    for _ in range(steps):
        x, y = next(work.batches)
        work.optimizer.zero_grad()
        with autocast:
            loss = work.loss(x, y)
        scaler.scale(loss).backward()
        scaler.step(work.optimizer)
        scaler.update()
        losses.append(loss.item())
    return losses


def test_a_scaler_changes_nothing_for_bfloat16(cases):
    """It has float32's exponents, and the factor is a power of two: the same bits. float16 needs it."""
    off, on = (facula.amp.GradScaler("cpu", enabled=e) for e in (False, True))
    plain = trained(cases, facula.bfloat16, off)
    assert trained(cases, facula.bfloat16, on) == plain
    half = trained(cases, facula.float16, facula.amp.GradScaler("cpu", init_scale=2.0**10))
    np.testing.assert_allclose(half, plain, rtol=3 * 3 * UNIT)


def test_a_scaler_leaves_out_steps_that_float16_cannot_hold(cases):
    scaler = facula.amp.GradScaler("cpu", init_scale=2.0**40)
    trained(cases, facula.float16, scaler, 2)
    assert scaler.get_scale() == 2.0**38
