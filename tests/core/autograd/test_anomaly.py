"""Anomaly mode: where a NaN in a gradient is an error, by the same table for PyTorch, and what the error says."""

from __future__ import annotations

import contextlib
import importlib

import pytest

import facula

LIBRARIES = ["facula", pytest.param("torch", marks=pytest.mark.parity)]

#: A function of two zeros whose gradient is NaN somewhere, and the op that made it so.
FUNCTIONS = [
    (lambda T, x: (x.sqrt() * 0).sum(), "sqrt"),
    (lambda T, x: x[:1].sum() * float("nan"), "mul"),
    (lambda T, x: ((x * 2)[:1].sqrt() * 0).sum(), "sqrt"),
    (lambda T, x: x.unbind(0)[0].log() * 0, "log"),
]


def mode(T, on):
    return T.autograd.set_detect_anomaly(True) if on else contextlib.nullcontext()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("forward, backward", [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize("function, name", FUNCTIONS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_nan_is_refused_in_a_backward_pass_in_anomaly_mode(
    library, function, name, forward, backward, create_graph
):
    T = importlib.import_module(library)
    x = T.zeros(2, requires_grad=True)
    with mode(T, forward):
        y = function(T, x)
    refused = pytest.raises(RuntimeError, match=rf"(?i)'{name}.*' returned nan")
    with mode(T, backward), refused if backward else contextlib.nullcontext():
        T.autograd.grad(y, x, create_graph=create_graph)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_nan_given_to_a_slice(library):
    T = importlib.import_module(library)
    with mode(T, True), pytest.raises(RuntimeError, match=r"(?i)'slice.*' returned nan"):
        T.zeros(2, requires_grad=True)[:1].backward(T.tensor([float("nan")]))


@pytest.mark.parametrize("library", LIBRARIES)
def test_without_the_check(library):
    T = importlib.import_module(library)
    x = T.zeros(2, requires_grad=True)
    with T.autograd.set_detect_anomaly(True, check_nan=False):
        FUNCTIONS[0][0](T, x).backward()
    assert x.grad.isnan().all()


def test_names_op_and_line():
    with facula.autograd.set_detect_anomaly(True):
        x = facula.tensor([-1.0], requires_grad=True)
        y = x.sqrt()  # the line to be named
        with pytest.raises(RuntimeError, match="'sqrt' returned nan") as caught:
            y.sum().backward()
    assert "the line to be named" in "".join(caught.value.__notes__)
    assert not facula.autograd.is_anomaly_enabled()


def test_says_what_would_tell_the_line():
    y = facula.tensor([-1.0], requires_grad=True).sqrt()
    with facula.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    assert "anomaly detection in the forward pass as well" in caught.value.__notes__[0]
