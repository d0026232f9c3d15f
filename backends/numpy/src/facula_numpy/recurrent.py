"""The LSTM over a sequence, its steps in place: one matrix product and a dozen passes each."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.ops._op import OPS
from facula.ops.recurrent import check_layer


def _halved(x: Any, hidden: int) -> Any:
    """A copy whose rows of the gates i, f and o are halved: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2."""
    out = np.array(x, order="C")
    out[..., : 2 * hidden] *= 0.5
    out[..., 3 * hidden :] *= 0.5
    return out


def _sigmoid_of_tanh(hidden: int, dtype: Any) -> Any:
    """What turns tanh of halved sums into the gates i, f and o, and leaves g: factors and summands."""
    factors, summands = np.full(4 * hidden, 0.5, dtype), np.full(4 * hidden, 0.5, dtype)
    factors[2 * hidden : 3 * hidden], summands[2 * hidden : 3 * hidden] = 1, 0
    return factors, summands


def _quarters(gates: Any, hidden: int) -> list[Any]:
    return [gates[..., k * hidden : (k + 1) * hidden] for k in range(4)]


def lstm_layer(
    input: Any,
    h0: Any,
    c0: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any = None,
    b_hh: Any = None,
    reverse: bool = False,
    w_hr: Any = None,
    mask: Any = None,
) -> Any:
    check_layer("lstm", input, h0, w_ih, w_hh)
    (length, batch, features), hidden = input.shape, c0.shape[-1]
    rows = np.ascontiguousarray(input).reshape(length * batch, features)
    gates = rows @ _halved(w_ih.T, hidden)
    for bias in (b_ih, b_hh):
        if bias is not None:
            gates += _halved(bias, hidden)
    gates = gates.reshape(length, batch, 4 * hidden)
    across = _halved(w_hh.T, hidden)
    h, c = h0, c0
    outputs = np.empty((length, batch, h0.shape[-1]), input.dtype)
    cells = np.empty((length, batch, hidden), input.dtype)
    product = np.empty((batch, 4 * hidden), input.dtype)
    scratch = np.empty((batch, hidden), input.dtype)
    half, rest = _sigmoid_of_tanh(hidden, input.dtype)
    parts = _quarters(gates, hidden)
    steps = [x[::-1] if reverse else x for x in (gates, *parts, cells, outputs)]
    for t, (gate, i, f, g, o, cell, out) in enumerate(zip(*steps)):
        np.dot(h, across, out=product)
        gate += product
        np.tanh(gate, out=gate)
        gate *= half
        gate += rest
        np.multiply(i, g, out=scratch)
        np.multiply(f, c, out=cell)
        cell += scratch
        np.tanh(cell, out=scratch)
        if w_hr is None:
            np.multiply(o, scratch, out=out)
        else:
            scratch *= o
            np.matmul(scratch, w_hr.T, out=out)
        if mask is not None:
            held = ~mask[length - 1 - t if reverse else t]
            np.copyto(out, h, where=held)
            np.copyto(cell, c, where=held)
        h, c = out, cell
    return outputs, h.copy(), c.copy(), gates, cells


def lstm_layer_gradient(
    g_output: Any, g_h: Any, g_c: Any, c0: Any, w_hh: Any, gates: Any, cells: Any, reverse: bool
) -> Any:
    """Gradients of the gates' sums and of h0 and c0, of a layer without mask and projection."""
    length, batch, hidden = cells.shape
    # The slopes of all steps at once; what is left for the loop is what depends on the step after.
    slopes = gates * (1 - gates)
    i, f, g, o = _quarters(gates, hidden)
    first = c0[None]
    before = np.concatenate((cells[1:], first) if reverse else (first, cells[:-1]))
    slopes[..., :hidden] *= g
    slopes[..., hidden : 2 * hidden] *= before
    slopes[..., 2 * hidden : 3 * hidden] = i * (1 - g * g)
    tanh = np.tanh(cells)
    slopes[..., 3 * hidden :] *= tanh
    tanh *= tanh
    np.subtract(1, tanh, out=tanh)
    tanh *= o  # the cell's slope by the output
    by_cell = slopes[..., : 3 * hidden].reshape(length, batch, 3, hidden)
    dh = np.zeros((batch, w_hh.shape[1]), c0.dtype) if g_h is None else g_h.copy()
    dc = np.zeros((batch, hidden), c0.dtype) if g_c is None else g_c.copy()
    scratch = np.empty_like(dc)
    grads = [None] * length if g_output is None else g_output
    steps = (grads, slopes, by_cell, slopes[..., 3 * hidden :], f, tanh)
    for to_out, slope, to_cell, to_o, forget, by_output in zip(
        *(steps if reverse else [x[::-1] for x in steps])
    ):
        if to_out is not None:
            dh += to_out
        np.multiply(dh, by_output, out=scratch)
        dc += scratch
        to_cell *= dc[:, None]
        to_o *= dh
        dc *= forget
        np.dot(slope, w_hh, out=dh)
    return slopes, dh, dc, dc


def kernels(backend: Any) -> dict[str, Any]:
    op = OPS["lstm_layer_gradient"]

    def gradient(*args: Any) -> Any:
        g_output, g_h, g_c, g_gates, g_cells, c0, w_hh, w_hr, mask, gates, cells, reverse = args
        if any(x is not None for x in (g_gates, g_cells, w_hr, mask)):
            return op.body(backend, *args)
        return lstm_layer_gradient(g_output, g_h, g_c, c0, w_hh, gates, cells, reverse)

    return {"lstm_layer": lstm_layer, "lstm_layer_gradient": gradient}
