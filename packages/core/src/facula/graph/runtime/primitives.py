"""oneDNN's C API as far as it is used: descriptors of memory, primitives, and plans of them for `onednn.c` to run.

Numbers are those of its public headers (dnnl_types.h, version 3).
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from facula.dtypes import F32 as _F32
from facula.graph.runtime.onednn import library_path
from facula.graph.runtime.shared_library import shared_library

BF16, F32 = 2, 3
ITEMSIZE = {BF16: 2, F32: 4}
ANY = 1
FORWARD = 96  # inference: nothing is kept for a gradient, none of ours needs it
DIRECT = 1
SOURCE, TARGET, WEIGHTS, BIAS, PAD = 1, 17, 33, 41, 80
SOURCE_GRADIENT, TARGET_GRADIENT, WEIGHTS_GRADIENT, BIAS_GRADIENT = 129, 145, 161, 169
_QUERY_NAME = 8
_MEMORY_OF = {
    SOURCE: 129,
    SOURCE_GRADIENT: 130,
    WEIGHTS: 131,
    WEIGHTS_GRADIENT: 132,
    TARGET: 133,
    PAD: 136,
}

Dims = ctypes.c_int64 * 12
Pointer = ctypes.c_void_p
Ints = Sequence[int]


class PrimitiveMissing(NotImplementedError):
    """oneDNN has no implementation of what was asked for."""


class Descriptor:
    """The shape of a piece of memory: `dims`, dtype and strides in elements, or a layout of oneDNN's choice."""

    def __init__(self, handle: int, owned: bool = True):
        self.handle = handle
        self.primitive: Primitive | None = None  # whose it is, where it isn't owned
        if owned:
            _owns(self, "memory_desc", handle)

    @property
    def nbytes(self) -> int:
        return int(_api().dnnl_memory_desc_get_size(Pointer(self.handle)))

    def part(self, dims: Ints, offsets: Ints) -> Descriptor:
        """`dims` elements of it, from `offsets` on."""
        return _made(
            "dnnl_memory_desc_create_submemory", Pointer(self.handle), Dims(*dims), Dims(*offsets)
        )

    def equals(self, other: Descriptor) -> bool:
        return bool(_api().dnnl_memory_desc_equal(Pointer(self.handle), Pointer(other.handle)))


def strided(dims: Ints, strides: Ints, dtype: int = F32) -> Descriptor:
    return _made(
        "dnnl_memory_desc_create_with_strides", len(dims), Dims(*dims), dtype, Dims(*strides)
    )


def of_dtype(dtype: Any) -> int:
    """oneDNN's number of a NumPy dtype."""
    return F32 if dtype is _F32 else BF16


def any_layout(dims: Ints, dtype: int = F32) -> Descriptor:
    return _made("dnnl_memory_desc_create_with_tag", len(dims), Dims(*dims), dtype, ANY)


@cache
def _api() -> Any:
    path = library_path()
    if path is None:
        raise PrimitiveMissing("oneDNN is not installed")
    api = ctypes.CDLL(os.fspath(path))
    for name in ("dnnl_memory_desc_get_size", "dnnl_primitive_desc_query_md"):
        getattr(api, name).restype = ctypes.c_size_t if name.endswith("size") else Pointer
    return api


@cache
def _engine() -> int:
    return _handle("dnnl_engine_create", 1, ctypes.c_size_t(0))


@cache
def _stream() -> int:
    return _handle("dnnl_stream_create", Pointer(_engine()), 1)


def _handle(function: str, *arguments: Any) -> int:
    """What a `create` function of the API makes."""
    made = Pointer()
    status = getattr(_api(), function)(ctypes.byref(made), *arguments)
    if status or not made.value:
        raise PrimitiveMissing(f"oneDNN's {function} gave status {status}")
    return made.value


def _owns(owner: Any, kind: str, handle: int) -> None:
    """Frees what the API made when its owner goes; at the end of the process nobody has to."""
    finalizer = weakref.finalize(owner, getattr(_api(), f"dnnl_{kind}_destroy"), Pointer(handle))
    finalizer.atexit = False


def _made(function: str, *arguments: Any) -> Descriptor:
    return Descriptor(_handle(function, *arguments))


@contextmanager
def one_thread() -> Iterator[None]:
    """Primitives are made for as many threads as OpenMP has then: for one, since each is run by a thread of ours."""
    api = _api()
    before = api.omp_get_max_threads()
    api.omp_set_num_threads(1)
    try:
        yield
    finally:
        api.omp_set_num_threads(before)


class Attributes:
    """Scratch memory is the caller's."""

    def __init__(self) -> None:
        self.handle = _handle("dnnl_primitive_attr_create")
        _owns(self, "primitive_attr", self.handle)
        _api().dnnl_primitive_attr_set_scratchpad_mode(Pointer(self.handle), 1)


