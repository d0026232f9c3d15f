"""Dot-product attention and its gradient as C (`attention.c`): the unit, and the struct that it takes."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import NamedTuple

from facula.graph.runtime.shared_library import gemm_address
from facula.graph.runtime.unit import load

#: The arrays of `forward_t` and `back_t` in their order, those that are written last.
FORWARD = "query", "key", "value", "mask", "output", "logsumexp", "weights"
BACK = (
    "query", "key", "value", "mask", "g", "to_logsumexp", "output", "logsumexp", "to_query", "to_key", "to_value",
)  # fmt: skip
#: Those whose strides the struct has, in its order.
LAID_OUT = "query", "key", "value", "mask", "output", "g", "to_query", "to_key", "to_value"

#: Strides in elements: along the two dimensions that count heads, of rows and of columns.
Layout = tuple[int, int, int, int]
_LAYOUT = ctypes.c_int64 * 4


class _Struct(ctypes.Structure):
    _fields_ = [
        ("part", ctypes.c_void_p),
        *[
            (name, ctypes.c_int64)
            for name in ("heads", "inner", "queries", "keys", "width", "value_width", "mask_is_bool", "is_causal")
        ],
        ("scale", ctypes.c_double),
        ("mask_from", ctypes.c_int64),
        *[(name, _LAYOUT) for name in LAID_OUT],
    ]  # fmt: skip


class Shape(NamedTuple):
    """Attention of heads (outer, inner, queries, width) on as many of `keys`; `layouts` has one for each of `LAID_OUT`."""

    back: bool
    outer: int
    inner: int
    queries: int
    keys: int
    width: int
    value_width: int
    mask_is_bool: bool
    is_causal: bool
    scale: float
    mask_from: int
    layouts: tuple[Layout, ...]

    @property
    def multiplications(self) -> int:
        """How many the products have: two of them, or five for the gradient."""
        each = (self.width + self.value_width, 3 * self.width + 2 * self.value_width)[self.back]
        return self.outer * self.inner * self.queries * self.keys * each


@cache
def library() -> ctypes.CDLL:
    """The unit of attention.c. Raises as `load` does."""
    from facula.graph.codegen import C
    from facula.graph.codegen.library import functions_for

    here = Path(__file__)
    text = "".join(here.with_name(name).read_text() for name in ("tile.c", "attention.c"))
    found = load(f"{C.preamble}{functions_for(text, C)}\n{text}", "-ffp-contract=fast")
    ctypes.c_void_p.in_dll(found, "gemm").value = gemm_address()
    return found


def struct(shape: Shape) -> ctypes.Structure:
    """The plan that a program calls, which begins with the function for a thread's part."""
    part = library().attention_back_part if shape.back else library().attention_part
    heads = shape.outer * shape.inner
    return _Struct(
        ctypes.cast(part, ctypes.c_void_p), heads, *shape[2:11], *(_LAYOUT(*x) for x in shape.layouts)
    )  # fmt: skip
