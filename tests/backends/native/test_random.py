"""Random numbers: the bits of NumPy's kernels, which core defines, for every length, offset and number of threads."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula.random import Key
from facula_native import random, units
from facula_numpy import random as theirs

KEYS = [Key(0, 0), Key(2**64 - 1, 5), Key(7, 2**64 - 3), Key(3, 2**100 + 5)]
SIZES = [(), (0,), (1,), (3, 7), (512,), (513,), (4099,), (300, 1001)]


@pytest.fixture(autouse=True)
def awake(monkeypatch):
    monkeypatch.setattr(units, "is_awake", True)


def kernel(name):
    def below(*args):
        raise AssertionError("the kernel of NumPy was asked")

    return random.WRAPPERS[name](backend_for("cpu"), below)


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("name", ["rand", "randn"])
def test_bits_are_numpys(name, key):
    before = facula.get_num_threads()
    for size in SIZES:
        expected = getattr(theirs, name)(key, size, np.dtype("f4"))
        for threads in (1, 2, 5):
            facula.set_num_threads(threads)
            got = kernel(name)(key, size, np.dtype("f4"))
            assert got.dtype == np.float32
            np.testing.assert_array_equal(got, expected)
    facula.set_num_threads(before)


def test_what_it_leaves_to_numpy(monkeypatch):
    asked = []
    for make in random.WRAPPERS.values():
        run = make(backend_for("cpu"), lambda *args: asked.append(args))
        for dtype in ("f8", "f2", "c8"):
            run(KEYS[0], (3,), np.dtype(dtype))
        monkeypatch.setattr(units, "is_awake", False)
        run(KEYS[0], (3,), np.dtype("f4"))  # its size is looked at below
        monkeypatch.setattr(units, "is_awake", True)
    assert len(asked) == 8
