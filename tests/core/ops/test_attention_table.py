"""The small table of attention's weights against its definition, step by step."""

import numpy as np
import pytest

import facula
from facula.ops._op import OPS

MASKS = {
    "none": None,
    "bool": np.random.default_rng(0).random((5, 7)) > 0.4,
    "a row hidden": np.arange(5)[:, None] * np.ones(7) > 1,
    "float": np.where(np.random.default_rng(1).random((5, 7)) > 0.7, -np.inf, 0.5),
    "of heads": np.random.default_rng(2).random((2, 3, 5, 7)) > 0.3,
    "of more": np.random.default_rng(2).random((4, 2, 3, 1, 7)) > 0.3,
}


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_the_body(mask, is_causal, dtype):
    draws = np.random.default_rng(3)
    query = draws.standard_normal((2, 3, 5, 4)).astype(dtype)
    key = draws.standard_normal((2, 1, 4, 7)).astype(dtype).swapaxes(-1, -2)  # no plain memory
    hidden = MASKS[mask]
    if mask == "float":
        hidden = hidden.astype(dtype)
    backend = facula.backends.backend_for("cpu")
    before = query.copy()
    found = backend.attention_weights(query, key, hidden, is_causal, 0.5)
    expected = OPS["attention_weights"].body(backend, query, key, hidden, is_causal, 0.5)
    assert found.dtype == expected.dtype and (query == before).all()
    np.testing.assert_allclose(
        found, expected, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-7
    )


def test_nan_and_infinity_spread_as_in_softmax():
    query = np.array([[[np.nan], [np.inf], [1.0]]], np.float32)
    key = np.array([[[1.0], [-1.0]]], np.float32)
    backend = facula.backends.backend_for("cpu")
    for mask in (None, np.ones((3, 2), bool)):
        found = backend.attention_weights(query, key, mask, False, 1.0)
        expected = OPS["attention_weights"].body(backend, query, key, mask, False, 1.0)
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        np.testing.assert_allclose(found[0, 2], expected[0, 2], rtol=1e-6)
