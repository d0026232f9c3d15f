"""Convolution by convolution.c, where oneDNN is not or is slower: forward, by the input, by the weight; float32, channels last.

Slots, layouts and what a `Convolution` is are those of `convolution.py`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from facula.graph.runtime import convolution, primitives
from facula.graph.runtime.convolution import Convolution, Sizes
from facula.graph.runtime.shared_library import has_onednn, shared_library

KINDS = "forward", "backward_input", "backward_weights"
AXES, PHASES = 3, 2


class _Axis(ctypes.Structure):
    """`axis_t`: what is given, and what `convolution_settle` makes of it."""

    _fields_ = [
        (name, ctypes.c_int64)
        for name in (
            "size", "made", "kernel", "stride", "padding", "dilation", "first", "cells", "step", "apart", "reach", "block",
        )
    ]  # fmt: skip


class _Plan(ctypes.Structure):
    """`convolution_t`."""

    _fields_ = [
        ("part", ctypes.c_void_p),
        *[(name, ctypes.c_int64) for name in ("kind", "n", "groups", "read", "make")],
        ("axes", _Axis * AXES),
        *[(name, ctypes.c_int64) for name in ("samples", "blocks", "splits", "chunks", "pixel", "taps", "each")],
        ("pieces", ctypes.c_int64 * PHASES),
        ("taken", ctypes.c_int * PHASES),
    ]  # fmt: skip


def _full(sizes: Sizes, missing: int) -> Sizes:
    """Of three axes, those that are missing first."""
    return (missing,) * (AXES - len(sizes)) + sizes


class Plan:
    """A convolution of `kind` (of KINDS), laid out for so many threads; `workspace` is in bytes."""

    def __init__(self, kind: str, c: Convolution, threads: int):
        library = shared_library()
        by_input = kind == "backward_input"
        read, made = (c.outputs, c.channels) if by_input else (c.channels, c.outputs)
        sizes = (c.out, c.size) if by_input else (c.size, c.out)
        each = zip(
            *(_full(x, 1) for x in (*sizes, c.kernel, c.stride)), _full(c.padding, 0), _full(c.dilation, 1)
        )  # fmt: skip
        axes = (_Axis * AXES)(*(_Axis(*x) for x in each))
        name = "convolution_part" if kind == "backward_weights" else "convolution_rows_part"
        part = ctypes.cast(getattr(library, name), ctypes.c_void_p)
        self.struct = _Plan(part, KINDS.index(kind), c.n, c.groups, read // c.groups, made // c.groups, axes)  # fmt: skip
        settle = library.convolution_settle
        settle.argtypes, settle.restype = [ctypes.c_void_p, ctypes.c_int], ctypes.c_int64
        self.workspace = 4 * settle(self.settle(), threads)

    def settle(self) -> int:
        """The address of the `convolution_t`, for `convolution_run` and `convolution_part`."""
        return ctypes.addressof(self.struct)

    def runner(self, slots: int) -> Callable[..., int]:
        """A function (threads, *pointers) that runs it with that many slots."""
        return primitives.runner(self, shared_library().convolution_run, slots)


#: Results of a group up to which sums are vectors, if so many channels are read: oneDNN leaves most of each vector empty there.
FEW_MADE, MANY_READ = 4, 16


def _is_ahead(kind: str, c: Convolution) -> bool:
    """Whether it is faster than oneDNN's."""
    read, made = (c.outputs, c.channels) if kind == "backward_input" else (c.channels, c.outputs)
    is_single = c.read == c.made == primitives.F32 and kind != "backward_weights"
    return is_single and made <= FEW_MADE * c.groups and read >= MANY_READ * c.groups


def plan(kind: str, c: Convolution, threads: int, bias: bool = False) -> Plan | primitives.Plan:
    """That of oneDNN or of convolution.c, whichever is there and faster. Raises PrimitiveMissing where oneDNN has none.

    Slots, by `kind`: "forward" INPUT, WEIGHTS, BIAS -> OUTPUT; "backward_input" the gradient of the result under INPUT, WEIGHTS ->
    that of the input under OUTPUT; "backward_weights" INPUT and the gradient of the result under OUTPUT -> WEIGHTS.
    """
    if not has_onednn() or _is_ahead(kind, c):
        return Plan(kind, c, threads)
    if kind == "forward":
        return convolution.forward(c, threads, bias)
    make = convolution.backward_input if kind == "backward_input" else convolution.backward_weights
    return make(c, threads)
