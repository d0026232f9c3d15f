"""What one taped operation costs, counted in Python frames: times differ by machine, frames don't."""

import sys

import pytest

import facula


def frames(function):
    """Names of the Python functions that a second call of `function` enters."""
    function()
    names = []

    def watch(frame, event, _):
        if event == "call":
            names.append(frame.f_code.co_name)

    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(None)
    return [n for n in names if n not in ("<lambda>",)]


x = facula.ones(10, requires_grad=True)
y = facula.ones(10, requires_grad=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda: x.tanh(),
        lambda: x.exp(),
        lambda: -x,
        lambda: x + y,
        lambda: x * y,
        lambda: x * 2.0,
        lambda: x / y,
        lambda: x - y,
        lambda: x > y,
    ],
)
def test_a_taped_operator_is_one_frame(function):
    assert len(frames(function)) == 1


def test_what_an_operator_runs_is_what_was_compiled_for_its_op():
    assert frames(lambda: x + y) == ["add"]


a = facula.ones(3, 4, requires_grad=True)
b = facula.ones(4, 3, requires_grad=True)


@pytest.mark.parametrize(
    "function, most",
    [
        (lambda: x[2:7], 7),
        (lambda: x[3], 6),
        (lambda: x.reshape(2, 5), 10),
        (lambda: a @ b, 7),
        (lambda: facula.ops.linear.linear.call(a, a), 8),
    ],
)
def test_views_and_products_do_not_take_the_general_way(function, most):
    names = frames(function)
    assert not {"run", "execute", "run_composite"} & set(names)
    assert len(names) <= most, names
