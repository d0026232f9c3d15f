"""Reductions: digits, special values, shapes; the result does not depend on the number of threads."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula_native import reduce

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(1)
SHAPES = [
    ((300_007,), [None]),
    ((3, 200_003), [None, 0, 1]),
    ((200_003, 3), [0, 1]),
    ((1500, 77), [0, -1, None]),
    ((3, 530, 2051), [0, 1, 2, (0, 1), (1, 2), (0, 2), None]),
    ((5, 6, 7, 9), [(0, 2), (1, 3), (0, 1, 3), ()]),
    ((1, 1, 5), [0, (0, 1), 2]),
]  # fmt: skip


def kernel(name):
    def below(*args):
        raise AssertionError("the kernel of NumPy was asked")

    return reduce.WRAPPERS[name](backend, below)


@pytest.mark.parametrize(("shape", "dims"), SHAPES, ids=str)
def test_sums_keep_digits(shape, dims):
    x = (
        random.random(shape, np.float32) + 1
    )  # all of one sign: the sum loses what the order of additions loses
    for dim in dims:
        for keepdim in (False, True):
            got = kernel("sum")(x, dim, keepdim)
            expected = x.astype(np.float64).sum(dim if dim != () else None, keepdims=keepdim)
            assert got.dtype == np.float32 and got.shape == expected.shape
            np.testing.assert_allclose(got, expected, rtol=4e-7)


@pytest.mark.parametrize(("name", "theirs"), [("amax", np.max), ("amin", np.min)])
@pytest.mark.parametrize(("shape", "dims"), SHAPES, ids=str)
def test_extremes_and_special_values(name, theirs, shape, dims):
    x = random.normal(size=shape).astype(np.float32)
    x.reshape(-1)[::997] = np.nan
    x.reshape(-1)[1::997] = np.inf
    x.reshape(-1)[2::991] = -np.inf
    for dim in dims:
        got, expected = kernel(name)(x, dim), theirs(x, dim if dim != () else None)
        np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(kernel(name)(np.full((3, 70), -np.inf, np.float32), 1), -np.inf)


def test_sums_with_infinity_and_nan():
    x = np.ones((4, 5000), np.float32)
    x[1, 7], x[2, 4999], x[3, 1], x[3, 2] = np.inf, np.nan, np.inf, -np.inf
    np.testing.assert_array_equal(kernel("sum")(x, 1), [5000, np.inf, np.nan, np.nan])


def test_the_number_of_threads_changes_no_bit():
    before = facula.get_num_threads()
    x = random.normal(size=(3, 200_003)).astype(np.float32)
    y = random.normal(size=(5000, 333)).astype(np.float32)
    results = []
    for threads in (1, 2, 5):
        facula.set_num_threads(threads)
        results.append([kernel("sum")(x, None), kernel("sum")(x, 1), kernel("sum")(y, 0)])
    facula.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            assert a.tobytes() == b.tobytes()


def test_what_it_leaves_to_numpy():
    asked = []
    sum = reduce.WRAPPERS["sum"](backend, lambda *args: asked.append(args))
    x = np.ones((4, 6), np.float32)
    for args in (
        (x.astype(np.float64),),
        (x.T,),
        (x[:, ::2],),
        (x[:0],),
        (x[0, 0],),
        (x, None, False, np.dtype("f8")),
    ):
        sum(*args)
    assert len(asked) == 6


@pytest.mark.parametrize(("name", "theirs"), [("argmax", np.argmax), ("argmin", np.argmin)])
@pytest.mark.parametrize(
    "shape", [(140_001,), (3, 66_003), (66_003, 3), (300, 77), (3, 270, 130), (1, 1, 5)], ids=str
)
def test_first_places_of_extremes(name, theirs, shape):
    for x in (
        random.integers(0, 9, shape).astype(np.float32),  # many are equal
        random.normal(size=shape).astype(np.float32),
        np.full(shape, np.inf, np.float32),
        np.full(shape, -np.inf, np.float32),
    ):
        for dim in (None, *range(-1, len(shape) - 1)):
            for keepdim in (False, True):
                got = kernel(name)(x, dim, keepdim)
                assert got.dtype == np.int64
                np.testing.assert_array_equal(got, theirs(x, dim, keepdims=keepdim))


@pytest.mark.parametrize(("name", "theirs"), [("argmax", np.argmax), ("argmin", np.argmin)])
def test_nan_is_the_first_of_all_places(name, theirs):
    x = random.normal(size=(400, 333)).astype(np.float32)
    x[random.random(x.shape) < 0.004] = np.nan
    x[:, 5], x[:, 6] = np.inf, -np.inf
    for dim in (None, 0, 1):
        np.testing.assert_array_equal(kernel(name)(x, dim, False), theirs(x, dim))


def test_means_of_whole_planes():
    from facula_native import pool

    def below(*args):
        raise AssertionError("the kernel of NumPy was asked")

    kernel = pool.avg_pool(backend, below)
    x = random.random((3, 5, 40, 30), np.float32) + 1
    x[1, 2, 3, 4], x[2, 0, 0, 0] = np.nan, np.inf
    expected = x.astype(np.float64).mean((2, 3), keepdims=True)
    for layout in (x, np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)):
        got = kernel(layout, (40, 30), (40, 30), (0, 0), False, True, None)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=4e-7)
    with pytest.raises(AssertionError, match="NumPy was asked"):
        kernel(x, (40, 30), (40, 30), (0, 0), False, True, 7)
