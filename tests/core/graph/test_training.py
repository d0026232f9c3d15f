"""Captured training steps: ten of them equal ten eager ones, parameters, state and statistics alike."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula import nn, optim


class Noise(nn.Module):
    """Drops elements by random numbers of its own; elsewhere in the network `nn.Dropout` would do it."""

    def forward(self, x):
        if not self.training:
            return x
        keep = facula.rand(x.shape, dtype=x.dtype) > 0.3
        return facula.where(keep, x / 0.7, 0.0)


def network():
    facula.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), Noise(), nn.Flatten(), nn.Linear(4 * 16, 5)
    ).double()  # fmt: skip


def batches(n):
    rng = np.random.default_rng(0)
    for _ in range(n):
        yield facula.tensor(rng.normal(size=(8, 1, 6, 6))), facula.tensor(rng.integers(0, 5, 8))


OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-2),
    "adamw": lambda p: optim.AdamW(p, lr=1e-2),
    "amsgrad": lambda p: optim.Adam(p, lr=1e-2, amsgrad=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=1e-2, momentum=0.5),
    "adagrad": lambda p: optim.Adagrad(p, lr=1e-2),
}


def train(make, compiled, steps=10, accumulate=False, prepare=True):
    model = network()
    optimizer = make(model.parameters())
    if prepare:
        optimizer.prepare()
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)

    def step(x, y):
        if not accumulate:
            optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = facula.compile(step) if compiled else step
    facula.manual_seed(11)
    losses = []
    for x, y in batches(steps):
        losses.append(run(x, y).item())
        scheduler.step()
    return model, optimizer, losses, run


@pytest.mark.parametrize("accumulate", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_ten_steps_equal_eager(name, accumulate):
    model, optimizer, losses, _ = train(OPTIMIZERS[name], False, accumulate=accumulate)
    captured, other, got, run = train(OPTIMIZERS[name], True, accumulate=accumulate)
    np.testing.assert_allclose(got, losses, rtol=1e-9)
    for (key, a), b in zip(model.state_dict().items(), captured.state_dict().values(), strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)
    for p, q in zip(model.parameters(), captured.parameters(), strict=True):
        np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), rtol=1e-9, atol=1e-12)
        for key, a in optimizer.state[p].items():
            if isinstance(a, facula.Tensor):
                np.testing.assert_allclose(
                    other.state[q][key].numpy(), a.numpy(), rtol=1e-9, atol=1e-12
                )
    assert run.captures == (2 if accumulate else 1)


@pytest.mark.parametrize("name", [n for n in OPTIMIZERS if n != "sgd"])
def test_optimizer_state_may_be_made_by_the_first_step(name):
    _, _, losses, _ = train(OPTIMIZERS[name], False, prepare=False)
    _, _, got, run = train(OPTIMIZERS[name], True, prepare=False)
    np.testing.assert_allclose(got, losses, rtol=1e-9)
    assert run.captures <= 2


def test_a_compiled_module_follows_its_mode_and_is_differentiable():
    model = network()
    compiled = facula.compile(model)
    assert isinstance(compiled, nn.Module)
    x, y = next(batches(1))
    grads = []
    for call in (model, compiled):
        model.load_state_dict(network().state_dict())
        model.zero_grad()
        facula.manual_seed(1)
        nn.functional.cross_entropy(call(x), y).backward()
        grads.append(
            [p.grad.numpy() for p in model.parameters()]
            + [b.numpy().copy() for b in model.buffers()]
        )
    for a, b in zip(*grads, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)
    compiled.eval()
    assert not model.training
    with facula.no_grad():
        np.testing.assert_allclose(compiled(x).numpy(), model(x).numpy(), rtol=1e-12)
    assert compiled.compiled.captures == 2


def test_learning_rate_and_loss_scale_are_read_at_each_replay():
    w = facula.tensor([1.0], dtype=facula.float64, requires_grad=True)
    settings = {"rate": 1.0}

    class Holder:  # what has param_groups is not guarded
        param_groups = ()

    holder = Holder()
    holder.settings = settings

    @facula.compile
    def step():
        w.grad = None
        w.sum().backward()
        with facula.no_grad():
            w.sub_(w.grad * facula.graph.runtime_scalar(lambda: holder.settings["rate"]))

    step()
    assert w.item() == 0.0
    settings["rate"] = 0.25
    step()
    assert w.item() == -0.25
    assert step.captures == 1


def test_updates_are_written_in_place_and_caches_too():
    _, _, _, run = train(OPTIMIZERS["adamw"], True)
    updates = [n for n in run.graph.nodes if n.name == "adam_update"]
    assert len(updates) == 5
    assert "= adam_update" not in run.graph.code().source  # called for its effect
    cache = facula.zeros(4, 2)

    @facula.compile
    def store(x, at):
        cache[at] = x
        return cache.sum()

    for at in range(4):
        assert store(facula.tensor([1.0, 2.0]), at).item() == 3.0 * (at + 1)
    assert "write_view" not in store.graph.code().source
    before = cache.clone()
    store.graph.run("cpu", [np.zeros(v.shape, v.dtype) for v in store.graph.inputs])
    assert cache.tolist() == before.tolist()


def test_flags_and_zeros_of_an_optimizer_are_guarded():
    w = facula.tensor([1.0], dtype=facula.float64, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    @facula.compile
    def step():
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()

    def value_after(**options):
        optimizer.param_groups[0].update(options)
        with facula.no_grad():
            w.fill_(1.0)
        step()
        return w.item()

    assert value_after() == 0.5
    assert value_after(lr=0.25) == 0.75
    assert step.captures == 1
    assert value_after(weight_decay=1.0) == 0.5
    assert value_after(weight_decay=2.0) == 0.25
    assert step.captures == 2
    assert value_after(weight_decay=0, maximize=True) == 1.25
    assert step.captures == 3


def test_a_training_step_runs_on_another_device():
    facula.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    optimizer = optim.AdamW(model.parameters(), lr=0.1)
    optimizer.prepare()

    @facula.compile
    def step(x):
        optimizer.zero_grad()
        loss = (model(x) * (facula.rand(2, 2, dtype=facula.float64) + 0.5)).square().sum()
        loss.backward()
        optimizer.step()
        return loss

    x = facula.tensor(np.random.default_rng(0).normal(size=(2, 3)))
    step(x)
    inputs = [a.copy() for a in step.last.arrays([x])]
    facula.manual_seed(5)
    options = [o.read() for o in step.graph.options]
    toy = facula.backends.backend_for("toy")
    outputs = [toy.to_numpy(a) for a in step.graph.run("toy", inputs, options)]
    facula.manual_seed(5)
    loss = step(x)
    np.testing.assert_allclose(outputs[0], loss.item(), rtol=1e-10)
    for value, out in zip(step.graph.outputs, outputs, strict=True):
        if value in step.graph.updates.values():
            written = next(k for k, v in step.graph.updates.items() if v is value)
            now = step.last.arrays([x])[step.graph.inputs.index(written)]
            np.testing.assert_allclose(out, now, rtol=1e-9, err_msg=written.name)


def scaled_steps(compiled):
    """Gradients of four calls; after the second the factor is doubled, the fourth has one that float16 cannot hold."""
    weight = facula.tensor([0.5, 2.0], dtype=facula.float16, requires_grad=True)
    scaler = facula.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
    optimizer = optim.SGD([weight], lr=0.25)

    def gradients(x):
        optimizer.zero_grad()
        scaler.scale((weight * x).sum()).backward()
        return weight.grad.clone()

    run = facula.compile(gradients) if compiled else gradients
    found = []
    for i in range(4):
        found.append(run(facula.tensor([1.0, 0.25 + i], dtype=facula.float16)).tolist())
        scaler.step(optimizer)
        scaler.update(2.0**20 if i == 2 else None)
    return found, weight.tolist(), scaler.get_scale()


def test_the_factor_of_a_scaler_is_read_at_each_replay():
    eager, compiled = scaled_steps(False), scaled_steps(True)
    assert compiled == eager
    assert eager[0][0][0] == 8.0 and eager[0][2][0] == 16.0


@pytest.mark.parametrize(
    "dtype", ["bool", "int64", "float16", "float32", "complex64", "complex128"]
)
def test_a_scaler_keeps_the_kind_of_what_it_scales(dtype):
    scaler = facula.amp.GradScaler("cpu", init_scale=0.5)
    x = facula.tensor([3 + 1j] if "complex" in dtype else [3], dtype=getattr(facula, dtype))
    found, expected = facula.compile(scaler.scale)(x), scaler.scale(x)
    assert found.dtype == expected.dtype and found.equal(expected)


def test_a_scaler_that_looks_at_values_says_where_it_belongs():
    weight = facula.ones(2, requires_grad=True)
    scaler, optimizer = facula.amp.GradScaler("cpu"), optim.SGD([weight], lr=0.1)

    @facula.compile
    def step():
        scaler.scale(weight.sum()).backward()
        scaler.step(optimizer)

    with pytest.raises(facula.graph.CaptureError, match="after the compiled function"):
        step()


AVERAGES = {
    "mean": {},
    "ema of all": {"multi_avg_fn": optim.swa_utils.get_ema_multi_avg_fn(0.9)},
    "mean of all": {"multi_avg_fn": optim.swa_utils.get_swa_multi_avg_fn()},
    "ema of each": {"avg_fn": optim.swa_utils.get_ema_avg_fn(0.9)},
}


@pytest.mark.parametrize("options", AVERAGES.values(), ids=AVERAGES)
def test_averages_of_weights_within_a_step(options):
    found = []
    for compiled in (False, True):
        model = network()
        average = optim.swa_utils.AveragedModel(model, **options)

        def step(x, model=model, average=average):
            y = model(x).sum()
            with facula.no_grad():
                for p in model.parameters():
                    p.mul_(1.5)
            average.update_parameters(model)
            return y

        run = facula.compile(step) if compiled else step
        for x, _ in batches(4):
            run(x)
        found.append(average.state_dict())
        assert not compiled or run.captures == 1
    for name, expected in found[0].items():
        np.testing.assert_allclose(found[1][name].numpy(), expected.numpy(), rtol=1e-12)


def test_a_checkpoint_within_a_step_draws_the_numbers_of_eager():
    from facula.utils.checkpoint import checkpoint

    found = []
    for compiled in (False, True):
        model, (x, _) = network(), next(batches(1))

        def step(x, model=model):
            checkpoint(model, x, use_reentrant=False).sum().backward()

        run = facula.compile(step) if compiled else step
        run(x)
        found.append([p.grad.numpy() for p in model.parameters()])
    for a, b in zip(*found):
        np.testing.assert_allclose(b, a, rtol=1e-12, atol=1e-14)
