"""Optimizers and schedules against PyTorch's over a dozen steps; in place and functional the same."""

import copy

import numpy as np
import pytest

import facula
from facula import optim

CASES = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, {"momentum": 0.5, "dampening": 0.3}, {"maximize": True}],
    "Adam": [{}, {"amsgrad": True, "weight_decay": 0.1}, {"betas": (0.5, 0.7), "eps": 1e-3, "maximize": True}],
    "AdamW": [{}, {"weight_decay": 0.3, "amsgrad": True}],
    "RMSprop": [{}, {"momentum": 0.9, "centered": True, "weight_decay": 0.1}],
    "Adagrad": [{}, {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5}],
    "Adadelta": [{}, {"rho": 0.6, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}],
    "Adamax": [{}, {"betas": (0.5, 0.7), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}],
    "NAdam": [{}, {"weight_decay": 0.1, "momentum_decay": 0.2, "maximize": True}, {"betas": (0.5, 0.7), "weight_decay": 0.3, "decoupled_weight_decay": True}],
}  # fmt: skip
PARAMS = [
    pytest.param(name, kwargs, id=f"{name}-{i}")
    for name, cases in CASES.items()
    for i, kwargs in enumerate(cases)
]


def train(module, name, kwargs, steps=6, lr=0.05, dtype="float64"):
    rng = np.random.default_rng(0)
    start, goal = rng.standard_normal((2, 3, 4)).astype(dtype)
    w = module.tensor(start, requires_grad=True)
    b = module.tensor(goal[0], requires_grad=True)
    optimizer = getattr(module.optim, name)(
        [{"params": [w]}, {"params": [b], "lr": lr / 3}], lr=lr, **kwargs
    )
    goal = module.tensor(goal)
    for _ in range(steps):
        optimizer.zero_grad()
        ((w * b - goal) * (w - goal)).sum().backward()
        optimizer.step()
    return optimizer, [w, b]


@pytest.mark.parity
@pytest.mark.parametrize("name, kwargs", PARAMS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_equals_pytorch(name, kwargs, dtype):
    torch = pytest.importorskip("torch")
    ours, (w, b) = train(facula, name, kwargs, dtype=dtype)
    theirs, (tw, tb) = train(torch, name, kwargs, dtype=dtype)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(
        w.detach().numpy(), tw.detach().numpy(), rtol=tolerance, atol=tolerance
    )
    np.testing.assert_allclose(
        b.detach().numpy(), tb.detach().numpy(), rtol=tolerance, atol=tolerance
    )
    a, c = ours.state_dict(), theirs.state_dict()
    assert {k: sorted(v) for k, v in a["state"].items()} == {
        k: sorted(v) for k, v in c["state"].items()
    }
    known = set(c["param_groups"][0])
    assert {k for k in a["param_groups"][0] if k in known or k not in known} <= known


@pytest.mark.parametrize("name, kwargs", PARAMS)
def test_the_pure_update_equals_the_kernel_that_writes_in_place(name, kwargs, monkeypatch):
    _, expected = train(facula, name, kwargs)
    backend = facula.backends.backend_for("cpu")
    monkeypatch.setattr(backend, "inplace_kernels", {})
    _, got = train(facula, name, kwargs)
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name, kwargs", PARAMS)
def test_a_loaded_checkpoint_goes_on_where_it_was(name, kwargs):
    optimizer, params = train(facula, name, kwargs)
    saved = copy.deepcopy(optimizer.state_dict())
    fresh, others = train(facula, name, kwargs, steps=1)
    with facula.no_grad():
        for p, q in zip(others, params):
            p.copy_(q)
    fresh.load_state_dict(saved)
    for opt, tensors in ((optimizer, params), (fresh, others)):
        opt.zero_grad()
        sum((t * t).sum() for t in tensors).backward()
        opt.step()
    for p, q in zip(others, params):
        assert (p == q).all()


SCHEDULES = {
    "StepLR": {"step_size": 3}, "MultiStepLR": {"milestones": [2, 5]}, "ConstantLR": {}, "LinearLR": {},
    "ExponentialLR": {"gamma": 0.9}, "CosineAnnealingLR": {"T_max": 4, "eta_min": 0.01}, "PolynomialLR": {"power": 2.0},
    "CosineAnnealingWarmRestarts": {"T_0": 3, "T_mult": 2}, "OneCycleLR": {"max_lr": 1.0, "total_steps": 14},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 3, "mode": "triangular2"},
}  # fmt: skip


