"""Recurrent networks: one step (`lstm_cell`), and one layer in one direction over a sequence (`lstm_layer`).

A layer is one tape node: the input's projections for all steps are one matrix product, and its gradient
walks back through the steps once, leaving the products for the weights to the end. Where `mask`
(T, B, 1) is False a step leaves the state as it is: so sequences of different lengths share a batch.
"""

from __future__ import annotations

from typing import Any

from facula.dtypes import as_dtype
from facula.ops._op import Namespace, Tensor, Tensors, op
from facula.testing.samples import call

# ---- what layers and cells share


def _check_step(name: str, input: Any, state: Any, w_ih: Any, w_hh: Any) -> None:
    for what, x, weight in (("input", input, w_ih), ("hx", state, w_hh)):
        if x.shape[-1] != weight.shape[-1]:
            raise RuntimeError(
                f"{name}: {what} has inconsistent size of last dimension: got {x.shape[-1]} (shape {tuple(x.shape)}), "
                f"the weight of shape {tuple(weight.shape)} expects {weight.shape[-1]}"
            )
        if x.dtype != weight.dtype:
            raise RuntimeError(
                f"{name}: {what} is {as_dtype(x.dtype)}, the weights are {as_dtype(weight.dtype)}"
            )
    if tuple(input.shape[:-1][-1:]) != tuple(state.shape[:-1][-1:]):
        raise RuntimeError(
            f"{name}: input batch size {tuple(input.shape)} doesn't match hidden batch size {tuple(state.shape)}"
        )


def check_layer(name: str, input: Any, state: Any, w_ih: Any, w_hh: Any) -> None:
    if len(input.shape) != 3:
        raise RuntimeError(
            f"{name}: expected an input (T, B, features), got shape {tuple(input.shape)}"
        )
    if input.shape[0] == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    _check_step(name, input, state, w_ih, w_hh)


def _bias(b_ih: Any, b_hh: Any) -> Any:
    return b_ih + b_hh if b_ih is not None and b_hh is not None else b_ih if b_hh is None else b_hh


def _at(xp: Namespace, x: Any, t: int) -> Any:
    return xp.select(x, 0, t)


def _parts(xp: Namespace, gates: Any, count: int) -> Any:
    """The `count` equal parts of the last dimension of (B, count * H)."""
    size = gates.shape[-1] // count
    return [xp.slice(gates, 1, i * size, (i + 1) * size, 1) for i in range(count)]


def _held(xp: Namespace, mask: Any, t: int, new: Any, old: Any) -> Any:
    return new if mask is None else xp.where(_at(xp, mask, t), new, old)


def _plus(x: Any, y: Any) -> Any:
    return y if x is None else x if y is None else x + y


def _steps(length: int, reverse: bool) -> Any:
    return range(length - 1, -1, -1) if reverse else range(length)


def _in_time(xp: Namespace, parts: list[Any], reverse: bool) -> Any:
    """Results in the order in which the steps ran, stacked in the order of time."""
    return xp.stack(tuple(parts[::-1] if reverse else parts), 0)


def _before(xp: Namespace, states: Any, first: Any, reverse: bool) -> Any:
    """For each step the state that it started from."""
    length, first = states.shape[0], xp.unsqueeze(first, 0)
    if reverse:
        return xp.join((xp.slice(states, 0, 1, length, 1), first), 0)
    return xp.join((first, xp.slice(states, 0, 0, length - 1, 1)), 0)


def _flat(xp: Namespace, x: Any) -> Any:
    return xp.reshape(x, (x.shape[0] * x.shape[1], x.shape[2]))


def _product(xp: Namespace, g: Any, x: Any) -> Any:
    """The gradient of a weight: (T, B, out) and (T, B, in) give (out, in)."""
    return xp.matmul(xp.transpose(_flat(xp, g), 0, 1), _flat(xp, x))


def _layer_gradients(
    xp: Namespace, to_x: Any, to_h: Any, input: Any, before: Any, w_ih: Any, needs: dict[str, bool]
) -> dict[str, Any]:
    """Gradients of input, weights and biases from those of the two products (T, B, gates)."""
    b_ih = xp.sum(to_x, (0, 1)) if needs["b_ih"] else None
    b_hh = None
    if needs["b_hh"]:  # in memory of its own: gradients are clipped in place
        b_hh = xp.sum(to_h, (0, 1)) if b_ih is None or to_h is not to_x else xp.clone(b_ih)
    return {
        "input": xp.reshape(xp.matmul(_flat(xp, to_x), w_ih), input.shape)
        if needs["input"]
        else None,
        "w_ih": _product(xp, to_x, input) if needs["w_ih"] else None,
        "w_hh": _product(xp, to_h, before) if needs["w_hh"] else None,
        "b_ih": b_ih,
        "b_hh": b_hh,
    }


