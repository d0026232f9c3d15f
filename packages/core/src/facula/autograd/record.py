"""The recorder: runs an op on the arrays of tensors and leaves a node on the tape.

`run` is the general way for one-node ops, `run_composite` for ops without a gradient of their own.
`autograd.calls` makes each op's recorded function, which takes a shorter way where it can.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from facula import promotion
from facula._tensor import Parameter, Tensor, View, edge_of, is_tracked
from facula.autograd.halves import ONE_PRODUCT, half_kernel
from facula.autograd.mode import plain, state
from facula.autograd.parts import PARTS, joined
from facula.dtypes import B8, BOOL, F32, F64, FLOAT, FROM_NUMPY, HALF, I64, INTEGER
from facula.mixed_devices import mixed_devices
from facula.ops._op import OPS, REQUIRED, Op
from facula.ops.dims import broadcast_shapes

tick = count(1).__next__
new = object.__new__


class Node:
    """One recorded op: where its gradients go (`edges`), what its rules need (`kept`)."""

    __slots__ = (
        "op",
        "edges",
        "kept",
        "options",
        "plan",
        "time",
        "shape",
        "backend",
        "__dict__",
        "__weakref__",
    )

    op: Op
    edges: tuple[Any, ...]  # per input: the Node or leaf Tensor its gradient goes to, or None
    kept: tuple[Any, ...] | None  # None once freed by a backward pass
    options: tuple[Any, ...]
    plan: Plan  # what `kept` holds, and the rules to call on it
    time: int  # creation order: the engine runs nodes from young to old
    shape: tuple[int, ...]  # of the output, to which cotangents are summed
    backend: Any
    half = None  # the NumPy dtype, where a float16 or bfloat16 op computed in float32
    hooks: Any = None
    traceback: Any = None  # where the op was called, in anomaly mode

    def __repr__(self) -> str:
        return f"<{self.op.name} node>"


class MarkedNode(Node):
    """A Node that has hooks, a traceback or a half: `mark` makes it one. An ordinary backward pass need not look for those."""

    __slots__ = ()


def mark(node: Any) -> None:
    if node.__class__ is Node:
        node.__class__ = MarkedNode


class Output(Node):
    """One output of a several-output node; its gradient waits in the node until all have come."""

    __slots__ = ("node", "index")

    node: Node
    index: int


# ---- plans: what a node must keep, for each set of inputs that want a gradient


class Plan:
    """For a bit mask of tracked inputs: what to save, and the rules to call on what was saved."""

    __slots__ = ("saves", "calls", "keep", "back", "positions")

    def __init__(self, op: Op, mask: int, spans: list[range]):
        names: list[str] = []
        self.calls = []
        for rule in op.rules:
            targets = [spans[op.inputs.index(t)] for t in rule.targets]
            if any(mask >> i & 1 for span in targets for i in span):
                for name in rule.names:
                    if name not in names:
                        names.append(name)
                needs = tuple(any(mask >> i & 1 for i in span) for span in targets)
                positions = tuple(names.index(n) for n in rule.names)
                lists = tuple(_kind(op, t) == "list" for t in rule.targets)
                self.calls.append(
                    (rule.function, targets, lists, positions, needs, "needs" in rule.names)
                )
        self.saves = tuple(_save(op, name) for name in names)
        #: The values to keep, of (inputs, options, outputs).
        self.keep = _keeper(self.saves)
        #: What an ordinary backward pass runs (`autograd.back`), and for which inputs it gives gradients;
        #: made when a pass first comes here.
        self.back: Any = None
        self.positions: tuple[int, ...] = ()


INPUT, OUTPUT, OPTION, SHAPE, DTYPE, NEEDS, MANY = range(7)


def _kind(op: Op, name: str) -> str:
    return next(p.kind for p in op.parameters if p.name == name)


def _save(op: Op, name: str) -> tuple[int, Any, str]:
    if name == "needs":
        return NEEDS, 0, name
    if name in op.inputs:
        return (MANY if _kind(op, name) == "list" else INPUT), op.inputs.index(name), name
    if name in op.options:
        return OPTION, op.options.index(name), name
    if name == "out":
        return OUTPUT, 0, name
    if name in op.outputs:
        return OUTPUT, op.outputs.index(name), name
    for suffix, kind in (("_shape", SHAPE), ("_shapes", SHAPE), ("_dtype", DTYPE)):
        if name.endswith(suffix) and name.removesuffix(suffix) in op.inputs:
            return kind, op.inputs.index(name.removesuffix(suffix)), name
    raise TypeError(
        f"a rule of op '{op.name}' asks for {name!r}, which is no input, output or option of it"
    )


def plan_for(op: Op, mask: int, ins: tuple[Any, ...]) -> Plan:
    if not op.has_lists:
        plan = op.plans.get(mask)
        if plan is None:
            spans = [range(i, i + 1) for i in range(len(op.inputs))]
            plan = op.plans[mask] = Plan(op, mask, spans)
        return plan
    sizes = tuple([len(x) if x.__class__ is tuple else -1 for x in ins])
    plan = op.plans.get((mask, sizes))
    if plan is None:
        spans, start = [], 0
        for n in sizes:
            spans.append(range(start, start + abs(n)))
            start += abs(n)
        if len(op.plans) > MOST_PLANS:  # lists of ever new lengths
            op.plans.clear()
        plan = op.plans[mask, sizes] = Plan(op, mask, spans)
    return plan


#: So many plans an op with list inputs keeps.
MOST_PLANS = 1000


def version(t: Any) -> int:
    cell = t._cell
    return 0 if cell is None else cell[0]


def keep_input(x: Any) -> Any:
    """An input as nodes keep it: a tensor that was never written as itself, another one with its version."""
    return (x, x._cell[0]) if isinstance(x, Tensor) and x._cell and x._cell[0] else x


def kept_input(kept: Any) -> tuple[Any, int]:
    """The tensor (or number, or None) and its version, of what `keep_input` gave."""
    return kept if kept.__class__ is tuple else (kept, 0)


def _keep_output(tensor: Tensor) -> tuple[Any, list[int], int]:
    """The array and its version cell, not the tensor: that would close a reference cycle."""
    cell = tensor._cell
    if cell is None:
        cell = tensor._cell = [0]
    return tensor._array, cell, cell[0]


def _shape_of(x: Any) -> Any:
    if x.__class__ is tuple:
        return tuple([y._array.shape if isinstance(y, Tensor) else _shape_of(y) for y in x])
    return x._array.shape if isinstance(x, Tensor) else ()


def _dtype_of(x: Any) -> Any:
    return x._array.dtype if isinstance(x, Tensor) else None


def _keep_inputs(xs: Any) -> Any:
    return tuple([keep_input(x) for x in xs])


_KEPT = {
    INPUT: "x{i} if not isinstance(x{i} := ins[{at}], Tensor) or not x{i}._cell or not x{i}._cell[0] else keep_input(x{i})",
    SHAPE: "x{i}._array.shape if isinstance(x{i} := ins[{at}], Tensor) else _shape_of(x{i})",
    OUTPUT: "_keep_output(outs[{at}])", OPTION: "opts[{at}]", DTYPE: "_dtype_of(ins[{at}])", NEEDS: "None",
    MANY: "_keep_inputs(ins[{at}])",
}  # fmt: skip


def _keeper(saves: Any) -> Any:
    values = "".join(_KEPT[kind].format(at=at, i=i) + ", " for i, (kind, at, _) in enumerate(saves))
    return eval(f"lambda ins, opts, outs: ({values})", globals())


def make_node(
    op: Op,
    mask: int,
    ins: tuple[Any, ...],
    flat: Any,
    opts: tuple[Any, ...],
    outs: Any,
    backend: Any,
) -> Node:
    node = new(Node)
    node.op, node.options, node.backend = op, opts, backend
    node.edges = tuple([
        None if not mask >> i & 1 else (x._node or x) if x._view is None else edge_of(x)
        for i, x in enumerate(flat)
    ])  # fmt: skip
    node.plan = plan = plan_for(op, mask, ins)
    node.kept = plan.keep(ins, opts, outs)
    node.time = tick()
    return node


# ---- arguments


def flatten(ins: tuple[Any, ...]) -> tuple[Any, ...]:
    out: list[Any] = []
    for x in ins:
        if x.__class__ is tuple:
            out.extend(x)
        else:
            out.append(x)
    return tuple(out)


def unflatten(ins: tuple[Any, ...], flat: Any) -> tuple[Any, ...]:
    rest = iter(flat)
    return tuple(tuple(next(rest) for _ in x) if x.__class__ is tuple else next(rest) for x in ins)


def tensor_args(op: Op, flat: tuple[Any, ...], needs_array: bool) -> tuple[Any, ...]:
    """`flat` with arrays and stray scalars turned into tensors, all on one device."""
    backend = common_backend(op, flat)
    out = []
    for x in flat:
        if x is None or isinstance(x, Tensor):
            pass
        elif isinstance(x, (bool, int, float, complex)):
            if needs_array:
                x = from_array(backend, backend.full((), x, promotion.scalar_dtype(x).dtype))
        else:
            x = _foreign(op, x, backend)
        if isinstance(x, Tensor) and x._backend is not backend:
            x = OPS["to_backend"].call(x, backend, x._backend)
        out.append(x)
    return tuple(out)


def _foreign(op: Op, x: Any, backend: Any) -> Any:
    import numpy as np

    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray):
        raise TypeError(
            f"{op.name}: got a numpy.ndarray, expected a Tensor; convert it with facula.from_numpy(array)"
        )
    raise TypeError(f"{op.name}: got a {type(x).__name__}, expected a Tensor or a number")


def common_backend(op: Op, flat: tuple[Any, ...]) -> Any:
    """The device of all tensors; a 0-d CPU tensor may join tensors elsewhere, as in PyTorch."""
    tensors = [x for x in flat if isinstance(x, Tensor)]
    if not tensors:
        from facula.backends.registry import default_backend

        return default_backend()
    strong = [t for t in tensors if t._array.shape or t._backend.device.type != "cpu"] or tensors
    backend = strong[0]._backend
    for t in strong[1:]:
        if t._backend is not backend:
            raise mixed_devices(op, flat)
    return backend


def promote(op: Op, flat: tuple[Any, ...]) -> tuple[Any, ...]:
    """Casts the inputs to the dtype that the op computes in; taped, so gradients come back cast."""
    d = common_dtype(op, flat)
    if op.promote == "values":
        return (_cast_to(flat[0], FROM_NUMPY[B8]), *[_cast_to(x, d) for x in flat[1:]])
    return tuple([_cast_to(x, d) for x in flat])


def common_dtype(op: Op, flat: tuple[Any, ...]) -> Any:
    """The dtype that an op which promotes computes in; with 'values' the first input is a condition."""
    parts = flat[1:] if op.promote == "values" else flat
    tensors = [x._array for x in parts if isinstance(x, Tensor)]
    d = promotion.result_dtype(
        tensors, [x for x in parts if not isinstance(x, Tensor) and x is not None]
    )
    if op.promote == "float":
        return promotion.to_float(d)
    if op.refuses_bool and d.category == BOOL:
        raise RuntimeError(op.refuses_bool)
    return FROM_NUMPY[I64] if op.promote == "number" and d.category == BOOL else d


def _cast_to(x: Any, d: Any) -> Any:
    if isinstance(x, Tensor):
        return x if x._array.dtype is d.dtype else OPS["cast"].call(x, d.dtype)
    return None if x is None else _scalar_as(x, d)


def _scalars_placed(op: Op, flat: tuple[Any, ...]) -> tuple[Any, ...]:
    """`flat` with its Python scalars as 0-d tensors of the dtype that the op will compute in."""
    if op.promote is None or not any(isinstance(x, Tensor) for x in flat):
        return flat
    dtype, backend = common_dtype(op, flat).dtype, common_backend(op, flat)
    settled = promote(op, flat)
    return tuple(
        from_array(backend, backend.full((), x, dtype)) if x.__class__ in _SCALARS else x
        for x in settled
    )


def _scalar_as(x: Any, d: Any) -> Any:
    """A Python scalar that a kernel may combine with arrays of dtype `d` without changing theirs."""
    if d.category == FLOAT:
        return float(x)
    if d.category == INTEGER:
        bits = d.itemsize * 8
        if not -(1 << 63) <= x < 1 << 64:
            raise OverflowError(f"{x} has no room in an integer of 64 bits, beside a tensor of {d}")
        x = int(x) & ((1 << bits) - 1)
        return x - (1 << bits) if d.is_signed and x >> (bits - 1) else x
    return bool(x) if d.category == BOOL else complex(x)


def _is_settled(arrays: list[Any], op: Op) -> bool:
    """The cheap, common case: arrays of one floating dtype (any dtype but bool, for 'common')."""
    dt = arrays[0].dtype if hasattr(arrays[0], "dtype") else None
    if dt is None or not (dt is F32 or dt is F64 or (dt is I64 and op.promote == "common")):
        return False
    for a in arrays:
        if getattr(a, "dtype", None) is not dt:
            return False
    return True


# ---- running


def from_array(backend: Any, array: Any) -> Tensor:
    """A fresh tensor around a backend's array."""
    if array.__class__ is not backend.Array:
        array = backend.wrap(array)
    out = new(Tensor)
    out._array, out._backend = array, backend
    out._node = out._view = out._cell = None
    out._requires_grad = False
    return out


