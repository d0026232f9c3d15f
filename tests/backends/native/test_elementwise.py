"""NumPy's loops in parts: the same bits, whatever the layout, and nothing between a small array and its loop."""

import sys

import numpy as np
import pytest

import facula
from facula_native import builtins, ufuncs, units
from facula_native.elementwise import broadcasting_address, threaded

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


def test_a_warning_that_is_an_error_is_raised_once(run):
    out = run(
        """
        import os, warnings
        os.environ["PATH"] = "/nowhere"; os.environ.pop("CC", None)
        import sys; sys.modules["ziglang"] = None
        import facula
        warnings.simplefilter("error")
        try:
            facula.ones(300, 300)
        except UserWarning as error:
            print("facula[compile]" in str(error), facula.ones(300, 300).sum().item())
        """,
        FACULA_CACHE="fresh",
    )
    assert out == "True 90000.0\n"


def test_a_numpy_of_other_ufuncs_broadcasts_itself(monkeypatch):
    def unknown(ufunc):
        raise RuntimeError("NumPy lays ufuncs out in an unknown way")

    monkeypatch.setattr(ufuncs, "call_of", unknown)
    assert broadcasting_address.__wrapped__() is None


def test_it_can_be_left_out(run):
    out = run(
        "import facula, numpy; print(facula.ones(1 << 20)._backend.add is numpy.add)",
        FACULA_NATIVE="0",
    )
    assert out == "True\n"


SPREAD = [
    ((30, 200), (200,)), ((30, 200), (30, 1)), ((300, 3), (3,)), ((300, 3), (300, 1)), ((2, 5, 6, 7), (5, 1, 1)),
    ((2, 5, 6, 7), (2, 5, 1, 1)), ((40, 1), (50,)), ((1, 3, 1, 7, 5), (9, 1, 4, 7, 1)), ((3, 5), (400, 1, 1)),
    ((1, 1), (3, 4)), ((2, 1, 1100), (1, 3, 1)), ((2, 0), (1,)),
]  # fmt: skip


@pytest.fixture
def spread_all(monkeypatch):
    """Small arrays are broadcast by our call too."""
    add = threaded(np.add)
    if broadcasting_address() is None:
        pytest.skip("objects are laid out in another way here")
    told = builtins._Python.in_dll(units.unit("split"), "python")
    before, told.small = told.small, 0
    yield add
    told.small = before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("first", "second"), SPREAD, ids=str)
def test_rows_and_columns_are_broadcast(spread_all, first, second, dtype):
    a, b = (np.random.default_rng(5).normal(size=s).astype(dtype) for s in (first, second))
    for theirs in (np.add, np.divide, np.less, np.maximum):
        ours = threaded(theirs)
        for x, y in ((a, b), (b, a), (a[..., ::-1], b), (a, b.astype("float64"))):
            got, expected = ours(x, y), theirs(x, y)
            assert got.dtype == expected.dtype and got.strides == expected.strides
            np.testing.assert_array_equal(got, expected)


def test_a_broadcast_call_keeps_no_reference_and_refuses_other_shapes(spread_all):
    a, b = np.ones((50, 40), np.float32), np.ones(40, np.float32)
    before = sys.getrefcount(a.dtype), sys.getrefcount(b)
    for _ in range(100):
        spread_all(a, b)
    assert (sys.getrefcount(a.dtype), sys.getrefcount(b)) == before
    with pytest.raises(ValueError, match="could not be broadcast"):
        spread_all(a, np.ones(30, np.float32))
    assert spread_all(a, b, out=a) is a