class Primitive:
    """One computation by one thread; `create` is the API's function that describes it, with all arguments but the engine."""

    def __init__(self, create: str, *arguments: Any):
        given = [Pointer(a.handle) if hasattr(a, "handle") else a for a in arguments]
        if create == "dnnl_reorder_primitive_desc_create":
            source, target, attributes = given
            given = [source, Pointer(_engine()), target, Pointer(_engine()), attributes]
        else:
            given = [Pointer(_engine()), *given]
        with one_thread():
            self.description = _handle(create, *given)
            _owns(self, "primitive_desc", self.description)
            self.handle = _handle("dnnl_primitive_create", Pointer(self.description))
            _owns(self, "primitive", self.handle)

    def layout(self, argument: int) -> Descriptor:
        """That of an argument, of which oneDNN may have chosen it. It lives as long as the primitive."""
        what = _MEMORY_OF[argument]
        found = _api().dnnl_primitive_desc_query_md(Pointer(self.description), what, 0)
        layout = Descriptor(found or 0, owned=False)
        layout.primitive = self
        return layout

    @property
    def name(self) -> str:
        """That of the implementation, as 'brgconv:avx512_core'."""
        text = ctypes.c_char_p()
        _api().dnnl_primitive_desc_query(Pointer(self.description), _QUERY_NAME, 0, ctypes.byref(text))  # fmt: skip
        return (text.value or b"").decode()


def reorder(source: Descriptor, target: Descriptor) -> Primitive:
    return Primitive("dnnl_reorder_primitive_desc_create", source, target, Attributes())


class Argument(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_int), ("memory", Pointer)]


_MOST, SCRATCHPAD = 8, -1


class Step(ctypes.Structure):
    """`step_t` of onednn.c."""

    _fields_ = [
        ("primitive", Pointer),
        ("count", ctypes.c_int),
        ("arguments", Argument * _MOST),
        ("slots", ctypes.c_int * _MOST),
        ("offsets", ctypes.c_int64 * _MOST),
        ("low", ctypes.c_int64),
        ("high", ctypes.c_int64),
        ("columns", ctypes.c_int64),
    ]


class _Plan(ctypes.Structure):
    _fields_ = [
        ("part", Pointer),
        ("stream", Pointer),
        ("phases", ctypes.c_int),
        ("ends", Pointer),
        ("steps", Pointer),
        ("taken", Pointer),
        ("lock", ctypes.c_byte * 64),
    ]


#: (argument, layout, slot, distance in bytes from the slot's pointer)
Use = tuple[int, Descriptor, int, int]


class Plan:
    """Steps in phases, to be run by any number of threads over memory that is named by slots.

    `workspace` is the size in bytes of the memory that the caller passes under the slot that its maker says.
    """

    def __init__(self) -> None:
        self.phases: list[list[Step]] = []
        self.kept: list[Any] = []
        self.workspace = 0

    def phase(self) -> None:
        """What is added from now on waits for all before."""
        if not self.phases or self.phases[-1]:
            self.phases.append([])

    def room(self, nbytes: int) -> int:
        """Reserves bytes of the workspace; where they begin."""
        at = self.workspace
        self.workspace += -(-nbytes // 64) * 64
        return at

    def add(self, primitive: Primitive, *uses: Use, rows: tuple[int, int] = (0, 0), columns: int = 0) -> None:  # fmt: skip
        """`rows` of a matrix of so many `columns` are made, if what is made is that."""
        step = Step(primitive=primitive.handle, low=rows[0], high=rows[1], columns=columns)
        pad = primitive.layout(PAD)
        every = [*uses, (PAD, pad, SCRATCHPAD, pad.nbytes)] if pad.handle and pad.nbytes else uses
        step.count = len(every)
        for i, (argument, layout, slot, offset) in enumerate(every):
            memory = _handle("dnnl_memory_create", Pointer(layout.handle), Pointer(_engine()), None)
            _owns(self, "memory", memory)
            step.arguments[i] = Argument(argument, memory)
            step.slots[i], step.offsets[i] = slot, offset
        self.phases[-1].append(step)
        self.kept += [primitive, *(u[1] for u in every)]

    def add_sum(self, target: tuple[int, int], source: tuple[int, int], apart: int, count: int, low: int, high: int) -> None:  # fmt: skip
        """Floats `low` to `high` of `target` become the sum of `count` pieces of `source`; both are (slot, distance)."""
        step = Step(count=count, low=low, high=high)
        for i, (slot, offset) in enumerate((target, source, (0, apart))):
            step.slots[i], step.offsets[i] = slot, offset
        self.phases[-1].append(step)

    def settle(self) -> int:
        """The address of the `plan_t`, for `onednn_run` and `onednn_part`; nothing can be added any more."""
        steps = [s for phase in self.phases for s in phase]
        ends, end = [], 0
        for phase in self.phases:
            end += len(phase)
            ends.append(end)
        self.steps, self.ends = (Step * len(steps))(*steps), (ctypes.c_int * len(ends))(*ends)
        self.taken = (ctypes.c_int * len(ends))()
        name = "onednn_rows_part" if any(s.columns for s in steps) else "onednn_part"
        part = ctypes.cast(getattr(shared_library(), name), Pointer)
        arrays = [ctypes.addressof(x) for x in (self.ends, self.steps, self.taken)]
        self.struct = _Plan(part, _stream(), len(ends), *arrays)
        return ctypes.addressof(self.struct)

    def runner(self, slots: int) -> Callable[..., int]:
        """A function (threads, *pointers) that runs it with that many slots."""
        return runner(self, shared_library().onednn_run, slots)


def runner(plan: Any, run: Any, slots: int) -> Callable[..., int]:
    """`run` of a library for a plan that can `settle`, as a function (threads, *pointers), which keeps the plan."""
    address, array = plan.settle(), Pointer * slots

    def call(threads: int, *pointers: int) -> int:
        return run(Pointer(address), array(*pointers), threads)  # type: ignore[no-any-return]

    call.plan = plan  # type: ignore[attr-defined]
    return call
