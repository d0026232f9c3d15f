"""Weights used many times in one graph: their gradients are added up as one product of all rows."""

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula.profiler import profile


def weights(dtype="float64", device="cpu"):
    generator = facula.Generator().manual_seed(3)
    made = [facula.randn(shape, generator=generator) for shape in ((7, 6), (7,), (9, 6))]
    return [w.to(device, getattr(facula, dtype)).requires_grad_() for w in made]


def many_steps(w, b, table, steps=5):
    """One linear layer and one table, applied to single rows over and over."""
    total = 0
    for t in range(steps):
        x = F.embedding(facula.tensor([t % 3, 3]).to(table.device), table, padding_idx=3)
        y = F.linear(x, w, b).tanh()
        y = F.linear(y[:, :6] * x, w, b)
        total = total + (y * y).sum() * (t + 1)
    return total


def expected(dtype="float64", steps=5):
    """The same by NumPy, one product a step."""
    w, b, table = [p.detach().numpy() for p in weights(dtype)]
    gw, gb, gt = np.zeros_like(w), np.zeros_like(b), np.zeros_like(table)
    for t in range(steps):
        rows = np.array([t % 3, 3])
        x = table[rows]
        y = np.tanh(x @ w.T + b)
        z = y[:, :6] * x
        out = z @ w.T + b
        g = 2 * out * (t + 1)
        gw, gb = gw + g.T @ z, gb + g.sum(0)
        gz = g @ w
        gy = np.concatenate([gz * x, np.zeros_like(y[:, 6:])], 1) * (1 - y * y)
        gw, gb = gw + gy.T @ x, gb + gy.sum(0)
        np.add.at(gt, rows[:1], (gz * y[:, :6] + gy @ w)[:1])  # row 3 is padding
    return gw, gb, gt


@pytest.mark.parametrize(
    "steps", [1, 2, 5, 40]
)  # beyond 2 the rows outgrow the weight, and are added up between
@pytest.mark.parametrize("device", ["cpu", "toy"])
def test_gradients_of_shared_weights(steps, device):
    params = weights(device=device)
    many_steps(*params, steps=steps).backward()
    for p, e in zip(params, expected(steps=steps)):
        np.testing.assert_allclose(p.grad.cpu().numpy(), e, rtol=1e-11, atol=1e-11)


def test_a_weight_that_is_used_often_costs_one_product(monkeypatch):
    cpu, shapes = facula.backends.backend_for("cpu"), []
    matmul = cpu.matmul
    monkeypatch.setattr(cpu, "matmul", lambda a, b: (shapes.append(a.shape), matmul(a, b))[1])
    w = facula.randn(50, 40, requires_grad=True)
    sum([F.linear(facula.randn(1, 40), w).sum() for _ in range(12)]).backward()
    assert shapes == [(50, 12)]
    shapes.clear()
    sum([F.linear(facula.randn(1, 40), w).sum() for _ in range(100)]).backward()
    assert len(shapes) == 5 and all(rows * 90 <= 50 * 40 for _, rows in shapes)  # never more than w


def test_grad_of_a_weight_that_is_no_leaf_and_of_leaves():
    params = weights()
    w = params[0] * 1.0
    found = facula.autograd.grad(many_steps(w, *params[1:]), [w, *params[1:]], retain_graph=True)
    for g, e in zip(found, expected()):
        np.testing.assert_allclose(g.numpy(), e, rtol=1e-11)
    loss = many_steps(w, *params[1:])
    loss.backward()
    np.testing.assert_allclose(params[0].grad.numpy(), expected()[0], rtol=1e-11)


def test_a_table_that_is_also_the_head():
    table = facula.randn(9, 6, dtype=facula.float64, requires_grad=True)

    def loss(t):
        x = F.embedding(facula.tensor([1, 1]), t)
        y = F.embedding(facula.tensor([4]), t)
        return (F.linear(x * 2.0, t) * F.linear(y, t)).sum() + (t * t).sum()

    assert facula.autograd.gradcheck(loss, (table,))
    loss(table).backward()
    (recorded,) = facula.autograd.grad(loss(table), table, create_graph=True)
    np.testing.assert_allclose(table.grad.numpy(), recorded.detach().numpy(), rtol=1e-12)


def test_hooks_see_the_sum_and_a_second_pass_adds_to_it():
    params, seen = weights(), []
    params[0].register_hook(lambda g: seen.append(g.clone()))
    loss = many_steps(*params)
    loss.backward(retain_graph=True)
    loss.backward()
    e = expected()[0]
    np.testing.assert_allclose(seen[0].numpy(), e, rtol=1e-11)
    np.testing.assert_allclose(params[0].grad.numpy(), 2 * e, rtol=1e-11)


@pytest.mark.parametrize(
    "dtype, tolerance", [("float16", 1e-2), ("bfloat16", 6e-2), ("float32", 1e-5)]
)
def test_other_dtypes(dtype, tolerance):
    params = weights(dtype)
    many_steps(*params).backward()
    for p, e in zip(params, expected("float32")):
        assert p.grad.dtype == p.dtype
        scale = np.abs(e).max()
        np.testing.assert_allclose(p.grad.float().numpy() / scale, e / scale, atol=tolerance)


def test_under_anomaly_detection_the_profiler_and_capture():
    e = expected()
    params = weights()
    with pytest.warns(UserWarning, match="Anomaly"), facula.autograd.detect_anomaly():
        many_steps(*params).backward()
    np.testing.assert_allclose(params[0].grad.numpy(), e[0], rtol=1e-11)
    params = weights()
    with profile(profile_memory=True):
        many_steps(*params).backward()
    np.testing.assert_allclose(params[0].grad.numpy(), e[0], rtol=1e-11)
    params = weights()

    @facula.compile
    def step():
        for p in params:
            p.grad = None
        loss = many_steps(*params)
        loss.backward()
        return loss

    for _ in range(2):
        step()
        for p, g in zip(params, e):
            np.testing.assert_allclose(p.grad.numpy(), g, rtol=1e-11, atol=1e-11)


def test_frequencies_are_counted_within_each_call():
    table = facula.ones(50, 4, requires_grad=True)
    for rows in ([1, 1], [1]):
        F.embedding(facula.tensor(rows), table, scale_grad_by_freq=True).sum().backward()
    assert (table.grad[1] == 2).all()  # (1 + 1) / 2 and 1
    table.grad = None
    sum(
        F.embedding(facula.tensor(rows), table, scale_grad_by_freq=True).sum()
        for rows in ([1, 1], [1])
    ).backward()
    assert (table.grad[1] == 2).all()


def test_a_kept_value_that_moved_is_named_as_in_a_recorded_pass():
    x = facula.ones(3, requires_grad=True)
    for create_graph in (False, True):
        y = x * 2.0
        z = y * y
        y.add_(1.0)
        with pytest.raises(
            RuntimeError,
            match=r"'mul' needs its input '(input|other)'.*version 1; expected version 0",
        ):
            z.sum().backward(create_graph=create_graph)
        y = (x * 2.0).exp()
        z = y.sum()
        y.detach().add_(1.0)
        with pytest.raises(RuntimeError, match="'exp' needs its output 'out'"):
            z.backward(create_graph=create_graph)
    z = (x * x).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="a second time \\(at 'sum'\\)"):
        z.backward()