def run(op: Op, ins: tuple[Any, ...], opts: tuple[Any, ...]) -> Any:
    """Runs a one-node op on tensors (or scalars); records it where an input is tracked."""
    mode = state.mode
    if mode is not True and mode is not False:
        return mode.run(op, ins, opts)
    flat = flatten(ins) if op.has_lists else ins
    arrays: list[Any] = []
    backend: Any = None
    mask, bit = 0, 1
    for x in flat:
        if isinstance(x, Tensor):
            if x._backend is not backend:
                if backend is not None:
                    return _run_uneven(op, ins, flat, opts)
                backend = x._backend
            if mode and (x._requires_grad if x._view is None else is_tracked(x)):
                mask |= bit
            arrays.append(x._array)
        elif x is None:
            arrays.append(None)
        elif op.promote is None or not op.takes_scalars or x.__class__ not in _SCALARS:
            return _run_uneven(op, ins, flat, opts)
        else:
            arrays.append(x)
        bit <<= 1
    if backend is None:
        return _run_uneven(op, ins, flat, opts)
    if op.promote is not None and not _is_settled(arrays, op):
        before, flat = flat, promote(op, flat)
        arrays = [x._array if isinstance(x, Tensor) else x for x in flat]
        if any(a is not b for a, b in zip(before, flat)):
            ins = unflatten(ins, flat) if op.has_lists else flat
    return execute(op, mask, ins, flat, arrays, opts, backend)


