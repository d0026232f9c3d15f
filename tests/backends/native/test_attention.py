"""Attention against NumPy's kernels in float64: masks, layouts, rows that see nothing, special values, threads."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula_native import attention
from facula_numpy.attention import kernels

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(5)
reference = kernels(backend)


def below(*args):
    raise AssertionError("the kernel of NumPy was asked")


forward = attention.WRAPPERS["dot_attention"](backend, below)
with_weights = attention.WRAPPERS["weighted_attention"](backend, below)
gradient = attention.WRAPPERS["dot_attention_gradient"](backend, below)


def drawn(*shape):
    return random.normal(size=shape).astype(np.float32)


def heads(batch, count, length, width):
    """As layers make them: heads of one tensor (N, L, H, E)."""
    return drawn(batch, length, count, width).transpose(0, 2, 1, 3)


def bits(*shape):
    mask = random.random(shape) < 0.6
    mask[..., 2, :] = False  # a query that sees nothing
    return mask


CASES = {
    "plain": (drawn(5, 4), drawn(7, 4), drawn(7, 3), None, False),
    "one query": (heads(1, 6, 1, 32), drawn(1, 6, 40, 32), drawn(1, 6, 40, 32), np.arange(40)[None] < 9, False),
    "causal": (heads(2, 3, 70, 8), heads(2, 3, 70, 8), heads(2, 3, 70, 5), None, True),
    "more queries": (drawn(3, 9, 4), drawn(3, 5, 4), drawn(3, 5, 4), None, True),
    "more keys": (drawn(3, 5, 4), drawn(3, 9, 4), drawn(3, 9, 4), None, True),
    "several blocks": (drawn(2, 90, 8), drawn(2, 4200, 8), drawn(2, 4200, 8), None, False),
    "causal blocks": (drawn(1, 600, 8), drawn(1, 600, 8), drawn(1, 600, 8), None, True),
    "many features": (0.3 * heads(1, 2, 61, 150), heads(1, 2, 61, 150), heads(1, 2, 61, 140), None, True),
    "whole vectors": (0.3 * heads(1, 2, 128, 32), heads(1, 2, 128, 32), heads(1, 2, 128, 32), None, True),
    "bools": (drawn(2, 3, 6, 4), drawn(2, 3, 5, 4), drawn(2, 3, 5, 4), bits(2, 1, 6, 5), False),
    "turned bools": (drawn(3, 6, 4), drawn(3, 5, 4), drawn(3, 5, 4), bits(5, 6).T, False),
    "floats": (drawn(2, 3, 6, 4), drawn(2, 3, 5, 4), drawn(2, 3, 5, 4), drawn(3, 1, 5), False),
}  # fmt: skip


def wide(x):
    return x.astype(np.float64) if x is not None and x.dtype == np.float32 else x


@pytest.mark.parametrize("name", CASES)
def test_attention(name):
    q, k, v, mask, is_causal = CASES[name]
    arrays = [wide(x) for x in (q, k, v, mask)]
    expected, sums = reference["dot_attention"](*arrays, is_causal, 0.4)
    out, logsumexp = forward(q, k, v, mask, is_causal, 0.4)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(logsumexp, sums, rtol=1e-5, atol=2e-6)
    again, weights = with_weights(q, k, v, mask, is_causal, 0.4)
    table = reference["attention_weights"](arrays[0], arrays[1], arrays[3], is_causal, 0.4)
    np.testing.assert_allclose(again, expected, rtol=1e-5, atol=2e-6)
    np.testing.assert_allclose(weights, table, rtol=1e-5, atol=2e-6)

    g, to_sums = drawn(*out.shape[:-2], *out.shape[:-3:-1]).swapaxes(-1, -2), drawn(*sums.shape)
    needs = True, True, True, False
    wanted = reference["dot_attention_gradient"](
        wide(g), wide(to_sums), *arrays, expected, sums, is_causal, 0.4, needs
    )
    found = gradient(g, to_sums, q, k, v, mask, out, logsumexp, is_causal, 0.4, needs)
    for ours, theirs in zip(found[:3], wanted[:3]):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5)


def test_a_mask_of_more_keys_than_there_are_is_an_error():
    q, k, mask = facula.ones(2, 9, 4), facula.ones(2, 1, 4), facula.zeros(9, 5)
    with pytest.raises(RuntimeError):
        facula.nn.functional.scaled_dot_product_attention(q, k, k, attn_mask=mask)


def test_gradients_that_nobody_wants_are_not_made():
    q, k, v, *rest = CASES["causal"]
    out, sums = forward(q, k, v, *rest, 0.4)
    whole = gradient(out, None, q, k, v, rest[0], out, sums, True, 0.4, (True, True, True, False))
    for i in range(3):
        needs = [i == at for at in range(4)]
        part = gradient(out, None, q, k, v, rest[0], out, sums, True, 0.4, needs)
        assert [x is not None for x in part] == needs
        np.testing.assert_array_equal(part[i], whole[i])


def test_bits_do_not_depend_on_threads():
    q, k, v, *rest = CASES["causal"]
    needs, found = (True, True, True, False), []
    before = facula.get_num_threads()
    for threads in (1, 2, 5):
        facula.set_num_threads(threads)
        out, sums = forward(q, k, v, *rest, 0.4)
        found.append((out, sums, *gradient(out, None, q, k, v, None, out, sums, True, 0.4, needs)))
    facula.set_num_threads(before)
    for others in found[1:]:
        for a, b in zip(found[0][:5], others):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_special_values_reach_what_sees_them(special):
    q, k, v = drawn(2, 6, 4), drawn(2, 6, 4), drawn(2, 6, 4)
    k[0, 3, 1] = special
    out, _ = forward(q, k, v, None, True, 0.4)
    assert np.isfinite(out[0, :3]).all() and np.isfinite(out[1]).all()
    expected, _ = reference["dot_attention"](wide(q), wide(k), wide(v), None, True, 0.4)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(expected))
