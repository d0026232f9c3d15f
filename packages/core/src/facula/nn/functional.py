"""`facula.nn.functional`: the ops that layers are made of, by PyTorch's names.

Nearly every function here is an op, found by its name at first use. Written out below are only the
few whose signature differs from the op's: an `inplace` argument, or `unfold`, which is a view
method of Tensor and another function here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any

from facula._tensor import Tensor, write_result
from facula.functions import namespace_function
from facula.ops._op import OPS
from facula.ops.attention import multi_head_attention_forward as multi_head_attention_forward

#: Functions of this module that are ops under another name.
_RENAMED = {"unfold": "im2col", "fold": "col2im"}

#: Functions with an `inplace` argument, and at which position it may be given.
_INPLACE = {
    "relu": 1, "relu6": 1, "selu": 1, "silu": 1, "mish": 1, "hardsigmoid": 1, "hardswish": 1, "elu": 2, "celu": 2,
    "leaky_relu": 2, "threshold": 3, "hardtanh": 3, "rrelu": 4, "dropout": 3, "dropout1d": 3, "dropout2d": 3,
    "dropout3d": 3, "alpha_dropout": 3, "feature_alpha_dropout": 3,
}  # fmt: skip


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """Exponentials of `input` scaled to sum to 1 along `dim`; computed in `dtype` where given."""
    return _along("softmax", input, dim, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """Logarithm of `softmax`, computed without overflow."""
    return _along("log_softmax", input, dim, dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """`softmax` of `-input`."""
    return _along("softmax", OPS["neg"].call(input), dim, dtype)


def _along(name: str, input: Tensor, dim: int | None, dtype: Any) -> Tensor:
    if dim is None:  # PyTorch's implicit choice for images and batches
        dim = 0 if input.ndim in (0, 1, 3) else 1
    input = input if dtype is None else input.to(dtype)  # type: ignore[attr-defined]
    return OPS[name].public_call(input, dim)  # type: ignore[no-any-return]


def _with_inplace(name: str, function: Callable[..., Any], at: int) -> Callable[..., Any]:
    """`function` with an `inplace` argument: its result is then written into its input."""

    @wraps(function)
    def call(input: Tensor, *args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        if len(args) >= at:
            args, inplace = args[: at - 1], args[at - 1]
        if not inplace:
            return function(input, *args, **kwargs)
        return write_result(input, name + "_", function, args, kwargs)

    return call


def _in_place(name: str) -> Callable[..., Any]:
    function = OPS[name].public_call

    def call(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return write_result(input, name + "_", function, args, kwargs)

    call.__name__, call.__doc__ = name + "_", f"In-place form of `{name}`."
    return call


def __getattr__(name: str) -> Any:
    value = _find(name)
    globals()[name] = value
    return value


def _find(name: str) -> Any:
    op = OPS.get(_RENAMED.get(name, name))
    if op is None:
        if name.endswith("_") and name[:-1] in _INPLACE:
            return _in_place(name[:-1])
        raise AttributeError(f"module 'facula.nn.functional' has no attribute {name!r}")
    function = namespace_function(op)
    if name in _INPLACE and "inplace" not in signature(op.public_call).parameters:
        function = _with_inplace(name, function, _INPLACE[name])
    if function is not op.public_call:  # ours alone: modules that hold it can then be pickled
        function.__module__, function.__qualname__ = __name__, name
    return function


def __dir__() -> list[str]:
    return sorted({*globals(), *OPS, *_RENAMED})