_SCALARS = frozenset((bool, int, float, complex))


def _plain(x: Any) -> Any:
    """Numbers of classes derived from Python's, as NumPy's float64 and enumerations, as Python's own."""
    if x.__class__ in _SCALARS:
        return x
    kinds: tuple[Any, ...] = (int, float, complex)
    return next((kind(x) for kind in kinds if isinstance(x, kind)), x)


def _run_uneven(op: Op, ins: tuple[Any, ...], flat: tuple[Any, ...], opts: tuple[Any, ...]) -> Any:
    """Scalars alone, several devices, foreign objects: made even, then run again."""
    flat = tuple(map(_plain, flat))
    needs_array = (
        op.promote is None or not op.takes_scalars or not any(isinstance(x, Tensor) for x in flat)
    )
    if needs_array and all(
        isinstance(x, Tensor) or x is None or x.__class__ in _SCALARS for x in flat
    ):
        flat = _scalars_placed(op, flat)
    flat = tensor_args(op, flat, needs_array)
    return run(op, unflatten(ins, flat), opts)


def explained(op: Op, arrays: Any, error: ValueError) -> Exception:
    """What to raise for an array library's ValueError: PyTorch's error where shapes cannot be broadcast."""
    shapes = [tuple(a.shape) for a in arrays if hasattr(a, "shape")]
    if op.promote is None or len(shapes) < 2:
        return error
    try:
        broadcast_shapes(*shapes)
    except RuntimeError as mismatch:
        return RuntimeError(f"{op.name}: {mismatch}")
    return error


