"""Shapes: views share memory, errors name sizes, view calls stay lean."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import facula


def test_views_share_memory_and_copies_do_not():
    x = facula.tensor(np.zeros((2, 6)))
    for view in (
        x.view(3, 4),
        x.t(),
        x[0],
        x.unsqueeze(0),
        x.reshape(12),
        x.flatten(),
        x.diagonal(),
        x.unfold(1, 2, 2),
    ):
        assert view._base is x
    x.T[0, 1] = 5
    assert x[1, 0].item() == 5
    for copy in (x.t().reshape(12), x.repeat(1, 2), x.flip(0), x.roll(1), x.t().contiguous()):
        copy[...] = 9
    assert x.sum().item() == 5


def test_view_refuses_what_needs_a_copy():
    with pytest.raises(RuntimeError, match="not compatible with input tensor's size"):
        facula.zeros(2, 3).t().view(6)
    with pytest.raises(RuntimeError, match=r"shape '\[4, -1\]' is invalid for input of size 6"):
        facula.zeros(2, 3).view(4, -1)
    with pytest.raises(RuntimeError, match="must match the existing size"):
        facula.zeros(2, 3).expand(2, 4)


def test_cat_promotes_passes_over_empty_ones_and_names_bad_sizes():
    a, b = facula.tensor([[1, 2]]), facula.tensor([[0.5, 1.5]])
    assert facula.cat([a, b]).dtype is facula.float32
    assert tuple(facula.cat([facula.tensor([]), b]).shape) == (1, 2)
    with pytest.raises(RuntimeError, match="Expected size 2 but got size 3 for tensor number 1"):
        facula.cat([facula.zeros(1, 2), facula.zeros(1, 3)])


def test_writes_through_strided_views_keep_the_tape():
    x = facula.tensor(np.ones((3, 4)), requires_grad=True)
    y = x * 1
    y.diagonal()[...] = 0
    y[:, 3].mul_(5)
    y.sum().backward()
    assert x.grad.tolist() == [[0, 1, 1, 5], [1, 0, 1, 5], [1, 1, 0, 5]]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.transpose(0, 1),
        lambda x: x.unsqueeze(0),
        lambda x: x[0],
        lambda x: x[:1],
        lambda x: x.permute(1, 0),
    ],
    ids=["transpose", "unsqueeze", "int", "slice", "permute"],
)
def test_common_view_calls_stay_lean(call):
    """Python frames per call: each costs about a tenth of a microsecond."""
    x = facula.zeros(2, 3)
    call(x)
    frames = 0

    def count(frame, event, argument):
        nonlocal frames
        frames += event == "call"

    sys.setprofile(count)
    try:
        call(x)
    finally:
        sys.setprofile(None)
    assert frames <= 16


def test_in_place_views_change_the_tensor_itself():
    x = facula.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = (x * 2).transpose_(0, 1).unsqueeze_(0)
    assert tuple(y.shape) == (1, 3, 2)
    (y[0, 2] * facula.tensor([1.0, 10.0])).sum().backward()
    assert x.grad.tolist() == [[0, 0, 2], [0, 0, 20]]
    part = facula.zeros(4, 2)[1:].t_()
    part[0, 0] = 1
    assert tuple(part.shape) == (2, 3)
    assert part._base[1, 0].item() == 1


@pytest.mark.parametrize("name, args", [("t_", ()), ("transpose_", (0, 1)), ("unsqueeze_", (0,)), ("squeeze_", ())])  # fmt: skip
@pytest.mark.parametrize("kind", ["leaf", "result", "view"])
def test_in_place_views_without_the_tape_leave_the_tensor_on_it(name, args, kind):
    x = facula.ones(2, 3, dtype=facula.float64).requires_grad_()
    y = {"leaf": x, "result": x * 1, "view": x[:2]}[kind]
    with facula.no_grad():
        assert getattr(y, name)(*args) is y
    assert (y.requires_grad, y.is_leaf) == (True, kind == "leaf")
    weight = facula.arange(6.0, dtype=facula.float64)
    (y * weight.reshape(y.shape)).sum().backward()
    as_it_lies = name[0] != "t" or kind == "leaf"
    expected = weight.reshape(y.shape if as_it_lies else (3, 2))
    assert facula.equal(x.grad, expected.reshape(x.shape) if as_it_lies else expected.t())


def test_an_in_place_view_of_a_parameter_stays_one():
    parameter = facula.nn.Parameter(facula.ones(2, 3))
    with facula.no_grad():
        parameter.t_()
    assert isinstance(parameter, facula.nn.Parameter) and parameter.requires_grad
    constant = facula.ones(2, 3)
    assert not constant.t_().requires_grad


def test_storage_offsets_diagonals_and_resizing():
    x = facula.zeros(4, 3)
    assert x[1:, 1].storage_offset() == 4
    assert x.fill_diagonal_(2.0).tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2], [0, 0, 0]]
    assert tuple(facula.broadcast_shapes((2, 1), 3)) == (2, 3)
    assert facula.tensor([1.0, 2.0, 3.0]).resize_(2, 1).tolist() == [[1], [2]]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x[:, [0, 2]], lambda x: x[:, :, [0, 1]], 
        lambda x: x.transpose(0, 2).cumsum(0), lambda x: x.transpose(0, 2).sum(1), lambda x: facula.cat([x.transpose(0, 2)] * 2, 1),
    ],
)  # fmt: skip
def test_results_are_contiguous_so_that_view_works(call):
    assert call(facula.zeros(3, 4, 5)).is_contiguous()
