"""All parameters in one call: the same as one after another, whatever their sizes, layouts and dtypes."""

import numpy as np
import pytest

import facula

OPTIMIZERS = {
    "SGD": [{}, {"weight_decay": 0.1, "maximize": True}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}],
    "Adam": [{"weight_decay": 0.1}, {"amsgrad": True, "maximize": True}],
    "AdamW": [{}],
    "RMSprop": [{"momentum": 0.9, "centered": True, "weight_decay": 0.1}, {"centered": True}, {"maximize": True}],
    "Adagrad": [{"lr_decay": 0.1, "weight_decay": 0.1}],
}  # fmt: skip
CASES = [
    pytest.param(name, kwargs, id=f"{name}-{i}")
    for name, cases in OPTIMIZERS.items()
    for i, kwargs in enumerate(cases)
]
#: Both sides of what is joined, of what is cut into pieces, and of what goes to threads.
SHAPES = [(), (0, 3), (5,), (7, 9), (1, 4096), (4097,), (300, 700), (1200, 1000)]


def parameters(dtypes=("float32",), shapes=SHAPES):
    generator = facula.Generator().manual_seed(1)
    found = [
        facula.randn(shape, generator=generator).to(getattr(facula, d))
        for d in dtypes
        for shape in shapes
    ]
    found.append(facula.randn(6, 4, generator=generator).t())  # no plain memory
    return [p.requires_grad_() for p in found]


def train(name, kwargs, params, steps=3, skip=()):
    optimizer = getattr(facula.optim, name)(params, lr=0.05, **kwargs)
    for step in range(steps):
        for i, p in enumerate(params):
            # one that joins later has made fewer steps
            p.grad = None if step == 0 and i in skip else (p.detach() * (0.3 + step) + 0.1 * i)
        optimizer.step()
    return optimizer, params