# ---- LSTM (Hochreiter & Schmidhuber 1997)


@op(outputs=("h", "c", "gates"), method=False)
def lstm_step(xp: Namespace, sums: Tensor, cell: Tensor) -> Tensor:
    """New output and cell (B, H) from the sums (B, 4H) of input, forget, cell and output gate."""
    i, f, g, o = _parts(xp, sums, 4)
    i, f, g, o = xp.sigmoid(i), xp.sigmoid(f), xp.tanh(g), xp.sigmoid(o)
    cell = f * cell + i * g
    return o * xp.tanh(cell), cell, xp.join((i, f, g, o), 1)


def _lstm_back(
    xp: Namespace, to_h: Any, to_cell: Any, to_gates: Any, gates: Any, before: Any, cell: Any
) -> Any:
    """(gradient of the sums, of the cell before) of one step, from those of its results."""
    i, f, g, o = _parts(xp, gates, 4)
    extra = [None] * 4 if to_gates is None else _parts(xp, to_gates, 4)
    t = xp.tanh(cell)
    if to_h is not None:
        to_cell = _plus(to_cell, to_h * o * (1 - t * t))
        extra[3] = _plus(extra[3], to_h * t)
    if to_cell is not None:
        for at, slope in enumerate((g, before, i)):
            extra[at] = _plus(extra[at], to_cell * slope)
    zero = xp.full(tuple(i.shape), 0, i.dtype)
    slopes = (i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o))
    sums = xp.join(tuple(zero if e is None else e * s for e, s in zip(extra, slopes)), 1)
    return sums, None if to_cell is None else to_cell * f


def _lstm_step_rule(xp: Namespace, g: Any, cell: Any, gates: Any, c: Any) -> Any:
    to_h, to_c, to_gates = [*g, None, None][:3]
    return _lstm_back(xp, to_h, to_c, to_gates, gates, cell, c)


lstm_step.vjp(("sums", "cell"), _lstm_step_rule)


