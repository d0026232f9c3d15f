"""Pooling: against plain loops, ties and NaN, what is asked for at the edges, and what is refused."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

import facula
from facula.nn import functional as F
from facula.ops.pool import _origin, first_seen


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def by_loop(x, kernel, stride, padding, dilation, reduce, count):
    """`reduce` of each window's elements within the plane (of those `count` says, if it is a mean)."""
    size = [
        (x.shape[i + 2] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for i in (0, 1)
    ]
    out = np.zeros((*x.shape[:2], *size))
    for i, j in np.ndindex(*size):
        rows = [i * stride - padding + dilation * k for k in range(kernel)]
        columns = [j * stride - padding + dilation * k for k in range(kernel)]
        rows = [r for r in rows if 0 <= r < x.shape[2]]
        columns = [c for c in columns if 0 <= c < x.shape[3]]
        seen = x[:, :, rows][:, :, :, columns]
        out[:, :, i, j] = reduce(seen.reshape(*x.shape[:2], -1), -1) * (count or 1)
        if count:
            out[:, :, i, j] /= kernel * kernel / len(rows) / len(columns) * count
    return out


@pytest.mark.parametrize(
    "kernel, stride, padding, dilation", [(2, 2, 0, 1), (3, 1, 1, 1), (3, 2, 1, 2), (2, 3, 0, 1)]
)
def test_max_is_the_definition(kernel, stride, padding, dilation):
    x = draw(2, 3, 7, 8)
    got = F.max_pool2d(facula.tensor(x), kernel, stride, padding, dilation)
    np.testing.assert_array_equal(
        got.numpy(), by_loop(x, kernel, stride, padding, dilation, np.max, 0)
    )


@pytest.mark.parametrize("kernel, stride, padding", [(2, 2, 0), (3, 1, 1), (3, 2, 1)])
def test_mean_is_the_definition(kernel, stride, padding):
    x = draw(2, 3, 7, 8)
    got = F.avg_pool2d(facula.tensor(x), kernel, stride, padding)
    np.testing.assert_allclose(
        got.numpy(), by_loop(x, kernel, stride, padding, 1, np.mean, 1), atol=1e-12
    )
    got = F.avg_pool2d(facula.tensor(x), kernel, stride, padding, count_include_pad=False)
    np.testing.assert_allclose(
        got.numpy(), by_loop(x, kernel, stride, padding, 1, np.mean, 0), atol=1e-12
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_a_tie_gives_the_gradient_to_the_first(stride):
    x = facula.ones(1, 1, 2, 4, dtype=facula.float64, requires_grad=True)
    F.max_pool2d(x, 2, stride).sum().backward()
    expected = [[1, 1, 1, 0], [0] * 4] if stride == 1 else [[1, 0, 1, 0], [0] * 4]
    assert x.grad[0, 0].tolist() == expected


def test_nan_is_passed_on_and_keeps_its_gradient():
    x = facula.tensor([[[1.0, np.nan, 3.0, 4.0]]], requires_grad=True)
    out = F.max_pool1d(x, 2)
    assert np.isnan(out[0, 0, 0].item()) and out[0, 0, 1].item() == 4
    out.backward(facula.tensor([[[5.0, 7.0]]]))
    assert x.grad.tolist() == [[[0, 5, 0, 7]]]


def test_ceil_mode_keeps_the_last_window_if_it_starts_inside():
    x = facula.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]])
    assert F.max_pool1d(x, 2, ceil_mode=True).tolist() == [[[2, 4, 5]]]
    assert F.avg_pool1d(x, 2, ceil_mode=True).tolist() == [[[1.5, 3.5, 5]]]
    assert F.max_pool1d(x, 2, 4, 1, ceil_mode=True).shape == (1, 1, 2)


WINDOWS = [((7, 5), (3, 1, 1)), ((7, 5), (3, 2, 1, 2)), ((8, 1), ((3, 2), 3, 1, 2))]


@pytest.mark.parametrize("size, options", WINDOWS)
def test_windows_of_minus_infinity_have_places_in_the_plane(size, options):
    x = facula.full((1, 1, *size), -np.inf, requires_grad=True)
    values, indices = F.max_pool2d(x, *options, return_indices=True)
    values.sum().backward()
    assert x.grad.sum().item() == values.numel()
    assert indices.min().item() >= 0 and indices.max().item() < x.numel()


