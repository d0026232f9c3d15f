"""What the forward program keeps for the backward program."""

import numpy as np
import pytest

import facula
from facula.graph.joint import Joint
from facula.graph.passes.recompute import is_view, split, values_to_save


def f_gelu(x, w):
    return facula.nn.functional.gelu(x @ w) @ w


def f_relu(x, w):
    return facula.relu(x @ w) @ w


def f_chain(x, w):
    return (x @ w).exp().sin().tanh().sum()


def f_inputs(x, w):
    return (x.exp() * w.sin()).sum()


def f_wide(x, w):
    """What is wide is computed anew from what is narrow."""
    return ((x @ w).unsqueeze(2) * facula.linspace(0, 1, 50, dtype=facula.float64)).sin().sum()


CASES = {
    # (what is kept where cheap values are computed anew: op and shape; where only views are)
    f_gelu: ([("matmul", (4, 4))], 2),
    f_relu: ([("relu", (4, 4))], 1),
    f_chain: ([("exp", (4, 4))], 1),
    f_inputs: ([], 0),
    f_wide: ([("matmul", (4, 4))], 1),
}


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_what_is_kept(f):
    x = facula.tensor(np.ones((4, 4))).requires_grad_()
    compiled = facula.compile(f)
    compiled(x, x.detach().clone().requires_grad_())
    joint = Joint(compiled.graph, [True, True], [0])
    gradients = [g for g in joint.gradients([0]) if g is not None]
    taken, backward = split(joint.graph.nodes, joint.cotangents, gradients)
    assert backward and not backward & {v.node for v in taken}
    free = {*joint.inputs, *joint.results}
    anew = values_to_save(taken, free, ())
    expected, most = CASES[f]
    assert [(v.node.name, v.shape) for v in anew if v not in free] == expected
    views = [v for v in values_to_save(taken, free, (), is_view) if v not in free]
    assert sum(np.prod(v.shape) for v in views) >= sum(np.prod(s) for _, s in expected)
    assert len(views) >= most


def test_written_inputs_and_views_are_copied():
    x = facula.tensor(np.ones((4, 4))).requires_grad_()
    state = facula.ones(4, dtype=facula.float64)

    def f(x):
        y = x * state
        with facula.no_grad():
            state.add_(1.0)
        return (x.exp().t() * y).sum()

    compiled = facula.compile(f)
    compiled(x)
    recorded = compiled.last.recorded
    copies = [v for v in recorded.forward.graph.outputs if v.node.name == "clone"]
    assert [v.shape for v in copies] == [(4,)]
