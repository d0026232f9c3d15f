"""Recurrent layers of a program as calls of recurrence.c: one launch for all steps of a layer, and one for its gradient."""

from __future__ import annotations

from functools import partial
from typing import Any

from facula.backends.buffer.array import BufferArray
from facula.dtypes import F32
from facula.graph.compiler.convolve import in_order
from facula.graph.compiler.planned import Planned
from facula.graph.runtime.recurrence import Recurrence, Shape
from facula.graph.runtime.recurrent_layers import RecurrentLayers

_OPS = ("lstm_layer", "gru_layer", "rnn_layer")


def install(xp: Any) -> None:
    """Has a device that takes notes note recurrent layers whole."""
    layers = _NotedLayers(xp)
    for name in [f"{op}{suffix}" for op in _OPS for suffix in ("", "_gradient")]:
        setattr(xp, name, partial(getattr(layers, name), getattr(xp, name)))


class Recur(Planned):
    """A layer in one direction, or its gradient."""

    def __init__(self, threads: int, given: tuple[Any, ...]):
        shape = Shape(*given)
        self.layer = layer = Recurrence(shape, threads)
        super().__init__(
            layer.address, layer.written, shape.multiplications // 2, request=("recurrence", threads, tuple(given)),
            workspace=layer.workspace,
        )  # fmt: skip


class _NotedLayers(RecurrentLayers):
    """Over arrays that do not exist yet."""

    def __init__(self, xp: Any):
        super().__init__(xp)
        self.made: dict[Shape, Recur] = {}

    def empty(self, *shape: int) -> BufferArray:
        return self.xp.empty(shape, F32)  # type: ignore[no-any-return]

    def dense(self, x: BufferArray) -> BufferArray:
        return in_order(self.xp, x)

    def takes(self, shape: Shape, mask: Any) -> bool:
        return mask is None  # pointers of a launch are to floats

    def run(self, shape: Shape, **arrays: Any) -> None:
        if shape not in self.made:
            self.made[shape] = Recur(self.xp.threads, shape)
        kernel = self.made[shape]
        arrays["workspace"] = self.empty(-(-kernel.workspace // 4))
        given = [arrays.get(name) for name in kernel.layer.names]
        self.xp.note(kernel, *(None if x is None else x.operand() for x in given))
