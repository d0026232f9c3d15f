"""A graph as launches of kernel descriptions over memory that does not exist yet.

The graph is replayed once on a raw device that only takes notes: core's buffer adapters, which serve every such
device, split each op into `Map`, `Reduce`, `Matmul` and so on, and composed ops into their parts. So whatever a raw
device can run can be compiled, and every op has one definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from facula._device import device as Device
from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.backend import BufferBackend
from facula.backends.buffer.kernels import Kernel
from facula.backends.meta import bind_options
from facula.graph.compiler import activation, attention, bfloat16, convolve, max_pool, recurrent
from facula.graph.compiler.declined import CompileError
from facula.graph.ir import Graph
from facula.ops._op import OPS
from facula.ops.dims import row_major, view_strides


class Memory:
    """A buffer of the program to be: `role` is input, constant, temporary or output."""

    __slots__ = ("data", "name", "nbytes", "role")

    def __init__(self, nbytes: int, role: str = "temporary", name: str = "", data: Any = None):
        self.nbytes, self.role, self.name, self.data = nbytes, role, name, data

    def __repr__(self) -> str:
        return f"<{self.role} {self.name} of {self.nbytes} bytes>"


class KeyWord(NamedTuple):
    """A number of a random key that is known at each run: option `at` of the graph, its `part`."""

    at: int
    part: str


class Key:
    """Stands for a random key; kernels only pass its parts on."""

    def __init__(self, at: int):
        self.seed, self.offset = KeyWord(at, "seed"), KeyWord(at, "offset")


class Launch(NamedTuple):
    """One kernel description and what it was to be launched with."""

    kernel: Kernel
    arguments: tuple[Any, ...]


class Lowered(NamedTuple):
    """The launches in order, and the arrays by which graph inputs and outputs are known in them."""

    launches: list[Launch]
    inputs: list[BufferArray]
    outputs: list[BufferArray]


class NotingBackend(BufferBackend):
    """A raw device whose launches are notes."""

    def __init__(self, threads: int) -> None:
        super().__init__(Device("compiler"))
        self.threads = threads
        self.turns = False  # whether arrays may lie in another order than at capture
        self.launches: list[Launch] = []
        for op in OPS.values():
            self.bind(op)
        attention.install(self)
        bfloat16.install(self)
        convolve.install(self)
        recurrent.install(self)

    def alloc(self, nbytes: int) -> Memory:
        return Memory(nbytes)

    def copy_in(self, buffer: Memory, data: bytes) -> None:
        buffer.role, buffer.data = "constant", data

    def copy_out(self, buffer: Memory) -> bytes:
        raise CompileError("a kernel's work depends on the values of a tensor")

    def synchronize(self) -> None:
        """Nothing runs."""

    def compile(self, kernel: Kernel) -> Callable[..., None]:
        return lambda *arguments: self.note(kernel, *arguments)

    def note(self, kernel: Any, *arguments: Any) -> None:
        """Notes a launch."""
        self.origins.written(kernel, arguments)
        self.launches.append(Launch(kernel, arguments))

    def kernel(self, op: Any) -> Callable[..., Any] | None:
        return max_pool.kernel(self, op) or activation.kernel(self, op) or super().kernel(op)

    def laid_out(self, shape: tuple[int, ...], inputs: Sequence[Any]) -> tuple[int, ...]:
        """Elementwise results lie as what they are made of: what a convolution gives is not turned over by what follows."""
        for x in inputs:
            if isinstance(x, BufferArray) and x.shape == shape:
                strides = _order_of(x)
                if strides is not None and strides != row_major(shape):
                    self.turns = True
                    return strides
        return row_major(shape)

    def empty_as(self, x: BufferArray, dtype: Any = None) -> BufferArray:
        """Memory for an array like `x`, in the same order."""
        strides = self.laid_out(x.shape, [x])
        out: BufferArray = self.empty(x.shape, dtype or x.dtype)
        return out if strides == out.strides else out.view(x.shape, strides, 0)

    def _view(self, op: Any, x: BufferArray, *options: Any, **named: Any) -> BufferArray:
        if self.turns and op.name == "as_strided" and not x.is_contiguous:
            raise CompileError("as_strided of what may lie in another order than at capture")
        if op.name == "view":
            (size,) = bind_options(op, options, named)
            if not x.is_contiguous and view_strides(x.shape, x.strides, size) is None:
                x = self.copy(x)  # it was a view of what lay in order at capture
        return super()._view(op, x, *options, **named)

    def _host_fallback(self, op: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            raise CompileError(f"'{op.name}' runs on the host alone")

        return call


def _order_of(x: BufferArray) -> tuple[int, ...] | None:
    """Strides without gaps in the order of those of `x`; None where elements repeat."""
    found = [0] * len(x.shape)
    reach = 1
    for d in sorted(range(len(x.shape)), key=lambda d: (x.strides[d], -d)):
        if x.shape[d] > 1 and x.strides[d] <= 0:
            return None
        found[d] = reach
        reach *= max(x.shape[d], 1)
    return tuple(found)


def lower(graph: Graph, threads: int = 1, backend: NotingBackend | None = None) -> Lowered:
    """The graph's launches, noted by `backend`. Raises CompileError for what cannot be one."""
    backend = backend or NotingBackend(threads)
    inputs = []
    for value in graph.inputs:
        array = backend.empty(value.shape, value.dtype)
        array.buffer.role, array.buffer.name = "input", value.name
        inputs.append(array)
    run = graph.code(backend)
    try:
        outputs = run(inputs, [Key(i) for i in range(len(graph.options))])
    finally:
        graph.forget(backend)
    settled: list[BufferArray] = []
    for x in outputs:
        settled.append(_settled(backend, x, {s.buffer for s in settled}))
    return Lowered(backend.launches, inputs, settled)


def _settled(backend: NotingBackend, array: Any, taken: set[Memory]) -> BufferArray:
    """The array itself where it is a whole temporary, else a copy: a result has memory of its own."""
    if not isinstance(array, BufferArray):
        array = backend.asarray(np.asarray(array))
    own = array.is_contiguous and not array.offset and array.buffer.role == "temporary"
    own = own and array.size * array.dtype.itemsize == array.buffer.nbytes
    return array if own and array.buffer not in taken else backend.copy(array)
