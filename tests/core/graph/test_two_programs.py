"""Compiled functions whose `backward()` is called outside: two programs, that do what eager and PyTorch do."""

import gc
import weakref

import numpy as np
import pytest

import facula
from facula import nn

F = nn.functional


def replayed(graph, backend):
    """A compiler that compiles nothing, for which cheap values are computed anew."""
    return graph.code()


def compiled_as_two(f, backend=replayed):
    return facula.compile(f, backend=backend)


def is_two(compiled):
    return getattr(compiled, "compiled", compiled).last.recorded is not None


def mlp(lib):
    n = lib.nn
    return n.Sequential(n.Linear(5, 8), n.ReLU(), n.Linear(8, 8), n.GELU(), n.Linear(8, 3))


def conv(lib):
    n = lib.nn
    return n.Sequential(
        n.Conv2d(2, 4, 3, padding=1, bias=False), n.BatchNorm2d(4), n.ReLU(), n.MaxPool2d(2), n.Flatten(), n.Linear(36, 3),
    )  # fmt: skip


def attention(lib):
    n = lib.nn

    class Block(n.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.heads = n.LayerNorm(8), n.MultiheadAttention(8, 2, batch_first=True)
            self.head = n.Linear(8, 3)

        def forward(self, x):
            y = self.norm(x)
            x = x + self.heads(y, y, y, need_weights=False)[0]
            return self.head(x).softmax(-1).mean(1)

    return Block()


def lstm(lib):
    n = lib.nn

    class Tagger(n.Module):
        def __init__(self):
            super().__init__()
            self.table, self.cells = n.Embedding(7, 6), n.LSTM(6, 5, batch_first=True)
            self.head = n.Linear(5, 3)

        def forward(self, x):
            return self.head(self.cells(self.table(x))[0][:, -1])

    return Tagger()


def tied(lib):
    """A parameter that is used twice."""
    n = lib.nn

    class Tied(n.Module):
        def __init__(self):
            super().__init__()
            self.w = n.Parameter(lib.zeros(6, 6))

        def forward(self, x):
            return lib.tanh(x @ self.w) @ self.w.t() + self.w.sum(0)

    return Tied()


MODELS = {
    "mlp": (mlp, (4, 5)),
    "conv": (conv, (3, 2, 6, 6)),
    "attention": (attention, (2, 4, 8)),
    "lstm": (lstm, None),
    "tied": (tied, (4, 6)),
}


def settled(make, lib):
    """The model in float64, with the same parameters for either library."""
    model = make(lib).double()
    random = np.random.default_rng(1)
    with lib.no_grad():
        for p in model.parameters():
            p.copy_(lib.tensor(random.normal(0, 0.5, tuple(p.shape))))
    return model


def batches(shape, steps=3):
    random = np.random.default_rng(0)
    for _ in range(steps):
        yield random.integers(0, 7, (3, 4)) if shape is None else random.normal(0, 1, shape)


def train(lib, model, parameters, shape):
    """Losses, and parameters and buffers after some steps with `backward()` and `step()` outside."""
    optimizer = lib.optim.AdamW(parameters, lr=0.05)
    losses = []
    for x in batches(shape):
        optimizer.zero_grad()
        loss = model(lib.tensor(x)).pow(2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def agrees_with(lib, name, backend):
    """Trains a compiled model and one of `lib`: losses, parameters and buffers must be the same."""
    make, shape = MODELS[name]
    model, other = settled(make, facula), settled(make, lib)
    compiled = facula.compile(model, backend=backend)
    expected = train(lib, other, other.parameters(), shape)
    found = train(facula, compiled, model.parameters(), shape)
    np.testing.assert_allclose(found, expected, rtol=1e-8)
    assert is_two(compiled) and compiled.compiled.captures == 1
    for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-7, atol=1e-10)
    return compiled.compiled.last.recorded


@pytest.mark.parametrize("backend", [None, replayed], ids=["replay", "recomputing"])
@pytest.mark.parametrize("name", MODELS)
def test_training_with_backward_outside(name, backend):
    agrees_with(facula, name, backend)


def test_training_as_two_c_programs():
    assert agrees_with(facula, "conv", "c").forward.owns_outputs


@pytest.mark.parity
@pytest.mark.parametrize("name", MODELS)
def test_training_is_that_of_pytorch(name):
    agrees_with(pytest.importorskip("torch"), name, replayed)


# ---- gradients of functions, against eager


def leaf(*shape, seed=0):
    x = facula.tensor(np.random.default_rng(seed).normal(0, 1, shape))
    return x.requires_grad_()


def both(f, use, *shapes):
    """What `use(function, leaves)` gives for `f` and for `f` compiled, each with leaves of its own."""
    found = []
    for g in (f, compiled_as_two(f)):
        leaves = [leaf(*s, seed=i) for i, s in enumerate(shapes)]
        found.append(use(g, leaves))
    assert is_two(g)
    for a, b in zip(*found, strict=True):
        if a is None or b is None:
            assert a is b
        else:
            np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=1e-12, atol=1e-14)  # fmt: skip


