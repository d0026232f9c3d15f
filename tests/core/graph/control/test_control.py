"""`cond`, `while_loop` and `scan` in compiled functions do what their plain Python does in eager mode."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn
from facula.graph import CaptureError


def tensor(*shape, seed=0, grad=False):
    values = np.random.default_rng(seed).uniform(-2.0, 2.0, shape)
    return facula.tensor(values, requires_grad=grad)


def numbers(tree):
    return [np.asarray(t.detach().numpy()) for t in facula.graph.tree.flatten_tree(tree)[0]]


def assert_same(a, b):
    for x, y in zip(numbers(a), numbers(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)


def grads_of(f, inputs, weights):
    """The results of `f` and the gradients of everything, from a loss that reads all of them."""
    inputs = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
    results = [t for t in facula.graph.tree.flatten_tree(f(*inputs))[0] if t.requires_grad]
    loss = sum((t * (i + 1.0)).sin().sum() for i, t in enumerate(results))
    leaves = [*(x for x in inputs if x.requires_grad), *weights]
    found = facula.autograd.grad(loss, leaves, allow_unused=True)
    zeros = [facula.zeros_like(x) if g is None else g for x, g in zip(leaves, found)]
    return results, zeros


W = tensor(3, seed=7, grad=True)


def cond_over_closure(x):
    return facula.cond(x.sum() > 0, lambda x: (x * W).sin(), lambda x: x[:] - W.exp(), (x,))


def cond_that_gives_what_it_got(x):
    y = x * 2.0
    return facula.cond(x.sum() > 0, lambda: (x, y[0] * W), lambda: (y, x[1] * x))


def nested_cond(x):
    def inner(x):
        return facula.cond(x[0] > 0, lambda: x * W, lambda: x / 2)

    return facula.cond(x.sum() > 0, inner, lambda x: inner(x) + 1, (x,))


def cond_of_containers(x):
    return facula.cond(
        x.sum() > 0, lambda d: {"a": d["x"], "b": [d["x"].exp()]}, lambda d: {"a": -d["x"], "b": [d["x"] * W]}, ({"x": x},)
    )  # fmt: skip


def scan_with_weights(x):
    return facula.scan(lambda c, x: ((c * W + x).tanh(), c.sum() * x), x * 2, x.repeat(4, 1))


def scan_backwards(x):
    xs = {"a": x.outer(x), "n": facula.arange(3)}

    def step(carry, x):
        total = carry[0] + x["a"]
        return (total, carry[1] + x["n"]), {"t": total, "n": carry[1]}

    return facula.scan(step, (W, facula.tensor(0)), xs, reverse=True)


def cond_in_a_scan(x):
    def step(c, x):
        c = facula.cond(x.sum() > 0, lambda: c * W, lambda: c + x)
        return c, c * 2

    return facula.scan(step, x, facula.stack([x, -x, W]))


def scan_of_columns(x):
    return facula.scan(lambda c, x: (c + x, c * W[:2]), x[:2] * 0, x.outer(W)[:2], dim=1)


CASES = [
    cond_over_closure, cond_that_gives_what_it_got, nested_cond, cond_of_containers, scan_with_weights,
    scan_backwards, cond_in_a_scan, scan_of_columns,
]  # fmt: skip
INPUTS = [tensor(3, seed=s) for s in (0, 1, 2)] + [tensor(3, seed=0).abs(), -tensor(3, seed=0).abs()]  # fmt: skip


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_values_and_gradients_equal_eager(f):
    outside = facula.compile(f)  # backward by the caller: replayed through the recorder
    inside = facula.compile(lambda x: grads_of(f, [x], [W])[1])
    no_grad = facula.compile(facula.no_grad()(f))
    for x in INPUTS:
        values, gradients = grads_of(f, [x], [W])
        got_values, got = grads_of(outside, [x], [W])
        assert_same(got_values, values)
        assert_same(got, gradients)
        assert_same(inside(x), gradients)
        assert_same(no_grad(x), f(x))
    assert outside.captures == inside.captures == no_grad.captures == 1


def test_one_branch_runs_at_each_call():
    f = facula.compile(
        lambda x, i: facula.cond(i > 0, lambda: x[i - 1], lambda: x.sum() * x[0]), backend=None
    )
    x = tensor(3, 2)
    assert_same(f(x, facula.tensor(0)), x.sum() * x[0])
    with pytest.raises(IndexError):
        f(x, facula.tensor(9))


def test_a_python_bool_needs_no_branches():
    f = facula.compile(lambda x, flag: facula.cond(flag, lambda: x + 1, lambda: x.sum()))
    x = tensor(3)
    assert_same(f(x, True), x + 1)
    assert_same(f(x, False), x.sum())
    assert not [n for n in f.graph.nodes if n.name == "cond_graphs"]


def collatz(n):
    return facula.while_loop(
        lambda n, steps: n != 1,
        lambda n, steps: (facula.where(n % 2 == 0, n // 2, 3 * n + 1), steps + 1),
        (n, facula.tensor(0)),
    )


def newton(x):
    w = W.abs()[0] + 0.5
    return facula.while_loop(
        lambda s: ((s["y"] ** 2 - s["x"] * w).abs() > 1e-9).any(),
        lambda s: ({"x": s["x"], "y": (s["y"] + s["x"] * w / s["y"]) / 2},),
        ({"x": x, "y": x * 0 + 1},),
    )


def test_while_loops_equal_eager():
    f, g = facula.compile(collatz), facula.compile(facula.no_grad()(newton))
    for n in (1, 2, 7, 27):
        start = facula.tensor(n)
        assert_same(f(start), collatz(start))
        assert start.item() == n
    assert f(facula.tensor(27))[1].item() == 111
    for seed in (1, 2):
        x = tensor(4, seed=seed).abs() + 0.1
        assert_same(g(x), facula.no_grad()(newton)(x))
    assert f.captures == g.captures == 1


def test_a_model_may_hold_them():
    class Deep(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.Linear(3, 3).double(), nn.Linear(3, 2).double()

        def forward(self, x):
            x = facula.cond(x.mean() > 0, lambda: self.layer(x).relu(), lambda: self.layer(x) * 2)
            return self.head(facula.scan(lambda c, r: (c + self.layer(r), c), x[0] * 0, x)[1])

    facula.manual_seed(0)
    model = Deep()

    def loss(x):
        for p in model.parameters():
            p.grad = None
        value = model(x).pow(2).sum()
        value.backward()
        return value

    compiled = facula.compile(loss)
    for seed in range(3):
        x = tensor(5, 3, seed=seed)
        expected = loss(x)
        gradients = [p.grad.clone() for p in model.parameters()]
        assert_same(compiled(x), expected)
        assert_same([p.grad for p in model.parameters()], gradients)
    assert compiled.captures == 1


def test_graphs_run_on_another_device_and_print():
    f = facula.compile(facula.no_grad()(cond_in_a_scan))
    x = tensor(3)
    expected = f(x)
    toy = facula.backends.backend_for("toy")
    arrays = f.graph.run("toy", [x.numpy(), W.detach().numpy()])
    for a, e in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(toy.to_numpy(a), e.numpy(), rtol=1e-10)
    text = str(f.graph)
    assert "scan_graphs((%arg0,)" in text
    assert "        step: graph(%in0: float64[3]" in text
    assert "            false: graph(" in text


@pytest.mark.parametrize("name", ["collatz", "cond_in_a_scan"])
def test_the_c_compiler_replays_what_it_cannot_compile(name):
    f = facula.no_grad()(globals()[name])
    x = facula.tensor(7) if name == "collatz" else tensor(3)
    compiled = facula.compile(f, backend="c")
    with pytest.warns(UserWarning, match="replayed kernel by kernel, not compiled: .*values of a tensor"):  # fmt: skip
        assert_same(compiled(x), f(x))
    assert_same(compiled(x), f(x))


# ---- what is refused


def keep(x, kept):
    def branch():
        kept.append(x * 2)
        return x

    return facula.cond(x.sum() > 0, branch, lambda: x)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: facula.cond(x.sum() > 0, lambda: x, lambda: x[0]),
         r"true_fn of cond returns float64\[3\], false_fn float64\[\], at .*test_control\.py:\d+"),
        (lambda x: facula.cond(x.sum() > 0, lambda: 1.0, lambda: x), r"returned 1\.0, expected tensors"),
        (lambda x: facula.cond(x.sum() > 0, lambda: x.add_(1), lambda: x),
         r"from outside was written in true_fn of cond.*test_control\.py:\d+"),
        (lambda x: facula.cond(x.sum() > 0, lambda: x.sum().item(), lambda: x), r"values of a tensor.*facula\.cond"),
        (lambda x: facula.scan(lambda c, x: (c.float(), x), x, x.outer(x)),
         r"combine_fn of scan must return .*\(float64\[3\]\), got float32\[3\]"),
        (lambda x: facula.while_loop(lambda c: c.sum() > 0, lambda c: (c[:2],), (x,)), r"started with \(float64\[3\]\), got float64\[2\]"),
        (lambda x: facula.while_loop(lambda c: c > 0, lambda c: (c,), (x,)), r"cond_fn of while_loop returns bool\[3\]"),
        (lambda x: facula.while_loop(lambda c: c.sum() > 0, lambda c: (c,), (W,)), "while_loop has no gradient"),
        (lambda x: facula.cond(x.sum() > 0, lambda: facula.rand(3) * W, lambda: x), "draws random numbers"),
        (lambda x: keep(x, []), "kept beyond its end|kept beyond"),
    ],
)  # fmt: skip
def test_what_a_graph_cannot_hold_is_refused(f, message):
    x = tensor(3)
    before = x.tolist()
    kept = []
    g = (lambda x: keep(x, kept)) if "keep" in f.__code__.co_names else f
    with pytest.raises(CaptureError, match=message):
        facula.compile(g)(x)
    assert x.tolist() == before
    assert isinstance(x._array, np.ndarray)


def test_second_derivatives_are_refused_within_and_work_in_eager():
    x = tensor(3, grad=True)

    def second(f):
        (g,) = facula.autograd.grad(f(x).sum(), x, create_graph=True)
        return facula.autograd.grad(g.sum(), x)[0]

    cube = lambda x: facula.cond(x.sum() > 9, lambda: x, lambda: x**3)  # noqa: E731
    assert_same(second(cube), x * 6)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        second(facula.compile(cube))


def test_bad_arguments():
    x = tensor(3)
    with pytest.raises(RuntimeError, match=r"one bool as pred, got .*float64 of shape \[3\]"):
        facula.cond(x, lambda: x, lambda: x)
    with pytest.raises(RuntimeError, match=r"write \(x,\) for one"):
        facula.cond(True, lambda x: x, lambda x: x, x)
    with pytest.raises(RuntimeError, match="must return"):
        facula.scan(lambda c, x: c, x, x)
    with pytest.raises(RuntimeError, match="keep its shapes"):
        facula.scan(lambda c, x: (c[:1], x), x, x)
    with pytest.raises(RuntimeError, match="at least one tensor"):
        facula.scan(lambda c, x: (c, x), x, [])
    with pytest.raises(RuntimeError, match="carries tensors, got 3"):
        facula.while_loop(lambda n: n > 0, lambda n: n - 1, (3,))


def test_they_are_where_pytorch_has_them():
    from facula._higher_order_ops import cond, scan, while_loop

    assert (cond, scan, while_loop) == (facula.cond, facula.scan, facula.while_loop)
