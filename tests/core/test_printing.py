"""The text of tensors."""

from __future__ import annotations

import re

import numpy as np
import pytest

import facula


@pytest.fixture(autouse=True)
def defaults():
    yield
    facula.set_printoptions(profile="default")


def cases():
    rng = np.random.default_rng(0)
    yield from (
        np.float32(1.5),
        np.array(3.14159265),
        np.array(0, "i4"),
        np.array(1 - 2j),
        np.array(True),
    )
    yield from (
        np.array([[1, 2], [3, 4]], "f4"),
        np.arange(5),
        np.array([True, False]),
        np.array([200], "u1"),
    )
    yield from (
        rng.normal(size=(3, 4)),
        rng.normal(size=(30, 40, 2)).astype("f4"),
        rng.normal(size=(1, 1, 50)).astype("f2"),
    )
    yield from (
        rng.normal(size=2000).astype("f4") * 1e5,
        rng.integers(-500, 500, (4, 60)),
        np.arange(1001).reshape(7, 143),
    )
    yield np.arange(10000).reshape(10, 10, 10, 10).astype("f8")
    yield from (
        np.array([1e-8, 1, np.nan, np.inf, -np.inf], "f4"),
        np.array([1.0, np.nan, np.inf, -3], "f4"),
    )
    yield from (
        np.array([-0.0, 0.0], "f4"),
        np.array([np.nan], "f4"),
        np.array([1e-5], "f4"),
        np.array([1e10, 1], "f4"),
    )
    yield from (
        np.array([100000.5, 2.25], "f4"),
        np.array([123456789.0], "f4"),
        np.array([1e-45, 1e38], "f4"),
    )
    yield from (
        np.zeros((0, 3), "f4"),
        np.zeros(0, "i8"),
        np.zeros(0, "f4"),
        np.ones((3, 0, 2), "i4"),
    )
    yield from (
        np.array([1 + 0j, -2.5 - 0j]),
        (rng.normal(size=2000) + 1j * rng.normal(size=2000)).astype("c8"),
    )
    yield rng.integers(0, 2, (3, 3, 3)).astype(bool)


OPTIONS = [
    {}, {"precision": 2}, {"sci_mode": True}, {"sci_mode": False}, {"edgeitems": 1, "threshold": 5}, {"linewidth": 40},
    {"profile": "full"}, {"profile": "short"}, {"edgeitems": 0, "threshold": 3},
]  # fmt: skip


def one_line_suffixes(text):
    """'facula.' is a letter longer than 'torch.', so that the line before a suffix may break elsewhere."""
    return re.sub(
        r",\s+(dtype|requires_grad|grad_fn|size)=", r", \1=", text.replace("torch.", "facula.")
    )


@pytest.mark.parity
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_text_is_pytorchs(options):
    torch = pytest.importorskip("torch")
    torch.set_printoptions(**options)
    facula.set_printoptions(**options)
    try:
        for array in cases():
            array = np.asarray(array)
            theirs, ours = torch.from_numpy(array), facula.from_numpy(array)
            assert one_line_suffixes(repr(ours)) == one_line_suffixes(repr(theirs))
            if array.dtype.kind in "fc":
                theirs.requires_grad_(), ours.requires_grad_()
                assert one_line_suffixes(repr(ours)) == one_line_suffixes(repr(theirs))
                assert one_line_suffixes(repr(ours * 2)) == one_line_suffixes(repr(theirs * 2))
    finally:
        torch.set_printoptions(profile="default")


def test_texts():
    x = facula.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert repr(x) == "tensor([[1., 2.],\n        [3., 4.]])"
    assert repr(x.double()) == "tensor([[1., 2.],\n        [3., 4.]], dtype=facula.float64)"
    assert repr(facula.ones(2, device="toy")) == "tensor([1., 1.], device='toy')"
    assert repr(facula.ones(2, 3, device="meta")) == "tensor(..., device='meta', size=(2, 3))"
    assert repr(facula.ones(2, requires_grad=True)) == "tensor([1., 1.], requires_grad=True)"
    assert (
        repr(facula.ones(2, requires_grad=True) * 2) == "tensor([2., 2.], grad_fn=<MulBackward0>)"
    )
    assert (
        repr(facula.tensor([1.5, 2.0]).bfloat16())
        == "tensor([1.5000, 2.0000], dtype=facula.bfloat16)"
    )


def test_subclasses_go_by_their_name():
    class Masked(facula.Tensor):
        pass

    assert repr(facula.ones(2).as_subclass(Masked)) == "Masked([1., 1.])"


def test_options_are_restored():
    before = facula.get_printoptions()
    with facula.printoptions(precision=1):
        assert repr(facula.tensor(1.25)) == "tensor(1.2)"
    assert facula.get_printoptions() == before
    with pytest.raises(ValueError, match="profile"):
        facula.set_printoptions(profile="tiny")