def assert_equal(found, expected, tolerance=1e-6):
    for p, q in zip(found, expected):
        assert p.dtype == q.dtype and p._version == q._version
        np.testing.assert_allclose(
            p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("name, kwargs", CASES)
def test_together_equals_one_after_another(name, kwargs):
    a, together = train(name, kwargs, parameters(), skip=(2, 6))
    b, apart = train(name, kwargs | {"foreach": False}, parameters(), skip=(2, 6))
    assert_equal(together, apart)
    for p, q in zip(together, apart):
        assert a.state[p].keys() == b.state[q].keys()
        for key, value in a.state[p].items():
            np.testing.assert_allclose(value.numpy(), b.state[q][key].numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name, kwargs", CASES)
def test_together_equals_the_formula(name, kwargs, monkeypatch):
    shapes = SHAPES[:6]
    _, found = train(name, kwargs, parameters(("float64", "float32"), shapes))
    monkeypatch.setattr(facula.backends.backend_for("cpu"), "inplace_kernels", {})
    _, expected = train(name, kwargs, parameters(("float64", "float32"), shapes))
    assert_equal(found, expected, 1e-5)


@pytest.mark.parametrize("dtype, unit", [("float16", 2**-10), ("bfloat16", 2**-7)])
@pytest.mark.parametrize("name, kwargs", CASES)
def test_halves_are_rounded_once_as_by_the_formula(name, kwargs, dtype, unit, monkeypatch):
    _, found = train(name, kwargs, parameters((dtype,), SHAPES[:5]), steps=1)
    monkeypatch.setattr(facula.backends.backend_for("cpu"), "inplace_kernels", {})
    _, expected = train(name, kwargs, parameters((dtype,), SHAPES[:5]), steps=1)
    for p, q in zip(found, expected):
        np.testing.assert_allclose(
            p.detach().float().numpy(), q.detach().float().numpy(), rtol=unit, atol=1e-6
        )


@pytest.mark.parity
@pytest.mark.parametrize("has_kernels", [True, False])
@pytest.mark.parametrize("name", [*OPTIMIZERS, "Adadelta", "Adamax", "NAdam"])
def test_complex_parameters_as_pytorch(name, has_kernels, monkeypatch):
    if not has_kernels:
        monkeypatch.setattr(facula.backends.backend_for("cpu"), "inplace_kernels", {})
    torch = pytest.importorskip("torch")
    start = (np.arange(12).reshape(3, 4) * (1 - 0.5j) - 3 + 2j).astype("complex64")

    def run(module):
        w = module.tensor(start, requires_grad=True)
        optimizer = getattr(module.optim, name)([w], lr=0.1)
        for _ in range(3):
            w.grad = module.tensor(start * (0.1 + 0.2j))
            optimizer.step()
        return w.detach().numpy()

    np.testing.assert_allclose(run(facula), run(torch), rtol=2e-5, atol=1e-5)


def test_a_step_of_many_parameters_is_one_call(monkeypatch):
    calls = []
    kernels = facula.backends.backend_for("cpu").inplace_kernels
    real = kernels["adam_updates"]
    monkeypatch.setitem(
        kernels, "adam_updates", lambda *args: (calls.append(len(args[0])), real(*args))
    )
    train("Adam", {}, parameters(shapes=[(2,), (3,), (4,)]), steps=1)
    assert calls == [4]
    train("Adam", {}, parameters(("float32", "float64"), [(2,), (3,)]), steps=1)
    assert calls == [4, 3, 2]  # apart by dtype


@pytest.mark.parametrize("name, kwargs", CASES)
def test_a_providers_kernel_comes_first_and_may_decline(name, kwargs):
    cpu = facula.backends.backend_for("cpu")
    before, seen = dict(cpu.inplace_kernels), []

    def asked_first(update):
        def kernel(*args):
            seen.append(update)
            return NotImplemented if len(args[0]) > 3 else before[update](*args)

        return kernel

    cpu.add_inplace({n: asked_first(n) for n in before if n.endswith("_updates")})
    try:
        few, many = [(2,), (3,)], [(2,), (3,), (4, 5)]
        found = [train(name, kwargs, parameters(shapes=shapes))[1] for shapes in (few, many)]
    finally:
        cpu.inplace_kernels.clear()
        cpu.inplace_kernels.update(before)
    kind = "momentum" if name == "SGD" and "momentum" in kwargs else name.lower()
    assert set(seen) == {f"{kind.replace('adamw', 'adam')}_updates"}
    for shapes, params in zip((few, many), found):
        assert_equal(params, train(name, kwargs, parameters(shapes=shapes))[1])


def test_the_pure_op_of_many_is_the_op_of_one_for_each():
    p, g = [facula.randn(3), facula.randn(2, 2)], [facula.randn(3), facula.randn(2, 2)]
    numbers = [facula.tensor(x) for x in (0.1, 0.9, 0.99, 1e-8, 0.01)]
    zeros = [facula.zeros_like(x) for x in p]
    steps = [facula.tensor(1.0), facula.tensor(4.0)]
    out = facula.adam_updates(p, g, zeros, zeros, [], steps, *numbers, True, False, True)
    for i in range(2):
        expected = facula.adam_update(
            p[i], -g[i], zeros[i], zeros[i], None, steps[i], *numbers, True, False
        )
        for found, value in zip(out[:3], expected[:3]):
            assert facula.allclose(found[i], value)
    assert out.max_exp_avg_sqs == (None, None)


def test_under_capture_the_op_of_many_is_expanded():
    params = [facula.randn(3), facula.randn(2)]

    @facula.compile
    def step(grads, rate):
        return facula.sgd_updates(params, grads, rate, rate, False, False).params

    grads = [facula.ones(3), facula.ones(2)]
    for found, p in zip(step(grads, facula.tensor(0.5)), params):
        assert facula.allclose(found, p - 0.5)


def test_what_cannot_be_asked_for_together():
    w = facula.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together"):
        facula.optim.Adam([w], foreach=True, fused=True)
    with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
        facula.optim.SGD([w], differentiable=True, fused=True)
    for way in ({"foreach": True}, {"fused": True}, {"foreach": False}):
        w.grad = facula.ones(2)
        facula.optim.Adagrad([w], **way).step()


def test_an_optimizer_of_ones_own_updates_one_parameter_at_a_time():
    class Own(facula.optim.Optimizer):
        def update(self, group, param, grad, state):
            state["count"] = state.get("count", 0) + 1
            param -= grad * group["lr"]

    params = [facula.ones(2, requires_grad=True), facula.ones(3, requires_grad=True)]
    optimizer = Own(params, {"lr": 0.5, "maximize": True})
    for p in params:
        p.grad = facula.ones_like(p)
    optimizer.step()
    assert all((p == 1.5).all() for p in params)
    assert [optimizer.state[p]["count"] for p in params] == [1, 1]


def test_state_on_another_device_is_named():
    w = facula.ones(2, requires_grad=True)
    optimizer = facula.optim.Adam([w])
    optimizer.state[w] = {
        "step": facula.tensor(0.0), "exp_avg": facula.zeros(2, device="toy"), "exp_avg_sq": facula.zeros(2),
    }  # fmt: skip
    w.grad = facula.ones(2)
    with pytest.raises(RuntimeError, match=r"exp_avg.*toy|toy.*exp_avg"):
        optimizer.step()


def test_a_checkpoint_whose_steps_are_numbers():
    w = facula.ones(2, requires_grad=True)
    optimizer = facula.optim.Adam([w])
    w.grad = facula.ones(2)
    optimizer.step()
    saved = optimizer.state_dict()
    saved["state"][0]["step"] = 1
    optimizer.load_state_dict(saved)
    optimizer.step()
    assert optimizer.state[w]["step"].item() == 2
