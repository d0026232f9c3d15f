"""Attention and its gradient without a table of weights, both kernel families, against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula
from facula.backends.registry import backend_for
from facula.nn import functional as F
from facula.ops import attention as core, dot_attention
from facula_opencl.kernels import attention, attention_gpu

CPU = backend_for("cpu")
#: heads (in two dimensions), queries, keys, features of a query, of a value; blocks are whole, cut, many.
SIZES = [
    ((2, 3), 33, 29, 5, 6),
    ((1, 2), 130, 260, 64, 64),
    ((2, 2), 128, 128, 32, 32),
    ((3,), 7, 300, 80, 17),
    ((), 100, 40, 33, 48),
    ((1, 1), 1, 200, 16, 128),
]


def values(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(sum(shape) + seed).standard_normal(shape).astype(np.float32)


def mask_of(kind: str, lead: Any, rows: int, columns: int) -> Any:
    draw = np.random.default_rng(5).random
    if kind == "bool":
        mask = draw((rows, columns)) < 0.6
        mask[rows // 2] = False
        return mask
    if kind == "keys":
        return draw((*lead[:1], *[1] * len(lead[1:]), 1, columns)) < 0.5
    if kind == "added":
        mask = values(*lead[-1:], rows, columns)
        mask[..., 3 * columns // 4 :] = -np.inf
        return mask
    return None


def double(x: Any) -> Any:
    return x.astype(np.float64) if x is not None and x.dtype == np.float32 else x


def check(xp: Any, got: Any, expected: Any, close: float = 3e-6) -> None:
    got = xp.to_numpy(got)
    assert got.shape == expected.shape and got.dtype == np.float32
    size = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    np.testing.assert_allclose(got, expected, rtol=close, atol=close * size)


def compare(xp: Any, parts: Any, mask: Any, is_causal: bool, scale: float, g: Any, extra: Any = None) -> None:  # fmt: skip
    wide = [double(x) for x in parts]
    rest = double(mask), is_causal, scale
    expected = CPU.dot_attention(*wide, *rest)
    there = [xp.asarray(x) for x in parts]
    on = None if mask is None else xp.asarray(mask), is_causal, scale
    got = attention.dot_attention(xp, *there, *on)
    for one, value in zip(got, expected, strict=True):
        check(xp, one, value)
    needs = True, True, True, False
    by = CPU.dot_attention_gradient(double(g), double(extra), *wide, rest[0], *expected, *rest[1:], needs)  # fmt: skip
    extra = None if extra is None else xp.asarray(extra)
    found = attention.dot_attention_gradient(
        xp, xp.asarray(g), extra, *there, on[0], *got, *on[1:], needs
    )
    for one, value in zip(found[:3], by[:3], strict=True):
        check(xp, one, value, 1e-5)


@pytest.mark.parametrize("mask", ["none", "causal", "bool", "keys", "added"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_output_and_gradients(xp: Any, size: Any, mask: str) -> None:
    lead, rows, columns, e, ev = size
    parts = [values(*lead, rows, e), values(*lead, columns, e, seed=1), values(*lead, columns, ev)]
    given = mask_of(mask, lead, rows, columns)
    g, extra = values(*lead, rows, ev, seed=2), values(*lead, rows, 1) if mask == "none" else None
    compare(xp, parts, given, mask == "causal", 0.3, g, extra)


def test_tile_of_narrow_registers(xp: Any, monkeypatch: Any) -> None:
    from facula_opencl.kernels import attention_cpu

    monkeypatch.setattr(attention_cpu, "has_wide_registers", lambda xp: False)
    attention_cpu.source.cache_clear()
    parts = [values(2, n, 40, seed=n) for n in (70, 150, 150)]
    compare(xp, parts, None, True, 0.2, values(2, 70, 40))
    attention_cpu.source.cache_clear()


def test_views_and_broadcast_heads(xp: Any) -> None:
    base = values(2, 50, 3, 4, 24)
    there = xp.asarray(base)
    views = [xp.permute(xp.select(there, 2, i), (0, 2, 1, 3)) for i in range(3)]
    wide = [double(base[:, :, i]).transpose(0, 2, 1, 3) for i in range(3)]
    got = attention.dot_attention(xp, *views, None, True, 0.2)
    for one, value in zip(got, CPU.dot_attention(*wide, None, True, 0.2)):
        check(xp, one, value)
    shared = [values(3, 50, 8), values(2, 1, 40, 8), values(40, 8)]
    expected = CPU.dot_attention(*map(double, shared), None, False, 0.2)
    got = attention.dot_attention(xp, *map(xp.asarray, shared), None, False, 0.2)
    for one, value in zip(got, expected):
        check(xp, one, value)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_infinities_and_nan_come_through(xp: Any, bad: float) -> None:
    query, key, value = np.ones((1, 40, 4), "f4"), np.ones((1, 70, 4), "f4"), values(1, 70, 4)
    key[0, 50] = bad
    there = [xp.asarray(x) for x in (query, key, value)]
    output, _ = attention.dot_attention(xp, *there, None, False, 0.5)
    assert np.isnan(xp.to_numpy(output)).all()
    seen = np.arange(70) != 50
    output, _ = attention.dot_attention(xp, *there, xp.asarray(seen), False, 0.5)
    check(xp, output, CPU.dot_attention(query, key, value, seen, False, 0.5)[0].astype("f8"))
    output, _ = attention.dot_attention(xp, *there, None, True, 0.5)
    assert not np.isnan(xp.to_numpy(output)).any()


def test_large_scores_do_not_overflow(xp: Any) -> None:
    """Scores of some 10,000, whose exponentials float32 cannot hold; what it rounds off them is seen in the weights."""
    parts = [values(1, n, 8, seed=n) * 30 for n in (40, 300, 300)]
    expected = CPU.dot_attention(*map(double, parts), None, False, 1.0)
    output, logsumexp = attention.dot_attention(xp, *map(xp.asarray, parts), None, False, 1.0)
    check(xp, output, expected[0], 1e-3)
    check(xp, logsumexp, expected[1], 1e-6)


def test_what_is_left_to_the_body(xp: Any, monkeypatch: Any) -> None:
    parts = [xp.asarray(values(1, 4, 3).astype("f8")) for _ in range(3)]
    assert attention.dot_attention(xp, *parts, None, False, 1.0) is NotImplemented
    empty = xp.asarray(np.ones((0, 4, 3), "f4"))
    assert attention.dot_attention(xp, empty, empty, empty, None, False, 1.0) is NotImplemented
    if not xp.is_cpu:
        wide = xp.asarray(values(1, 4, 300))
        assert attention.dot_attention(xp, wide, wide, wide, None, False, 1.0) is NotImplemented


def test_blocks_of_small_local_memory(monkeypatch: Any) -> None:
    xp = backend_for("opencl")
    monkeypatch.setattr(xp, "is_cpu", False)
    monkeypatch.setattr(attention_gpu, "side_for", lambda *_: 16)
    compare(
        xp, [values(2, n, 20, seed=n) for n in (37, 50, 50)], None, True, 0.2, values(2, 37, 20)
    )


@pytest.mark.parametrize("mask", ["none", "causal", "keys"])
def test_memory_grows_with_the_length_alone(xp: Any, mask: str, monkeypatch: Any) -> None:
    """All that is allocated, forward and backward, is less than half of the table, 64 MB for 4096 float32."""
    sizes: list[int] = []
    alloc = xp.alloc

    def noted(nbytes: int) -> Any:
        sizes.append(nbytes)
        return alloc(nbytes)

    parts = [facula.randn(1, 4096, 8).to("opencl").requires_grad_() for _ in range(3)]
    seen = (facula.rand(4096) < 0.5).to("opencl") if mask == "keys" else None
    monkeypatch.setattr(xp, "alloc", noted)
    out = F.scaled_dot_product_attention(*parts, seen, is_causal=mask == "causal")
    out.sum().backward()
    xp.synchronize()
    assert sizes and sum(sizes) < 32 << 20, (sum(sizes), max(sizes))


def test_through_the_function_with_second_gradients(xp: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("FACULA_STRICT", "1")
    monkeypatch.setattr(core, "KEPT_TABLE", 0)
    results = []
    for device in ("opencl", "cpu"):
        parts = [facula.tensor(values(2, n, 6, seed=n), device=device) for n in (9, 20, 20)]
        parts = [x.requires_grad_() for x in parts]
        out = F.scaled_dot_product_attention(*parts, is_causal=True)
        grads = facula.autograd.grad((out * out).sum(), parts, create_graph=True)
        second = facula.autograd.grad(sum((x * x).sum() for x in grads), parts)
        results.append([x.detach().cpu().numpy() for x in (out, *grads, *second)])
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, 1e-4, 1e-4 * np.abs(expected).max())


def test_dropout_has_the_bits_of_the_cpu(xp: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("FACULA_STRICT", "1")
    monkeypatch.setattr(core, "KEPT_TABLE", 0)
    monkeypatch.setattr(dot_attention, "LARGEST_BLOCK", 1)
    results = []
    for device in ("opencl", "cpu"):
        parts = [facula.tensor(values(2, n, 6, seed=n), device=device) for n in (150, 20, 20)]
        parts = [x.requires_grad_() for x in parts]
        facula.manual_seed(4)
        out = F.scaled_dot_product_attention(*parts, dropout_p=0.4)
        grads = facula.autograd.grad((out * out).sum(), parts)
        results.append([x.detach().cpu().numpy() for x in (out, *grads)])
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, 1e-4, 1e-5 * np.abs(expected).max())