@op(method=False, outputs=("h", "c"))
def lstm_cell(
    xp: Namespace,
    input: Tensor,
    hx: Tensors,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One LSTM step: input (B, I) and `hx`, output and cell (B, H), give the new (output, cell)."""
    h, c = hx
    _check_step("lstm_cell", input, h, w_ih, w_hh)
    out = xp.lstm_step(xp.linear(input, w_ih, b_ih) + xp.linear(h, w_hh, b_hh), c)
    return out[0], out[1]


@lstm_cell.sample
def lstm_cell(make: Any) -> Any:
    yield call(make(2, 3), (make(2, 2), make(2, 2)), make(8, 3), make(8, 2), make(8), make(8))


@op(method=False, outputs=("output", "h", "c", "gates", "cells"))
def lstm_layer(
    xp: Namespace,
    input: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
    w_hr: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """An LSTM over (T, B, I), from last step to first where `reverse`.

    Weights (4H, I), (4H, P) and biases (4H,) of the gates i, f, g, o; `w_hr` (P, H) projects the output
    (else P is H). Gives outputs (T, B, P), the last output (B, P) and cell (B, H), and for the gradient
    all gates (T, B, 4H) and cells (T, B, H).
    """
    check_layer("lstm", input, h0, w_ih, w_hh)
    sums = xp.linear(input, w_ih, _bias(b_ih, b_hh))
    h, c, across = h0, c0, xp.transpose(w_hh, 0, 1)
    outputs, gates, cells = [], [], []
    for t in _steps(input.shape[0], reverse):
        new, cell, gate = xp.lstm_step(_at(xp, sums, t) + xp.matmul(h, across), c)
        new = new if w_hr is None else xp.linear(new, w_hr)
        h, c = _held(xp, mask, t, new, h), _held(xp, mask, t, cell, c)
        outputs.append(h)
        cells.append(c)
        gates.append(gate)
    return (
        _in_time(xp, outputs, reverse),
        h,
        c,
        _in_time(xp, gates, reverse),
        _in_time(xp, cells, reverse),
    )


@op(method=False, whole=True, outputs=("sums", "to_h", "to_c", "projected"))
def lstm_layer_gradient(
    xp: Namespace,
    g_output: Tensor | None,
    g_h: Tensor | None,
    g_c: Tensor | None,
    g_gates: Tensor | None,
    g_cells: Tensor | None,
    c0: Tensor,
    w_hh: Tensor,
    w_hr: Tensor | None,
    mask: Tensor | None,
    gates: Tensor,
    cells: Tensor,
    reverse: bool,
) -> Tensor:
    """Gradients of the gates' sums (T, B, 4H) and of h0 and c0; with `w_hr` those of the outputs (T, B, P)."""
    before = _before(xp, cells, c0, reverse)
    to_h, to_c, sums, projected = g_h, g_c, [], []
    for t in _steps(gates.shape[0], not reverse):
        dh = to_h if g_output is None else _plus(to_h, _at(xp, g_output, t))
        dc = to_c if g_cells is None else _plus(to_c, _at(xp, g_cells, t))
        dg = None if g_gates is None else _at(xp, g_gates, t)
        back = dh
        if w_hr is not None:
            dh = xp.full((*c0.shape[:-1], w_hr.shape[0]), 0, c0.dtype) if dh is None else dh
            back = dh if mask is None else xp.where(_at(xp, mask, t), dh, xp.full((), 0, dh.dtype))
            projected.append(back)
            back = xp.matmul(back, w_hr)
        sum_, cell = _lstm_back(
            xp, back, dc, dg, _at(xp, gates, t), _at(xp, before, t), _at(xp, cells, t)
        )
        if mask is not None:
            seen, zero = _at(xp, mask, t), xp.full((), 0, sum_.dtype)
            sum_ = xp.where(seen, sum_, zero)
            cell = cell if cell is None else xp.where(seen, cell, zero if dc is None else dc)
        product = xp.matmul(sum_, w_hh)
        to_h = product if mask is None or dh is None else xp.where(_at(xp, mask, t), product, dh)
        to_c = cell
        sums.append(sum_)
    to_c = xp.full(tuple(c0.shape), 0, c0.dtype) if to_c is None else to_c
    stacked = _in_time(xp, projected, not reverse) if w_hr is not None else to_c
    return _in_time(xp, sums, not reverse), to_h, to_c, stacked


def _lstm_layer_rule(
    xp: Namespace,
    g: Any,
    input: Any,
    h0: Any,
    c0: Any,
    w_ih: Any,
    w_hh: Any,
    w_hr: Any,
    mask: Any,
    output: Any,
    gates: Any,
    cells: Any,
    reverse: bool,
    needs: Any,
) -> Any:
    g = [*g, None, None, None, None][:5]
    sums, to_h, to_c, projected = xp.lstm_layer_gradient(
        *g, c0, w_hh, w_hr, mask, gates, cells, reverse
    )
    names = ("input", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", "w_hr")
    before = _before(xp, output, h0, reverse)
    out = _layer_gradients(xp, sums, sums, input, before, w_ih, dict(zip(names, needs)))
    out |= {"h0": to_h, "c0": to_c, "w_hr": None}
    if needs[7]:
        o = xp.slice(gates, 2, 3 * c0.shape[-1], 4 * c0.shape[-1], 1)
        out["w_hr"] = _product(xp, projected, o * xp.tanh(cells))
    return [out[n] for n in names]


lstm_layer.vjp(("input", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", "w_hr"), _lstm_layer_rule)


@lstm_layer.sample
def lstm_layer(make: Any) -> Any:
    weights = make(8, 3), make(8, 2), make(8), make(8)
    yield call(make(3, 2, 3), make(2, 2), make(2, 2), *weights)
    yield call(make(2, 1, 3), make(1, 2), make(1, 2), make(8, 3), make(8, 2), reverse=True)


# ---- GRU (Cho et al. 2014)


@op(outputs=("state", "gates"), method=False)
def gru_step(xp: Namespace, from_x: Tensor, from_h: Tensor, h: Tensor) -> Tensor:
    """New state (B, H), and the gates (B, 4H), from the sums (B, 3H) of input and of state."""
    (xr, xz, xn), (hr, hz, hn) = _parts(xp, from_x, 3), _parts(xp, from_h, 3)
    r, z = xp.sigmoid(xr + hr), xp.sigmoid(xz + hz)
    n = xp.tanh(xn + r * hn)
    return n + z * (h - n), xp.join((r, z, n, hn), 1)


def _gru_back(xp: Namespace, g: Any, to_gates: Any, gates: Any, before: Any) -> Any:
    """(gradient of the input's sums, of the state's sums, of the state) of one step."""
    r, z, n, hn = _parts(xp, gates, 4)
    to_r, to_z, to_n, to_hn = [None] * 4 if to_gates is None else _parts(xp, to_gates, 4)
    if g is None:
        g = xp.full(tuple(r.shape), 0, r.dtype)
    n_sum = _plus(to_n, g * (1 - z)) * (1 - n * n)
    r_sum = _plus(to_r, n_sum * hn) * (r * (1 - r))
    z_sum = _plus(to_z, g * (before - n)) * (z * (1 - z))
    to_x = xp.join((r_sum, z_sum, n_sum), 1)
    return to_x, xp.join((r_sum, z_sum, _plus(to_hn, n_sum * r)), 1), g * z


def _gru_step_rule(xp: Namespace, g: Any, h: Any, gates: Any) -> Any:
    to_h, to_gates = [*g, None][:2]
    return _gru_back(xp, to_h, to_gates, gates, h)


gru_step.vjp(("from_x", "from_h", "h"), _gru_step_rule)


@op(method=False)
def gru_cell(
    xp: Namespace,
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One GRU step: input (B, I) and state (B, H) give the new state."""
    _check_step("gru_cell", input, hx, w_ih, w_hh)
    return xp.gru_step(xp.linear(input, w_ih, b_ih), xp.linear(hx, w_hh, b_hh), hx)[0]


def _cell_sample(gates: int) -> Any:
    def samples(make: Any) -> Any:
        n = 2 * gates
        yield call(make(2, 3), make(2, 2), make(n, 3), make(n, 2), make(n), make(n))
        yield call(make(2, 3), make(2, 2), make(n, 3), make(n, 2))

    return samples


def _layer_sample(gates: int) -> Any:
    def samples(make: Any) -> Any:
        n = 2 * gates
        yield call(make(3, 2, 3), make(2, 2), make(n, 3), make(n, 2), make(n), make(n))
        yield call(make(2, 1, 3), make(1, 2), make(n, 3), make(n, 2), reverse=True)

    return samples


gru_cell.sample(_cell_sample(3))


@op(method=False, outputs=("output", "h", "gates"))
def gru_layer(
    xp: Namespace,
    input: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """A GRU over (T, B, I), from last step to first where `reverse`.

    Weights (3H, I), (3H, H) and biases (3H,) of the gates r, z, n. Gives outputs (T, B, H), the last one
    (B, H), and for the gradient all gates with the state's part of n (T, B, 4H).
    """
    check_layer("gru", input, h0, w_ih, w_hh)
    sums, h, outputs, gates = xp.linear(input, w_ih, b_ih), h0, [], []
    for t in _steps(input.shape[0], reverse):
        new, gate = xp.gru_step(_at(xp, sums, t), xp.linear(h, w_hh, b_hh), h)
        h = _held(xp, mask, t, new, h)
        outputs.append(h)
        gates.append(gate)
    return _in_time(xp, outputs, reverse), h, _in_time(xp, gates, reverse)


@op(method=False, whole=True, outputs=("to_x", "to_h_sums", "to_h"))
def gru_layer_gradient(
    xp: Namespace,
    g_output: Tensor | None,
    g_h: Tensor | None,
    g_gates: Tensor | None,
    before: Tensor,
    w_hh: Tensor,
    mask: Tensor | None,
    gates: Tensor,
    reverse: bool,
) -> Tensor:
    """Gradients of the sums (T, B, 3H) of input and of state, and of h0."""
    to_h, from_x, from_h = g_h, [], []
    for t in _steps(gates.shape[0], not reverse):
        dh = to_h if g_output is None else _plus(to_h, _at(xp, g_output, t))
        dg = None if g_gates is None else _at(xp, g_gates, t)
        x_sum, h_sum, kept = _gru_back(xp, dh, dg, _at(xp, gates, t), _at(xp, before, t))
        if mask is not None:
            seen, zero = _at(xp, mask, t), xp.full((), 0, x_sum.dtype)
            x_sum, h_sum = xp.where(seen, x_sum, zero), xp.where(seen, h_sum, zero)
            kept = xp.where(seen, kept, zero if dh is None else dh)
        to_h = kept + xp.matmul(h_sum, w_hh)
        from_x.append(x_sum)
        from_h.append(h_sum)
    return _in_time(xp, from_x, not reverse), _in_time(xp, from_h, not reverse), to_h


def _gru_layer_rule(
    xp: Namespace,
    g: Any,
    input: Any,
    h0: Any,
    w_ih: Any,
    w_hh: Any,
    mask: Any,
    output: Any,
    gates: Any,
    reverse: bool,
    needs: Any,
) -> Any:
    before = _before(xp, output, h0, reverse)
    g = [*g, None, None][:3]
    to_x, to_sums, to_h = xp.gru_layer_gradient(*g, before, w_hh, mask, gates, reverse)
    names = ("input", "h0", "w_ih", "w_hh", "b_ih", "b_hh")
    out = _layer_gradients(xp, to_x, to_sums, input, before, w_ih, dict(zip(names, needs)))
    return [out[n] if n != "h0" else to_h for n in names]


gru_layer.vjp(("input", "h0", "w_ih", "w_hh", "b_ih", "b_hh"), _gru_layer_rule)
gru_layer.sample(_layer_sample(3))

# ---- plain networks (Elman 1990)


def _activated(xp: Namespace, x: Any, nonlinearity: str) -> Any:
    return xp.tanh(x) if nonlinearity == "tanh" else xp.relu(x)


def _activation_back(xp: Namespace, g: Any, out: Any, nonlinearity: str) -> Any:
    return g * (1 - out * out) if nonlinearity == "tanh" else xp.rectify_gradient(g, out)


def _plain_cell(nonlinearity: str) -> Any:
    def body(
        xp: Namespace,
        input: Tensor,
        hx: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None = None,
        b_hh: Tensor | None = None,
    ) -> Tensor:
        _check_step(f"rnn_{nonlinearity}_cell", input, hx, w_ih, w_hh)
        return _activated(
            xp, xp.linear(input, w_ih, b_ih) + xp.linear(hx, w_hh, b_hh), nonlinearity
        )

    body.__name__ = f"rnn_{nonlinearity}_cell"
    body.__doc__ = f"One step: `{nonlinearity}(input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh)`, (B, I), (B, H) to (B, H)."
    return op(method=False)(body).sample(_cell_sample(1))


rnn_tanh_cell, rnn_relu_cell = _plain_cell("tanh"), _plain_cell("relu")


@op(method=False, outputs=("output", "h"))
def rnn_layer(
    xp: Namespace,
    input: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    reverse: bool = False,
    nonlinearity: str = "tanh",
    mask: Tensor | None = None,
) -> Tensor:
    """A plain recurrent layer, 'tanh' or 'relu', over (T, B, I): outputs (T, B, H) and the last one (B, H)."""
    check_layer("rnn", input, h0, w_ih, w_hh)
    sums, h, across = xp.linear(input, w_ih, _bias(b_ih, b_hh)), h0, xp.transpose(w_hh, 0, 1)
    outputs = []
    for t in _steps(input.shape[0], reverse):
        new = _activated(xp, _at(xp, sums, t) + xp.matmul(h, across), nonlinearity)
        h = _held(xp, mask, t, new, h)
        outputs.append(h)
    return _in_time(xp, outputs, reverse), h


@op(method=False, whole=True, outputs=("sums", "to_h"))
def rnn_layer_gradient(
    xp: Namespace,
    g_output: Tensor | None,
    g_h: Tensor | None,
    w_hh: Tensor,
    mask: Tensor | None,
    output: Tensor,
    reverse: bool,
    nonlinearity: str,
) -> Tensor:
    """Gradients of the sums (T, B, H) and of h0."""
    to_h, sums = g_h, []
    for t in _steps(output.shape[0], not reverse):
        dh = to_h if g_output is None else _plus(to_h, _at(xp, g_output, t))
        sum_ = _activation_back(xp, dh, _at(xp, output, t), nonlinearity)
        if mask is not None:
            sum_ = xp.where(_at(xp, mask, t), sum_, xp.full((), 0, sum_.dtype))
        to_h = _held(xp, mask, t, xp.matmul(sum_, w_hh), dh)
        sums.append(sum_)
    return _in_time(xp, sums, not reverse), to_h


def _rnn_layer_rule(
    xp: Namespace,
    g: Any,
    input: Any,
    h0: Any,
    w_ih: Any,
    w_hh: Any,
    mask: Any,
    output: Any,
    reverse: bool,
    nonlinearity: str,
    needs: Any,
) -> Any:
    g_output, g_h = [*g, None][:2]
    sums, to_h = xp.rnn_layer_gradient(g_output, g_h, w_hh, mask, output, reverse, nonlinearity)
    names = ("input", "h0", "w_ih", "w_hh", "b_ih", "b_hh")
    before = _before(xp, output, h0, reverse)
    out = _layer_gradients(xp, sums, sums, input, before, w_ih, dict(zip(names, needs)))
    return [out[n] if n != "h0" else to_h for n in names]


rnn_layer.vjp(("input", "h0", "w_ih", "w_hh", "b_ih", "b_hh"), _rnn_layer_rule)
rnn_layer.sample(_layer_sample(1))
