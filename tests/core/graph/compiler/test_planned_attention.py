"""Attention in compiled programs: a launch for it and one for its gradient, which never make the table of weights."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.graph.compiler.compiler import Making
from facula.graph.compiler.nests import CallNest, MapNest
from facula.graph.compiler.planned import Planned
from facula.graph.runtime import unit
from facula.ops.dot_attention import dot_attention

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)

random = np.random.default_rng(6)


def drawn(*shape):
    return facula.from_numpy(random.normal(size=shape).astype(np.float32))


def heads(batch, length, count, width):
    """As layers make them: heads of one tensor (N, L, H, E)."""
    return drawn(batch, length, count, width).transpose(1, 2)


def bits(*shape):
    mask = random.random(shape) < 0.6
    mask[..., 2, :] = False  # a query that sees nothing
    return facula.from_numpy(mask)


#: Query, key, value, mask, is_causal, and whether it is a launch.
CASES = {
    "causal": (heads(2, 70, 3, 8), heads(2, 70, 3, 8), heads(2, 70, 3, 8), None, True, True),
    "bools": (drawn(2, 3, 9, 4), drawn(2, 3, 5, 4), drawn(2, 3, 5, 40), bits(2, 1, 9, 5), False, True),
    "floats, several chunks": (drawn(3, 140, 8), drawn(3, 300, 8), drawn(3, 300, 33), drawn(300), False, True),
    "causal, more keys": (drawn(70, 32), drawn(150, 32), drawn(150, 32), None, True, True),
    "causal, more queries": (drawn(150, 6), drawn(70, 6), drawn(70, 64), None, True, True),
    "few queries": (drawn(2, 3, 4), drawn(2, 8, 4), drawn(2, 8, 4), None, False, False),
    "keys of all heads": (drawn(2, 9, 4), drawn(1, 8, 4), drawn(1, 8, 4), None, False, False),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients_equal_eager(name):
    q, k, v, mask, is_causal, is_launch = CASES[name]
    inputs = [x.detach().requires_grad_() for x in (q, k, v)]

    def step(q, k, v, mask):
        out, logsumexp = dot_attention.call(q, k, v, mask, is_causal, 0.4)
        seen = logsumexp.where(logsumexp.isfinite(), facula.zeros(()))
        gradients = facula.autograd.grad(out.sin().sum() + seen.square().sum(), [q, k, v])
        return out, logsumexp, *gradients

    expected = step(*inputs, mask)
    before = facula.get_num_threads()
    facula.set_num_threads(2)
    compiled = facula.compile(step, backend="c")
    got = compiled(*inputs, mask)
    facula.set_num_threads(before)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-5)
    calls = [n for n in Making(compiled.graph, 2).nests if isinstance(n, CallNest)]
    assert len([n for n in calls if isinstance(n.launch.kernel, Planned)]) == 2 * is_launch


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_special_values_reach_what_sees_them(special):
    q, k, v = drawn(2, 12, 4), drawn(2, 12, 4), drawn(2, 12, 4)
    k[0, 3, 1] = special
    mask = facula.arange(12) <= facula.arange(12)[:, None]

    def attended(q, k, v, mask):
        return dot_attention.call(q, k, v, mask, False, 0.4)[0]

    out = facula.compile(attended, backend="c")(q, k, v, mask).numpy()
    assert np.isfinite(out[0, :3]).all() and np.isfinite(out[1]).all()
    np.testing.assert_array_equal(np.isnan(out), np.isnan(attended(q, k, v, mask).numpy()))


@pytest.mark.parametrize(("queries", "launches"), [(9, 2), (3, 0)])
def test_programs_make_no_table_that_eager_keeps(queries, launches):
    q, k, v = (drawn(2, n, 4).requires_grad_() for n in (queries, 9, 9))

    def step(q, k, v):
        out = facula.nn.functional.scaled_dot_product_attention(q, k, v)
        return out, *facula.autograd.grad(out.sin().sum(), [q, k, v])

    compiled = facula.compile(step, backend="c")
    for got, expected in zip(compiled(q, k, v), step(q, k, v), strict=True):
        np.testing.assert_allclose(got.detach(), expected.detach(), rtol=1e-4, atol=1e-5)
    calls = [n for n in Making(compiled.graph, 2).nests if isinstance(n, CallNest)]
    assert len([n for n in calls if isinstance(n.launch.kernel, Planned)]) == launches


@pytest.mark.parametrize("threads", [2, 3])
def test_parts_of_any_size_have_the_same_bits(threads):
    """Three threads have equal parts."""
    given, others = ([drawn(7, 140, 4).requires_grad_() for _ in range(3)] for _ in range(2))

    def step(q, k, v):
        out = dot_attention.call(q, k, v, None, True, 0.4)[0]
        return out, *facula.autograd.grad(out.sin().sum(), [q, k, v])

    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        compiled = facula.compile(step, backend="c")
        compiled(*given)
        code = compiled.last.code
        assert code.source.count("p->shares[thread].cut, p->shares[thread + 1].cut") == (
            2 if threads == 2 else 0
        )
        first = [x.detach().numpy().copy() for x in compiled(*given)]
        for cut in range(code.shares[1].low, code.shares[1].high + 1):
            compiled(*others)  # what a part left out would be these's
            code.shares[1].cut = cut
            for got, expected in zip(compiled(*given), first, strict=True):
                np.testing.assert_array_equal(got.detach().numpy(), expected)
    finally:
        facula.set_num_threads(before)
    for got, expected in zip(first, step(*given), strict=True):
        np.testing.assert_allclose(got, expected.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_heads_that_are_joined_again_are_not_copied():
    """Attention's result lies as its query does, so rows of all heads are a view of it."""
    x, w = drawn(2, 16, 24).requires_grad_(), drawn(8, 5).requires_grad_()

    def step(x, w):
        q, k, v = x.unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4).unbind(0)
        out = facula.nn.functional.scaled_dot_product_attention(q, k, v)
        out = out.transpose(1, 2).reshape(2, 16, 8) @ w
        return out, *facula.autograd.grad(out.sin().sum(), [x, w])

    compiled = facula.compile(step, backend="c")
    for got, expected in zip(compiled(x, w), step(x, w), strict=True):
        np.testing.assert_allclose(got.detach(), expected.detach(), rtol=1e-4, atol=1e-5)
    maps = [n for n in Making(compiled.graph, 2).nests if isinstance(n, MapNest)]
    copies = [
        (s, x) for n in maps for s in n.stores for x in s.value.loads() if s.value.expression == "a"
    ]
    assert all(s.strides != x.strides for s, x in copies)
