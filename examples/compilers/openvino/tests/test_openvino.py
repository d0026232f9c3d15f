"""Models compiled by OpenVINO give what eager gives; what has no translation is replayed and said."""

import threading

import numpy as np
import pytest
from openvino_compiler.compiler import Model

import facula
from facula import nn, optim


def mlp():
    return nn.Sequential(nn.Linear(20, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 8), nn.SiLU(), nn.Linear(8, 3), nn.Softmax(-1)), (5, 20)  # fmt: skip


def cnn():
    layers = [
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, stride=2, groups=2, bias=False),
        nn.Tanh(), nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.Linear(32, 10), nn.LogSoftmax(1),
    ]  # fmt: skip
    return nn.Sequential(*layers), (4, 3, 12, 12)


def encoder():
    return nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), (2, 6, 16)


def keywords():
    return nn.Sequential(nn.Conv1d(4, 8, 5, dilation=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 12, 3)), (2, 4, 20)  # fmt: skip


@pytest.mark.parametrize("make", [mlp, cnn, encoder, keywords])
def test_models_equal_eager(make):
    facula.manual_seed(0)
    model, shape = make()
    for _ in range(2):
        model(facula.randn(*shape))  # statistics of batch norm
    model.eval()
    compiled = facula.compile(model, backend="openvino")
    with facula.no_grad():
        for _ in range(3):
            x = facula.randn(*shape)
            np.testing.assert_allclose(compiled(x).numpy(), model(x).numpy(), rtol=2e-4, atol=2e-5)
        next(model.parameters()).data.mul_(1.5)  # a write is seen
        np.testing.assert_allclose(compiled(x).numpy(), model(x).numpy(), rtol=2e-4, atol=2e-5)
    assert compiled.compiled.captures == 1
    (found,) = compiled.compiled.programs.values()
    assert isinstance(found[0][1].code, Model)


def test_dtypes_numbers_comparisons_and_special_values():
    x = facula.tensor([0.0, -0.0, 1.5, float("inf"), -float("inf"), float("nan")])

    def f(x):
        return (
            x * 2 + 1,
            x > 0,
            x <= x.neg(),
            x == x,
            x != 1.5,
            x < 1,
            x.bool().float() / 3,
            x[1:4].sum(),
            1 / x,
            x.amax(),
            (x - x).abs(),
            x.clone(),
        )

    for got, expected in zip(facula.compile(f, backend="openvino")(x), f(x), strict=True):
        assert got.dtype is expected.dtype
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-6)


def test_results_have_memory_of_their_own():
    f = facula.compile(lambda x: x + 1, backend="openvino")
    a = f(facula.zeros(3))
    b = f(facula.ones(3))
    a.zero_()
    assert b.tolist() == [2.0, 2.0, 2.0]


def test_what_has_no_translation_is_replayed():
    f = facula.compile(lambda x: x.cumsum(0), backend="openvino")
    with pytest.warns(UserWarning, match="no translation of 'cumsum'"):
        assert f(facula.ones(3)).tolist() == [1.0, 2.0, 3.0]
    assert f(facula.ones(3)).tolist() == [1.0, 2.0, 3.0]
    h = facula.compile(lambda x: x / 3, backend="openvino")
    with pytest.warns(UserWarning, match=r"float64\[1\]"):
        assert h(facula.ones(1).double()).item() == 1 / 3
    g = facula.compile(lambda x: x + facula.rand(3), backend="openvino")
    with pytest.warns(UserWarning, match="random numbers"):
        g(facula.ones(3))


def test_training_steps_are_replayed():
    model = nn.Linear(3, 2)
    optimizer = optim.AdamW(model.parameters())

    def step(x):
        optimizer.zero_grad()
        loss = model(x).pow(2).sum()
        loss.backward()
        optimizer.step()
        return loss

    f = facula.compile(step, backend="openvino")
    x = facula.randn(4, 3)
    with pytest.warns(UserWarning, match="replayed, not compiled by OpenVINO"):
        losses = [f(x).item() for _ in range(4)]
    assert losses == sorted(losses, reverse=True)


def test_threads_share_a_program():
    f = facula.compile(lambda x: (x * x).sum(), backend="openvino")
    f(facula.ones(100))
    found = {}

    def work(k):
        found[k] = [f(facula.full((100,), float(k))).item() for _ in range(20)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == {k: [100.0 * k * k] * 20 for k in range(4)}


def test_it_is_listed():
    assert "openvino" in facula.compiler.list_backends()
