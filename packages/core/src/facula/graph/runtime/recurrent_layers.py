"""Kernels of the ops of recurrent layers and of their gradients by recurrence.c, for whoever has arrays in the host's memory.

What it does not serve goes to the kernel below: other dtypes than float32, projections, gradients of the gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.dtypes import B8, F32
from facula.graph.runtime.recurrence import GATES, GRU, LSTM, RELU, TANH, Shape, recurrence
from facula.ops.recurrent import check_layer
from facula.threads import get_num_threads

Array = Any
Kernel = Callable[..., Any]


class RecurrentLayers:
    """The kernels, by the names of the ops: each takes the kernel below, which serves the rest, before the op's arguments."""

    #: Whether gates may lie where the sums did that they are made of.
    in_place = False

    def __init__(self, xp: Any):
        self.xp = xp  # the backend

    # ---- what a subclass supplies

    def empty(self, *shape: int) -> Array:
        """A float32 array of any values."""
        raise NotImplementedError

    def dense(self, x: Array) -> Array:
        """`x` without gaps."""
        raise NotImplementedError

    def takes(self, shape: Shape, mask: Array) -> bool:
        """Whether such a layer is for recurrence.c."""
        raise NotImplementedError

    def run(self, shape: Shape, **arrays: Array) -> None:
        """Runs `recurrence_run` on arrays by the names of their slots; None and those that lack are 0."""
        raise NotImplementedError

    # ---- what the kernels share

    def _shape(
        self, kind: int, back: bool, steps: Array, w_hh: Array, reverse: bool, mask: Array, *states: Array
    ) -> Shape | None:  # fmt: skip
        """The layer that these are, `steps` being (T, B, any); None where it is not one for recurrence.c."""
        (length, batch), hidden = steps.shape[:2], w_hh.shape[-1]
        known = [x for x in (steps, w_hh, *states) if x is not None]
        fits = (
            all(x.dtype is F32 and 0 not in x.shape for x in known)
            and w_hh.shape == (GATES[kind] * hidden, hidden)
            and all(x is None or x.shape[-2:] == (batch, hidden) for x in states)
        )
        fits = fits and (mask is None or (mask.shape == (length, batch, 1) and mask.dtype is B8))
        shape = Shape(kind, back, length, batch, hidden, reverse)
        return shape if fits and self.takes(shape, mask) else None

    def _sums(self, input: Array, w_ih: Array, bias: Array) -> Array:
        """The input's part of the gates, (T, B, gates)."""
        length, batch, features = input.shape
        rows = self.xp.reshape(self.dense(input), (length * batch, features))
        return self.xp.reshape(self.xp.linear(rows, w_ih, bias), (length, batch, w_ih.shape[0]))

    def _last(self, x: Array, reverse: bool) -> Array:
        return self.xp.copy(self.xp.select(x, 0, 0 if reverse else x.shape[0] - 1))

    def _dense(self, *arrays: Array) -> list[Array]:
        return [None if x is None else self.dense(x) for x in arrays]

    def _bias(self, b_ih: Array, b_hh: Array) -> Array:
        if b_ih is None or b_hh is None:
            return b_hh if b_ih is None else b_ih
        return self.xp.add(b_ih, b_hh)

    # ---- LSTM

    def lstm_layer(
        self, below: Kernel, input: Array, h0: Array, c0: Array, w_ih: Array, w_hh: Array, b_ih: Array = None, b_hh: Array = None,
        reverse: bool = False, w_hr: Array = None, mask: Array = None,
    ) -> Any:  # fmt: skip
        check_layer("lstm", input, h0, w_ih, w_hh)
        shape = self._shape(LSTM, False, input, w_hh, reverse, mask, h0, c0)
        if shape is None or w_hr is not None:
            return below(input, h0, c0, w_ih, w_hh, b_ih, b_hh, reverse, w_hr, mask)  # fmt: skip
        length, batch, hidden = shape.length, shape.batch, shape.hidden
        sums = self._sums(input, w_ih, self._bias(b_ih, b_hh))
        gates = sums if self.in_place else self.empty(length, batch, 4 * hidden)
        output, cells = self.empty(length, batch, hidden), self.empty(length, batch, hidden)
        h0, c0, w_hh, mask = self._dense(h0, c0, w_hh, mask)
        self.run(
            shape, sums=sums, state=h0, cell=c0, weights=w_hh, mask=mask, output=output, gates=gates, cells=cells
        )  # fmt: skip
        return output, self._last(output, reverse), self._last(cells, reverse), gates, cells

    def lstm_layer_gradient(
        self, below: Kernel, g_output: Array, g_h: Array, g_c: Array, g_gates: Array, g_cells: Array, c0: Array, w_hh: Array, w_hr: Array,
        mask: Array, gates: Array, cells: Array, reverse: bool,
    ) -> Any:  # fmt: skip
        shape = self._shape(LSTM, True, gates, w_hh, reverse, mask, g_output, g_h, g_c, c0, cells)
        if shape is None or any(x is not None for x in (g_gates, g_cells, w_hr)):
            return below(
                g_output, g_h, g_c, g_gates, g_cells, c0, w_hh, w_hr, mask, gates, cells, reverse
            )
        sums, to_h, to_c = (self.empty(*x.shape) for x in (gates, c0, c0))
        g_output, g_h, g_c, gates, cells, c0, w_hh, mask = self._dense(
            g_output, g_h, g_c, gates, cells, c0, w_hh, mask
        )
        self.run(
            shape, g_output=g_output, g_state=g_h, g_cell=g_c, gates=gates, states=cells, cell=c0, weights=w_hh, mask=mask,
            to_sums=sums, to_state=to_h, to_cell=to_c,
        )  # fmt: skip
        return sums, to_h, to_c, to_c

    # ---- GRU

    def gru_layer(
        self, below: Kernel, input: Array, h0: Array, w_ih: Array, w_hh: Array, b_ih: Array = None, b_hh: Array = None,
        reverse: bool = False, mask: Array = None,
    ) -> Any:  # fmt: skip
        check_layer("gru", input, h0, w_ih, w_hh)
        shape = self._shape(GRU, False, input, w_hh, reverse, mask, h0)
        if shape is None:
            return below(input, h0, w_ih, w_hh, b_ih, b_hh, reverse, mask)
        length, batch, hidden = shape.length, shape.batch, shape.hidden
        sums = self._sums(input, w_ih, b_ih)
        output, gates = self.empty(length, batch, hidden), self.empty(length, batch, 4 * hidden)
        bias = self.xp.full((3 * hidden,), 0, F32) if b_hh is None else b_hh
        h0, w_hh, bias, mask = self._dense(h0, w_hh, bias, mask)
        self.run(
            shape, sums=sums, state=h0, weights=w_hh, bias=bias, mask=mask, output=output, gates=gates
        )  # fmt: skip
        return output, self._last(output, reverse), gates

    def gru_layer_gradient(
        self, below: Kernel, g_output: Array, g_h: Array, g_gates: Array, before: Array, w_hh: Array, mask: Array, gates: Array, reverse: bool
    ) -> Any:  # fmt: skip
        shape = self._shape(GRU, True, gates, w_hh, reverse, mask, g_output, g_h, before)
        if shape is None or g_gates is not None:
            return below(g_output, g_h, g_gates, before, w_hh, mask, gates, reverse)  # fmt: skip
        sizes = shape.length, shape.batch, 3 * shape.hidden
        sums, products = self.empty(*sizes), self.empty(*sizes)
        to_h = self.empty(shape.batch, shape.hidden)
        g_output, g_h, gates, before, w_hh, mask = self._dense(
            g_output, g_h, gates, before, w_hh, mask
        )
        self.run(
            shape, g_output=g_output, g_state=g_h, gates=gates, states=before, weights=w_hh, mask=mask,
            to_sums=sums, to_products=products, to_state=to_h,
        )  # fmt: skip
        return sums, products, to_h

    # ---- plain layers

    def rnn_layer(
        self, below: Kernel, input: Array, h0: Array, w_ih: Array, w_hh: Array, b_ih: Array = None, b_hh: Array = None,
        reverse: bool = False, nonlinearity: str = "tanh", mask: Array = None,
    ) -> Any:  # fmt: skip
        check_layer("rnn", input, h0, w_ih, w_hh)
        kind = TANH if nonlinearity == "tanh" else RELU
        shape = self._shape(kind, False, input, w_hh, reverse, mask, h0)
        if shape is None:
            return below(input, h0, w_ih, w_hh, b_ih, b_hh, reverse, nonlinearity, mask)  # fmt: skip
        sums = self._sums(input, w_ih, self._bias(b_ih, b_hh))
        output = sums if self.in_place else self.empty(*sums.shape)
        h0, w_hh, mask = self._dense(h0, w_hh, mask)
        self.run(shape, sums=sums, state=h0, weights=w_hh, mask=mask, output=output)
        return output, self._last(output, reverse)

    def rnn_layer_gradient(
        self, below: Kernel, g_output: Array, g_h: Array, w_hh: Array, mask: Array, output: Array, reverse: bool, nonlinearity: str
    ) -> Any:  # fmt: skip
        kind = TANH if nonlinearity == "tanh" else RELU
        shape = self._shape(kind, True, output, w_hh, reverse, mask, g_output, g_h)
        if shape is None:
            return below(g_output, g_h, w_hh, mask, output, reverse, nonlinearity)  # fmt: skip
        sums, to_h = self.empty(*output.shape), self.empty(shape.batch, shape.hidden)
        g_output, g_h, output, w_hh, mask = self._dense(g_output, g_h, output, w_hh, mask)
        self.run(
            shape, g_output=g_output, g_state=g_h, states=output, weights=w_hh, mask=mask, to_sums=sums, to_state=to_h
        )  # fmt: skip
        return sums, to_h


class NumpyLayers(RecurrentLayers):
    """Over NumPy arrays, at once. `is_worth` says whether as many sums of units are."""

    in_place = True

    def __init__(self, xp: Any, is_worth: Callable[[int], bool]):
        super().__init__(xp)
        self.is_worth = is_worth

    def empty(self, *shape: int) -> Array:
        return np.empty(shape, F32)

    def dense(self, x: Array) -> Array:
        return np.ascontiguousarray(x)

    def takes(self, shape: Shape, mask: Array) -> bool:
        return self.is_worth(shape.length * shape.batch * shape.hidden * GATES[shape.kind])

    def run(self, shape: Shape, **arrays: Array) -> None:
        layer = recurrence(shape, get_num_threads())
        arrays["workspace"] = np.empty(layer.workspace, np.uint8)
        layer.run(*[_address(arrays.get(name)) for name in layer.names])


def _address(x: Array) -> int:
    return 0 if x is None else x.__array_interface__["data"][0]
