"""Matrix products against float64: layouts, batches, bias, special values; what is not ours is left to the BLAS."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula_native import product

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(3)


def below(*args):
    raise AssertionError("NumPy's product was asked")


matmul, linear = product.matmul(backend, below), product.linear(backend, below)


def drawn(*shape):
    return random.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (drawn(200, 300), drawn(300, 170)),
        (drawn(300, 200).T, drawn(170, 300).T),
        (drawn(1, 500), drawn(500, 700)),
        (drawn(700, 3), drawn(3, 1)),
        (drawn(60, 600)[:, ::2], drawn(300, 90)[::-1]),
        (drawn(4, 50, 64), drawn(64, 30)),
        (drawn(6, 50, 64), drawn(6, 64, 30)),
        (drawn(2, 50, 3, 64).transpose(0, 2, 1, 3), drawn(2, 40, 3, 64).transpose(0, 2, 3, 1)),
    ],
    ids=lambda x: str(x.shape),
)
def test_products(a, b, threads):
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    out = matmul(a, b)
    facula.set_num_threads(before)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    assert out.shape == expected.shape and out.flags.c_contiguous
    bound = 3e-7 * a.shape[-1] ** 0.5 * np.abs(a).max() * np.abs(b).max() * 4
    np.testing.assert_allclose(out, expected, atol=bound)


@pytest.mark.parametrize(
    "x",
    [drawn(3, 40, 70), drawn(40, 3, 70).transpose(1, 0, 2), drawn(2, 3, 40, 140)[..., ::2]],
    ids=lambda x: str(x.strides),
)
def test_affine_maps_of_more_dimensions(x):
    w, b = drawn(90, 70), drawn(90)
    np.testing.assert_allclose(linear(x, w, b), x.astype(np.float64) @ w.T + b, atol=3e-5)


def test_bias_and_special_values():
    x, w, b = drawn(130, 70), drawn(90, 70), drawn(90)
    np.testing.assert_allclose(linear(x, w, b), x.astype(np.float64) @ w.T + b, atol=3e-5)
    x[3, 5], x[7, 0] = np.nan, np.inf
    out = linear(x, w)
    assert (
        np.isnan(out[3]).all()
        and not np.isfinite(out[7]).any()
        and np.isfinite(np.delete(out, [3, 7], 0)).all()
    )


def test_what_is_left_to_the_blas():
    asked = []
    call = product.matmul(backend, lambda *args: asked.append(args) or np.matmul(*args))
    wide = np.ones((4, 4))
    call(wide, wide)
    call(drawn(3, 4, 4), drawn(1, 4, 4))
    call(drawn(4, 0), drawn(0, 4))
    call(drawn(2, 3, 4)[:, :, ::2], drawn(2, 5))
    call(drawn(4), drawn(4, 4))
    assert len(asked) == 5
