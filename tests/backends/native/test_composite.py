"""Loops printed from composite ops: the numbers of their bodies on NumPy, special values and layouts included."""

import numpy as np
import pytest

from facula.backends import backend_for
from facula.ops import OPS
from facula_native import composite

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(4)
#: Values of options without default, and of those whose default says little.
OPTIONS = {"alpha": 0.7, "negative_slope": 0.3, "beta": 2.0, "threshold": 0.9, "min_val": -0.6, "max_val": 1.3}  # fmt: skip


def refused(*args):
    raise AssertionError("the kernel of NumPy was asked")


def drawn(shape):
    x = (random.normal(size=shape) * 5).astype(np.float32)
    x.reshape(-1)[:9] = np.nan, np.inf, -np.inf, 0.0, -0.0, 3, -3, 6, 100
    return x


@pytest.mark.parametrize("name", composite.NAMES)
def test_printed_loops(name):
    op = OPS[name]
    kernel = composite.WRAPPERS[name](backend, refused)
    for view in (np.s_[:], np.s_[::-2, ::3], np.s_[:1]):
        args = [
            drawn((40, 50))[view] if k in op.places else OPTIONS[p.name]
            for k, p in enumerate(op.parameters)
        ]
        with np.errstate(all="ignore"):
            doubles = [x.astype(np.float64) if k in op.places else x for k, x in enumerate(args)]
            expected = op.function(backend, *doubles)
        got = kernel(*args)
        assert got.dtype == np.float32 and got.shape == args[0].shape
        np.testing.assert_allclose(got, expected, rtol=3e-6, atol=1e-6)


def test_what_is_not_float32_goes_to_the_kernel_below():
    kernel = composite.WRAPPERS["elu"](backend, lambda *args: "below")
    assert kernel(np.ones(3), 1.0) == "below"
    assert kernel(np.ones(3, np.float32), np.ones((), np.float32)) == "below"
    assert kernel(np.ones((0, 3), np.float32)) == "below"
