"""Why a function is captured anew is said; stances, reset, disable."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys

import pytest

import facula
from facula import nn
from facula.graph import CaptureError

X = facula.tensor([1.0, 2.0])


class Config:
    def __init__(self):
        self.scale, self.parts = 2.0, {"a": 1.0}


def reasons(f, *calls):
    for call in calls:
        f(*call)
    return list(f.recompilations)


def test_what_changed_is_named():
    config, model = Config(), nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    f = facula.compile(lambda x: model(x) * config.scale * config.parts["a"])
    f(X)

    def change(place, key, value):
        place.__setitem__(key, value) if isinstance(place, dict) else setattr(place, key, value)
        f(X)
        return f.recompilations[-1]

    assert change(config, "scale", 3.0) == "config.scale is 3.0, was 2.0"
    assert change(config.parts, "a", 4) == "config.parts['a'] is 4, was 1.0"
    assert change(config.parts, "b", 4) == "config.parts['b'] is new"
    assert change(config, "parts", {"a": 1.0, "b": 4}) == "config.parts is another object"
    model.eval()
    f(X)
    assert f.recompilations[-1] == "model.0.training is False, was True"
    model[0].weight.requires_grad_(False)
    f(X)
    assert f.recompilations[-1] == "requires_grad of 'model.0.weight' is False, was True"
    model[0].weight = nn.Parameter(facula.ones(2, 2))
    f(X)
    assert f.recompilations[-1] == "model.0.weight is another object"
    assert f.captures == 8


def test_what_differs_between_calls_is_named():
    f = facula.compile(lambda x, n=1: x * (n if isinstance(n, int) else 2))
    y = facula.ones(2, 3)
    assert reasons(f, (X,), (y,), (y, 2), (y, 3), (y, "word")) == [
        "tensor 0 of the arguments is float32[2, 3] on cpu (strides [3, 1]), was float32[2] on cpu (strides [1])",
        "number of positional arguments is 2, was 1",
        "an argument of type int is 3, was 2",
        "an argument is str, was int",
    ]
    g = facula.compile(lambda x: x["a"] * 2)
    assert reasons(g, ({"a": X},), ({"a": X, "b": X},), ({"a": X.double(), "b": X},)) == [
        "an argument of type dict is ('a', 'b'), was ('a',)",
        "tensor 0 of the arguments is float64[2] on cpu (strides [1]), was float32[2] on cpu (strides [1])",
    ]
    with facula.no_grad():
        g({"a": X})
    assert g.recompilations[-1] == "grad mode is False, was True"


def test_they_are_told_where_logs_are_asked_for(capsys):
    f = facula.compile(lambda x: x * 2)
    with contextlib.redirect_stderr(io.StringIO()):  # where it went before
        facula._logging.set_logs(recompiles=True)
    facula._logging.set_logs(recompiles=True)
    try:
        reasons(f, (X,), (X.double(),))
    finally:
        facula._logging.set_logs()
    reasons(f, (X.int(),))
    told = capsys.readouterr().err
    assert told.count("captured anew") == 1
    assert "[facula.recompiles] '<lambda>' is captured anew: tensor 0 of the arguments" in told


def test_the_environment_asks_for_logs():
    text = (
        "import facula; f = facula.compile(lambda x: x * 2); f(facula.ones(2)); f(facula.ones(3))"
    )

    def run(logs):
        environment = os.environ | {"FACULA_LOGS": logs}
        return subprocess.run(
            [sys.executable, "-c", text], env=environment, capture_output=True, text=True
        )

    told = run("+recompiles,graph").stderr
    assert "captured anew: tensor 0" in told
    assert told.count("mul(%arg0, 2.0)") == 2
    assert run("").stderr == ""
    wrong = run("recompile")
    assert "FACULA_LOGS names recompile; there are: recompiles (why" in wrong.stderr


def test_stances():
    f = facula.compile(lambda x: x * 2)
    with facula.compiler.set_stance("force_eager"):
        assert f(X).tolist() == [2.0, 4.0]
        assert f.captures == 0
    f(X)
    with facula.compiler.set_stance("fail_on_recompile"):
        f(X)
        with pytest.raises(RuntimeError, match=r"forbids: tensor 0 of the arguments is float64\[2\]"):  # fmt: skip
            f(X.double())
    with facula.compiler.set_stance("eager_on_recompile"):
        assert f(X.double()).dtype is facula.float64
    assert f.captures == 1
    f(X.double())
    assert f.captures == 2
    with pytest.raises(ValueError, match="no stance is named 'x'"):
        facula.compiler.set_stance("x")


def test_reset_disable_and_names():
    f = facula.compile(lambda x: x * 2)
    f(X)
    facula.compiler.reset()
    assert f.captures == 0
    assert f(X).tolist() == [2.0, 4.0]
    assert {"c", "eager"} <= set(facula.compiler.list_backends())
    seen = []
    g = facula.compile(lambda x: (seen.append(facula.compiler.is_compiling()), x)[1])
    g(X)
    assert seen == [True]
    assert not facula.compiler.is_compiling()
    outside = facula.compiler.disable(lambda x: x + 1)
    assert outside(X).tolist() == [2.0, 3.0]
    with pytest.raises(CaptureError, match=r"compiling is disabled.*test_recompilation\.py"):
        facula.compile(lambda x: outside(x))(X)