def half_of(op: Op, arrays: list[Any]) -> Any:
    """float16 or bfloat16, where the op must compute in float32 and round once."""
    if op.arithmetic:
        for a in arrays:
            dtype = getattr(a, "dtype", None)
            if dtype is not F32 and dtype is not F64 and dtype in HALF:
                return dtype
    return None


def execute(
    op: Op, mask: int, ins: Any, flat: Any, arrays: list[Any], opts: tuple[Any, ...], backend: Any
) -> Any:
    half = half_of(op, arrays)
    kernel = getattr(backend, op.name) if half is None else half_kernel(backend, op)
    if op.has_lists:
        arrays = unflatten(ins, arrays)  # type: ignore[assignment]
    try:
        if op.order is None:
            result = kernel(*arrays, *opts)
        else:
            result = kernel(*[(arrays if is_input else opts)[i] for is_input, i in op.order])
    except ValueError as error:
        raise explained(op, arrays, error) from None
    if op.outputs:
        return several(op, mask, ins, flat, opts, result, backend, half)
    if half is not None and result.dtype is F32:
        result = backend.cast(result, half)
    if op.name == "to_backend":
        backend = opts[0]
    out = from_array(backend, result)
    if op.view:
        link_view(out, flat[0], op, opts)
    if mask and op.rules and out._array.dtype.kind not in "iub":
        node = make_node(op, mask, ins, flat, opts, (out,), backend)
        node.shape = out._array.shape
        if half is not None:
            node.half = half
            mark(node)
        out._node, out._requires_grad = node, True
    return out


