"""A graph lowered for a device: what is elementwise or a reduction as launches to fuse, all else as calls of its ops.

Products, convolutions, sorts and whatever else a device has kernels of its own for are theirs; a composed op of which it
has one is fused nevertheless where its body is elementwise (an activation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

from facula._device import device as Device
from facula.backends.buffer.array import BufferArray
from facula.backends.buffer.backend import BufferBackend
from facula.backends.buffer.expressions import EXPRESSIONS
from facula.backends.buffer.kernels import Gather, Map
from facula.backends.meta import MetaBackend
from facula.graph.codegen.elements import INT64
from facula.graph.compiler.declined import CompileError
from facula.graph.compiler.lower import Launch, Memory, NotingBackend
from facula.graph.compiler.nests import UNKNOWN, Load, Nest, WholeNest, nests_of
from facula.ops._op import OPS, Op
from facula.ops.dims import row_major, wrap_dims

#: Reductions that are fused with what makes their elements.
REDUCTIONS = frozenset(("sum", "prod", "amax", "amin"))
#: Functions that CPU-type devices' own kernels do two to three times as fast as printed ones do, and from how many elements.
SLOW, MANY = ("erf", "sin", "cos", "pow"), 1 << 15
#: Elements of a column from which on a GPU sums it faster with a kernel of its own than one work-group after another.
LONG_COLUMN = 128


class OpCall:
    """An op as the device runs it itself: `arguments` and `named` hold arrays among other things."""

    def __init__(self, op: Op, arguments: tuple[Any, ...], named: dict[str, Any], results: Any):
        self.op, self.arguments, self.named, self.results = op, arguments, named, results


@dataclass(eq=False)
class OpNest(WholeNest):
    """An `OpCall` among loop nests. Its results have memory that the device gives."""

    call: OpCall

    def redirect(self, instead: dict[Memory, Memory]) -> None:
        def other(x: BufferArray) -> BufferArray:
            out = x.view(x.shape, x.strides, x.offset)
            out.buffer = instead.get(x.buffer, x.buffer)
            return out

        call = self.call
        self.call = OpCall(call.op, mapped(other, call.arguments), mapped(other, call.named), call.results)  # fmt: skip
        self.inputs = _loads(self.call)


def nests_for(launches: list[Launch]) -> list[Nest]:
    """One nest for each launch or call."""
    nests: list[Nest] = []
    for launch in launches:
        if isinstance(launch.kernel, OpCall):
            outputs = [x.buffer for x in arrays_in(launch.kernel.results)]
            call = launch.kernel
            nests.append(OpNest((), call, outputs=outputs, inputs=_loads(call)))
        else:
            nests += nests_of([launch])
    return nests


def _loads(call: OpCall) -> list[Load]:
    arrays = [*arrays_in(call.arguments), *arrays_in(call.named)]
    return [Load(x.buffer, INT64, UNKNOWN, tuple(x.strides)) for x in arrays]


def arrays_in(x: Any) -> list[BufferArray]:
    """All arrays in nested arguments."""
    found: list[BufferArray] = []
    mapped(found.append, x)
    return found


def mapped(function: Callable[[BufferArray], Any], x: Any) -> Any:
    """Nested arguments with `function` of each array in its place."""
    if isinstance(x, BufferArray):
        return function(x)
    if isinstance(x, (tuple, list)):
        return tuple([mapped(function, y) for y in x])
    if isinstance(x, dict):
        return {key: mapped(function, y) for key, y in x.items()}
    return x


class _NotElementwise(Exception):
    """Stops an attempt to note an op's body."""


