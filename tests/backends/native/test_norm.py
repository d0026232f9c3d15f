"""Norms against float64, in both layouts of images; bits do not depend on the number of threads."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula_native import norm, rows, units
from facula_numpy import norm as numpy_norm

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(2)
WRAPPERS = norm.WRAPPERS | rows.WRAPPERS


def kernel(name):
    def below(*args):
        raise AssertionError("the kernel of NumPy was asked")

    return WRAPPERS[name](backend, below)


def images(channels_last=False, shape=(5, 37, 9, 11)):
    x = (random.normal(size=shape) * 0.5 + 30).astype(np.float32)  # a mean that eats digits
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1) if channels_last else x


def per_channel(v, ndim):
    return v.reshape(1, -1, *[1] * (ndim - 2))


LAYOUTS = [
    images(),
    images(True),
    images(shape=(700, 37)),
    images(shape=(2, 3, 70_001)),
    images(shape=(6, 1, 5)),
]


@pytest.mark.parametrize("x", LAYOUTS, ids=lambda x: f"{x.shape}-{x.flags.c_contiguous}")
def test_batch_norm(x):
    dims, channels = (0, *range(2, x.ndim)), x.shape[1]
    w, b = random.normal(size=(2, channels)).astype(np.float32)
    out, mean, var = kernel("batch_norm_train")(x, w, b, 1e-5)
    assert out.strides == x.strides
    wide = x.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(dims), rtol=2.5e-7)
    np.testing.assert_allclose(var, wide.var(dims), rtol=2e-6)
    normal = (wide - per_channel(wide.mean(dims), x.ndim)) / np.sqrt(
        per_channel(wide.var(dims), x.ndim) + 1e-5
    )
    expected = normal * per_channel(w, x.ndim) + per_channel(b, x.ndim)
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-5)
    fixed = kernel("batch_norm_eval")(x, mean, var, w, None, 1e-5)
    np.testing.assert_allclose(fixed, normal * per_channel(w, x.ndim), rtol=1e-5, atol=1e-5)
    g = random.normal(size=x.shape).astype(np.float32)
    to_input, to_weight, to_bias = kernel("batch_norm_gradient")(g, x, mean, var, w, 1e-5)
    n = x.size // channels
    np.testing.assert_allclose(to_bias, g.astype(np.float64).sum(dims), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(to_weight, (g * normal).sum(dims), rtol=1e-4, atol=1e-3)
    found = kernel("channel_sums")(g, x, mean)
    centred = wide - per_channel(mean.astype(np.float64), x.ndim)
    np.testing.assert_allclose(found[0], to_bias, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found[1], (g * centred).sum(dims), rtol=1e-4, atol=1e-3)
    on_numpy = numpy_norm.channel_sums(g, x, mean)
    for mine, other in zip(found, on_numpy):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=2e-3)
    slope, shift = (per_channel(v.astype(np.float64) / n, x.ndim) for v in (to_weight, to_bias))
    scale = per_channel(w / np.sqrt(wide.var(dims) + 1e-5), x.ndim)
    np.testing.assert_allclose(to_input, scale * (g - normal * slope - shift), rtol=1e-4, atol=1e-5)


def test_group_norm_of_special_values():
    x = images(shape=(2, 6, 50))
    x[0, 1, 3] = np.nan
    out, mean, _ = kernel("group_norm_fused")(x, None, None, 3, 1e-5)
    assert (
        np.isnan(out[0, :2]).all() and np.isfinite(out[0, 2:]).all() and np.isfinite(out[1]).all()
    )
    assert mean.shape == (2, 3, 1)


def test_softmax_of_special_values():
    inf, nan = np.inf, np.nan
    x = np.array(
        [[0, -inf, 1], [-inf, -inf, -inf], [inf, 0, 1], [nan, 0, 1], [-200, 300, -inf]], np.float32
    )
    with np.errstate(all="ignore"):
        e = np.exp(x - x.max(1, keepdims=True))
    expected = e / e.sum(1, keepdims=True)
    np.testing.assert_allclose(kernel("softmax")(x, -1), expected, rtol=3e-7)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            kernel("log_softmax")(x, 1),
            x - x.max(1, keepdims=True) - np.log(e.sum(1, keepdims=True)),
            rtol=3e-7,
        )


def test_the_number_of_threads_changes_no_bit():
    x, g = images(shape=(300, 257)), random.normal(size=(300, 257)).astype(np.float32)
    w = random.normal(size=257).astype(np.float32)
    before, results = facula.get_num_threads(), []
    for threads in (1, 2, 5):
        facula.set_num_threads(threads)
        out, mean, rstd = kernel("native_layer_norm")(x, (257,), w, w, 1e-5)
        results.append(
            [out, *kernel("layer_norm_gradient")(g, x, mean, rstd, w, 1), kernel("softmax")(x, -1)]
            + [
                *kernel("batch_norm_train")(x, w, w, 1e-5),
                *kernel("group_norm_fused")(x[..., None], w, w, 1, 1e-5),
            ]
        )
    facula.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            assert a.tobytes() == b.tobytes()


def test_small_arrays_are_ours_once_there_was_a_large_one(monkeypatch):
    monkeypatch.setattr(units, "SMALL", 1000)
    x, asked = np.ones((2, 3), np.float32), []
    layer_norm = rows.WRAPPERS["native_layer_norm"](backend, lambda *args: asked.append(args))
    monkeypatch.setattr(units, "is_awake", False)
    layer_norm(x, (3,), None, None, 1e-5)
    assert len(asked) == 1
    monkeypatch.setattr(units, "is_awake", True)
    assert layer_norm(x, (3,), None, None, 1e-5)[0].shape == (2, 3) and len(asked) == 1
