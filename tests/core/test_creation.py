"""Creation and conversion: signatures, dtypes, devices, sharing, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import facula


@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand", "randn"])
def test_sizes(name):
    make = getattr(facula, name)
    assert (
        make(2, 3).shape
        == make((2, 3)).shape
        == make([2, 3]).shape
        == make(facula.Size([2, 3])).shape
        == (2, 3)
    )
    assert make(size=(2, 3)).shape == (2, 3)
    assert make().shape == ()
    assert make(()).shape == ()
    assert make(0).shape == (0,)
    assert make(facula.tensor(2), np.int64(3)).shape == (2, 3)
    x = make(
        2,
        dtype=facula.float64,
        device="toy",
        requires_grad=True,
        layout=facula.strided,
        pin_memory=False,
    )
    assert x.dtype is facula.float64
    assert x.device.type == "toy"
    assert x.requires_grad
    assert x.is_leaf
    out = facula.full((2, 3), 9.0)
    assert make(2, 3, out=out) is out


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: facula.zeros(-1), RuntimeError, "negative dimension -1"),
        (lambda: facula.zeros(2.5), TypeError, "must be ints"),
        (lambda: facula.zeros(2, sise=3), TypeError, "sise"),
        (
            lambda: facula.ones(2, dtype=facula.int64, requires_grad=True),
            RuntimeError,
            "floating point",
        ),
        (lambda: facula.full((2,), 300, dtype=facula.uint8), RuntimeError, "overflow"),
        (lambda: facula.full((2,), 1 + 1j, dtype=facula.float32), RuntimeError, "imaginary"),
        (lambda: facula.full((2,), "a"), TypeError, "number"),
        (lambda: facula.arange(0, 5, 0), RuntimeError, "nonzero"),
        (lambda: facula.arange(5, 0), RuntimeError, "inconsistent"),
        (lambda: facula.arange(0, math.inf), RuntimeError, "unsupported range"),
        (lambda: facula.linspace(0, 1, -1), RuntimeError, "non-negative"),
        (lambda: facula.eye(-1), RuntimeError, "greater or equal to 0"),
        (lambda: facula.tril_indices(-1, 2), RuntimeError, "non-negative"),
        (lambda: facula.zeros_like([1.0]), TypeError, "must be Tensor"),
        (lambda: facula.from_numpy([1.0]), TypeError, "np.ndarray"),
        (lambda: facula.tensor([[1], [1, 2]]), ValueError, "different lengths"),
        (lambda: facula.tensor("text"), TypeError, "text|str"),
        (lambda: facula.zeros(2, device="nowhere"), RuntimeError, "no plug-in provides"),
        (lambda: facula.frombuffer(b"123", dtype=facula.float32), ValueError, "multiple"),
        (lambda: facula.empty_strided((2,), (1, 1)), RuntimeError, "length"),
        (lambda: facula.FloatTensor(facula.ones(2).double()), TypeError, "FloatTensor"),
        (lambda: facula.ones(2).fill_(facula.ones(2)), RuntimeError, "0-dimension"),
        (lambda: facula.ones(2).copy_(facula.ones(3)), RuntimeError, "shape"),
    ],
)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_dtypes_follow_the_values():
    assert [facula.full((), v).dtype for v in (True, 1, 1.0, 1j)] == [
        facula.bool,
        facula.int64,
        facula.float32,
        facula.complex64,
    ]
    assert facula.arange(3).dtype is facula.int64
    assert facula.arange(3.0).dtype is facula.float32
    assert facula.scalar_tensor(3).dtype is facula.float32
    facula.set_default_dtype(facula.float64)
    try:
        assert (
            facula.zeros(1).dtype
            is facula.tensor(1.0).dtype
            is facula.arange(1.0).dtype
            is facula.float64
        )
    finally:
        facula.set_default_dtype(facula.float32)


@pytest.mark.parity
def test_ranges_are_pytorchs():
    torch = pytest.importorskip("torch")
    for args in ((5,), (2, 9, 3), (0.5, 3.0, 0.25), (5, -5, -2), (0, 1, 0.1), (1e6, 1e6 + 9, 1.5)):
        assert facula.arange(*args).tolist() == torch.arange(*args).tolist()
    for dtype in ("float32", "float64", "int64", "int8", "float16"):
        for args in ((0, 1, 7), (-3, 8, 5), (5, 1, 4), (2, 2, 1), (0, 100, 11)):
            mine = facula.linspace(*args, dtype=getattr(facula, dtype)).numpy().astype(float)
            theirs = torch.linspace(*args, dtype=getattr(torch, dtype)).numpy().astype(float)
            np.testing.assert_allclose(
                mine, theirs, rtol=1e-3 if dtype == "float16" else 1e-6, atol=1e-6
            )


def test_linspace_ends_exactly():
    for n in range(2, 50):
        assert facula.linspace(0.1, 0.7, n, dtype=facula.float64)[-1].item() == 0.7


def test_to_returns_itself_where_nothing_changes():
    x = facula.ones(2)
    assert (
        x.to("cpu") is x.to(facula.float32) is x.float() is x.cpu() is x.to(x) is x.type_as(x) is x
    )
    assert x.to("cpu", copy=True) is not x
    assert (
        x.to(facula.float64).dtype
        is x.to("cpu", facula.float64).dtype
        is x.double().dtype
        is facula.float64
    )
    assert x.to(device="toy", dtype=facula.int32).device.type == "toy"


def test_gradients_cross_devices_and_dtypes():
    x = facula.ones(3, requires_grad=True)
    y = (x.to("toy").double() * 2).cpu().sum()
    y.backward()
    assert x.grad.tolist() == [2, 2, 2]
    assert x.grad.dtype is facula.float32
    assert x.grad.device.type == "cpu"
    (g,) = facula.autograd.grad((x.to("toy") ** 2).cpu().sum(), x, create_graph=True)
    assert facula.autograd.grad(g.sum(), x)[0].tolist() == [2, 2, 2]


def test_memory_is_shared_where_it_says_so():
    array = np.zeros(3, np.float32)
    for make in (facula.from_numpy, facula.as_tensor, facula.asarray, facula.from_dlpack):
        x = make(array)
        x += 1
    assert array.tolist() == [4, 4, 4]
    facula.tensor(array).fill_(0)
    facula.asarray(array, copy=True).fill_(0)
    assert array.tolist() == [4, 4, 4]
    assert np.from_dlpack(facula.from_numpy(array)).tolist() == [4, 4, 4]
    data = bytearray(np.float32(7).tobytes())
    facula.frombuffer(data, dtype=facula.float32).fill_(9)
    assert np.frombuffer(data, np.float32).tolist() == [9]


def test_in_place_writes_and_the_tape():
    x = facula.ones(3, requires_grad=True)
    y = (x * 2).zero_()
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 0]
    for write in (lambda t: t.copy_(facula.ones(3)), lambda t: t.normal_(), lambda t: t.fill_(2.0)):
        (g,) = facula.autograd.grad(write(x * 2).sum(), x)
        assert g.tolist() == [0, 0, 0]
    v = facula.tensor(3.0, requires_grad=True)
    facula.zeros(4).fill_(v).sum().backward()
    assert v.grad.item() == 4
    with pytest.raises(RuntimeError, match="leaf"):
        x.zero_()


def test_legacy_constructors():
    assert facula.Tensor(2, 3).shape == (2, 3)
    assert facula.Tensor([1, 2]).dtype is facula.float32
    assert facula.LongTensor([1, 2]).tolist() == [1, 2]
    assert facula.BoolTensor(2).dtype is facula.bool
    assert facula.ones(1).type() == "facula.FloatTensor"
    assert facula.ones(1).type("facula.LongTensor").dtype is facula.int64


def test_questions():
    x = facula.ones(2)
    assert facula.is_tensor(x)
    assert not facula.is_tensor(1)
    assert facula.numel(x) == 2
    assert facula.is_floating_point(x)
    assert not facula.is_complex(x)
    assert facula.is_nonzero(facula.tensor(3))
    assert facula.result_type(x, 1j) is facula.complex64
    assert facula.result_type(facula.arange(2), 1.0) is facula.float32
    assert facula.can_cast(facula.int32, facula.float16)
    assert not facula.can_cast(facula.float32, facula.int64)


def test_places_and_counts_of_small_integer_dtypes():
    at = facula.unravel_index(facula.tensor([255, 3], dtype=facula.uint8), (2, 300))
    assert [x.tolist() for x in at] == [[0, 0], [255, 3]] and at[0].dtype is facula.int64
    counts = facula.tensor([1, 2], dtype=facula.int32)
    assert counts.repeat_interleave(2).dtype is facula.int32
    assert facula.repeat_interleave(counts).dtype is facula.int32
    assert tuple(facula.combinations(facula.arange(3), 0).shape) == (0,)
