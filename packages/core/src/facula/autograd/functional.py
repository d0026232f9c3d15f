"""Jacobians, Hessians and their products with vectors, of functions of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _as_tuple(values: Any, what: str, name: str) -> tuple[Tensor, ...]:
    found = values if isinstance(values, tuple) else (values,)
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"The {what} given to {name} must be either a Tensor or a tuple of Tensors but the value "
                f"at index {i} has type {type(x)}."
            )
    return found


def _as_given(results: list[Tensor] | tuple[Tensor, ...], given: Any) -> Any:
    return tuple(results) if isinstance(given, tuple) else results[0]


def _start(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    """The inputs as nodes or leaves of their own; with `create_graph` still tied to what they come from."""
    return tuple(
        x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_()
        for x in inputs
    )


def _grads(
    outputs: Any, inputs: Any, given: Any, create_graph: bool, strict: bool, retain: bool = True
) -> list[Tensor]:
    """Gradients of those outputs that depend on anything; zeros for inputs that nothing depends on."""
    from facula.autograd import grad

    kept = [(o, g) for o, g in zip(outputs, given) if o.requires_grad]
    results: Any = (None,) * len(inputs)
    if kept:
        results = grad(
            [o for o, _ in kept],
            inputs,
            [g for _, g in kept],
            retain_graph=retain,
            create_graph=create_graph,
            allow_unused=True,
        )
    if strict and any(r is None for r in results):
        at = next(i for i, r in enumerate(results) if r is None)
        raise RuntimeError(
            f"The output of the user-provided function is independent of input {at}. "
            f"This is not allowed in strict mode."
        )
    return [x.detach().new_zeros(x.shape) if r is None else r for r, x in zip(results, inputs)]


def _finish(tensors: list[Tensor], create_graph: bool) -> list[Tensor]:
    return tensors if create_graph else [t.detach() for t in tensors]


def _vectors(v: Any, like: tuple[Tensor, ...], name: str) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"{name}: the vector v can only be None if the function has one output with a single element"
            )
        return (like[0].detach().new_ones(like[0].shape),)
    vectors = _as_tuple(v, "v", name)
    if len(vectors) != len(like):
        raise RuntimeError(f"{name}: v is a tuple of {len(vectors)} tensors, expected {len(like)}")
    for i, (a, b) in enumerate(zip(vectors, like)):
        if a.shape != b.shape:
            raise RuntimeError(
                f"{name}: v[{i}] has shape {list(a.shape)}, expected {list(b.shape)}"
            )
    return vectors


def _scalar(outputs: tuple[Tensor, ...], name: str) -> None:
    if len(outputs) != 1 or outputs[0].numel() != 1:
        shapes = [list(o.shape) for o in outputs]
        raise RuntimeError(
            f"{name}: the function must return one tensor with one element, got {shapes}"
        )


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """`func(*inputs)`, and `v` times its Jacobian. `v` has the shapes of the outputs."""
    with enable_grad():
        xs = _start(_as_tuple(inputs, "inputs", "vjp"), create_graph)
        outputs = func(*xs)
        ys = _as_tuple(outputs, "outputs of the user-provided function", "vjp")
        products = _grads(ys, xs, _vectors(v, ys, "vjp"), create_graph, strict)
    return _as_given(_finish(list(ys), create_graph), outputs), _as_given(
        _finish(products, create_graph), inputs
    )


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """`func(*inputs)`, and its Jacobian times `v`, which has the shapes of the inputs.

    The product is the gradient of a gradient, which is linear in the cotangent: two backward passes.
    """
    with enable_grad():
        xs = _start(_as_tuple(inputs, "inputs", "jvp"), create_graph)
        vectors = _vectors(v, xs, "jvp")
        outputs = func(*xs)
        ys = _as_tuple(outputs, "outputs of the user-provided function", "jvp")
        cotangents = [y.detach().new_zeros(y.shape).requires_grad_() for y in ys]
        back = _grads(ys, xs, cotangents, True, strict)
        products = _grads(back, cotangents, vectors, create_graph, False)
    return _as_given(_finish(list(ys), create_graph), outputs), _as_given(
        _finish(products, create_graph), outputs
    )


def _rows(y: Tensor, xs: tuple[Tensor, ...], create_graph: bool, strict: bool) -> list[Tensor]:
    """The Jacobian of one output with respect to each input: shape of the output, then of the input."""
    import facula

    rows: list[list[Tensor]] = []
    flat = y.reshape(-1)
    for i in range(flat.numel()):
        one = flat.detach().new_ones(())
        rows.append(_grads([flat[i]], xs, [one], create_graph, strict))
    if not rows:
        return [x.detach().new_zeros((*y.shape, *x.shape)) for x in xs]
    return [
        facula.stack([row[k] for row in rows]).reshape((*y.shape, *x.shape))
        for k, x in enumerate(xs)
    ]


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian: a tensor of the shape of the output, then of the input.

    A tuple of outputs or of inputs gives tuples (outputs outermost). One backward pass per element
    of the output; `vectorize` and `strategy` change nothing.

    >>> facula.autograd.functional.jacobian(lambda x: x**2, facula.tensor([1.0, 3.0]))
    tensor([[2., 0.],
            [0., 6.]])
    """
    with enable_grad():
        xs = _start(_as_tuple(inputs, "inputs", "jacobian"), create_graph)
        outputs = func(*xs)
        ys = _as_tuple(outputs, "outputs of the user-provided function", "jacobian")
        table = [
            _as_given(_finish(_rows(y, xs, create_graph, strict), create_graph), inputs) for y in ys
        ]
    return tuple(table) if isinstance(outputs, tuple) else table[0]


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Second derivatives of a function with one element: the shape of the input twice; tuples nest."""
    _as_tuple(inputs, "inputs", "hessian")

    def slope(*xs: Tensor) -> Any:
        ys = _as_tuple(func(*xs), "outputs of the user-provided function", "hessian")
        _scalar(ys, "hessian")
        return tuple(_grads([ys[0].reshape(())], xs, [ys[0].detach().new_ones(())], True, strict))

    table = jacobian(slope, inputs, create_graph=create_graph, strict=strict)
    return table if isinstance(inputs, tuple) else table[0]


def _slope(func: Any, inputs: Any, v: Any, create_graph: bool, strict: bool, name: str) -> Any:
    xs = _start(_as_tuple(inputs, "inputs", name), create_graph)
    outputs = func(*xs)
    ys = _as_tuple(outputs, "outputs of the user-provided function", name)
    _scalar(ys, name)
    slopes = _grads(ys, xs, [ys[0].detach().new_ones(ys[0].shape)], True, strict)
    return xs, outputs, list(ys), slopes, _vectors(v, xs, name)


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """`func(*inputs)`, and `v` times its Hessian: the gradient of the gradient's product with `v`."""
    with enable_grad():
        xs, outputs, ys, slopes, vectors = _slope(func, inputs, v, create_graph, strict, "vhp")
        products = _grads(slopes, xs, vectors, create_graph, strict)
    return _as_given(_finish(ys, create_graph), outputs), _as_given(
        _finish(products, create_graph), inputs
    )


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """`func(*inputs)`, and its Hessian times `v`; a Hessian is symmetric, so this is `vhp`."""
    return vhp(func, inputs, v, create_graph, strict)
