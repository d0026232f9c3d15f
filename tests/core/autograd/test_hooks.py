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


def write_all(y):
    y.mul_(3)


def write_a_view(y):
    y[:1].mul_(3)


def write_a_number(y):
    y[0] = 5.0


def write_twice(y):
    y[:1].mul_(3)
    y.retain_grad()
    y[1:].mul_(3)


@pytest.mark.parametrize("write", [write_all, write_a_view, write_a_number, write_twice])
@pytest.mark.parametrize("library", LIBRARIES)
def test_a_gradient_that_is_retained_is_of_what_the_tensor_holds_at_last(library, write):
    T = importlib.import_module(library)
    x = T.ones(3, requires_grad=True)
    y = x * 2
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))  # of what it held then
    y.retain_grad()
    write(y)
    (y * T.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert y.retains_grad and y.grad.tolist() == [1.0, 10.0, 100.0]
    assert seen == [[x / 2 for x in x.grad.tolist()]]


@pytest.mark.parametrize("write", [lambda y, v: y.mul_(3), lambda y, v: v.mul_(3), lambda y, v: y[1:].mul_(3)])  # fmt: skip
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_same_of_a_view(library, write):
    T = importlib.import_module(library)
    y = T.ones(3, requires_grad=True) * 2
    v = y[:2]
    v.retain_grad()
    write(y, v)
    (v * T.tensor([1.0, 10.0])).sum().backward()
    assert v.grad.tolist() == [1.0, 10.0]


@pytest.mark.parametrize("create_graph", [True, False])
@pytest.mark.parametrize("hooked", ["x", "y", "z"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_grad_of_several_inputs_of_which_one_has_a_hook(library, hooked, create_graph):
    """What a hook returns goes on. What is asked for is what came to the hook, or at the end of the way what it returned."""
    T = importlib.import_module(library)
    x = T.tensor(2.0, requires_grad=True)
    y = x * 3
    z = y * y
    tensors = {"x": x, "y": y, "z": z}
    tensors[hooked].register_hook(lambda g: g * 10)

    def found(names):
        wanted = [tensors[n] for n in names]
        return [g.item() for g in T.autograd.grad(z * 2, wanted, None, True, create_graph)]

    by_y = 240.0 if hooked == "z" else 24.0
    assert found("xyz") == found("zyx")[::-1] == [720.0, by_y, 2.0]
    assert found("z") == [20.0 if hooked == "z" else 2.0]
    assert found("y") == [24.0 if hooked == "x" else 240.0]


@pytest.mark.parametrize("library", LIBRARIES)
def test_inputs_of_backward(library):
    T = importlib.import_module(library)
    x = T.tensor(2.0, requires_grad=True)
    y = x * 3
    y.register_hook(lambda g: g * 10)
    z = y * 2
    z.backward(inputs=[y, x])
    assert (y.grad.item(), x.grad.item()) == (20.0, 60.0)
    with pytest.raises(RuntimeError, match="cannot be empty"):
        z.backward(inputs=[])
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad=F"):
        z.backward(inputs=[T.tensor(1.0)])