def several(
    op: Op,
    mask: int,
    ins: Any,
    flat: Any,
    opts: tuple[Any, ...],
    result: Any,
    backend: Any,
    half: Any,
) -> Any:
    if half is not None:
        result = [backend.cast(r, half) if getattr(r, "dtype", None) is F32 else r for r in result]
    outs = [None if r is None else from_array(backend, r) for r in result]
    if mask and op.rules:
        node = make_node(op, mask, ins, flat, opts, outs, backend)
        node.shape = ()
        if half is not None:
            node.half = half
            mark(node)
        for i, out in enumerate(outs):
            if out is not None and out._array.dtype.kind not in "iub":
                attach_output(node, i, out, backend)
    return op.result(*outs)


_EMPTY_PLAN: Any = new(Plan)
_EMPTY_PLAN.saves, _EMPTY_PLAN.calls, _EMPTY_PLAN.back = (), [], False


def function_node(op: Any, edges: tuple[Any, ...], backend: Any) -> Node:
    """A node of the tape whose `op.backward(node, gradients of outputs, pass)` does all; outputs are attached to it."""
    node = new(Node)
    node.op, node.edges, node.kept, node.options, node.plan = op, edges, (), (), _EMPTY_PLAN
    node.shape, node.time, node.backend = (), tick(), backend
    return node


def attach_output(node: Node, index: int, out: Tensor, backend: Any) -> None:
    part = new(Output)
    part.node, part.index, part.backend = node, index, backend
    part.op, part.edges, part.kept, part.options = node.op, (), (), ()
    part.time, part.shape = tick(), out._array.shape
    out._node, out._requires_grad = part, True


def link_view(out: Tensor, source: Tensor, op: Op, opts: tuple[Any, ...]) -> None:
    """Makes `out` a view: it shares the version of its base and can be replayed from it."""
    cell = source._cell
    if cell is None:
        cell = source._cell = [0]
    out._cell = cell
    view = source._view
    out._view = View(source if view is None else view.base, view, op, opts, cell[0])


#: What an ordinary backward pass runs for `parts`.
_PARTS_PLAN: Any = new(Plan)
_PARTS_PLAN.saves, _PARTS_PLAN.calls, _PARTS_PLAN.positions = (), [], (0,)
_PARTS_PLAN.back = lambda node, gradients, xp: (joined(node, gradients, xp),)