def rates(module, name, kwargs, steps=13):
    optimizer = module.optim.SGD([module.ones(2, requires_grad=True)], lr=0.3, momentum=0.9)
    scheduler = getattr(module.optim.lr_scheduler, name)(optimizer, **kwargs)
    out = []
    for _ in range(steps):
        optimizer.step()
        out.append((scheduler.get_last_lr()[0], optimizer.param_groups[0]["momentum"]))
        scheduler.step()
    return out


@pytest.mark.parity
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule_equals_pytorch(name):
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(
        rates(facula, name, SCHEDULES[name]), rates(torch, name, SCHEDULES[name]), rtol=1e-9
    )


@pytest.mark.parity
def test_composed_schedules_equal_pytorch():
    torch = pytest.importorskip("torch")

    def run(module):
        s = module.optim.lr_scheduler
        out = []
        for compose in ("sequential", "chained", "plateau", "lambda"):
            o = module.optim.SGD([module.ones(2, requires_grad=True)], lr=0.3)
            if compose == "sequential":
                parts = [s.LinearLR(o, total_iters=3), s.StepLR(o, 2), s.CosineAnnealingLR(o, 4)]
                scheduler = s.SequentialLR(o, parts, [3, 7])
            elif compose == "chained":
                scheduler = s.ChainedScheduler([s.ExponentialLR(o, 0.9), s.StepLR(o, 3)], o)
            elif compose == "plateau":
                scheduler = s.ReduceLROnPlateau(o, patience=1, cooldown=1)
            else:
                scheduler = s.LambdaLR(o, lambda epoch: 1 / (epoch + 1))
            losses = [5, 4, 4.5, 4.2, 4.3, 4.1, 4, 4, 4, 4, 3, 3]
            for loss in losses:
                o.step()
                scheduler.step(loss) if compose == "plateau" else scheduler.step()
                out.append(o.param_groups[0]["lr"])
        return out

    np.testing.assert_allclose(run(facula), run(torch), rtol=1e-9)


def test_wrong_arguments_say_what_is_wrong():
    w = facula.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="empty parameter list"):
        optim.SGD([], lr=0.1)
    with pytest.raises(TypeError, match="iterable of Tensors or dicts"):
        optim.SGD(w, lr=0.1)
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        optim.Adam([w], lr=-1)
    with pytest.raises(ValueError, match="more than one parameter group"):
        optim.SGD([{"params": [w]}, {"params": [w]}], lr=0.1)
    with pytest.raises(ValueError, match="size of optimizer's group"):
        optim.SGD([w], lr=0.1).load_state_dict({"state": {}, "param_groups": [{"params": [0, 1]}]})


@pytest.mark.parametrize(
    "name, state", [("Adam", "step"), ("NAdam", "step"), ("NAdam", "mu_product")]
)
def test_checkpoints_of_long_ago_have_plain_numbers(name, state):
    optimizer, (w, _) = train(facula, name, {}, steps=2)
    known = copy.deepcopy(optimizer.state_dict())
    for values in known["state"].values():
        values[state] = float(values[state])
    optimizer.load_state_dict(known)
    optimizer.step()
    _, (expected, _) = train(facula, name, {}, steps=2)
    assert isinstance(optimizer.state[w][state], facula.Tensor) and optimizer.state[w]["step"] == 3
    assert not w.equal(expected)
