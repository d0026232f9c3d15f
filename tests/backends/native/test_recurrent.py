"""Recurrent layers in C against the ops' definitions in float64: tiles, masks, both directions, rows and units shared out."""

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula.graph.runtime import recurrent_layers
from facula.ops._op import OPS
from facula_native import recurrent, units

pytestmark = pytest.mark.usefixtures("every_size")
backend = backend_for("cpu")
random = np.random.default_rng(5)
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
#: Steps, batch, units: less than a vector, whole vectors, and half or parts of two behind them, more rows than a tile, too few rows for each thread.
SIZES = [(1, 1, 1), (3, 2, 5), (4, 9, 16), (5, 26, 40), (2, 3, 90)]


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = facula.get_num_threads()
    facula.set_num_threads(request.param)
    yield request.param
    facula.set_num_threads(before)


def below(*args):
    raise AssertionError("the kernel below was asked")


def drawn(*shape):
    return random.normal(size=shape).astype(np.float32)


def wide(x):
    return x.astype(np.float64) if getattr(x, "dtype", None) == np.float32 else x


def compare(name, *args):
    """The results of ours, held against those of the op's body in float64."""
    ours = recurrent.WRAPPERS[name](backend, below)(*args)
    for got, expected in zip(ours, OPS[name].body(backend, *map(wide, args)), strict=True):
        assert got.dtype == np.float32 and got.flags.c_contiguous
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    return ours


def masks(length, batch):
    ends = random.integers(0, length + 1, batch)
    return [None, (np.arange(length)[:, None] < ends)[..., None]]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn", "relu"])
def test_layers(kind, reverse, size, threads):
    length, batch, hidden = size
    name = "rnn" if kind == "relu" else kind
    gates = GATES[name] * hidden
    states = [drawn(batch, hidden) for _ in range(2 if name == "lstm" else 1)]
    weights = [drawn(gates, 3), drawn(gates, hidden) / hidden**0.5, drawn(gates), drawn(gates)]
    options = ["relu" if kind == "relu" else "tanh"] if name == "rnn" else []
    for mask in masks(length, batch):
        more = [None, mask] if name == "lstm" else [*options, mask]
        out = compare(f"{name}_layer", drawn(length, batch, 3), *states, *weights, reverse, *more)
        for g_output, *g_states in (
            [drawn(length, batch, hidden), *map(np.copy, states)],
            [None, *states],
            [drawn(length, batch, hidden), *[None for _ in states]],
        ):
            w_hh = weights[1]
            if name == "lstm":
                saved = [None, None, states[1], w_hh, None, mask, out[3], out[4], reverse]
            elif name == "gru":
                before = drawn(length, batch, hidden)
                saved = [None, before, w_hh, mask, out[2], reverse]
            else:
                saved = [w_hh, mask, out[0], reverse, *options]
            compare(f"{name}_layer_gradient", g_output, *g_states, *saved)


def test_weights_of_more_than_a_cache_are_shared_by_units(threads):
    hidden = 600
    state = drawn(9, hidden)
    weights = [drawn(4 * hidden, 2), drawn(4 * hidden, hidden) / hidden**0.5]
    compare("lstm_layer", drawn(2, 9, 2), state, state, *weights)


def test_arrays_of_any_layout_and_values_that_are_no_numbers():
    x, state = drawn(4, 3, 6).transpose(1, 0, 2), drawn(7, 4).T
    w_ih, w_hh = drawn(6, 28).T, drawn(7, 28).T
    x[1, 2, 0], state = np.nan, np.ascontiguousarray(state)
    output = compare("lstm_layer", x, state, drawn(7, 4).T, w_ih, w_hh)[0]
    assert np.isnan(output[1:, 2]).all() and np.isfinite(np.delete(output, 2, 1)).all()
    relu = compare("rnn_layer", x, state, drawn(6, 7).T, drawn(7, 7), None, None, False, "relu")
    assert np.isnan(relu[0][1:, 2]).any()


def test_what_is_left_to_the_kernel_below(monkeypatch):
    asked = []
    layer = recurrent.WRAPPERS["lstm_layer"](backend, lambda *args: asked.append(args))
    state, w = drawn(2, 4), drawn(16, 4)
    layer(*map(wide, (drawn(3, 2, 4), state, state, w, w)))
    layer(drawn(3, 2, 4), drawn(2, 2), state, w, drawn(16, 2), w_hr=drawn(2, 4))
    monkeypatch.setattr(units, "SMALL", 1000)
    layer(drawn(3, 2, 4), state, state, w, w)
    assert len(asked) == 3
    with pytest.raises(RuntimeError, match="inconsistent size"):
        layer(drawn(3, 2, 5), state, state, w, w)


def test_modules_give_what_the_kernels_below_give(monkeypatch):
    """Results and gradients of a module agree with those that NumPy's kernels give."""
    model = facula.nn.GRU(6, 20, 2, bidirectional=True, batch_first=True)
    packed = facula.nn.utils.rnn.pack_padded_sequence(
        facula.tensor(drawn(5, 7, 6)), [7, 3, 6, 1, 5], batch_first=True, enforce_sorted=False
    )

    def gradients():
        model.zero_grad()
        out, state = model(packed)
        (out.data.square().sum() + state.sum()).backward()
        return [out.data, state, *[p.grad for p in model.parameters()]]

    ours = gradients()
    monkeypatch.setattr(recurrent_layers.NumpyLayers, "takes", lambda *args: False)
    for a, b in zip(ours, gradients(), strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=2e-5, atol=2e-5)