class DeviceNoting(NotingBackend):
    """Takes notes for `target`; `family` is that of its kernels."""

    def __init__(self, target: Any, family: str):
        self.target, self.family = target, family
        self.attempts = 0
        self.meta = MetaBackend(Device("meta"))
        super().__init__(1)
        for op in OPS.values():
            self.meta.bind(op)
            self.bind(op)  # convolutions too, which were another's

    def note(self, kernel: Any, *arguments: Any) -> None:
        if self.attempts and not isinstance(kernel, (Map, Gather)):
            raise _NotElementwise
        super().note(kernel, *arguments)

    def laid_out(self, shape: tuple[int, ...], inputs: Any) -> tuple[int, ...]:
        return row_major(shape)  # as the device's own kernels like their inputs

    def kernel(self, op: Op) -> Callable[..., Any] | None:
        own = BufferBackend.kernel(self, op)
        if (op.view and op.leaf) or (op.name in EXPRESSIONS and not self._has_own(op)):
            return own
        if op.name in REDUCTIONS:
            return self._reduction(op, own)
        if own is None and op.body is not None and not self._has_own(op):
            return None
        return self._noted_or_called(op, own)

    def _host_fallback(self, op: Op) -> Any:
        return self._noted_or_called(op, None)

    def _has_own(self, op: Op) -> bool:
        """Whether the device has a kernel for `op` beside what core's adapter of raw devices makes."""
        target = self.target
        if any(target.adds(p, op) for p in target.providers):
            return True
        if isinstance(target, BufferBackend):
            return op.name in target.own
        return target.kernel(op) is not None

    def _noted_or_called(self, op: Op, own: Callable[..., Any] | None) -> Callable[..., Any]:
        """Notes the op where that is elementwise alone, else a call of it."""
        parts = own or (None if op.body is None else partial(op.body, self))
        kinds = (Map, Gather) if op.leaf else (Map,)

        def call(*args: Any, **named: Any) -> Any:
            start = len(self.launches)
            if parts is not None:
                try:
                    self.attempts += 1
                    result = parts(*args, **named)
                    if all(isinstance(x.kernel, kinds) for x in self.launches[start:]) and not self._is_slow(op, start):  # fmt: skip
                        return result
                except (_NotElementwise, CompileError):
                    pass
                finally:
                    self.attempts -= 1
            del self.launches[start:]
            return self._called(op, args, named)

        return call

    def _is_slow(self, op: Op, start: int) -> bool:
        """Whether the device's own kernel is so much faster than what was noted that it is worth a launch."""
        if self.family == "gpu" or not self._has_own(op):
            return False
        notes = self.launches[start:]
        slow = any(f"{name}(" in x.kernel.expression for x in notes for name in SLOW if isinstance(x.kernel, Map))  # fmt: skip
        return slow and any(prod(x.arguments[0]) >= MANY for x in notes)

    def _called(self, op: Op, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Notes a call, whose results are as the op's rules say."""
        if self.attempts:
            raise _NotElementwise
        made: list[Any] = []

        def shadow(x: BufferArray) -> Any:
            return self.meta.make(x.shape, x.dtype)

        try:
            found = getattr(self.meta, op.name)(*mapped(shadow, args), **mapped(shadow, named))
        except NotImplementedError as error:
            raise CompileError(
                f"what '{op.name}' gives is not known beforehand: {error}"
            ) from error
        for x in found if isinstance(found, (tuple, list)) else [found]:
            made.append(None if x is None else self.empty(x.shape, x.dtype))
        self.launches.append(Launch(OpCall(op, args, named, made), ()))  # type: ignore[arg-type]
        return tuple(made) if isinstance(found, (tuple, list)) else made[0]

    def _reduction(self, op: Op, fused: Any) -> Callable[..., Any]:
        def call(input: BufferArray, dim: Any = None, *more: Any, **named: Any) -> Any:
            if self.attempts:
                raise _NotElementwise
            if self.family == "gpu" and _has_long_columns(input, dim):
                return self._called(op, (input, dim, *more), named)
            return fused(input, dim, *more, **named)

        return call


def _has_long_columns(x: BufferArray, dim: Any) -> bool:
    """Whether neighbours are kept apart and many that are far from each other are reduced."""
    dims = wrap_dims(dim, len(x.shape))
    n = 1
    for d in dims:
        n *= x.shape[d]
    kept = [d for d in range(len(x.shape)) if d not in dims and x.shape[d] > 1]
    return n >= LONG_COLUMN and bool(kept) and x.strides[kept[-1]] == 1
