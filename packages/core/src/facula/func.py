"""Functions that transform functions: gradients, products with Jacobians, calls with other parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula._tensor import Tensor
from facula.autograd import functional
from facula.autograd.mode import enable_grad
from facula.nn.utils.stateless import functional_call

__all__ = ["functional_call", "grad", "grad_and_value", "hessian", "jacrev", "jvp", "vjp"]


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"module 'facula.func' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def _map(function: Callable[[Tensor], Any], tree: Any) -> Any:
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return {k: _map(function, v) for k, v in tree.items()}
    if isinstance(tree, (tuple, list)):
        parts = [_map(function, v) for v in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return tree


def grad_and_value(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Any:
    """A function that gives the gradient of `func` (one element) with respect to argument `argnums`, and its value.

    That argument may be a tensor, or tuples, lists and dicts of tensors; a tuple of `argnums` gives a tuple.
    The gradient can be differentiated again.
    """
    from facula import autograd

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        numbers = argnums if isinstance(argnums, tuple) else (argnums,)
        leaves: list[Tensor] = []

        def start(t: Tensor) -> Tensor:
            leaves.append(t.view_as(t) if t.requires_grad else t.detach().requires_grad_())
            return leaves[-1]

        given = list(args)
        with enable_grad():
            for i in numbers:
                given[i] = _map(start, given[i])
            result = func(*given, **kwargs)
            value, aux = result if has_aux else (result, None)
            if not isinstance(value, Tensor) or value.numel() != 1:
                what = (
                    f"shape {list(value.shape)}"
                    if isinstance(value, Tensor)
                    else type(value).__name__
                )
                raise RuntimeError(
                    f"grad: the function must return one tensor with one element, got {what}"
                )
            tracked = any(t.requires_grad for t in _tensors(args))
            found = autograd.grad(
                value, leaves, create_graph=True, allow_unused=True, materialize_grads=True
            )
        if not tracked:
            found, value = tuple(g.detach() for g in found), value.detach()
        rest = iter(found)
        grads = tuple(_map(lambda t: next(rest), given[i]) for i in numbers)
        grads = grads if isinstance(argnums, tuple) else grads[0]
        return (grads, (value, aux)) if has_aux else (grads, value)

    return wrapped


def _tensors(tree: Any) -> list[Tensor]:
    found: list[Tensor] = []
    _map(found.append, tree)
    return found


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Any:
    """A function that gives the gradient of `func`; see `grad_and_value`.

    >>> facula.func.grad(lambda x: (x**3).sum())(facula.tensor([1.0, 2.0]))
    tensor([ 3., 12.])
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        grads, value = grad_and_value(func, argnums, has_aux)(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapped


def vjp(
    func: Callable[..., Any], *primals: Tensor
) -> tuple[Any, Callable[..., tuple[Tensor, ...]]]:
    """`func(*primals)`, and the function that multiplies a cotangent by its Jacobian."""
    from facula import autograd

    with enable_grad():
        inputs = tuple(
            x.view_as(x) if x.requires_grad else x.detach().requires_grad_() for x in primals
        )
        outputs = func(*inputs)

    def product(*cotangents: Any) -> tuple[Tensor, ...]:
        given = (
            cotangents[0]
            if len(cotangents) == 1 and isinstance(cotangents[0], tuple)
            else cotangents
        )
        return autograd.grad(
            outputs, inputs, given, retain_graph=True, allow_unused=True, materialize_grads=True
        )

    return _map(
        lambda t: t if any(x.requires_grad for x in primals) else t.detach(), outputs
    ), product


def jvp(func: Callable[..., Any], primals: tuple[Tensor, ...], tangents: tuple[Tensor, ...]) -> Any:
    """`func(*primals)`, and its Jacobian times `tangents`."""
    return functional.jvp(func, primals, tangents)


def jacrev(func: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """A function that gives the Jacobian of `func` with respect to argument `argnums`."""

    def wrapped(*args: Any) -> Any:
        def one(x: Tensor) -> Any:
            return func(*args[:argnums], x, *args[argnums + 1 :])

        return functional.jacobian(one, args[argnums], create_graph=args[argnums].requires_grad)

    return wrapped


def hessian(func: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """A function that gives the Hessian of `func` with respect to argument `argnums`."""

    def wrapped(*args: Any) -> Any:
        def one(x: Tensor) -> Any:
            return func(*args[:argnums], x, *args[argnums + 1 :])

        return functional.hessian(one, args[argnums], create_graph=args[argnums].requires_grad)

    return wrapped