def several(x, w):
    h = facula.tanh(x @ w)
    return h, h.exp() @ w, (x * 2.0).sqrt().sum()


@pytest.mark.parametrize("given", [(0,), (1,), (0, 1), (0, 1, 2), (2,)])
def test_some_outputs_get_gradients(given):
    # the square root of negative numbers is NaN, and zero times its gradient too
    def use(f, leaves):
        outs = f(*leaves)
        sum(outs[i].sum() * (i + 1.0) for i in given).backward()
        return [t.grad for t in leaves]

    both(several, use, (3, 3), (3, 3))


def test_outputs_that_are_inputs_or_views():
    def f(x, w):
        y = x @ w
        return x, x[0], y, y.t(), y.view(-1), y * 1.0

    def use(g, leaves):
        outs = g(*leaves)
        sum((i + 1.0) * (o * o).sum() for i, o in enumerate(outs)).backward()
        return [*outs, *(t.grad for t in leaves)]

    both(f, use, (3, 3), (3, 3))


def test_results_may_be_written():
    def f(x):
        y = x.exp()
        return y, y.view(-1), y * x

    compiled = compiled_as_two(f)
    a, b = leaf(2, 3), leaf(2, 3)
    y, z, out = compiled(a)
    with facula.no_grad():
        z += 1.0
    out.sum().backward()
    (b.exp() * b).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(y.detach().numpy(), b.detach().exp().numpy(), rtol=1e-12)


def test_an_input_twice_and_gradients_of_arguments_on_the_tape():
    def use(g, leaves):
        x = leaves[0] * 2.0
        g(x, x.exp()).backward()
        return [leaves[0].grad]

    both(lambda x, y: (x * y + x).sum(), use, (3,))

    def twice(g, leaves):
        (x,) = leaves
        g(x, x).backward()
        return [x.grad]

    both(lambda x, y: (x * y.exp()).sum(), twice, (3,))


def test_a_second_backward_and_accumulation():
    def use(g, leaves):
        out = g(*leaves)
        out.backward(retain_graph=True)
        first = leaves[0].grad.clone()
        out.backward()
        with pytest.raises(RuntimeError, match="second time"):
            out.backward()
        g(*leaves).backward()
        return [first, *(t.grad for t in leaves)]

    both(lambda x, w: (facula.sigmoid(x @ w) ** 2).sum(), use, (3, 3), (3, 3))


def test_double_backward():
    def use(g, leaves):
        x, w = leaves
        (first,) = facula.autograd.grad(g(x.exp(), w), x, create_graph=True)
        second = facula.autograd.grad((first * first).sum(), [x, w])
        return [first, *second]

    both(lambda x, w: (facula.tanh(x @ w) ** 3).sum(), use, (3, 3), (3, 3))


def test_gradients_of_some_inputs():
    def use(g, leaves):
        return facula.autograd.grad(g(*leaves), leaves[1])

    both(lambda x, w: (x @ w).exp().sum(), use, (3, 3), (3, 3))


