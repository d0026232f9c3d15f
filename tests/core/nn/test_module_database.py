"""Every sample of PyTorch's own database of modules: outputs and parameter gradients."""

from __future__ import annotations

import functools

import numpy as np
import pytest

import facula
from facula import nn

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

#: Random outputs, or states that do not exist before the first forward.
SKIPPED = ("ropout", "RReLU", "Fractional", "Lazy", "LinearCrossEntropyLoss")


@functools.cache
def database():
    common = pytest.importorskip("torch.testing._internal.common_modules")
    return {
        m.name.removeprefix("nn."): m
        for m in common.module_db
        if not any(s in m.name for s in SKIPPED)
    }


class Unsupported(Exception):
    """An argument that has no counterpart here by conversion, such as a module."""


def convert(x):
    if isinstance(x, torch.Tensor):
        new = facula.tensor(x.detach().numpy().copy())
        return new.requires_grad_() if x.requires_grad else new
    if isinstance(x, (list, tuple)):
        return type(x)(map(convert, x))
    if isinstance(x, dict):
        return {k: convert(v) for k, v in x.items()}
    if isinstance(x, torch.dtype):
        return getattr(facula, str(x).removeprefix("torch."))
    if isinstance(x, torch.device):
        return facula.device(str(x))
    if isinstance(x, torch.nn.Module):
        raise Unsupported
    name = getattr(x, "__name__", "")
    return (
        getattr(nn.functional, name)
        if x is getattr(torch.nn.functional, name, x if callable(x) else None) and name
        else x
    )


def flat(x):
    if isinstance(x, (tuple, list)):
        return [t for v in x for t in flat(v)]
    return [] if x is None else [x]


def check(info, mine, sample, training):
    made, given = sample.constructor_input, sample.forward_input
    theirs = info.module_cls(*made.args, **made.kwargs).train(training)
    module = mine(*convert(made.args), **convert(made.kwargs)).train(training)
    module.load_state_dict(
        {k: facula.tensor(v.numpy().copy()) for k, v in theirs.state_dict().items()}
    )
    args, kwargs = convert(given.args), convert(given.kwargs)
    expected, got = flat(theirs(*given.args, **given.kwargs)), flat(module(*args, **kwargs))
    assert len(got) == len(expected)
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-3, atol=1e-4)
    if not any(e.requires_grad for e in expected):
        return
    sum((e * e).sum() for e in expected if e.requires_grad).backward()
    sum((g * g).sum() for g in got if g.requires_grad).backward()
    for (name, p), q in zip(module.named_parameters(), theirs.parameters()):
        if q.grad is not None:
            np.testing.assert_allclose(
                p.grad.numpy(), q.grad.numpy(), rtol=1e-2, atol=1e-2, err_msg=name
            )


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_database(training):
    checked = 0
    for name, info in database().items():
        samples = info.module_inputs_func(
            info, device="cpu", dtype=torch.float32, requires_grad=True, training=training
        )
        for sample in samples:
            if sample.forward_input is None:
                continue
            try:
                check(info, getattr(nn, name), sample, training)
                checked += 1
            except Unsupported:
                continue
            except Exception as error:
                error.add_note(f"nn.{name}, {sample.constructor_input}")
                raise
    assert checked > 700