def parts(input: Tensor, dim: int, sizes: Any) -> tuple[Tensor, ...] | None:
    """Views of `input` of these sizes, one after another along `dim`, of which one node joins the gradients.

    Each is the view that `slice` makes. None where that op must be called for each, as the tape or a mode wants it.
    """
    array, backend = input._array, input._backend
    if state.mode is not True or (array.dtype is not F32 and array.dtype is not F64):
        return None
    if not is_tracked(input):
        return None
    node = function_node(PARTS, (edge_of(input),), backend)
    node.options, node.plan = (array.shape, array.dtype, dim, sizes), _PARTS_PLAN
    out, start = [], 0
    for index, size in enumerate(sizes):
        options = (dim, start, start + size, 1)
        part = from_array(backend, backend.slice(array, *options))
        link_view(part, input, OPS["slice"], options)
        attach_output(node, index, part, backend)
        out.append(part)
        start += size
    return tuple(out)


class Recorder:
    """The recording namespace of one backend: what a body sees as `xp` when it is put on the tape."""

    def __init__(self, backend: Any):
        self.backend = backend

    def __getattr__(self, name: str) -> Any:
        op = OPS.get(name)
        if op is None:
            raise AttributeError(f"no op is named {name!r}")
        call = op.call
        if op.creation:
            backend = self.backend

            def call(*args: Any, **kwargs: Any) -> Tensor:
                return create(op, backend, *args, **kwargs)

        setattr(self, name, call)
        return call

    def stop(self, x: Tensor) -> Tensor:
        return x.detach()

    def by_rows(self, function: Any, shape: Any, columns: Any, options: Any = ()) -> Tensor:
        return function(self, *columns, *options)  # type: ignore[no-any-return]

    def asarray(self, array: Any) -> Tensor:
        """A NumPy array as a constant."""
        return from_array(self.backend, self.backend.asarray(array))

    def parts(self, input: Tensor, dim: int, sizes: Any) -> tuple[Tensor, ...] | None:
        return parts(input, dim, sizes)

    def strides(self, x: Tensor) -> tuple[int, ...]:
        return x._backend.strides(x._array)  # type: ignore[no-any-return]

    def is_contiguous(self, x: Tensor) -> bool:
        return x._backend.is_contiguous(x._array)  # type: ignore[no-any-return]


def recorder(backend: Any) -> Recorder:
    """The recording namespace of `backend`, made once."""
    found = backend.__dict__.get("_recorder")
    if found is None:
        found = backend._recorder = Recorder(backend)
    return found  # type: ignore[no-any-return]


def create(op: Op, backend: Any, *args: Any, **kwargs: Any) -> Tensor:
    """Runs a creation op (no tensor goes in) on a backend."""
    mode = state.mode
    if mode is not True and mode is not False:
        backend = mode.backend(backend)
        return mode.around(op.name, lambda: _created(op, backend, args, kwargs))  # type: ignore[no-any-return]
    return _created(op, backend, args, kwargs)


def _created(op: Op, backend: Any, args: Any, kwargs: Any) -> Tensor:
    try:
        made = getattr(backend, op.name)(*args, **kwargs)
    except ValueError as error:  # NumPy's, for sizes beyond what it can count
        raise RuntimeError(f"{op.name}: {error} (got {args[0] if args else kwargs})") from None
    return wrap_result(op, made, backend)  # type: ignore[no-any-return]


def wrap_result(op: Op, result: Any, backend: Any) -> Any:
    """Arrays in a raw result (also within tuples and lists) as tensors."""
    if result.__class__ is backend.Array or hasattr(result, "dtype"):
        return result if isinstance(result, Tensor) else from_array(backend, result)
    if isinstance(result, (tuple, list)):
        parts = [wrap_result(op, r, backend) for r in result]
        if op.result is not None and len(parts) == len(op.outputs):
            return op.result(*parts)
        return parts if isinstance(result, list) else tuple(parts)
    return result


