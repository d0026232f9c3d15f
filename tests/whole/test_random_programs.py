"""Random programs of views, writes and arithmetic: facula computes the values and gradients of PyTorch, or raises as it does."""

from __future__ import annotations

import random

import numpy as np
import pytest

import facula

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::UserWarning:torch")]

#: What a line may be: `{a}`, `{b}` are variables there are, `{new}` one more, `{i}` a small number.
LINES = [
    "{new} = {a}[{i}]", "{new} = {a}[:, {i}]", "{new} = {a}[::2]", "{new} = {a}[1:]", "{new} = {a}[..., :2]", "{new} = {a}.t()", "{new} = {a}.view(-1)",
    "{new} = {a}.reshape(-1)", "{new} = {a}.transpose(0, 1)", "{new} = {a}.unsqueeze(0)", "{new} = {a}.narrow(0, {i}, 1)", "{new} = {a}.diagonal()",
    "{new} = {a}.detach()", "{new} = {a}.expand(3, 3)", "{new} = {a}.flatten()", "{new} = {a}.squeeze()", "{new} = {a}.unbind(0)[0]", "{new} = {a}.chunk(2)[0]",
    "{new} = {a}.clone()", "{new} = {a} * {b}", "{new} = {a} + {b}", "{new} = {a} * 2", "{new} = {a}.sin()", "{new} = {a}.exp()", "{new} = {a}.sum(0)",
    "{new} = {a} @ {b}", "{new} = torch.cat([{a}, {b}])", "{new} = {a}.contiguous()", "{new} = torch.where({a} > 0, {a}, {b})", "{new} = {a}.sigmoid()",
    "{a}.mul_(2)", "{a}.add_({b})", "{a}[{i}] = 3", "{a}[:, {i}] = {b}.clone()", "{a}[0] = {b}.clone()", "{a} += 1", "{a} *= {b}", "{a}.copy_({b}.clone())", "{a}.zero_()", "{a}.fill_(2)",
    "{a}[{a} > 1] = 0", "{a}.mul_({a})", "{a}.sigmoid_()", "{a}.t_()", "{a}.clamp_(max=1)", "{a}.masked_fill_({a} > 1, 0.5)", "{a}.index_fill_(0, torch.tensor([0]), 1)",
    "with torch.no_grad(): {a}.add_(1)", "{a}[..., 0] *= 2", "{a}.relu_()", "{a}.exp_()", "{a}.transpose(0, 1)[0] = {b}.clone()",
]  # fmt: skip


def program(seed):
    rng = random.Random(seed)
    names, lines = ["x", "y", "w"], []
    for k in range(rng.randint(3, 9)):
        # late variables more often: chains of views are what this is about
        a, b = (rng.choice(names[-4:] if rng.random() < 0.7 else names) for _ in "ab")
        line = rng.choice(LINES)
        lines.append(line.format(a=a, b=b, new=f"v{k}", i=rng.randint(0, 2)))
        if line.startswith("{new}"):
            names.append(f"v{k}")
    return lines


def run(lines, library):
    """Runs the lines (a line that raises is left out, and noted), then the backward pass."""
    rng = np.random.default_rng(0)
    scope = {"torch": library}
    for name in ("leaf_x", "leaf_w"):
        scope[name] = library.tensor(rng.normal(size=(3, 3)), requires_grad=True)
    scope["x"], scope["w"] = scope["leaf_x"] * 1, scope["leaf_w"]
    scope["y"] = library.tensor(rng.normal(size=(3, 3)))
    trace = []
    for line in lines:
        try:
            exec(line, scope)
            trace.append((line, None))
        except (RuntimeError, IndexError, ValueError, NameError) as error:
            trace.append((line, error))
    values = {k: v for k, v in scope.items() if isinstance(v, library.Tensor)}
    for k, v in values.items():
        trace.append((k, (v.detach().numpy().copy(), v.requires_grad)))
    try:
        sum(
            (v.sum() * (i + 1) for i, v in enumerate(values.values())), library.zeros(())
        ).backward()
        for k in ("leaf_x", "leaf_w"):
            g = scope[k].grad
            trace.append((f"gradient of {k}", None if g is None else (g.numpy(), True)))
    except RuntimeError as error:
        trace.append(("backward", error))
    return trace


#: What PyTorch refuses and facula does, rightly: it keeps a copy where an op that writes needs what it overwrites,
#: lets one view of several be written, and its clones are contiguous.
MORE = (
    "modified by an inplace operation",
    "multiple views",
    "single memory location",
    "view size is not compatible",
)


def goes_further(ours, theirs):
    return (
        isinstance(theirs, Exception)
        and not isinstance(ours, Exception)
        and any(m in str(theirs) for m in MORE)
    )


def agree(ours, theirs):
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        return isinstance(ours, Exception) and isinstance(theirs, Exception)
    if ours is None or theirs is None:
        return ours is theirs
    return (
        ours[1] == theirs[1]
        and ours[0].shape == theirs[0].shape
        and np.allclose(ours[0], theirs[0], equal_nan=True, rtol=1e-7)
    )


@pytest.mark.parametrize("block", range(10))
def test_random_programs(block):
    for seed in range(block * 50, block * 50 + 50):
        lines = program(seed)
        with np.errstate(all="ignore"):
            theirs, ours = run(lines, torch), run(lines, facula)
        for (what, a), (_, b) in zip(ours, theirs, strict=False):
            if goes_further(a, b):
                break
            assert agree(a, b), (
                f"seed {seed}\n" + "\n".join(lines) + f"\n{what}: {a!r}; PyTorch: {b!r}"
            )
