"""Resampling: values worked out by hand, what linear maps keep, and parity with PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.nn import functional as F


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_values_by_hand():
    x = facula.tensor([[[1.0, 2.0, 4.0]]])
    assert F.interpolate(x, 6).tolist() == [[[1, 1, 2, 2, 4, 4]]]
    assert F.interpolate(x, 5, mode="linear", align_corners=True).tolist() == [[[1, 1.5, 2, 3, 4]]]
    assert F.interpolate(x, scale_factor=2, mode="linear").tolist() == [
        [[1, 1.25, 1.75, 2.5, 3.5, 4]]
    ]
    assert F.interpolate(x, 2, mode="area").tolist() == [[[1.5, 3]]]
    assert F.interpolate(x, 2, mode="nearest-exact").tolist() == [[[1, 4]]]


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("antialias", [False, True])
def test_a_constant_stays_one(mode, antialias):
    x = facula.full((1, 1, 7, 9), 3.0, dtype=facula.float64)
    out = F.interpolate(x, (4, 13), mode=mode, antialias=antialias)
    np.testing.assert_allclose(out.numpy(), 3, rtol=1e-12)


@pytest.mark.parametrize("mode", ["nearest", "linear", "area"])
def test_an_infinity_does_not_spread(mode):
    x = facula.tensor([[[np.inf, 1.0, 2.0, 3.0, 4.0, 5.0]]])
    assert np.isfinite(F.interpolate(x, 3, mode=mode).numpy()).sum() == 2


def test_identity_grid_reads_the_input():
    x = facula.tensor(draw(2, 3, 4, 5))
    theta = facula.tensor(np.tile([[1.0, 0, 0], [0, 1, 0]], (2, 1, 1)))
    for align_corners in (False, True):
        grid = F.affine_grid(theta, x.shape, align_corners)
        for mode in ("bilinear", "nearest", "bicubic"):
            out = F.grid_sample(x, grid, mode, align_corners=align_corners)
            np.testing.assert_allclose(out.numpy(), x.numpy(), atol=1e-12)


def test_outside_reads_by_the_padding_mode():
    x = facula.tensor([[[[1.0, 2.0, 3.0]]]])
    grid = facula.tensor([[[[5.0, 0.0], [np.nan, 0.0]]]])
    assert F.grid_sample(x, grid, "nearest", "zeros", True).tolist() == [[[[0, 0]]]]
    assert F.grid_sample(x, grid[:, :, :1], "nearest", "border", True).item() == 3
    assert F.grid_sample(x, grid[:, :, :1], "nearest", "reflection", True).item() == 3


def test_shuffles_undo_each_other():
    x = facula.arange(32.0).reshape(1, 8, 2, 2)
    up = F.pixel_shuffle(x, 2)
    assert up.shape == (1, 2, 4, 4) and up[0, 0, 0, :2].tolist() == [0, 4]
    assert F.pixel_unshuffle(up, 2).tolist() == x.tolist()
    assert F.channel_shuffle(F.channel_shuffle(x, 2), 4).tolist() == x.tolist()


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda x: F.interpolate(x), ValueError, "exactly one of size and scale_factor"),
        (
            lambda x: F.interpolate(x, 3, align_corners=True),
            ValueError,
            "align_corners can only be set",
        ),
        (lambda x: F.interpolate(x, (3, 3, 3)), ValueError, "one value for each of the 2"),
        (lambda x: F.interpolate(x, 3, mode="linear"), NotImplementedError, "takes 3D input"),
        (lambda x: F.interpolate(x, 3, mode="sinc"), NotImplementedError, "is none of"),
        (lambda x: F.interpolate(x, 0), RuntimeError, "greater than 0"),
        (lambda x: F.grid_sample(x, x), RuntimeError, "expected 4D input"),
        (lambda x: F.pixel_shuffle(x, 2), RuntimeError, "divisible by the square"),
    ],
)
def test_errors_say_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call(facula.zeros(1, 1, 4, 4))
