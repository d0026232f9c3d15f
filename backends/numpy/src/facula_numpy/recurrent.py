"""The LSTM over a sequence, its steps in place: one matrix product and a dozen passes each."""

from __future__ import annotations

from typing import Any

import numpy as np

from facula.ops._op import OPS
from facula.ops.recurrent import check_layer


def _steps(length: int, reverse: bool) -> Any:
    return range(length - 1, -1, -1) if reverse else range(length)


def _halved(x: Any, hidden: int) -> Any:
    """A copy whose rows of the gates i, f and o are halved: sigmoid(x) = tanh(x / 2) / 2 + 1 / 2."""
    out = np.array(x, order="C")
    out[..., : 2 * hidden] *= 0.5
    out[..., 3 * hidden :] *= 0.5
    return out


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
    (length, batch, _), hidden = input.shape, c0.shape[-1]
    gates = np.ascontiguousarray(input).reshape(length * batch, -1) @ _halved(w_ih.T, hidden)
    for bias in (b_ih, b_hh):
        if bias is not None:
            gates += _halved(bias, hidden)
    gates = gates.reshape(length, batch, 4 * hidden)
    across = _halved(w_hh.T, hidden)
    h, c = h0, c0
    outputs = np.empty((length, batch, h0.shape[-1]), input.dtype)
    cells = np.empty((length, batch, hidden), input.dtype)
    product, scratch = (
        np.empty((batch, 4 * hidden), input.dtype),
        np.empty((batch, hidden), input.dtype),
    )
    for t in _steps(length, reverse):
        gate, cell, out = gates[t], cells[t], outputs[t]
        np.matmul(h, across, out=product)
        gate += product
        np.tanh(gate, out=gate)
        for at in (slice(0, 2 * hidden), slice(3 * hidden, None)):
            part = gate[:, at]
            part *= 0.5
            part += 0.5
        np.multiply(gate[:, :hidden], gate[:, 2 * hidden : 3 * hidden], out=scratch)
        np.multiply(gate[:, hidden : 2 * hidden], c, out=cell)
        cell += scratch
        np.tanh(cell, out=scratch)
        if w_hr is None:
            np.multiply(gate[:, 3 * hidden :], scratch, out=out)
        else:
            scratch *= gate[:, 3 * hidden :]
            np.matmul(scratch, w_hr.T, out=out)
        if mask is not None:
            np.copyto(out, h, where=~mask[t])
            np.copyto(cell, c, where=~mask[t])
        h, c = out, cell
    return outputs, h.copy(), c.copy(), gates, cells


def lstm_layer_gradient(
    g_output: Any, g_h: Any, g_c: Any, c0: Any, w_hh: Any, gates: Any, cells: Any, reverse: bool
) -> Any:
    """Gradients of the gates' sums and of h0 and c0, of a layer without mask and projection."""
    length, batch, hidden = cells.shape
    # The slopes of all steps at once; what is left for the loop is what depends on the step after.
    slopes = gates * (1 - gates)
    i, f, g, o = (gates[..., k * hidden : (k + 1) * hidden] for k in range(4))
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
    for t in _steps(length, not reverse):
        if g_output is not None:
            dh += g_output[t]
        np.multiply(dh, tanh[t], out=scratch)
        dc += scratch
        by_cell[t] *= dc[:, None]
        slopes[t, :, 3 * hidden :] *= dh
        dc *= f[t]
        np.matmul(slopes[t], w_hh, out=dh)
    return slopes, dh, dc, dc


def kernels(backend: Any) -> dict[str, Any]:
    op = OPS["lstm_layer_gradient"]

    def gradient(*args: Any) -> Any:
        g_output, g_h, g_c, g_gates, g_cells, c0, w_hh, w_hr, mask, gates, cells, reverse = args
        if any(x is not None for x in (g_gates, g_cells, w_hr, mask)):
            return op.body(backend, *args)
        return lstm_layer_gradient(g_output, g_h, g_c, c0, w_hh, gates, cells, reverse)

    return {"lstm_layer": lstm_layer, "lstm_layer_gradient": gradient}
