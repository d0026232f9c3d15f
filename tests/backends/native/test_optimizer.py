"""Updates of all parameters in one call: NumPy's bits, on any number of threads; arrays with gaps are declined untouched."""

import numpy as np
import pytest

import facula
from facula_native import optimizer
from facula_numpy import optimizer as numpy_optimizer

pytestmark = pytest.mark.usefixtures("every_size")
random = np.random.default_rng(0)
SHAPES = [(0, 3), (), (5,), (0,), (100, 90), (8192,), (8193,), (3, 70_001), (2, 0)]
UPDATES = {
    "sgd_updates": (2, [(0.1, 0.01, True, False), (0.1, 0.0, False, True)]),
    "momentum_updates": (3, [(0.1, 0.01, 0.9, 0.5, True, True, False, False), (0.1, 0.0, 0.9, 0.0, False, False, True, True)]),
    "adam_updates": (5, [(0.01, 0.9, 0.999, 1e-8, 0.1, True, True, False), (0.01, 0.8, 0.99, 1e-6, 0.1, True, False, True)]),
    "rmsprop_updates": (5, [(0.01, 0.99, 1e-8, 0.1, 0.9, True, False), (0.01, 0.9, 1e-6, 0.0, 0.5, False, True)]),
    "adagrad_updates": (3, [(0.05, 0.1, 1e-10, 0.1, True, False), (0.05, 0.0, 1e-6, 0.0, False, True)]),
}  # fmt: skip
CASES = [(name, lists, numbers) for name, (lists, cases) in UPDATES.items() for numbers in cases]
#: Those that count each parameter's steps.
COUNTING = ("adam_updates", "adagrad_updates")


def lists_of(count):
    arrays = [[random.random(shape).astype(np.float32) for shape in SHAPES] for _ in range(count)]
    arrays[0][4][0, :4] = np.nan, np.inf, -np.inf, -0.0
    return arrays


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(("name", "count", "numbers"), CASES)
def test_bits_are_numpys(name, count, numbers, threads):
    ours = lists_of(count)
    theirs = [[a.copy() for a in arrays] for arrays in ours]
    steps = [[np.float32(1 + k % 3) for k in range(len(SHAPES))]] if name in COUNTING else []
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    assert getattr(optimizer, name)(*ours, *steps, *numbers) is None
    facula.set_num_threads(before)
    with np.errstate(all="ignore"):
        getattr(numpy_optimizer, name)(*theirs, *steps, *numbers)
    for mine, his in zip(ours, theirs):
        for a, b in zip(mine, his):
            np.testing.assert_array_equal(a, b)


def test_gaps_and_other_dtypes_are_declined_and_nothing_is_written():
    params = [np.ones((4, 4), np.float32), np.ones((4, 8), np.float32)[:, ::2]]
    grads = [np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)]
    assert optimizer.sgd_updates(params, grads, 0.1, 0.0, False, False) is NotImplemented
    assert all((p == 1).all() for p in params)
    doubles = [np.ones(4)]
    assert optimizer.sgd_updates(doubles, doubles, 0.1, 0.0, False, False) is NotImplemented


def test_a_training_step_uses_it(monkeypatch):
    seen = []
    monkeypatch.setattr(
        optimizer,
        "_call",
        lambda name, *rest, f=optimizer._call: seen.append(name) or f(name, *rest),
    )
    p = facula.ones(300, 300, requires_grad=True)
    p.sum().backward()
    for make in (facula.optim.AdamW, facula.optim.Adam):
        make([p]).step()
    facula.optim.SGD([p], lr=0.1).step()
    for make in (facula.optim.RMSprop, facula.optim.Adagrad):
        make([p]).step()
    assert seen == ["adam", "adam", "sgd", "rmsprop", "adagrad"]


@pytest.mark.parametrize("left_out", [(3,), (4,), (3, 4)], ids=str)
def test_rmsprop_without_momentum_and_without_averages(left_out):
    ours = lists_of(5)
    for k in left_out:
        ours[k] = []
    theirs = [[a.copy() for a in arrays] for arrays in ours]
    numbers = 0.01, 0.99, 1e-8, 0.1, 0.9, True, False
    assert optimizer.rmsprop_updates(*ours, *numbers) is None
    with np.errstate(all="ignore"):
        numpy_optimizer.rmsprop_updates(*theirs, *numbers)
    for mine, his in zip(ours, theirs):
        for a, b in zip(mine, his):
            np.testing.assert_array_equal(a, b)
