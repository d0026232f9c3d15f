"""Recurrent layers against PyTorch's, both directions, masks; time and memory linear in the length."""

from __future__ import annotations

import numpy as np
import pytest

import facula
from facula.ops.recurrent import gru_layer, lstm_layer, rnn_layer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity
RNG = np.random.default_rng(0)
LAYERS = {"LSTM": (4, lstm_layer), "GRU": (3, gru_layer), "RNN": (1, rnn_layer)}


def draws(*shape):
    return RNG.normal(size=shape).astype(np.float32) * 0.2


def weights_of(gates, inputs, hidden):
    return [
        draws(gates * hidden, inputs),
        draws(gates * hidden, hidden),
        draws(gates * hidden),
        draws(gates * hidden),
    ]


@pytest.mark.parametrize("kind", LAYERS)
def test_equals_torch(kind):
    gates, layer = LAYERS[kind]
    x, weights = draws(20, 3, 5), weights_of(gates, 5, 6)
    theirs = getattr(torch.nn, kind)(5, 6)
    with torch.no_grad():
        for p, w in zip(theirs.parameters(), weights):
            p.copy_(torch.tensor(w))
    given = torch.tensor(x, requires_grad=True)
    expected = theirs(given)[0]
    expected.pow(2).sum().backward()
    mine, tensors = (
        facula.tensor(x, requires_grad=True),
        [facula.tensor(w, requires_grad=True) for w in weights],
    )
    states = [facula.zeros(3, 6)] * (2 if kind == "LSTM" else 1)
    out = layer(mine, *states, *tensors)[0]
    out.pow(2).sum().backward()
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), 1e-4, 1e-6)
    np.testing.assert_allclose(mine.grad.numpy(), given.grad.numpy(), 1e-4, 1e-6)
    for p, w in zip(theirs.parameters(), tensors):
        np.testing.assert_allclose(w.grad.numpy(), p.grad.numpy(), 1e-4, 1e-5)


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"batch_first": True}, {"proj_size": 2}])  # fmt: skip
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_batch_of_no_sequences(kind, options, compiled):
    if "proj_size" in options and kind != "LSTM":
        options = {"num_layers": 2}
    shapes = []
    for lib in (torch, facula):
        layer = getattr(lib.nn, kind)(3, 4, **options)

        def step(x, layer=layer):
            output, states = layer(x)
            output.sum().backward()
            return output, *(states if kind == "LSTM" else [states])

        x = lib.zeros((0, 5, 3) if "batch_first" in options else (5, 0, 3))
        results = (facula.compile(step) if compiled and lib is facula else step)(x)
        shapes.append([tuple(r.shape) for r in results])
        assert all(not p.grad.any() for p in layer.parameters())
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("reverse", [False, True])
def test_masked_steps_leave_the_state(kind, reverse):
    """A short sequence beside a long one gives what it gives alone, gradients included."""
    gates, layer = LAYERS[kind]
    x, weights = draws(6, 2, 3), weights_of(gates, 3, 4)
    mask = np.ones((6, 2, 1), bool)
    mask[4:, 1] = False

    def run(x, batch, **options):
        tensors = [
            facula.tensor(x, requires_grad=True),
            *[facula.tensor(w, requires_grad=True) for w in weights],
        ]
        states = [facula.zeros(batch, 4)] * (2 if kind == "LSTM" else 1)
        result = layer(tensors[0], *states, *tensors[1:], reverse=reverse, **options)
        return result, tensors

    (_, together, *_), inputs = run(x, 2, mask=facula.tensor(mask))
    (_, alone, *_), short = run(x[:4, 1:], 1)
    together[1:].sum().backward()
    alone.sum().backward()
    np.testing.assert_allclose(together.detach().numpy()[1:], alone.detach().numpy(), 1e-5, 1e-6)
    np.testing.assert_allclose(inputs[0].grad.numpy()[:4, 1:], short[0].grad.numpy(), 1e-4, 1e-6)
    for a, b in zip(inputs[1:], short[1:]):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), 1e-4, 1e-6)


def test_lstm_projection():
    tensors = [draws(5, 2, 3), draws(2, 2), draws(2, 4), draws(16, 3), draws(16, 2)]
    x, h, c, w_ih, w_hh = (facula.tensor(t.astype(np.float64), requires_grad=True) for t in tensors)
    w_hr = facula.tensor(draws(2, 4).astype(np.float64), requires_grad=True)
    assert facula.autograd.gradcheck(
        lambda x, h, c, a, b, r: lstm_layer(x, h, c, a, b, w_hr=r)[:3], [x, h, c, w_ih, w_hh, w_hr]
    )


def test_time_is_linear_in_the_length(growth):
    weights = [facula.tensor(w, requires_grad=True) for w in weights_of(4, 8, 8)]
    state = facula.zeros(2, 8)

    def layer(length):
        x = facula.tensor(draws(length, 2, 8), requires_grad=True)
        lstm_layer(x, state, state, *weights)[0].sum().backward()

    assert growth(layer, 300, 2400) < 20  # 8 if linear, 64 if quadratic
