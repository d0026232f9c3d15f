"""`x.view(dtype)` against PyTorch: bytes, shapes, strides, what is refused; memory and versions are shared, no gradient."""

from __future__ import annotations

import pytest

import facula

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

DTYPES = [
    "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64",
    "complex128",
]  # fmt: skip
PARTS = {
    "all": lambda x: x,
    "rows": lambda x: x[::2],
    "transposed": lambda x: x.t(),
    "from the second": lambda x: x[1:],
    "odd": lambda x: x[:, :3],
    "from an odd place": lambda x: x[:, 1:3],
    "every second": lambda x: x[0, ::2],
    "number": lambda x: x[0, 0],
    "empty": lambda x: x[:0],
    "new, without rows": lambda x: x.new_zeros(0, 4),
    "new, without columns": lambda x: x.new_zeros(2, 0),
    "new, of no numbers": lambda x: x.new_zeros(0),
}


def viewed(lib, device, part, dtype):
    """Shape, strides and bytes of the view, or the beginning of the error."""
    x = PARTS[part](lib.arange(16, dtype=lib.float32).to(device).reshape(4, 4))
    try:
        y = x.view(getattr(lib, dtype))
    except RuntimeError as error:
        return str(error).split(" to view ")[0]
    assert y.dtype is getattr(lib, dtype)
    places = tuple(y.shape), tuple(y.stride())
    if dtype in ("bool", "bfloat16"):  # any byte but 0 is True; NumPy has no bfloat16 for PyTorch
        return *places, y.cpu().float().bool().tolist()
    return *places, y.cpu().contiguous().numpy().tobytes()


@pytest.mark.parametrize("device", ["cpu", "toy"])
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_torch(dtype, part, device):
    ours, theirs = (
        viewed(lib, place, part, dtype) for lib, place in ((facula, device), (torch, "cpu"))
    )
    assert ours == theirs


@pytest.mark.parametrize("lib", [facula, torch], ids=["facula", "torch"])
def test_memory_and_versions_are_shared_and_no_gradient_goes_through(lib):
    x = lib.ones(4, requires_grad=True)
    y = x * 1
    kept = (y * y).sum()
    bits = y.view(dtype=lib.int32)
    assert not bits.requires_grad and not y.view(lib.float16).requires_grad
    bits.fill_(0x40000000)
    assert y.tolist() == [2, 2, 2, 2] and y.requires_grad
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.backward()


def test_a_captured_function_says_what_to_do():
    with pytest.raises(NotImplementedError, match="view it before"):
        facula.compile(lambda x: x.view(facula.int32) + 1)(facula.ones(4))
