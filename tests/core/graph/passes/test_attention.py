"""Attention that is written out becomes the op for it, and gives what it gave: NaN for queries that see nothing too."""

from __future__ import annotations

import math

import numpy as np
import pytest

import facula
from facula.graph.passes import attention
from facula.nn import functional as F

INF = math.inf
SHAPES = [(2, 3, 9, 19, 8, 5), (2, 16, 16, 8, 8), (17, 18, 4, 16)]  # heads, queries, keys, widths


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Whether it pays depends on the threads; one does all heads, however few."""
    monkeypatch.setattr(attention, "get_num_threads", lambda: 1)


def make(shape, seed=0):
    """query, key, value, hidden (bool), bias."""
    *lead, queries, keys, width, value_width = shape if len(shape) > 4 else (*shape,)
    rng = np.random.default_rng(seed)

    def some(*sizes):
        return facula.tensor(rng.normal(0, 1, sizes), dtype=facula.float32)

    hidden = facula.tensor(rng.random((queries, keys)) < 0.3)
    hidden[2] = True
    bias = some(queries, keys).masked_fill(hidden, -INF)
    return some(*lead, queries, width), some(*lead, keys, width), some(*lead, keys, value_width), hidden, bias  # fmt: skip


def scores_of(q, k):
    return q @ k.transpose(-2, -1)


FOUND = {
    "plain": lambda q, k, v, h, b: facula.softmax(scores_of(q, k), -1) @ v,
    "scaled": lambda q, k, v, h, b: F.softmax(scores_of(q, k) * 0.3, dim=-1) @ v,
    "divided": lambda q, k, v, h, b: (scores_of(q, k) / math.sqrt(8)).softmax(-1) @ v,
    "queries scaled": lambda q, k, v, h, b: (scores_of(q * 0.3, k)).softmax(-1) @ v,
    "masked_fill": lambda q, k, v, h, b: (0.3 * scores_of(q, k)).masked_fill(h, -INF).softmax(-1) @ v,
    "where": lambda q, k, v, h, b: facula.where(h, scores_of(q, k) * 0.3, -INF).softmax(-1) @ v,
    "where not": lambda q, k, v, h, b: facula.where(h == 0, -INF, scores_of(q, k)).softmax(-1) @ v,
    "a mask added": lambda q, k, v, h, b: (scores_of(q, k) * 0.3 + b).softmax(-1) @ v,
    "to a mask": lambda q, k, v, h, b: facula.add(b, scores_of(q, k)).softmax(-1) @ v,
    "a row of a mask": lambda q, k, v, h, b: (scores_of(q, k) + b[0]).softmax(-1) @ v,
}  # fmt: skip
LEFT = {
    "the weights are a result": lambda q, k, v, h, b: ((w := scores_of(q, k).softmax(-1)) @ v, w),
    "the scores are read": lambda q, k, v, h, b: ((s := scores_of(q, k)).softmax(-1) @ v, s.amax()),
    "a finite number is filled in": lambda q, k, v, h, b: scores_of(q, k).masked_fill(h, -1e9).softmax(-1) @ v,
    "what is divided by": lambda q, k, v, h, b: (3.0 / scores_of(q, k)).softmax(-1) @ v,
    "another dimension": lambda q, k, v, h, b: scores_of(q, k).softmax(-2) @ v,
    "few keys": lambda q, k, v, h, b: scores_of(q, k[..., :15, :]).softmax(-1) @ v[..., :15, :],
    "float64": lambda q, k, v, h, b: scores_of(q.double(), k.double()).softmax(-1) @ v.double(),
    "few queries": lambda q, k, v, h, b: scores_of(q[..., :7, :], k).softmax(-1) @ v,
    "one key for all heads": lambda q, k, v, h, b: scores_of(q, k[:1]).softmax(-1) @ v,
    "a larger mask": lambda q, k, v, h, b: (scores_of(q, k) + b.expand(2, 1, 1, *b.shape)).softmax(-1) @ v,
}  # fmt: skip


def check(f, args, is_found, backend="c"):
    compiled = facula.compile(f, backend=backend)
    with facula.no_grad():
        expected, found = f(*args), compiled(*args)
    several = expected if isinstance(expected, tuple) else (expected,)
    for a, b in zip(several, found if isinstance(found, tuple) else (found,)):
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=2e-5, atol=2e-6)
    assert ("dot_attention" in [n.name for n in compiled.graph.nodes]) is is_found


@pytest.mark.parametrize("backend", ["c", "replay"])
@pytest.mark.parametrize("name", FOUND)
def test_attention_is_found(name, backend):
    for shape in SHAPES:
        check(FOUND[name], make(shape), True, backend)


@pytest.mark.parametrize("name", LEFT)
def test_what_is_something_else_stays(name):
    check(LEFT[name], make(SHAPES[0]), False)


@pytest.mark.parametrize("backend", ["c", "replay"])
def test_keys_or_values_without_a_dimension_stay(backend):
    h, w, k = facula.randn(64, 16), facula.randn(16), facula.randn(64, 16)
    check(lambda h, w: F.softmax(h @ w, -1) @ h, (h, w), False, backend)
    check(lambda q, k, v: F.softmax(q @ k.mT, -1) @ v, (h, k, facula.randn(64)), False, backend)


def test_batched_products_are_found():
    def f(q, k, v):
        return facula.bmm(facula.bmm(q, k.transpose(1, 2)).softmax(2), v)

    check(f, make(SHAPES[1])[:3], True)


@pytest.mark.parametrize("number", [math.nan, INF, -INF, 1e37])
@pytest.mark.parametrize("which", range(3))
def test_what_is_no_number_flows_as_before(number, which):
    for name in ("scaled", "masked_fill", "a mask added"):
        args = make(SHAPES[0])
        args[which][0, 1, 3, 2] = number
        args[which][1, 0, 4] = number
        check(FOUND[name], args, True)


def test_a_mask_is_read_at_each_call():
    q, k, v, hidden, _ = make(SHAPES[1])
    compiled = facula.compile(lambda: FOUND["masked_fill"](q, k, v, hidden, None), backend="c")
    with facula.no_grad():
        for _ in range(3):
            expected = FOUND["masked_fill"](q, k, v, hidden, None)
            np.testing.assert_allclose(compiled().numpy(), expected.numpy(), rtol=2e-5, atol=2e-6)
            hidden.logical_not_()
    assert compiled.captures == 1


# ---- with the gradient in the same graph


def trained(f, args, backend, leaves=3):
    """Results and gradients of a step, eager and captured, and the names of the captured nodes."""
    found = []
    for compiles in (False, True):
        given = [x.detach().clone().requires_grad_(i < leaves) for i, x in enumerate(args[:3])]
        rest = args[3:]

        def step(*given, rest=rest):
            out = f(*given, *rest)
            (out.cos() * facula.linspace(0.1, 2, out.shape[-1])).sum().backward()
            return out.detach()

        call = facula.compile(step, backend=backend) if compiles else step
        found.append([call(*given), *(x.grad for x in given[:leaves])])
    return *found, [n.name for n in call.graph.nodes]


@pytest.mark.parametrize("backend", ["c", "replay"])
@pytest.mark.parametrize("name", FOUND)
def test_gradients_of_attention_are_found(name, backend):
    for shape in SHAPES:
        eager, captured, names = trained(FOUND[name], make(shape), backend)
        for a, b in zip(eager, captured, strict=True):
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-4, atol=1e-5)
        assert "dot_attention_gradient" in names and "softmax" not in names and "sub" not in names


@pytest.mark.parametrize("name", ["masked_fill", "a mask added"])
def test_some_heads_have_queries_that_see_nothing(name):
    q, k, v, hidden, bias = make(SHAPES[1])
    hidden = facula.stack([hidden, facula.zeros_like(hidden)])
    args = q, k, v, hidden, bias.masked_fill(~hidden, 0.0)
    eager, captured, names = trained(FOUND[name], args, "c")
    for a, b in zip(eager, captured, strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-4, atol=1e-5)
    assert 0 < np.isnan(eager[3].numpy()).mean() < 1
    assert "dot_attention_gradient" in names


def test_gradients_that_need_the_table_keep_it():
    args = make(SHAPES[1])
    bias = args[4].clamp(min=-3.0).requires_grad_()

    def shared(q, k, v, h, b):  # the weights go to two products
        w = (scores_of(q, k) * 0.3).softmax(-1)
        return w @ v + w @ k

    for f, leaves in (
        (FOUND["scaled"], 2),
        (FOUND["scaled"], 1),
        (lambda *a: FOUND["a mask added"](*a[:4], bias), 3),
        (shared, 3),
    ):
        bias.grad = None
        eager, captured, names = trained(f, args, "c", leaves)
        for a, b in zip(eager, captured, strict=True):
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-4, atol=1e-5)
        assert "softmax" in names and "dot_attention" not in names


# ---- where it pays

CASES = [  # threads, (heads, queries, keys), whether results are joined, and with gradients
    (1, (1, 256, 256), True, True),
    (2, (1, 256, 256), True, False),
    (4, (1, 256, 256), False, False),
    (2, (1, 64, 1024), False, False),
    (2, (1, 256, 512), False, False),
    (2, (1, 1024, 2048), True, False),
    (2, (8, 32, 512), True, False),
    (2, (3, 128, 128), True, True),
    (8, (8, 1024, 1024), True, True),
    (8, (64, 128, 128), True, True),
]


@pytest.mark.parametrize(("threads", "sizes", "forward", "backward"), CASES)
def test_joined_where_it_pays(monkeypatch, threads, sizes, forward, backward):
    monkeypatch.setattr(attention, "get_num_threads", lambda: threads)
    heads, queries, keys = sizes
    lead = (2, heads // 2) if heads % 2 == 0 else (heads,) if heads > 1 else ()
    args = make((*lead, queries, keys, 4, 4)) if lead else make((queries, keys, 4, 4))
    check(FOUND["masked_fill"], args, forward, "replay")
    *_, names = trained(FOUND["masked_fill"], args, "replay")
    assert ("dot_attention_gradient" in names) is backward
    assert ("dot_attention" in names) is backward
