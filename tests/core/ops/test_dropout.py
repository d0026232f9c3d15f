"""Dropout: rates, scaling, whole channels, evaluation, gradients through the same mask."""

from __future__ import annotations

import numpy as np
import pytest

import facula
import facula.nn.functional as F


def test_rate_and_scale():
    facula.manual_seed(0)
    x = facula.ones(1000, 100, requires_grad=True)
    y = F.dropout(x, 0.2)
    y.sum().backward()
    values = y.detach().numpy()
    assert set(np.unique(values)) == {np.float32(0), np.float32(1.25)}
    assert abs((values == 0).mean() - 0.2) < 0.01
    np.testing.assert_array_equal(values, x.grad.numpy())


def test_whole_channels():
    y = F.dropout2d(facula.ones(50, 8, 3, 3), 0.5).numpy()
    assert all(len(np.unique(channel)) == 1 for sample in y for channel in sample)


def test_evaluation_returns_the_input():
    x = facula.ones(3)
    assert F.dropout(x, 0.5, training=False) is x and F.alpha_dropout(x, 0.5) is x


def test_alpha_dropout_keeps_mean_and_variance():
    facula.manual_seed(0)
    y = F.alpha_dropout(facula.randn(400, 400), 0.3, training=True)
    assert abs(y.mean().item()) < 0.02 and abs(y.std().item() - 1) < 0.02


def test_everything_dropped():
    assert F.dropout(facula.ones(4), 1.0).tolist() == [0.0] * 4
    with pytest.raises(ValueError, match="between 0 and 1"):
        F.dropout(facula.ones(4), 1.5)
