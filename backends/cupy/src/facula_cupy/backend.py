"""The CUDA backend: core's array kernels over CuPy, generated kernels, and fused ones of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula._device import device as Device
from facula.backends import runtime_of
from facula.backends.array import ArrayBackend
from facula.dtypes import FROM_NUMPY
from facula.errors import OutOfMemoryError
from facula.ops._op import OPS, Op
from facula_cupy import indexing, memory, reduce, views
from facula_cupy.differences import Module, settled, settled_result
from facula_cupy.flags import Flag
from facula_cupy.generated import Generated
from facula_cupy.kernels import FAMILIES
from facula_cupy.launch import Launches
from facula_cupy.library import library
from facula_cupy.timing import Span, Timing

#: Leaves that core's printer serves better than CuPy: range checks, all dtypes, tested accuracy.
GENERATED = (
    "gather", "scatter", "cummax", "cummin", "random_words", "erf", "erfc", "lgamma",
)  # fmt: skip
#: Kernels for NumPy's ways of indexing, which CuPy's would get silently wrong: the ops' bodies serve.
WITHOUT = ("index", "index_put", "index_select", "index_add", "index_copy", "poisson")


class CupyBackend(ArrayBackend):
    """One GPU. Calls may come from any thread; each runs on that thread's current stream of this GPU."""

    shares_memory = False

    def __init__(self, device: Device):
        self.runtime = runtime_of("cuda")
        self.library = library()
        self.ordinal = device.index or 0
        self.cuda = self.library.cuda
        self.is_alone = int(self.cuda.runtime.getDeviceCount()) == 1
        super().__init__(device, Module(self.library))
        self.launches = Launches(self.library)
        self.flag = Flag(self.library)
        self.timing = Timing(self.cuda)
        self.raw = self.generated = Generated(device, self.launches, self.flag)
        self.table = {k: v for k, v in self.table.items() if k not in WITHOUT}
        self.table |= views.kernels(self.m) | reduce.kernels() | indexing.kernels(self)
        for name in GENERATED:
            leaf = self.generated.call(OPS[name])
            if leaf is not None:
                self.table[name] = leaf
        for family in FAMILIES:
            self.table |= family.kernels(self)
            self.inplace_kernels |= {
                name: self._guarded(kernel, name) for name, kernel in family.inplace(self).items()
            }
        self._write = self._guarded(views.write, "write")
        self._copy = self._guarded(lambda array: array.copy(order="C"), "copy")
        self._asarray = self._guarded(self._copied_in)
        self.accumulate = self._guarded(super().accumulate, "accumulate")  # type: ignore[method-assign]
        #: The rules of the tape compute with arrays' operators: this GPU must be the current one.
        self.scope = None if self.is_alone else self.on_device

    # ---- what every call goes through

    def on_device(self) -> Any:
        """A context in which this GPU is the current one."""
        return self.cuda.Device(self.ordinal)

    def _resolve(self, op: Op) -> Callable[..., Any]:
        kernel = super()._resolve(op)
        name = None if op.view else op.name  # views launch nothing
        return self._guarded(_with_numbers(kernel) if op.family == "optimizer" else kernel, name)

    def _guarded(self, kernel: Callable[..., Any], name: str | None = None) -> Callable[..., Any]:
        """`kernel` on this GPU; results with canonical dtypes; CuPy's errors as ours; timed for a profiler, if named."""
        Array, index = self.Array, self.ordinal
        get_device, enter = self.cuda.runtime.getDevice, self.on_device
        memory_error = memory.error_type(self.cuda)

        def alone(*args: Any, **named: Any) -> Any:
            try:
                if self.profile is not None and name is not None:
                    return self._timed_here(
                        name, lambda: settled_result(kernel(*args, **named), Array)
                    )
                return settled_result(kernel(*args, **named), Array)
            except memory_error as error:
                raise self._out_of_memory(error) from None

        def among_several(*args: Any, **named: Any) -> Any:
            if get_device() == index:
                return alone(*args, **named)
            with enter():
                return alone(*args, **named)

        return alone if self.is_alone else among_several

    # ---- what a profiler is told

    def _timed_here(self, name: str, run: Callable[[], Any]) -> Any:
        return self.timing.run(self.profile, f"cuda {name}", run)

    def timed(self, name: str, run: Callable[[], Any]) -> Any:
        """`run()` between two events on this GPU: a gradient, whose rule computes with arrays' operators."""
        with self.on_device():
            return self._timed_here(name, run)

    def kernel_times(self, spans: list[Span]) -> list[tuple[None, int, int]]:
        """(None, start, end) of each, in nanoseconds on the host's clock; after `synchronize`."""
        with self.on_device():
            return [self.timing.of(span) for span in spans]

    def _out_of_memory(self, error: BaseException) -> OutOfMemoryError:
        return memory.out_of_memory(self.device, self.runtime, self.ordinal, error)

    # ---- arrays

    def asarray(self, array: Any) -> Any:
        if isinstance(array, self.Array):
            return settled(array)
        return self._upload(np.asarray(array), False)

    def _upload(self, array: Any, non_blocking: bool) -> Any:
        array = np.asarray(array, FROM_NUMPY[array.dtype].dtype)
        # From page-locked memory the copy goes on after the call; other memory CuPy has read by then.
        return self._asarray(array, memory.is_pinned(array) and not non_blocking)

    def _copied_in(self, array: Any, wait: bool) -> Any:
        return self.library.asarray(array, order="C", blocking=wait)

    def to_numpy(self, array: Any) -> Any:
        with self.on_device():
            self.flag.check()
            return array.get()

    def receive(self, array: Any, source: Any, non_blocking: bool = False) -> Any:
        """`array` of another backend on this GPU; from another GPU without the host in between."""
        if isinstance(source, CupyBackend):
            return memory.from_peer(self, array, source)
        return self._upload(np.asarray(source.to_numpy(array)), non_blocking)

    def pin(self, array: Any) -> Any:
        """A copy of a NumPy array in page-locked memory, from which copies do not hold up the host."""
        return memory.pinned(self.cuda, array)

    def is_pinned(self, array: Any) -> bool:
        return memory.is_pinned(array)

    def write(self, target: Any, source: Any) -> None:
        self._write(target, source)

    def write_at(self, target: Any, indices: tuple[Any, ...], values: Any) -> None:
        self.write(target, self.index_put(target, indices, values, False))

    def copy(self, array: Any) -> Any:
        return self._copy(array)

    def offset(self, array: Any) -> int:
        return int(array.data.ptr - array.data.mem.ptr) // int(array.itemsize)

    def room(self, array: Any) -> int:
        whole, start = (array if array.base is None else array.base), array.data.mem.ptr
        # The pool rounds up; a whole array says where its elements end.
        size = whole.nbytes if whole.data.ptr == start else array.data.mem.size
        return int(start + size - array.data.ptr) // int(array.itemsize)

    def wrap(self, value: Any) -> Any:
        return settled(value) if isinstance(value, self.Array) else self.asarray(value)

    def synchronize(self) -> None:
        """Waits for all streams of the GPU. Raises IndexError where a kernel met an index out of range."""
        with self.on_device():
            self.cuda.Device(self.ordinal).synchronize()
            self.flag.check()

    def function(self, source: str, name: str, letters: str) -> Callable[..., None]:
        """A kernel of CUDA C text; see `Launches.function`. For kernel providers too."""
        return self.launches.function(source, name, letters)


def _with_numbers(update: Callable[..., Any]) -> Callable[..., Any]:
    """An optimizer's update in a captured program: learning rates are 0-d arrays of the host there."""

    def call(*args: Any) -> Any:
        return update(*[x.item() if isinstance(x, np.ndarray) else x for x in args])

    return call
