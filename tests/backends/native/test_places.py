"""Reading and writing at indices, copies and casts, beside NumPy's; bits do not depend on the number of threads."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula_native import copies, places, units

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(3)
#: Shape, dimension, number of indices along it.
CASES = [((7,), 0, 40), ((5, 300), 1, 9), ((300, 5), 0, 900), ((3, 4, 530), 1, 6), ((2, 50, 1), 1, 70), ((40, 3, 2), 2, 5)]  # fmt: skip
DTYPES = ("float32", "float64", "int64")


def kernel(name, family=places):
    def below(*args):
        raise AssertionError("the kernel of NumPy was asked")

    return family.WRAPPERS[name](backend, below)


def drawn(shape, dtype):
    return (random.normal(size=shape) * 9).astype(dtype)


def spread(index, dim, shape):
    return np.broadcast_to(index.reshape(-1, *[1] * (len(shape) - dim - 1)), shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "dim", "count"), CASES, ids=str)
def test_places(shape, dim, count, dtype):
    x, many = drawn(shape, dtype), (*shape[:dim], count, *shape[dim + 1 :])
    index, at = random.integers(0, shape[dim], count), random.integers(0, shape[dim], many)
    values = drawn((*many[:-1], 2 * many[-1]), dtype)[..., ::-2]  # not in memory as it is read
    same = np.testing.assert_array_equal
    same(kernel("gather")(x, dim, at), np.take_along_axis(x, at, dim))
    same(kernel("index_select")(x, dim, index), np.take(x, index, dim))
    for where, add, put in (
        (at, "scatter", "scatter"),
        (spread(index, dim, many), "index_add", "index_copy"),
    ):
        sums, last = x.copy(), x.copy()
        grid = list(np.ix_(*[np.arange(n) for n in many]))
        grid[dim] = where
        np.add.at(sums, tuple(grid), values)
        np.put_along_axis(last, where, values, dim)
        given = (x, dim, where if add == "scatter" else index, values)
        same(kernel(add)(*given, *(["sum"] if add == "scatter" else [])), sums)
        same(kernel(put)(*given), last)


def test_equal_rows_add_up_on_any_number_of_threads():
    x, index = drawn((50, 700), "float32"), random.integers(0, 50, 4000)
    rows = drawn((4000, 700), "float32")
    before, found = facula.get_num_threads(), []
    for threads in (1, 3):
        facula.set_num_threads(threads)
        found.append(kernel("index_put")(x, [index], rows, True))
    facula.set_num_threads(before)
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0][7], x[7] + rows[index == 7].sum(0, np.float64), atol=2e-3)


@pytest.mark.parametrize("bad", [-1, 5])
def test_indices_out_of_range_are_left_to_numpy(bad):
    x, index = drawn((5, 3), "float32"), np.array([0, bad, 1])
    for name in ("index_select", "gather"):
        with pytest.raises(AssertionError, match="NumPy was asked"):
            kernel(name)(x, 0, index if name == "index_select" else spread(index, 0, (3, 3)))
    unchanged = x.copy()
    with pytest.raises(AssertionError, match="NumPy was asked"):
        kernel("index_add")(x, 0, index, x[:3])
    np.testing.assert_array_equal(x, unchanged)


def test_an_index_that_another_thread_changes_is_read_once(run):
    out = run(
        """
        import threading, numpy as np, facula
        at = np.zeros(200_000, "int64")
        index, x, source = facula.from_numpy(at), facula.ones(10, 8), facula.ones(200_000, 8)
        def change():
            while True:
                at[-10:] = 1 << 40
                at[-10:] = 0
        threading.Thread(target=change, daemon=True).start()
        for _ in range(60):
            for read in (lambda: x.index_add(0, index, source), lambda: x.index_select(0, index)):
                try:
                    read()
                except IndexError:
                    pass
        print("alive", flush=True)
        os = __import__("os"); os._exit(0)
        """
    )
    assert out == "alive\n"


def test_no_indices_write_everywhere(monkeypatch):
    monkeypatch.setattr(units, "SMALL", 0)
    assert facula.zeros(2, 2).index_put([], facula.tensor(3.0)).tolist() == [[3, 3], [3, 3]]


def test_a_true_of_any_byte_is_one():
    x = np.frombuffer(bytes([0, 1, 2, 255] * 20_000), "uint8").view("bool")
    for view in (x, x[::3]):
        got = kernel("cast", copies)(view, np.dtype("float32"))
        np.testing.assert_array_equal(got, view.view("uint8") != 0)


@pytest.mark.parametrize(("source", "target"), copies._CASTS, ids=str)
def test_casts(source, target):
    x = drawn((50, 60), "float64")
    x[0, :5] = np.nan if source.kind == "f" else 3, -0.0, 1e300 if source.kind == "f" else 1, 0, 1
    with np.errstate(all="ignore"):
        x = np.abs(x).astype(source) if source.kind in "ub" else x.astype(source)
        for view in (x, x.T, x[::-2, 1::3], x[:1], x[:0]):
            got, expected = (
                kernel("cast", copies)(view, target) if view.size else view.astype(target),
                view.astype(target),
            )
            assert got.dtype == target
            np.testing.assert_array_equal(got, expected)


def test_a_copy_shares_no_memory():
    x = drawn((300, 40), "float32")
    for view in (x, x.T, x[::2]):
        got = copies.copied(view)
        assert got.flags.c_contiguous and not np.shares_memory(got, x)
        np.testing.assert_array_equal(got, view)
    assert units.SMALL == 0


def test_small_powers():
    x = drawn((20, 30), "float32")
    x[0, :4] = np.nan, np.inf, -np.inf, 0.0
    for exponent in (-1.0, 0.5, 2.0, 3.0):
        got = facula.tensor(x).pow(exponent).numpy()
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(got, x.astype(np.float64) ** exponent, rtol=2e-7)