@pytest.mark.parity
@pytest.mark.parametrize(
    "size, options", WINDOWS[:2]
)  # of windows of padding alone PyTorch gives places outside
def test_windows_of_minus_infinity_have_pytorchs_places(size, options):
    import torch

    indices = [
        f.max_pool2d(lib.full((1, 1, *size), -np.inf), *options, return_indices=True)[1]
        for lib, f in ((facula, F), (torch, torch.nn.functional))
    ]
    assert indices[0].tolist() == indices[1].tolist()


@pytest.mark.parity
@pytest.mark.parametrize("place", ["cpu", "toy", "c"])
@pytest.mark.parametrize("options", [(3, 2, 1), (2, 2, 1, 1, True), (2, 1, 1, 2)])
@pytest.mark.parametrize("batch", [(2,), (2, 4)])
def test_windows_of_minus_infinity_have_pytorchs_gradient(batch, options, place):
    import torch

    x = draw(*batch, 4, 5).astype(np.float32)
    x[x < 0.5] = -np.inf
    found = []
    for lib, functional in ((facula, F), (torch, torch.nn.functional)):

        def pool(x, functional=functional):
            return functional.max_pool2d(x, *options)

        pool = facula.compile(pool, backend="c") if lib is facula and place == "c" else pool
        device = "toy" if lib is facula and place == "toy" else "cpu"
        leaf = lib.tensor(x, device=device, requires_grad=True)
        out = pool(leaf)
        weights = draw(*out.shape, seed=1).astype(np.float32)
        out.backward(lib.tensor(weights, device=device))
        found.append([a.detach().cpu().numpy() for a in (out, leaf.grad)])
    for mine, theirs in zip(*found):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_indices_undo_the_pooling():
    x = facula.tensor(draw(2, 3, 4, 6))
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(values, indices, 2)
    assert back.shape == x.shape and indices.dtype is facula.int64
    np.testing.assert_array_equal(back.numpy(), np.where(back.numpy() != 0, x.numpy(), 0))
    assert (back != 0).sum().item() == values.numel()


def test_adaptive_windows_share_the_plane_out():
    x = facula.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]])
    assert F.adaptive_avg_pool1d(x, 3).tolist() == [[[1.5, 3, 4.5]]]
    values, indices = F.adaptive_max_pool1d(x, 3, return_indices=True)
    assert values.tolist() == [[[2, 4, 5]]] and indices.tolist() == [[[1, 3, 4]]]
    assert F.adaptive_avg_pool2d(facula.tensor(draw(1, 2, 4, 6)), (None, 3)).shape == (1, 2, 4, 3)


def test_fractional_windows_lie_where_the_samples_say():
    x = facula.arange(25.0).reshape(1, 1, 5, 5)
    samples = facula.tensor([[[0.0, 0.9]]])  # x first
    values = F.fractional_max_pool2d(x, 2, output_size=3, _random_samples=samples)
    assert values[0, 0, :, 0].tolist() == [6, 11, 21]
    assert F.fractional_max_pool2d(x, 2, output_ratio=(0.6, 0.6)).shape == (1, 1, 3, 3)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda x: F.max_pool2d(x, 3, padding=2), "at most half of the effective kernel size"),
        (lambda x: F.max_pool2d(x, 9), "output size .* is too small"),
        (lambda x: F.max_pool2d(x, (2, 2, 2)), "list of 2 values"),
        (lambda x: F.max_pool2d(x[0, 0], 2), "expected 3D or 4D input"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=0), "divisor must be not zero"),
        (lambda x: F.avg_pool2d(x, 0), "kernel_size must be greater than zero"),
        (lambda x: F.adaptive_avg_pool2d(x, (1, 2, 3)), "output_size must be"),
        (lambda x: F.max_unpool2d(x, x[:, :, :1].long(), 2), "shape of indices"),
    ],
)
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(RuntimeError, match=message):
        call(facula.tensor(draw(1, 2, 4, 4)))


@pytest.mark.parametrize(("side", "is_kept"), [(8, True), (100, False)])
def test_places_of_many_windows_are_not_kept(side, is_kept):
    given = (side, side), (side, side), (3, 3), (1, 1), (1, 1), (1, 1)
    found = [weakref.ref(_origin(*given)[0]), weakref.ref(first_seen(*given))]
    assert [places() is not None for places in found] == [is_kept] * 2