def test_dropout_has_the_bits_of_eager():
    def f(x):
        return (F.dropout(x.exp(), 0.5) * F.dropout(x, 0.3)).sum()

    def use(g, leaves):
        facula.manual_seed(5)
        out = g(*leaves)
        facula.manual_seed(6)  # what is drawn between forward and backward changes nothing
        out.backward()
        (again,) = leaves
        facula.manual_seed(7)
        (second,) = facula.autograd.grad(g(again), again, create_graph=True)
        return [out, again.grad, second]

    both(f, use, (50,))


def test_hooks_of_parameters_are_called_once():
    def use(g, leaves):
        seen = []
        x, w = leaves
        x.register_hook(lambda grad: grad * 2.0)
        w.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
        g(x, w).backward(retain_graph=True)
        g(x, w).backward()
        return [x.grad, *seen]

    both(lambda x, w: (x @ w).exp().sum(), use, (3, 3), (3, 3))


# ---- what must not go wrong


def test_a_parameter_written_between_forward_and_backward():
    def f(x, w):
        return (facula.tanh(x @ w)).sum()

    for g in (f, compiled_as_two(f), facula.compile(f)):
        x, w = leaf(3, 3), leaf(3, 3, seed=1)
        out = g(x, w)
        with facula.no_grad():
            w.add_(1.0)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            out.backward()


def test_a_saved_result_written_before_backward():
    f = compiled_as_two(lambda x: facula.sigmoid(x))
    x = leaf(3)
    y = f(x)
    y.detach().mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_buffers_that_the_function_writes():
    def run(compile):
        state = facula.zeros(3, dtype=facula.float64)

        def f(x):
            y = x * (state + 1.0)
            with facula.no_grad():
                state.mul_(0.5).add_(x.detach().abs())
            return (y * state.clone()).sum()

        g = compile(f)
        grads = []
        for seed in range(3):
            x = leaf(3, seed=seed)
            g(x).backward()
            grads.append(x.grad.numpy())
        return [*grads, state.numpy()]

    for a, b in zip(run(compiled_as_two), run(lambda f: f), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_no_grad_and_changes_of_requires_grad():
    w = leaf(3)
    f = compiled_as_two(lambda x: (x * w.exp()).sum())
    x = leaf(3, seed=1)
    with facula.no_grad():
        assert not f(x).requires_grad
    f(x).backward()
    w.requires_grad_(False)
    x.grad = w.grad = None
    f(x).backward()
    assert w.grad is None
    np.testing.assert_allclose(x.grad.numpy(), w.exp().numpy(), rtol=1e-12)
    assert f.captures == 3


def test_saved_values_are_freed():
    f = compiled_as_two(lambda x: (facula.tanh(x) @ x).exp().sum())
    out = f(leaf(3, 3))
    node = out._node.node
    kept = weakref.ref(node.kept.saved[0])
    out.backward()
    assert kept() is None and node.kept is None
    out = f(leaf(3, 3))
    kept = weakref.ref(out._node.node.kept.saved[0])
    gc.disable()
    try:
        del out, node
        assert kept() is None
    finally:
        gc.enable()


def test_what_has_no_backward_program_is_replayed_on_the_tape():
    def f(x):
        y = facula.zeros(3, dtype=facula.float64)
        loss = (x * 2.0).sum()
        loss.backward()
        return (x.exp() + y).sum()

    x = leaf(3)
    g = compiled_as_two(f)
    g(x).backward()
    assert not is_two(g)
    np.testing.assert_allclose(x.grad.numpy(), 2.0 + np.exp(x.detach().numpy()), rtol=1e-12)


def test_less_is_kept_where_values_are_computed_anew():
    def f(x, w):
        for _ in range(4):
            x = facula.tanh(x @ w).exp().sin()
        return x.sum()

    sizes = []
    for g in (facula.compile(f, backend="replay"), compiled_as_two(f)):
        g(leaf(3, 3), leaf(3, 3)).backward()
        sizes.append(len(g.last.recorded.forward.graph.outputs) - 1)
    assert sizes[1] <= 4 < sizes[0]
