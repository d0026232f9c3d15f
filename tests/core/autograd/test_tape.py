"""The tape: accumulation, views and writes, versions, hooks, freeing, depth, threads."""

import gc
import threading
import tracemalloc

import numpy as np
import pytest

import facula
from facula.autograd import Function, grad, gradcheck, gradgradcheck


def leaf(*shape, seed=0):
    return facula.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def test_gradients_add_up_over_calls():
    x = leaf(3)
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 5.0, 5.0]


def test_accumulated_gradients_share_no_memory():
    a, b = leaf(3), leaf(3, seed=1)
    (a + b).sum().backward()
    a.grad.add_(1.0)
    assert b.grad.tolist() == [1.0, 1.0, 1.0]


def test_accumulated_gradients_share_no_memory_with_each_other_or_with_what_was_given():
    a, b, given = leaf(3), leaf(3, seed=1), facula.ones(3, dtype=facula.float64)
    ((a + b) * given).sum().backward()
    assert not np.shares_memory(a.grad.numpy(), b.grad.numpy())
    c = leaf(3)
    c.backward(given)
    assert not np.shares_memory(c.grad.numpy(), given.numpy())


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_leaves_and_of_tensors_between_can_be_written(create_graph):
    x, y, given = leaf(2, 3), leaf(2, 3, seed=1), facula.ones(3, 2, dtype=facula.float64)
    a = x + y
    between = [a, a * 1.0, a.T]
    for t in between:
        t.retain_grad()
    facula.autograd.backward(
        [between[1].sum(), between[2]], [None, given], create_graph=create_graph
    )
    for t in (x, y, *between):
        t.grad.add_(1.0)
    written = [float(t.grad.detach().numpy().max()) for t in (x, y, *between)]
    assert written == [3.0, 3.0, 3.0, 2.0, 2.0]
    assert given.tolist() == [[1.0, 1.0]] * 3


def test_third_derivatives():
    x = leaf(4)
    first = grad(x.tanh().sum(), x, create_graph=True)[0]
    second = grad(first.sum(), x, create_graph=True)[0]
    (third,) = grad(second.sum(), x)
    t = np.tanh(x.detach().numpy())
    s = 1 - t * t
    np.testing.assert_allclose(third.numpy(), -2 * s * s + 4 * t * t * s, rtol=1e-12)


def test_grad_of_intermediate_and_unused():
    x, unused = leaf(3), leaf(2)
    h = x * 2
    y = (h * h).sum()
    (g,) = grad(y, h, retain_graph=True)
    np.testing.assert_allclose(g.numpy(), 4 * x.detach().numpy())
    with pytest.raises(RuntimeError, match="appears to not have been used"):
        grad(y, [x, unused], retain_graph=True)
    assert grad(y, [x, unused], allow_unused=True, retain_graph=True)[1] is None
    assert grad(y, [x, unused], materialize_grads=True)[1].tolist() == [0.0, 0.0]


def test_a_second_backward_needs_the_graph():
    y = leaf(3).exp().sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_backward_of_many_elements_needs_a_gradient():
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        (leaf(3) * 2).backward()


# ---- views and writes: each against PyTorch's semantics, worked out by finite differences


def written_base(x):
    h = x * 2.0
    h[0:2].mul_(3.0)
    return h.tanh() * h


def written_view_of_view(x):
    h = x * 2.0
    rows = h[0:2]
    sibling = h.t()
    rows[:, 1:3].mul_(x[0:2, 1:3])
    return [(h * h).sum(), (sibling**3).sum(), rows.exp().sum()]


def sibling_made_before_a_differentiable_write(x):
    base = facula.zeros(3, 4, dtype=facula.float64)
    sibling = base[1]
    base.add_(x)
    return sibling * sibling


def written_through_reshape(x):
    h = x * 1.0
    h.reshape(12)[3:7] = x.reshape(12)[0:4] * 5.0
    return h * h


def in_place_operator(x):
    h = x.exp()
    h = h * 1.0
    h += x
    h -= 1.0
    h *= h
    return h


def untracked_base(x):
    z = facula.zeros(5, 4, dtype=facula.float64)
    z[1:4] = x
    z[0] = x[2] * 2
    return z * z


