"""What hooks on gradients may return, by the same table for PyTorch."""

from __future__ import annotations

import importlib

import pytest

LIBRARIES = ["facula", pytest.param("torch", marks=pytest.mark.parity)]

#: What a hook returns for a gradient of two ones, and the error.
RETURNED = [
    (lambda T, g: 3, TypeError, "expected Variable, but hook returned 'int'"),
    (lambda T, g: [g], TypeError, "expected Variable, but hook returned 'list'"),
    (lambda T, g: g.numpy(), TypeError, "expected Variable, but hook returned '.*ndarray'"),
    (lambda T, g: g.double(), RuntimeError, "has changed the type of value"),
    (lambda T, g: T.ones(3, 2), RuntimeError, "has changed the size of value"),
]

#: The same for the hooks of a module with one input and one output.
RETURNED_BY_MODULES = [
    (lambda T, g: (3,), TypeError, "expected Variable, but hook returned 'int'"),
    (lambda T, g: (g[0], g[0]), RuntimeError, "invalid number of grad_.*, got 2, but expected 1"),
    (lambda T, g: (T.ones(3, 2),), RuntimeError, "has changed the size of value"),
    (lambda T, g: (g[0].double(),), RuntimeError, "has changed the type of value"),
]


@pytest.mark.parametrize("where", ["leaf", "between"])
@pytest.mark.parametrize("returned, error, text", RETURNED)
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_cannot_replace_a_gradient(library, returned, error, text, where):
    T = importlib.import_module(library)
    x = T.ones(2, requires_grad=True)
    y = x * 2
    (x if where == "leaf" else y).register_hook(lambda g: returned(T, g))
    with pytest.raises(error, match=text):
        y.sum().backward()


@pytest.mark.parametrize("kind", ["register_full_backward_hook", "register_full_backward_pre_hook"])
@pytest.mark.parametrize("returned, error, text", RETURNED_BY_MODULES)
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_cannot_replace_the_gradients_of_a_module(library, returned, error, text, kind):
    T = importlib.import_module(library)
    layer = T.nn.Tanh()
    getattr(layer, kind)(lambda module, *gradients: returned(T, gradients[0]))
    with pytest.raises(error, match=text):
        layer(T.ones(2, requires_grad=True)).sum().backward()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_list_of_gradients_is_taken_from_a_module_s_hook(library):
    T = importlib.import_module(library)
    layer = T.nn.Identity()
    layer.register_full_backward_hook(lambda module, inputs, outputs: [inputs[0] * 3])
    x = T.ones(2, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
