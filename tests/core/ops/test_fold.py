"""`unfold` and `fold`: patches as columns, and back."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.nn import functional as F


def test_columns_are_patches():
    x = facula.arange(12.0).reshape(1, 1, 3, 4)
    out = F.unfold(x, 2)
    assert out.shape == (1, 4, 6)
    assert out[0, :, 0].tolist() == [0, 1, 4, 5] and out[0, :, 5].tolist() == [6, 7, 10, 11]
    assert F.unfold(x[0], 2).tolist() == out[0].tolist()


def test_fold_counts_how_often_each_pixel_was_seen():
    ones = facula.ones(1, 1, 3, 4)
    back = F.fold(F.unfold(ones, 2), (3, 4), 2)
    assert back[0, 0].tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [1, 2, 2, 1]]


def test_patches_side_by_side_are_undone():
    x = facula.tensor(np.random.default_rng(0).normal(size=(2, 3, 4, 6)))
    assert (
        F.fold(F.unfold(x, (2, 3), stride=(2, 3)), (4, 6), (2, 3), stride=(2, 3)).tolist()
        == x.tolist()
    )


def test_a_convolution_is_a_product_of_columns():
    rng = np.random.default_rng(0)
    x, w = (
        facula.tensor(rng.normal(size=(2, 3, 5, 6))),
        facula.tensor(rng.normal(size=(4, 3, 3, 2))),
    )
    options = dict(padding=(1, 0), dilation=(1, 2), stride=(2, 1))
    columns = w.reshape(4, -1) @ F.unfold(x, (3, 2), **options)
    out = F.conv2d(x, w, **options)
    np.testing.assert_allclose(columns.reshape(out.shape).numpy(), out.numpy(), atol=1e-12)


def test_errors_say_what_was_expected():
    with pytest.raises(RuntimeError, match="expected 3D or 4D input"):
        F.unfold(facula.zeros(3, 4), 2)
    with pytest.raises(RuntimeError, match="each must be at least one"):
        F.unfold(facula.zeros(1, 3, 4), 5)
    with pytest.raises(RuntimeError, match="number of sliding blocks 2 \\* 3"):
        F.fold(facula.zeros(1, 4, 5), (3, 4), 2)
    with pytest.raises(RuntimeError, match="divisible by the product of kernel_size"):
        F.fold(facula.zeros(1, 3, 6), (3, 4), 2)
