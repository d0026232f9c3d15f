"""NumPy's loops in parts: the same bits, whatever the layout, and nothing between a small array and its loop."""

import numpy as np
import pytest

import facula
from facula_native import ufuncs, units
from facula_native.elementwise import threaded

UNARY = (np.exp, np.tanh, np.sqrt, np.negative, np.isnan, np.floor)
BINARY = (np.add, np.subtract, np.multiply, np.true_divide, np.maximum, np.power, np.greater)
#: Large enough for two threads, and for parts that end anywhere.
SIZE = 2 * units.SMALL + 78


@pytest.fixture
def two_threads():
    before = facula.get_num_threads()
    facula.set_num_threads(2)
    yield
    facula.set_num_threads(before)


def special(dtype):
    x = np.random.default_rng(0).normal(size=SIZE).astype(dtype)
    x[::1000] = np.nan
    x[1::1000] = np.inf
    x[2::1000] = -np.inf
    x[3::1000] = -0.0
    return x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ufunc", UNARY, ids=lambda u: u.__name__)
def test_unary_bits(ufunc, dtype, two_threads):
    x, f = special(dtype), threaded(ufunc)
    with np.errstate(all="ignore"):
        for a in (x, x[::-1], x[::3], x[:0], x[5]):
            assert f(a).tobytes() == ufunc(a).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ufunc", BINARY, ids=lambda u: u.__name__)
def test_binary_bits(ufunc, dtype, two_threads):
    x, f = special(dtype), threaded(ufunc)
    y = x[::-1].copy()
    with np.errstate(all="ignore"):
        for a, b in (
            (x, y),
            (x, 2.5),
            (0.5, x),
            (x[::2], y[1::2]),
            (x, x[::-1]),
            (x[:, None], y[:3]),
        ):
            assert f(a, b).tobytes() == ufunc(a, b).tobytes()


def test_integers_wrap_and_bools_stay(two_threads):
    x = np.arange(SIZE, dtype=np.int64) * 2**40
    assert np.array_equal(threaded(np.multiply)(x, x), x * x)
    b = x % 3 == 0
    assert np.array_equal(threaded(np.logical_and)(b, ~b), np.zeros(SIZE, bool))


def test_dtypes_that_are_not_numpys_have_their_loops():
    x = np.arange(6).astype(facula.bfloat16.dtype)
    for ufunc in (np.add, np.multiply, np.maximum, np.greater, np.true_divide):
        got, expected = threaded(ufunc)(x, x + x), ufunc(x, x + x)
        assert got.dtype == expected.dtype
        assert got.astype(np.float32).tobytes() == expected.astype(np.float32).tobytes()
    assert threaded(np.exp)(x).dtype == x.dtype and threaded(np.isnan)(x).dtype == bool


def test_in_place_and_shifted_over_itself(two_threads):
    add = threaded(np.add)
    x = np.arange(SIZE, dtype=np.float32)
    y = x.copy()
    add(x, 1.0, out=x)
    assert np.array_equal(x, y + 1)
    ours, theirs = y.copy(), y.copy()
    for f, z in ((add, ours), (np.add, theirs)):
        f(z[1:], z[:-1], out=z[:-1])
        f(z[:-1], z[1:], out=z[1:])
    assert np.array_equal(ours, theirs)


def test_a_struct_that_is_no_ufunc_is_refused():
    class Other:
        nin, nout, nargs, ntypes, __name__ = 1, 1, 2, 3, "other"

        def __init__(self):
            self.fields = [0] * 64

    with pytest.raises(RuntimeError, match="lays ufuncs out"):
        ufuncs.struct_of(Other())


def test_kernels_are_exchanged_at_the_first_large_array(run):
    out = run(
        """
        import facula, numpy as np
        b = (facula.ones(10) + 1)._backend
        assert b.add is np.add and "facula.graph" not in __import__("sys").modules
        facula.ones(1 << 20, dtype=facula.int64)
        assert b.add is np.add
        x = facula.ones(1 << 20)
        assert b.add is not np.add and b.add.__name__ == "add"
        assert b.full.__name__ == "full" and (x + 1).sum() == 2 << 20
        y = x.mul_(3)
        assert y is x and x[5] == 3
        print("done")
        """
    )
    assert out == "done\n"


def test_without_a_compiler_one_warning_and_the_same_results(run):
    out = run(
        """
        import os, warnings
        os.environ["PATH"] = "/nowhere"; os.environ.pop("CC", None)
        import sys; sys.modules["ziglang"] = None
        import facula
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            x = facula.ones(1 << 20) + facula.full((1 << 20,), 2.0)
        assert [w.category for w in seen] == [UserWarning], seen
        assert "facula[compile]" in str(seen[0].message) and "ziglang" in str(seen[0].message)
        print(x.sum().item())
        """,
        FACULA_CACHE="fresh",
    )
    assert out == "3145728.0\n"


def test_it_can_be_left_out(run):
    out = run(
        "import facula, numpy; print(facula.ones(1 << 20)._backend.add is numpy.add)",
        FACULA_NATIVE="0",
    )
    assert out == "True\n"