def run_composite(op: Op, args: tuple[Any, ...]) -> Any:
    """Runs an op that has no gradient of its own.

    Untracked, its kernel (or its body) works on raw arrays; else its body is put on the tape.
    """
    mode = state.mode
    backend = _settled_backend(op, args) if mode is True or mode is False else None
    if backend is None:
        return _run_composite(op, args)
    if op.alias or (mode and any([is_tracked(args[i]) for i in op.places if args[i] is not None])):
        result = op.body(recorder(backend), *args)  # type: ignore[misc]
        if op.result is not None and not hasattr(result, "_fields"):
            result = op.result(*result)
        return result
    arrays = list(args)
    for i in op.places:
        if args[i] is not None:
            arrays[i] = args[i]._array
    return wrap_result(op, getattr(backend, op.name)(*arrays), backend)


def _settled_backend(op: Op, args: tuple[Any, ...]) -> Any:
    """The one device of all inputs, or None where one must be moved, cast or made a tensor first."""
    backend = dtype = None
    for i in op.places:
        x = args[i]
        if x is None:
            continue
        if not isinstance(x, Tensor) or not (backend is None or x._backend is backend):
            return None
        kind = x._array.dtype
        if kind is not F32 and kind is not F64 and (op.promote is not None or kind in HALF):
            return None
        if dtype is not None and kind is not dtype and op.promote is not None:
            return None
        backend, dtype = x._backend, kind
    return backend


def _run_composite(op: Op, args: tuple[Any, ...]) -> Any:
    """The same in general."""
    mode = state.mode
    if mode is not True and mode is not False:
        flat = flatten(tuple(args[i] for i in op.places))
        result = mode.enter(op, args, [x for x in flat if isinstance(x, Tensor)])
        if result is not NotImplemented:
            return result
    return continue_composite(op, args)


def continue_composite(op: Op, args: tuple[Any, ...]) -> Any:
    """The same once the mode has been told: the body on the tape, or kernel or body on raw arrays."""
    ins = tuple(args[i] for i in op.places)
    flat, mode = flatten(ins), plain(state.mode)
    if any(not isinstance(x, Tensor) and x is not None for x in flat) or _mixed(flat):
        if all(isinstance(x, Tensor) or x is None or x.__class__ in _SCALARS for x in flat):
            flat = _scalars_placed(op, flat)
        flat = tensor_args(op, flat, needs_array=True)
    if op.promote is not None:
        flat = promote(op, flat)
    backend = common_backend(op, flat)
    tracked = mode and any(isinstance(x, Tensor) and is_tracked(x) for x in flat)
    half = half_of(op, [None if x is None else x._array for x in flat])
    rounds = half is not None and op.name in ONE_PRODUCT
    if rounds:
        half = None
    if tracked or mode is None or op.alias or rounds:
        if half is not None:
            flat = tuple(_to_single(x) for x in flat)
        result = op.body(recorder(backend), *_merge(op, args, ins, flat))  # type: ignore[misc]
        if op.result is not None and not hasattr(result, "_fields"):
            result = op.result(*result)
        return result if half is None else _to_half(op, result, half)
    arrays = [None if x is None else x._array for x in flat]
    if half is not None:
        arrays = [backend.cast(a, F32) if getattr(a, "dtype", None) in HALF else a for a in arrays]
    try:
        raw = getattr(backend, op.name)(*_merge(op, args, ins, arrays))
    except ValueError as error:
        raise explained(op, arrays, error) from None
    result = wrap_result(op, raw, backend)
    return result if half is None else _to_half(op, result, half)


def _mixed(flat: tuple[Any, ...]) -> bool:
    backends = {id(x._backend) for x in flat if x is not None}
    return len(backends) > 1


def _merge(op: Op, args: tuple[Any, ...], ins: tuple[Any, ...], flat: Any) -> list[Any]:
    rest = iter(unflatten(ins, flat))
    return [a if p.kind == "option" else next(rest) for a, p in zip(args, op.parameters)]


def _to_single(x: Any) -> Any:
    return OPS["cast"].call(x, F32) if x is not None and x._array.dtype in HALF else x


def _to_half(op: Op, result: Any, half: Any) -> Any:
    if isinstance(result, Tensor):
        return OPS["cast"].call(result, half) if result._array.dtype is F32 else result
    if isinstance(result, (tuple, list)):
        parts = [_to_half(op, r, half) for r in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result
