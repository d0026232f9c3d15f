"""Padding against NumPy's, negative pads, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.nn import functional as F

NUMPY_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("mode", NUMPY_MODES)
@pytest.mark.parametrize("pad", [(1, 2), (3, 0, 1, 1), (0, 2, 2, 0, 1, 1)])
def test_modes_are_those_of_numpy(mode, pad):
    n = len(pad) // 2
    x = np.arange(float(2 * 4**n)).reshape(1, 2, *(4,) * n)
    pairs = [(0, 0), (0, 0), *(pad[2 * (n - 1 - i) : 2 * (n - 1 - i) + 2] for i in range(n))]
    got = F.pad(facula.tensor(x), pad, mode)
    np.testing.assert_array_equal(got.numpy(), np.pad(x, pairs, NUMPY_MODES[mode]))


def test_constant():
    x = facula.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert F.pad(x, (1, 0), value=9).tolist() == [[9, 1, 2], [9, 3, 4]]
    assert F.pad(x, (0, 0, -1, 1)).tolist() == [[3, 4], [0, 0]]
    assert F.pad(facula.tensor([True]), (0, 1), value=True).tolist() == [True, True]


def test_negative_pads_cut_after_the_edge_is_repeated():
    x = facula.tensor([[1.0, 2.0, 3.0]])
    assert F.pad(x, (-3, 2), "replicate").tolist() == [[3, 3]]


def test_result_is_a_copy():
    x = facula.tensor([[1.0, 2.0]])
    for mode in ("constant", *NUMPY_MODES):
        F.pad(x, (0, 0), mode).zero_()
    assert x.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    "pad, mode, error, message",
    [
        ((1,), "constant", RuntimeError, "divisible by 2"),
        ((1,) * 8, "constant", RuntimeError, "two times the input dimension"),
        ((-3, -3), "constant", RuntimeError, "negative output size"),
        ((4, 0), "reflect", RuntimeError, "at most 3 elements"),
        ((1, 1), "mirror", NotImplementedError, "unrecognised padding mode"),
        ((1, 1, 1, 1, 1, 1), "circular", NotImplementedError, "one or two more dimensions"),
    ],
)
def test_errors_say_what_was_expected(pad, mode, error, message):
    with pytest.raises(error, match=message):
        F.pad(facula.zeros(2, 3, 4), pad, mode)


def test_only_constant_takes_a_value():
    with pytest.raises(ValueError, match="doesn't take in value"):
        F.pad(facula.zeros(2, 3, 4), (1, 1), "reflect", 3.0)
