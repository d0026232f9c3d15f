"""Questions about tensors and dtypes: `is_tensor`, `result_type` and their like."""

from __future__ import annotations

from typing import Any

from facula._tensor import Tensor
from facula.dtypes import dtype
from facula.mixed_devices import MixedDevicesError
from facula.promotion import result_dtype


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj: Any) -> bool:
    """Always False: facula's tensors have arrays, not storages."""
    return False


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype of `input` is float16, bfloat16, float32 or float64."""
    return _checked(input, "is_floating_point").dtype.is_floating_point


def is_complex(input: Tensor) -> bool:
    """Whether the dtype of `input` is complex64 or complex128."""
    return _checked(input, "is_complex").dtype.is_complex


def is_signed(input: Tensor) -> bool:
    """Whether the dtype of `input` has negative numbers."""
    return _checked(input, "is_signed").dtype.is_signed


def is_conj(input: Tensor) -> bool:
    """Always False: `conj` computes at once."""
    return False


is_neg = is_inference = is_conj


def is_nonzero(input: Tensor) -> bool:
    """Whether the one element of `input` is not zero. Raises RuntimeError for more elements or none."""
    return bool(_checked(input, "is_nonzero"))


def numel(input: Tensor) -> int:
    """The number of elements of `input`."""
    return _checked(input, "numel").numel()


def _checked(input: Any, name: str) -> Tensor:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(input).__name__}")
    return input


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of an operation on the two, which are tensors or numbers."""
    both = (tensor1, tensor2)
    tensors = [x._array for x in both if isinstance(x, Tensor)]
    return result_dtype(tensors, [x for x in both if not isinstance(x, Tensor)])


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that tensors of these shapes (tuples or ints) broadcast to, as a Size.

    Raises RuntimeError where they do not fit.
    """
    from facula._tensor import Size
    from facula.ops.dims import broadcast_shapes as common

    return Size(common(*[(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]))


def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Which of `elements` (a tensor, or a number) are among `test_elements`, as bools of the shape of the first."""
    import facula

    if not isinstance(elements, Tensor) and not isinstance(test_elements, Tensor):
        raise TypeError(
            "isin(): one of 'elements' and 'test_elements' must be a Tensor, got two numbers"
        )
    device = (elements if isinstance(elements, Tensor) else test_elements).device
    among, values = (
        x if isinstance(x, Tensor) else facula.tensor(x, device=device)
        for x in (elements, test_elements)
    )
    if among.device != values.device and among.dim() and values.dim():
        raise MixedDevicesError("isin", [("'elements'", among), ("'test_elements'", values)])
    found: Tensor = (among.unsqueeze(-1) == values.reshape(-1)).any(-1)
    return ~found if invert else found
