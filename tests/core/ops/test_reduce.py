"""Reductions: overloads, dtypes, errors, NaN, accuracy."""

from __future__ import annotations

import numpy as np
import pytest

import facula


def tensor(values, **options):
    return facula.tensor(values, **options)


def test_max_has_three_forms():
    x = tensor([[1.0, 5.0], [7.0, 2.0]])
    assert x.max().item() == 7
    values, indices = x.max(1)
    assert values.tolist() == [5, 7]
    assert indices.tolist() == [1, 0]
    assert x.max(dim=0).values.tolist() == [7, 5]
    assert facula.max(x, tensor([3.0, 3.0])).tolist() == [[3, 5], [7, 3]]


def test_dtypes_follow_pytorch():
    x = tensor([[True, False], [True, True]])
    assert x.sum().dtype is facula.int64
    assert x.prod().dtype is facula.int64
    assert tensor([1, 2], dtype=facula.int32).sum().dtype is facula.int64
    assert tensor([1, 2]).sum(dtype=facula.float32).dtype is facula.float32
    assert tensor([1, 0], dtype=facula.uint8).any().dtype is facula.uint8
    with pytest.raises(RuntimeError, match="could not infer output dtype"):
        tensor([1, 2]).mean()


@pytest.mark.parametrize("name", ["max", "min", "amax", "argmax", "argmin", "aminmax"])
def test_extrema_of_nothing_are_errors(name):
    with pytest.raises(
        RuntimeError, match=r"Expected reduction dim to be specified for input.numel\(\) == 0"
    ):
        getattr(tensor(np.zeros((0, 3))), name)()


def test_sums_of_nothing():
    x = tensor(np.zeros((0, 3)))
    assert x.sum(0).tolist() == [0, 0, 0]
    assert x.prod(0).tolist() == [1, 1, 1]
    assert not x.any()
    assert x.all()
    assert np.isnan(x.mean(0).numpy()).all()


def test_nan_goes_through_extrema_and_sorts_last():
    x = tensor([1.0, float("nan"), 3.0])
    assert np.isnan(x.max().item())
    assert np.isnan(x.amin().item())
    assert x.argmax().item() == 1
    assert x.sort().indices.tolist() == [0, 2, 1]
    assert x.sort(descending=True).indices.tolist() == [1, 2, 0]
    assert np.isnan(x.median().item())
    assert x.nanmedian().item() == 1
    assert x.nansum().item() == 4


@pytest.mark.parametrize("layout", ["rows", "columns", "every other"])
@pytest.mark.parametrize("dim", [0, 1, 2, (0, 2), (0, 1), None])
def test_float32_sums_are_accurate_along_every_dimension(dim, layout):
    values = np.random.default_rng(0).random((500, 6, 300)).astype(np.float32)
    values = {
        "rows": values,
        "columns": np.asfortranarray(values),
        "every other": values[::2, :, ::2],
    }[layout]
    got = facula.from_numpy(values).sum(dim).numpy()
    exact = values.astype(np.float64).sum(dim)
    assert got.shape == exact.shape
    assert np.max(np.abs(got - exact) / exact) < 3e-7


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_sums_run_in_float32(dtype):
    x = facula.ones(3000).to(getattr(facula, dtype))
    assert x.sum().item() == tensor([3000.0]).to(getattr(facula, dtype)).item()
    assert x.mean().item() == 1


def test_gradient_of_a_product_with_zeros():
    x = tensor([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0]], requires_grad=True)
    x.prod(1).sum().backward()
    assert x.grad.tolist() == [[6, 0, 0], [0, 0, 0]]


def test_equal_extrema_share_the_gradient():
    x = tensor([2.0, 2.0, 1.0], requires_grad=True)
    x.amax().backward()
    assert x.grad.tolist() == [0.5, 0.5, 0]


@pytest.mark.parametrize(
    "name", ["sum", "mean", "prod", "amax", "amin", "var", "std", "argmax", "nansum", "logsumexp"]
)
def test_numpys_argument_names_are_taken_too(name):
    x = tensor(np.arange(6.0).reshape(2, 3))
    got = getattr(x, name)(axis=1, keepdims=True)
    np.testing.assert_array_equal(got.numpy(), getattr(x, name)(dim=1, keepdim=True).numpy())
    assert x.max(axis=1).values.tolist() == [2, 5]
    assert facula.cat([x, x], axis=1).shape == (2, 6)