@pytest.mark.parametrize(
    "function",
    [
        written_base, written_view_of_view, sibling_made_before_a_differentiable_write, written_through_reshape,
        in_place_operator, untracked_base,
    ],
)  # fmt: skip
def test_in_place_writes(function):
    assert gradcheck(function, leaf(3, 4))
    assert gradgradcheck(function, leaf(3, 4))


OFF_THE_TAPE = {
    "slice": lambda x: x[:1],
    "t": lambda x: x.t(),
    "unbind": lambda x: x.unbind(0)[1],
    "twice": lambda x: x.view(4)[:2],
    "split": lambda x: x.split(1)[1],
}
WRITES = {
    "mul_": lambda x: x.mul_(2.0),
    "copy_": lambda x: x.copy_(facula.zeros(x.shape)),
    "fill_": lambda x: x.fill_(1.0),
    "setitem": lambda x: x.__setitem__(0, 1.0),
    "after another view": lambda x: x[0].mul_(2.0),
}


@pytest.mark.parametrize("is_leaf", [True, False])
@pytest.mark.parametrize("view", OFF_THE_TAPE.values(), ids=OFF_THE_TAPE)
def test_a_view_made_without_the_tape_of_what_requires_grad(view, is_leaf):
    x = leaf(2, 2)
    base = x if is_leaf else x * 1.0
    with facula.no_grad():
        v = view(base)
    assert (v.requires_grad, v.is_leaf, v.grad_fn) == (False, True, None)
    before = base.tolist()
    for write in WRITES.values():
        with pytest.raises(RuntimeError, match="view that was created in no_grad mode"):
            write(v)
    assert base.tolist() == before and base.is_leaf == is_leaf
    with facula.no_grad():
        v.zero_()
    assert base.tolist() != before


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_view_made_before_its_base_required_grad_cannot_be_written(write):
    base = facula.ones(2, 2)
    v = base[:1]
    base.requires_grad_()
    with pytest.raises(RuntimeError, match="before its base required grad"):
        write(v)
    assert base.is_leaf and base.tolist() == [[1, 1], [1, 1]]


def test_requires_grad_of_a_sibling_view_follows_its_base():
    base = facula.zeros(3)
    sibling = base[0:2]
    assert not sibling.requires_grad
    base.mul_(leaf(3).to(facula.float32))
    assert sibling.requires_grad


def test_a_kept_input_that_was_written_raises_with_the_op_s_name():
    x = leaf(3)
    h = x * 1.0
    y = h * h
    h.add_(1.0)
    with pytest.raises(
        RuntimeError, match="modified by an inplace operation: 'mul' needs its input"
    ):
        y.sum().backward()


def test_a_kept_output_that_was_written_raises():
    h = leaf(3).exp()
    y = h.sum()
    h.add_(1.0)
    with pytest.raises(RuntimeError, match="'exp' needs its output"):
        y.backward()


def test_a_write_through_detach_is_seen():
    h = leaf(3) * 1.0
    y = (h * h).sum()
    h.detach().zero_()
    with pytest.raises(RuntimeError, match="version 1; expected version 0"):
        y.backward()


def test_leaves_are_not_written():
    x = leaf(3)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.add_(1.0)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        x[0:1].zero_()
    with facula.no_grad():
        x.zero_()
        x[0:1].add_(2.0)
    assert x.tolist() == [2.0, 0.0, 0.0]


@pytest.mark.parametrize("shape", [(2,), (4,), (2, 3), (0,)])
def test_a_copy_of_a_wrong_shape_into_a_tracked_tensor_raises(shape):
    target = leaf(3) * 1.0
    with pytest.raises(RuntimeError, match=r"copy_: output with shape \[3\] doesn't match"):
        target.copy_(facula.ones(shape))


# ---- modes


def test_grad_modes():
    x = leaf(2)
    with facula.no_grad():
        assert not (x * 2).requires_grad
        with facula.enable_grad():
            assert (x * 2).requires_grad

    @facula.no_grad()
    def f():
        return (x * 2).requires_grad

    @facula.inference_mode
    def g():
        return (x * 2).requires_grad

    assert not f()
    assert not g()
    assert (x * 2).requires_grad
    with facula.set_grad_enabled(False):
        assert not facula.is_grad_enabled()
    assert facula.is_grad_enabled()


# ---- hooks


