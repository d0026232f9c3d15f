"""`autograd.Function`: an operation whose forward and backward a user writes on tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from facula._tensor import Tensor, bump, edge_of, is_tracked
from facula.autograd.mode import enable_grad, is_grad_enabled, no_grad
from facula.autograd.record import Node, attach_output, from_array, function_node, version


class FunctionCtx:
    """What `forward` leaves for `backward`."""

    _materialize = True

    def __init__(self) -> None:
        self._saved: tuple[Any, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._constant: tuple[Tensor, ...] = ()
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors for `backward`, with a check that they are not written in between."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save tensors, got {type(t).__name__}; set it on ctx"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        if self._freed:
            raise RuntimeError(
                "Trying to backward through the graph a second time: the saved tensors were freed by the first "
                "backward; give retain_graph=True there if you need a second"
            )
        return tuple(unpack() for unpack in self._saved)

    _freed = False
    _to_save: tuple[Any, ...] = ()

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        return self.saved_tensors

    def mark_dirty(self, *args: Tensor) -> None:
        """Says which inputs `forward` wrote in place; they must be returned."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Says which outputs have no gradient."""
        self._constant = args

    def set_materialize_grads(self, value: bool) -> None:
        """With False, absent gradients reach `backward` as None, else as zeros."""
        self._materialize = value


class _Differentiation:
    """Stands for the op of a Function's nodes."""

    view, holomorphic, rules, outputs = False, True, (), ()

    def __init__(self, function: type[Function]):
        self.name = function.__name__
        self.function = function

    def backward(self, node: Node, g: Any, run: Any) -> list[tuple[int, Any]]:
        ctx = node.ctx  # type: ignore[attr-defined]
        parts = g if isinstance(g, list) else [g]
        parts += [None] * (len(node.output_shapes) - len(parts))  # type: ignore[attr-defined]
        cotangents = []
        for part, (shape, dtype) in zip(parts, node.output_shapes):  # type: ignore[attr-defined]
            if part is None:
                zero = (
                    node.backend.full(shape, 0, dtype)
                    if ctx._materialize and shape is not None
                    else None
                )
                cotangents.append(None if zero is None else from_array(node.backend, zero))
            else:
                cotangents.append(run.wrap(part, node.backend))
        with enable_grad() if run.create_graph else no_grad():
            results = self.function.backward(ctx, *cotangents)
        if not run.retain_graph:
            ctx._freed, ctx._saved = True, ()
        return self._checked(node, results, run)

    def _checked(self, node: Node, results: Any, run: Any) -> list[tuple[int, Any]]:
        results = results if isinstance(results, tuple) else (results,)
        edges = node.edges
        if (len(results) > len(edges) and any(r is not None for r in results[len(edges) :])) or len(
            results
        ) < len(edges):
            raise RuntimeError(
                f"function {self.name} returned an incorrect number of gradients (expected {len(edges)}, got {len(results)})"
            )
        out = []
        for i, (edge, r) in enumerate(zip(edges, results)):
            if edge is None or r is None:
                continue
            if not isinstance(r, Tensor):
                raise RuntimeError(
                    f"function {self.name}: gradient {i} must be a Tensor or None, got {type(r).__name__}"
                )
            out.append((i, run.unwrap(r)))
        return out


class Function:
    """Subclass it with static `forward(ctx, ...)` and `backward(ctx, *grads)`; call it with `apply`.

    `forward` may also be written without ctx, with a `setup_context(ctx, inputs, output)` beside it.

    >>> class Double(facula.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return grad * 2
    >>> x = facula.tensor(3.0, requires_grad=True)
    >>> Double.apply(x).backward(); x.grad
    tensor(2.)
    """

    _op: Any = None
    setup_context: Any = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._op = _Differentiation(cls)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs `forward` unrecorded and leaves one node on the tape."""
        ctx = FunctionCtx()
        recording = is_grad_enabled()
        tracked = tuple(isinstance(a, Tensor) and recording and is_tracked(a) for a in args)
        ctx.needs_input_grad = tracked
        edges = tuple(edge_of(a) if t else None for a, t in zip(args, tracked))
        with no_grad():
            if cls.setup_context is not None:
                outputs = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, outputs)
            else:
                outputs = cls.forward(ctx, *args, **kwargs)
        single = not isinstance(outputs, tuple)
        results = list((outputs,) if single else outputs)
        for t in ctx._dirty:
            bump(t)
        node = cls._record(ctx, args, results, edges) if any(tracked) else None
        _save(ctx, results, node)
        return results[0] if single else tuple(results)

    @classmethod
    def _record(cls, ctx: FunctionCtx, args: Any, results: list[Any], edges: Any) -> Node:
        tensors = [r for r in results if isinstance(r, Tensor)]
        backend = (tensors or [a for a in args if isinstance(a, Tensor)])[0]._backend
        node = function_node(cls._op, edges, backend)
        node.ctx = ctx  # type: ignore[attr-defined]
        shapes = [
            (r._array.shape, r._array.dtype) if isinstance(r, Tensor) else (None, None)
            for r in results
        ]
        node.output_shapes = shapes  # type: ignore[attr-defined]
        dirty, constant = {id(t) for t in ctx._dirty}, {id(t) for t in ctx._constant}
        for i, r in enumerate(results):
            if (
                not isinstance(r, Tensor)
                or id(r) in constant
                or not (r.is_floating_point() or r.is_complex())
            ):
                continue
            if (any(r is a for a in args) and id(r) not in dirty) or (
                r._requires_grad and id(r) not in dirty
            ):
                r = results[i] = r.detach()
            attach_output(node, i, r, node.backend)
        return node


def _save(ctx: FunctionCtx, results: list[Any], node: Node | None) -> None:
    """Turns what was saved into unpackers; an output is kept as its array, or a cycle would close."""
    ctx._saved = tuple(_unpacker(t, ctx, results, node) for t in ctx._to_save)
    ctx._to_save = ()


def _unpacker(
    t: Tensor | None, ctx: FunctionCtx, results: list[Any], node: Node | None
) -> Callable[[], Any]:
    if t is None:
        return lambda: None
    at = version(t)
    if node is None or not any(t is r for r in results):
        return lambda: _verified(t, at)
    array, backend = t._array, t._backend
    cell = t._cell = t._cell or [0]
    part = t._node
    time, shape, index = part.time, part.shape, getattr(part, "index", 0)
    import weakref

    node_ref = weakref.ref(node)

    def unpack() -> Tensor:
        fresh = from_array(backend, array)
        fresh._cell = cell
        parent = node_ref()
        if parent is not None and is_grad_enabled():
            attach_output(parent, index, fresh, backend)
            fresh._node.time, fresh._node.shape = time, shape
        return _verified(fresh, at)

    return unpack


def _verified(t: Tensor, at: int) -> Tensor:
    if version(t) != at:
        raise RuntimeError(
            f"one of the variables needed for gradient computation has been modified by an inplace operation: a saved "
            f"tensor of shape {list(t.shape)} is at version {version(t)}; expected version {at} instead."
        )
    return t


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a `backward` that is not differentiable itself: its results are off the tape."""

    @wraps(function)
    def wrapped(ctx: Any, *args: Any) -> Any:
        with no_grad():
            return function(ctx, *args)

    return wrapped
