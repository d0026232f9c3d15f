"""`compile(backend="fused")` on the device 'c': launches, memory, numbers of the host, and what happens where it cannot serve."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn
from facula.backends import backend_for
from facula.graph.compiler.device import program as device_program
from facula.graph.compiler.device.noting import OpNest
from facula.graph.compiler.fuse import count
from facula.graph.compiler.nests import ReduceNest
from facula.testing import c_device

pytestmark = pytest.mark.skipif(c_device.compiler() is None, reason="needs a C compiler")


@pytest.fixture
def steps(monkeypatch):
    """The steps of the programs that are made, one list for each."""
    made, original = [], device_program.steps_of

    def noted(nests, in_place):
        made.append(original(nests, in_place))
        return made[-1]

    monkeypatch.setattr(device_program, "steps_of", noted)
    return made


def fused(function):
    return facula.compile(function, backend="fused")


def test_a_mistake_in_a_compiler_that_nobody_named_is_told_and_replayed(monkeypatch):
    monkeypatch.setattr(device_program, "steps_of", lambda *_: {}["nothing"])
    monkeypatch.delenv("FACULA_COMPILE", raising=False)
    f, x = (lambda x: x.exp() + 1), values(3)
    with pytest.warns(UserWarning, match="please report it: KeyError"):
        found = facula.compile(f)(x)
    assert (found == f(x)).all()
    with pytest.raises(KeyError):
        fused(f)(x)


def values(*shape):
    drawn = np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)
    return facula.tensor(drawn, device="c")


def test_a_chain_is_one_launch(steps):
    x, y = values(7, 9), values(9)
    f = fused(lambda x, y: ((x * y + x).tanh() * y - x).exp() * 0.5)
    expected = ((x * y + x).tanh() * y - x).exp() * 0.5
    np.testing.assert_allclose(f(x, y).cpu().numpy(), expected.cpu().numpy(), rtol=1e-6)
    assert [len(s.nests) for s in steps[0]] == [1]


def test_nests_that_need_nothing_of_each_other_are_one_launch(steps):
    x, y = values(5, 6), values(300)
    f = fused(lambda x, y: (x * 2, y + 1, y.sum(), x.amax(0)))
    for got, expected in zip(f(x, y), (x * 2, y + 1, y.sum(), x.amax(0)), strict=True):
        np.testing.assert_allclose(got.cpu().numpy(), expected.cpu().numpy(), rtol=1e-6)
    assert len(steps[0]) == 1
    assert len(steps[0][0].nests) == 4


def test_products_stay_the_devices_and_everything_else_is_fused(steps):
    x, w, b = values(4, 6), values(6, 5), values(5)
    f = fused(lambda x, w, b: (x.relu() @ w + b).sigmoid())
    expected = (x.relu() @ w + b).sigmoid()
    np.testing.assert_allclose(f(x, w, b).cpu().numpy(), expected.cpu().numpy(), rtol=1e-6)
    kinds = [s.nests[0].call.op.name if isinstance(s.nests[0], OpNest) else "" for s in steps[0]]
    assert kinds == ["", "matrix_product", ""]


def test_a_long_sum_is_done_in_pieces_and_keeps_its_digits(steps):
    x = values(3, 70_000)
    f = fused(lambda x: ((x * x).sum(1), x.abs().sum()))
    expected = x.cpu().numpy().astype(np.float64)
    rows, total = f(x)
    np.testing.assert_allclose(rows.cpu().numpy(), (expected**2).sum(1), rtol=3e-7)
    np.testing.assert_allclose(total.cpu().numpy(), np.abs(expected).sum(), rtol=3e-7)
    reduces = [n for s in steps[0] for n in s.nests if isinstance(n, ReduceNest)]
    assert sorted(count(n.shape) for n in reduces)[:2] == [1, 3]
    assert len(reduces) == 4


def test_parameters_are_written_where_they_are_and_learning_rates_are_read_anew():
    weights = []
    for wrap in (lambda f: f, fused):
        facula.manual_seed(0)
        model = nn.Linear(6, 3).to("c")
        optimizer = facula.optim.Adam(model.parameters(), lr=0.1)
        schedule = facula.optim.lr_scheduler.StepLR(optimizer, 2, 0.1)

        def step(x, model=model, optimizer=optimizer):
            optimizer.zero_grad()
            (model(x) ** 2).mean().backward()
            optimizer.step()

        run = wrap(step)
        place = model.weight._array.buffer
        for _ in range(6):
            run(values(8, 6))
            schedule.step()
        assert model.weight._array.buffer is place
        weights.append(model.weight.detach().cpu().numpy())
    np.testing.assert_allclose(*weights, rtol=1e-5)
    assert run.captures <= 2  # the optimizer makes its state in the first


def test_views_as_inputs():
    x = values(6, 8)
    f = fused(lambda a, b: a * 2 + b)
    for a, b in ((x[1:3], x[3:5]), (x[:, 1:3].T, x[:2, :6]), (x[::2, ::2], x[3:, 4:])):
        expected = a.cpu().numpy() * 2 + b.cpu().numpy()
        np.testing.assert_allclose(f(a, b).cpu().numpy(), expected, rtol=1e-6)


def test_slices_that_are_written_one_after_another():
    def f(x, y):
        z = x * 0
        z[0] = x[1] + 1
        z[1] = z[0] * y[0]
        z[0] = z[1] - z[0]
        return z * 2

    x, y = values(3, 4), values(3, 4)
    with facula.no_grad():
        np.testing.assert_array_equal(fused(f)(x, y).cpu().numpy(), f(x, y).cpu().numpy())


def test_an_index_out_of_range_raises_and_the_program_goes_on():
    table = values(5)
    f = fused(lambda i: table[i] * 2)
    expected = table.cpu().numpy() * 2
    for index in ([1, -1], [1, 5], [0, 4]):
        index = facula.tensor(index, device="c")
        if 5 in index.tolist():
            with pytest.raises(IndexError, match="out of bounds"):
                f(index)
        else:
            np.testing.assert_array_equal(f(index).cpu().numpy(), expected[index.cpu().numpy()])


def test_a_compiler_that_fails_shows_its_log_and_the_program_is_replayed(monkeypatch):
    def fail(programs):
        raise RuntimeError("line 7: no such type")

    monkeypatch.setattr(backend_for("c"), "build_all", fail)
    with pytest.warns(UserWarning, match="replayed kernel by kernel.*line 7: no such type"):
        assert fused(lambda x: x * 3)(facula.ones(2, device="c")).tolist() == [3.0, 3.0]


def test_a_device_without_printed_kernels_replays_with_a_warning():
    with pytest.warns(UserWarning, match="core prints no kernels for device 'cpu'"):
        assert fused(lambda x: x * 3)(facula.ones(2)).tolist() == [3.0, 3.0]
