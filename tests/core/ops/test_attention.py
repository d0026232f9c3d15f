"""Attention against PyTorch: masks, causality, shared heads, the multi-head form."""

from __future__ import annotations

import numpy as np
import pytest

import facula
import facula.nn.functional as F

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
RNG = np.random.default_rng(0)


def draws(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def assert_alike(*arrays, mask=None, **options):
    results = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        inputs = [lib.tensor(a, requires_grad=True) for a in arrays]
        given = None if mask is None else lib.tensor(mask)
        out = functional.scaled_dot_product_attention(*inputs, given, **options)
        (out * out).sum().backward()
        results.append([out.detach().numpy(), *(x.grad.numpy() for x in inputs)])
    for mine, theirs in zip(*results):
        np.testing.assert_allclose(mine, theirs, 1e-4, 1e-5)


def test_scaled_dot_product():
    q, k, v = draws(2, 4, 60, 16), draws(2, 4, 70, 16), draws(2, 4, 70, 8)
    assert_alike(q, k, v)
    assert_alike(q, k, v, is_causal=True)
    assert_alike(q, k, v, mask=RNG.random((60, 70)) > 0.5, scale=0.3)
    assert_alike(q, k, v, mask=draws(60, 70))
    assert_alike(q, draws(2, 2, 70, 16), draws(2, 2, 70, 8), enable_gqa=True)


def test_rows_that_see_nothing_are_zero():
    q, k, v = (facula.tensor(draws(2, 3), requires_grad=True) for _ in range(3))
    out = F.scaled_dot_product_attention(q, k, v, facula.tensor([[False, False], [True, True]]))
    out.sum().backward()
    assert out[0].tolist() == [0.0] * 3 and not np.isnan(q.grad.numpy()).any()


@pytest.mark.parametrize("length", [6, 70])
@pytest.mark.parametrize("masked", ["some rows", "all rows"])
@pytest.mark.parametrize("backend", [None, "c", "replay"])
def test_gradients_where_rows_see_nothing(backend, masked, length):
    sees = RNG.random((2, 1, length, length)) < (0.7 if masked == "some rows" else 0)
    sees[0, :, 1] = sees[1, :, length - 1] = False
    arrays = [draws(2, 2, length, 8) for _ in range(3)]
    for mask in (sees, np.where(sees, 0.5, -np.inf).astype(np.float32)):
        results = []
        for lib, functional in ((facula, F), (torch, torch.nn.functional)):

            def step(q, k, v, m, functional=functional):
                out = functional.scaled_dot_product_attention(q, k, v, m)
                (out * out + out).sum().backward()
                return out

            if lib is facula and backend:
                step = facula.compile(step, backend=backend)
            inputs = [lib.tensor(a, requires_grad=True) for a in arrays]
            out = step(*inputs, lib.tensor(mask))
            results.append([out.detach().numpy(), *(x.grad.numpy() for x in inputs)])
        for mine, theirs in zip(*results):
            np.testing.assert_allclose(mine, theirs, 1e-4, 1e-5)


@pytest.mark.parametrize("place", ["cpu", "toy", "c", "replay"])
@pytest.mark.parametrize("shape", [(2, 300), (200, 300), (2, 3, 4)])
def test_scores_that_are_all_minus_infinity_give_zeros_without_a_mask(shape, place):
    *lead, rows, keys = shape
    arrays = [np.ones((*lead, n, 4), np.float32) for n in (rows, keys, keys)]
    arrays[0][..., 0, 0] = -np.inf
    found = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        attention = functional.scaled_dot_product_attention
        if lib is facula and place in ("c", "replay"):
            attention = facula.compile(attention, backend=place)
        device = "toy" if lib is facula and place == "toy" else "cpu"
        inputs = [lib.tensor(x, device=device, requires_grad=True) for x in arrays]
        out = attention(*inputs)
        out.sum().backward()
        found.append([x.detach().cpu().numpy() for x in (out, *(x.grad for x in inputs))])
    for mine, theirs in zip(*found):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
    assert not found[0][0][..., 0, :].any()


@pytest.mark.parametrize("dtypes", [("float32",) * 3, ("bfloat16", "float32", "float32")])
@pytest.mark.parametrize("masked", [False, True])
def test_autocast_casts_what_attention_is_given(dtypes, masked):
    arrays, mask = [draws(2, 3, 4) for _ in dtypes], draws(3, 3)
    found = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        inputs = [lib.tensor(x).to(getattr(lib, dtype)) for x, dtype in zip(arrays, dtypes)]
        with lib.autocast("cpu"):
            out = functional.scaled_dot_product_attention(
                *inputs, lib.tensor(mask) if masked else None
            )
        assert out.dtype is lib.bfloat16
        found.append(out.float().numpy())
    np.testing.assert_allclose(*found, rtol=2**-6, atol=2**-6)


def test_refuses_mask_and_causal():
    q = facula.ones(2, 3)
    with pytest.raises(RuntimeError, match="is_causal"):
        F.scaled_dot_product_attention(q, q, q, facula.ones(2, 2), is_causal=True)


@pytest.mark.parametrize("batched", [True, False])
def test_multi_head(batched):
    shape = (5, 2, 8) if batched else (5, 8)
    x, parts = (
        draws(*shape),
        [draws(24, 8), draws(24), None, None, False, 0.0, draws(8, 8), draws(8)],
    )
    padding = np.zeros(shape[:-1], bool).T
    padding[..., -1] = True
    out = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):
        q = lib.tensor(x)
        given = [lib.tensor(p) if isinstance(p, np.ndarray) else p for p in parts]
        mask = lib.tensor(np.triu(np.ones((5, 5), bool), 1))
        out.append(
            functional.multi_head_attention_forward(
                q, q, q, 8, 2, *given, key_padding_mask=lib.tensor(padding), attn_mask=mask
            )
        )
    for mine, theirs in zip(*out):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), 1e-4, 1e-5)