def test_hooks_see_and_change_gradients():
    x = leaf(2)
    h = x * 3
    seen = []
    handle = h.register_hook(lambda g: seen.append(g.tolist()))
    h.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    h.retain_grad()
    h.sum().backward(retain_graph=True)
    assert seen == [[1.0, 1.0]]
    assert x.grad.tolist() == [31.0, 31.0]
    assert h.grad.tolist() == [10.0, 10.0]
    handle.remove()
    h.sum().backward()
    assert len(seen) == 1


def test_post_accumulate_hook():
    x = leaf(2)
    x.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(2.0))
    x.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


# ---- Function


class Cube(Function):
    @staticmethod
    def forward(ctx, x, times):
        ctx.save_for_backward(x)
        ctx.times = times
        return x**3 * times, x * 0 + 1

    @staticmethod
    def backward(ctx, g, unused):
        (x,) = ctx.saved_tensors
        assert unused is not None  # materialised as zeros
        return g * 3 * x * x * ctx.times, None


class Doubled(Function):
    """The newer style, and an input written in place."""

    @staticmethod
    def forward(x):
        return x.mul_(2.0)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.mark_dirty(inputs[0])

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_function():
    assert gradcheck(lambda x: Cube.apply(x, 2.0)[0], leaf(3))
    assert gradgradcheck(lambda x: Cube.apply(x, 2.0)[0], leaf(3))
    assert gradcheck(lambda x: Doubled.apply(x * 1.0), leaf(3))


def test_function_with_a_wrong_number_of_gradients():
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 2, got 1\)"):
        Wrong.apply(leaf(2), leaf(2)).sum().backward()


def test_users_register_their_own_ops():
    from facula.ops import op

    @op(method=False)
    def softcap(xp, input: "Tensor", cap: float):  # noqa: F821
        """`cap * tanh(input / cap)`."""
        return xp.tanh(input / cap) * cap

    softcap.vjp(input=lambda xp, g, out, cap: g * (1 - (out / cap) * (out / cap)))
    assert gradcheck(lambda x: softcap(x, 2.0), leaf(3))
    assert gradgradcheck(lambda x: softcap(x, 2.0), leaf(3))
    assert facula.softcap is not None


# ---- memory and depth


def test_training_steps_leave_no_cycles():
    w = leaf(30, 30)

    def step():
        h = (w @ w).softmax(1)
        h = Cube.apply(h, 1.0)[0]
        h[0].mul_(2.0)
        (h * h.t()).sum().backward()
        w.grad = None

    step()
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        for _ in range(1500):  # tracemalloc's own tables and free lists settle
            step()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            step()
        grown = tracemalloc.get_traced_memory()[0] - before
        assert gc.collect() == 0
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < 20_000


def test_a_chain_of_100000_ops():
    x = facula.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_a_chain_of_100000_ops_is_freed_without_backward():
    y = facula.tensor(1.0, requires_grad=True)
    for _ in range(100_000):
        y = y.tanh()
    del y


def unbound(steps):
    x = facula.ones(steps, 400, requires_grad=True)
    total = facula.zeros(400)
    for row in x.unbind(0):
        total = total + row * 2.0
    total.sum().backward()


def selected(steps):
    x = facula.ones(4, steps, 100, requires_grad=True)
    h = facula.zeros(4, 100)
    for t in range(steps):
        h = (h + x[:, t]).tanh()
    h.sum().backward()


@pytest.mark.parametrize("function", [unbound, selected])
def test_loops_over_time_are_linear(function, growth):
    assert growth(function, 500, 2000) < 7  # 4 if linear, 9 or more if quadratic

    def peak(steps):
        tracemalloc.start()
        function(steps)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(2000) < 6 * peak(500)


def test_threads_train_at_once():
    results, errors = {}, []

    def train(name):
        try:
            w = leaf(20, 20, seed=name)
            for _ in range(50):
                with facula.no_grad():
                    assert not (w * 1).requires_grad
                (w @ w.t()).tanh().mean().backward()
                with facula.no_grad():
                    w.sub_(w.grad * 0.1)
                w.grad = None
            results[name] = w.detach().numpy().copy()
        except Exception as error:
            errors.append(error)

    def both():
        threads = [threading.Thread(target=train, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    both()
    assert not errors
    together = dict(results)
    for name in range(4):
        train(name)
        np.testing.assert_array_equal(together[name], results[name])
