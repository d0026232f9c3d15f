"""Indexing against NumPy and PyTorch's rules: placement, views, writes, errors, gradients."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import facula
import facula.nn.functional as F
from facula.errors import OutOfBoundsError

VALUES = np.arange(24.0).reshape(2, 3, 4)


def tensor(values, **options):
    return facula.tensor(np.asarray(values), **options)


MASK = np.array([[True, False, True], [False, True, True]])
INDICES = [
    0, -1, slice(1, None), (0, 1), (Ellipsis, 0), None, (slice(None), None, 1), True, False, (0, Ellipsis, None),
    np.array([0, 1]), [0, 1], (np.array([0, 1]), slice(None), np.array([0, -1])), (slice(None), np.array([[0, 1], [2, 2]])),
    (np.array([0, 1]), np.array([1, 1]), slice(0, 2)), np.array([True, False]), (slice(None), np.array([True, False, True])),
    (MASK,), (MASK, slice(1, 3)), ([0, 1], [2, 2]), (slice(None, None, 2), 1), (Ellipsis, np.array([True, False, True, True])),
]  # fmt: skip


def placed(index):
    """NumPy arrays in an index as tensors."""
    if isinstance(index, tuple):
        return tuple(placed(i) for i in index)
    return tensor(index) if isinstance(index, np.ndarray) else index


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_reads_and_writes_as_numpy(index):
    x = tensor(VALUES)
    expected = VALUES[index]
    got = x[placed(index)]
    assert tuple(got.shape) == expected.shape
    np.testing.assert_array_equal(got.numpy(), expected)
    written, wanted = x.clone(), VALUES.copy()
    values = np.random.default_rng(0).random(expected.shape)
    written[placed(index)] = tensor(values)
    wanted[index] = values
    np.testing.assert_array_equal(written.numpy(), wanted)
    written[placed(index)] = 7
    wanted[index] = 7
    np.testing.assert_array_equal(written.numpy(), wanted)


def test_an_int_beside_a_slice_and_a_tensor_is_taken_first():
    """NumPy counts the int as an index array and would move its dimension to the front."""
    assert tuple(tensor(VALUES)[0, :, tensor([1, 2])].shape) == (3, 2)


def test_basic_indices_are_views():
    x = tensor(VALUES)
    for index in (0, slice(0, 1), (Ellipsis, 1), None, Ellipsis):
        view = x[index]
        view.fill_(1.0) if hasattr(view, "fill_") else view.__setitem__(Ellipsis, 1.0)
        np.testing.assert_array_equal(x[index].numpy(), 1.0)


@pytest.mark.parametrize(
    ("index", "error", "text"),
    [
        (2, IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
        ((slice(None), 5), IndexError, "index 5 is out of bounds for dimension 1 with size 3"),
        (np.array([0, 5]), IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
        ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        (
            np.array([True, False, True]),
            IndexError,
            "does not match the shape of the indexed tensor",
        ),
        (1.5, IndexError, "valid indices"),
    ],
)
def test_bad_indices_say_what_was_wrong(index, error, text):
    with pytest.raises(error, match=text):
        tensor(VALUES)[placed(index)]


@pytest.mark.parametrize(
    "index", [0, (slice(None), [0, 2]), MASK, (Ellipsis, slice(0, 3, 2))], ids=str
)
def test_gradient_of_a_write_reaches_both(index):
    x = tensor(VALUES, requires_grad=True)
    index = placed(index)
    value = x.detach()[index].clone().requires_grad_()
    y = x * 1
    y[index] = value * 2
    (y * tensor(VALUES)).sum().backward()
    expected = VALUES.copy()
    expected[index if not isinstance(index, facula.Tensor) else MASK] = 0
    np.testing.assert_allclose(x.grad.numpy(), expected)
    np.testing.assert_allclose(value.grad.numpy(), 2 * tensor(VALUES)[index].numpy())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float16"])
def test_equal_rows_add_up_in_every_dtype(dtype):
    kind, at = getattr(facula, dtype), tensor(np.array([1, 1, 3]))
    ones = facula.ones(3, 2, dtype=kind)
    expected = np.zeros((4, 2), dtype)
    np.add.at(expected, [1, 1, 3], ones.numpy())
    found = facula.zeros(4, 2, dtype=kind).index_add(0, at, ones)
    assert found.dtype is kind
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("mask", [[True, False], [[True, False, True], [False, False, False]]])
def test_a_mask_writes_where_rows_are_one_place(mask):
    x = facula.zeros(1, 3).expand(2, 3)
    x[facula.tensor(mask)] = 1.0
    row = [1.0, 0.0, 1.0] if isinstance(mask[0], list) else [1.0, 1.0, 1.0]
    assert x.tolist() == [row, row]


def test_equal_indices_add_up():
    x = facula.zeros(3, 2, dtype=facula.float64)
    at = tensor([0, 2, 0])
    np.testing.assert_array_equal(
        x.index_add(0, at, tensor(np.ones((3, 2)))).numpy(), [[2, 2], [0, 0], [1, 1]]
    )
    x.index_put_((at,), tensor(np.ones(2)), accumulate=True)
    np.testing.assert_array_equal(x.numpy(), [[2, 2], [0, 0], [1, 1]])
    table = tensor(np.ones((3, 2)), requires_grad=True)
    table[at].sum().backward()
    np.testing.assert_array_equal(table.grad.numpy(), [[2, 2], [0, 0], [1, 1]])


@pytest.mark.parametrize(
    "read",
    [
        lambda x, n: (x[:, t] for t in range(n)),
        lambda x, n: x.unbind(1),
        lambda x, n: iter(x.transpose(0, 1)),
        lambda x, n: x.split(1, 1),
    ],
    ids=["x[:, t]", "unbind", "iter", "split"],
)
def test_the_gradient_of_slices_is_linear_in_their_number(read, growth):
    """Four times the steps may not cost sixteen times as much."""

    def loop(steps):
        x = facula.tensor(np.ones((8, steps, 64)), requires_grad=True)
        total = 0
        for part in read(x, steps):
            total = part.sum() + total
        total.backward()
        assert (x.grad.numpy() == 1).all()

    assert growth(loop, 500, 2000) < 7  # 4 if linear, 9 or more if quadratic


@pytest.mark.parametrize("device", ["cpu", "toy"])
def test_an_index_out_of_range_is_named_or_said_to_be_one_of_several(device):
    x, at = facula.ones(3, 4, device=device), lambda *i: facula.tensor(i, device=device)
    with pytest.raises(IndexError, match="index 5 is out of bounds"):
        facula.gather(x, 1, at(5).reshape(1, 1))
    for wrong in (lambda: x[at(0, 7)], lambda: x[at(0, 1), at(1, -9)]):
        with pytest.raises(IndexError, match=r"index \d|index -9|an index") as caught:
            wrong()
        assert "4294967" not in str(caught.value)  # no number of the mechanism's own


#: Operations on a table of n rows and 5 columns, at indices `i` of its rows, each of them the same: those that count no index from the end, and others.
STRICT = {
    "gather": lambda x, i: x.gather(0, i),
    "scatter": lambda x, i: x.scatter(0, i, x[: len(i)]),
    "scatter of a number": lambda x, i: x.scatter(0, i, 1.0),
    "scatter_add": lambda x, i: x.scatter_add(0, i, x[: len(i)]),
    "scatter_reduce": lambda x, i: x.scatter_reduce(0, i, x[: len(i)], "amax"),
    "index_select": lambda x, i: x.index_select(0, i[:, 0]),
    "index_add": lambda x, i: x.index_add(0, i[:, 0], x[: len(i)]),
    "index_copy": lambda x, i: x.index_copy(0, i[:, 0], x[: len(i)]),
}
FROM_THE_END = {
    "x[...]": lambda x, i: x[i[:, 0]],
    "take": lambda x, i: x.take(i),
    "put_": lambda x, i: x.clone().put_(i, x[: len(i)] * 0),
    "index_put": lambda x, i: x.index_put((i[:, 0],), x[: len(i)] * 0),
    "index_put, added": lambda x, i: x.index_put((i[:, 0],), x[: len(i)] * 0, accumulate=True),
    "index_fill": lambda x, i: x.index_fill(0, i[:, 0], 1.0),
    "take_along_dim": lambda x, i: x.take_along_dim(i, 0),
}
LIBRARIES = ["facula", pytest.param("torch", marks=pytest.mark.parity)]


@pytest.mark.parametrize("rows", [4, 6000])  # the latter for `facula-native`
@pytest.mark.parametrize("library", LIBRARIES)
def test_indices_below_zero(library, rows):
    T = importlib.import_module(library)
    x = T.arange(5.0 * rows).view(rows, 5)
    for count in (1, rows):
        for bad in (-1, -rows - 1, rows):
            at = T.full((count, 5), bad)
            for name, function in STRICT.items():
                with pytest.raises((IndexError, RuntimeError)):
                    function(x, at)
                    pytest.fail(f"{name} took {bad}")
        for name, function in FROM_THE_END.items():
            last = T.full((count, 5), (5 * rows if name in ("take", "put_") else rows) - 1)
            assert T.equal(function(x, T.full((count, 5), -1)), function(x, last)), name


#: Each with an index 9 that is out of range.
BEYOND = {
    "x[9]": lambda x, at: x[9],
    "x[0, None, ..., 9]": lambda x, at: x[0, None, ..., 9],
    "x[9] = 1": lambda x, at: x.__setitem__(9, 1.0),
    "x[tensor]": lambda x, at: x[at],
    "select": lambda x, at: x.select(1, 9),
    "embedding": lambda x, at: F.embedding(at, x),
    "Embedding": lambda x, at: facula.nn.Embedding(3, 4, device=x.device)(at),
    "embedding_bag": lambda x, at: F.embedding_bag(at.reshape(1, 3), x),
    "cross_entropy": lambda x, at: F.cross_entropy(x, at),
    "multi_margin_loss": lambda x, at: F.multi_margin_loss(x, at),
    "multilabel_margin_loss": lambda x, at: F.multilabel_margin_loss(x[:1, :3], at[None]),
    **{name: lambda x, at, call=call: call(x, at[:, None].expand(3, 4)) for name, call in STRICT.items()},
    **{name: lambda x, at, call=call: call(x, at[:, None].expand(3, 4) * 9) for name, call in FROM_THE_END.items()},
}  # fmt: skip


@pytest.mark.parametrize("call", BEYOND.values(), ids=BEYOND)
@pytest.mark.parametrize("device", ["cpu", "toy"])
def test_one_kind_of_error_says_that_an_index_is_out_of_range(device, call):
    x, at = facula.ones(3, 4, device=device), facula.tensor([0, 9, 1], device=device)
    with pytest.raises(OutOfBoundsError):
        call(x, at)


def test_the_dimension_named_is_that_of_the_tensor_indexed():
    with pytest.raises(OutOfBoundsError, match="index 9 is out of bounds for dimension 2 with"):
        facula.ones(2, 3, 4)[0, None, :, 9]


def test_the_error_is_the_one_of_pytorch_for_each():
    x, at = facula.ones(3, 4), facula.tensor([[-1]])
    for error in (IndexError, RuntimeError):
        with pytest.raises(error, match="index -1 is out of bounds for dimension 1 with size 4"):
            x.gather(1, at)
