"""The recorded functions of ops, with the signatures of their definitions, made at their first use.

Each is generated for what goes in: the functions of `x + y` and `tanh(x)`, of a few tensors, of a view are
one Python frame from the call to the backend's kernel, because a small tensor spends its time here. What
they do not cover (other dtypes, scalars, several devices, modes) goes to `record.run`, which says the same in general.
"""

from __future__ import annotations

from typing import Any

from facula.autograd import record
from facula.autograd.record import DTYPE, INPUT, NEEDS, OPTION, OUTPUT, SHAPE, plan_for
from facula.ops._op import REQUIRED, Op


def build_call(op: Op) -> Any:
    """The recorded function of an op, with the signature of its definition."""
    if op.creation:
        source = _CREATION
    elif op.is_node and _is_binary(op):
        source = _BINARY
    elif op.is_node and _is_unary(op):
        source = _UNARY
    elif op.is_node and _is_view(op):
        source = _VIEW_NODE
    elif op.is_node and _is_plain(op):
        source = _few_inputs(op)
    elif op.is_node and _is_list(op):
        source = _LIST
    elif op.is_node:
        source = _NODE
    elif (
        op.alias
        and op.inputs == (op.parameters[0].name,)
        and op.promote is None
        and not op.arithmetic
    ):
        source = _VIEW
    else:
        source = _COMPOSITE
    return _compile(op, source)


def build_first(op: Op) -> Any:
    """The same for an op of several outputs and a fixed number of inputs; gives the first output alone."""
    assert _is_plain(op), op
    return _compile(op, _few_inputs(op, _FIRST), take="[0]")


def _is_binary(op: Op) -> bool:
    # A body must not meet a Python float in place of an array, and the generated function passes one on.
    is_plain = op.takes_scalars and not op.has_lists and not op.outputs
    return op.promote is not None and len(op.inputs) == 2 == len(op.parameters) and is_plain


def _is_unary(op: Op) -> bool:
    """Whether one tensor goes in, before any options, and one comes out on the same device."""
    return (
        op.parameters[0].kind == "tensor"
        and len(op.inputs) == 1
        and not (op.outputs or op.view or op.name == "to_backend")
        and _NAMES.isdisjoint(op.options)
    )


def _is_view(op: Op) -> bool:
    first = op.parameters[0]
    is_single = first.kind == "tensor" and len(op.inputs) == 1 and not op.outputs
    if not (op.view and is_single and op.promote is None and _NAMES.isdisjoint(op.options)):
        return False
    return all(kind != OUTPUT for kind, _, _ in plan_for(op, 1, (None,)).saves)


def _is_plain(op: Op) -> bool:
    """Whether a fixed number of tensors goes in, the first of them required."""
    kinds = [p.kind for p in op.parameters]
    return (
        kinds[0] == "tensor"
        and not (op.has_lists or op.view or op.name == "to_backend")
        and _NAMES.isdisjoint(p.name for p in op.parameters)
    )


def _is_list(op: Op) -> bool:
    """Whether all tensors come as one list, first, and one comes out."""
    is_first = op.parameters[0].kind == "list" and len(op.inputs) == 1
    return is_first and not (op.outputs or op.view) and _NAMES.isdisjoint(op.options)


#: What the generated functions mean by themselves; an option `mode` would hide it.
_NAMES = frozenset(
    [
        *[f"a{i}" for i in range(12)],
        "F32",
        "F64",
        "arrays",
        "bit",
        "x",
        "error",
        "from_array",
        "explained",
        "ins",
        "made",
        "make_node",
        "tracked",
        "several",
        "view",
        "View",
        "a",
        "backend",
        "c",
        "cell",
        "dt",
        "edge_of",
        "is_tracked",
        "mode",
        "new",
        "node",
        "Node",
        "op",
        "options",
        "out",
        "edges",
        "plan",
        "plan_1",
        "plan_for",
        "plans",
        "run",
        "state",
        "tick",
        "track_a",
    ]
)


_NODE = "def {name}({signature}):\n    return run(op, ({ins}), ({opts}))\n"
_COMPOSITE = "def {name}({signature}):\n    return run_composite(op, ({args}))\n"
# A chain of views: its body runs on the tensor itself, whatever the mode.
_VIEW = """def {name}({signature}):
    try:
        xp = {first}._backend._recorder
    except AttributeError:
        return run_composite(op, ({args}))
    return body(xp, {args})
"""
_CREATION = "def {name}({signature}):\n    return create(op, default_backend(), {args})\n"

# `x + y` for tensors of one floating dtype on one device, or a tensor and a float; all else goes to
# `run`. The same steps as there, written out: this is the function that the speed of small tensors
# hangs on (one Python frame; tests/core/test_hot_path.py pins it).
_BINARY = """def {name}({first}, {second}):
    mode = state.mode
    if mode is not True and mode is not False:
        return mode.run(op, ({first}, {second}), ())
    kind = {second}.__class__
    try:
        a = {first}._array
        backend = {first}._backend
        dt = a.dtype
        if dt is not F32 and dt is not F64:
            return run(op, ({first}, {second}), ())
        if kind is Tensor or kind is Parameter:
            b = {second}._array
            if b.dtype is not dt or {second}._backend is not backend:
                return run(op, ({first}, {second}), ())
            track_b = {second}._requires_grad if {second}._view is None else is_tracked({second})
        elif kind is float:
            b = {second}
            track_b = False
        else:
            return run(op, ({first}, {second}), ())
        track_a = {first}._requires_grad if {first}._view is None else is_tracked({first})
    except AttributeError:
        return run(op, ({first}, {second}), ())
    try:
        c = backend.{name}(a, b)
    except ValueError as error:
        raise explained(op, (a, b), error) from None
    if c.__class__ is not backend.Array:
        c = backend.wrap(c)
    out = new(Tensor)
    out._array = c
    out._backend = backend
    out._view = out._cell = None
    if mode and (track_a or track_b){differentiable}:
        node = new(Node)
        node.op = op
        node.backend = backend
        node.options = ()
        node.edges = (
            (({first}._node or {first}) if {first}._view is None else edge_of({first})) if track_a else None,
            (({second}._node or {second}) if {second}._view is None else edge_of({second})) if track_b else None,
        )
        {keep}
        node.plan = (plan_3 if track_b else plan_1) if track_a else plan_2
        node.shape = c.shape
        node.time = tick()
        out._node = node
        out._requires_grad = True
    else:
        out._node = None
        out._requires_grad = False
    return out
"""


# The same for one input, and options.
_UNARY = """def {name}({signature}):
    mode = state.mode
    if mode is not True and mode is not False:
        return mode.run(op, ({first},), ({opts}))
    try:
        a = {first}._array
        backend = {first}._backend
        dt = a.dtype
        if dt is not F32 and dt is not F64:
            return run(op, ({first},), ({opts}))
        track_a = {first}._requires_grad if {first}._view is None else is_tracked({first})
    except AttributeError:
        return run(op, ({first},), ({opts}))
    c = backend.{name}(a, {opts})
    if c.__class__ is not backend.Array:
        c = backend.wrap(c)
    out = new(Tensor)
    out._array = c
    out._backend = backend
    out._view = out._cell = None
    if mode and track_a{differentiable}:
        node = new(Node)
        node.op = op
        node.backend = backend
        node.options = ({opts})
        node.edges = (({first}._node or {first}) if {first}._view is None else edge_of({first}),)
        {keep}
        node.plan = plan_1
        node.shape = c.shape
        node.time = tick()
        out._node = node
        out._requires_grad = True
    else:
        out._node = None
        out._requires_grad = False
    return out
"""


# Views, of any dtype.
_VIEW_NODE = """def {name}({signature}):
    mode = state.mode
    if mode is not True and mode is not False:
        return mode.run(op, ({first},), ({opts}))
    try:
        a = {first}._array
        backend = {first}._backend
        dt = a.dtype
        view = {first}._view
        cell = {first}._cell
        track_a = {first}._requires_grad if view is None else is_tracked({first})
    except AttributeError:
        return run(op, ({first},), ({opts}))
    c = backend.{name}(a, {opts})
    if c.__class__ is not backend.Array:
        c = backend.wrap(c)
    if cell is None:
        cell = {first}._cell = [0]
    out = new(Tensor)
    out._array = c
    out._backend = backend
    out._cell = cell
    made = out._view = new(View)
    made.base = {first} if view is None else view.base
    made.before = view
    made.op = op
    made.options = options = ({opts})
    made.seen = cell[0]
    if mode and track_a and c.dtype.kind not in 'iub'{differentiable}:
        node = new(Node)
        node.op = op
        node.backend = backend
        node.options = options
        node.edges = (({first}._node or {first}) if view is None else edge_of({first}),)
        {keep}
        node.plan = plan_1
        node.shape = c.shape
        node.time = tick()
        out._node = node
        out._requires_grad = True
    else:
        out._node = None
        out._requires_grad = False
    return out
"""


# The same for one list of tensors.
_LIST = """def {name}({signature}):
    mode = state.mode
    {first} = tuple({first})
    if (mode is not True and mode is not False) or not {first}:
        return run(op, ({first},), ({opts}))
    tracked, bit, arrays, edges = 0, 1, [], []
    try:
        backend = {first}[0]._backend
        dt = {first}[0]._array.dtype
        if dt is not F32 and dt is not F64:
            return run(op, ({first},), ({opts}))
        for x in {first}:
            a = x._array
            if a.dtype is not dt or x._backend is not backend:
                return run(op, ({first},), ({opts}))
            arrays.append(a)
            if x._requires_grad if x._view is None else is_tracked(x):
                tracked |= bit
                edges.append((x._node or x) if x._view is None else edge_of(x))
            else:
                edges.append(None)
            bit <<= 1
    except AttributeError:
        return run(op, ({first},), ({opts}))
    try:
        c = backend.{name}(tuple(arrays), {opts})
    except ValueError as error:
        raise explained(op, arrays, error) from None
    if c.__class__ is not backend.Array:
        c = backend.wrap(c)
    out = new(Tensor)
    out._array = c
    out._backend = backend
    out._node = out._view = out._cell = None
    out._requires_grad = False
    if mode and tracked and c.dtype.kind not in 'iub'{differentiable}:
        out._node = node = new(Node)
        node.op = op
        node.backend = backend
        node.options = options = ({opts})
        node.edges = tuple(edges)
        node.plan = plan = plans.get((tracked, (len(edges),))) or plan_for(op, tracked, ({first},))
        node.kept = plan.keep(({first},), options, (out,))
        node.time = tick()
        node.shape = c.shape
        out._requires_grad = True
    return out
"""


def _few_inputs(op: Op, last: Any = None) -> str:
    """The same for a fixed number of tensors, some of which may be None, and options."""
    arrays = {name: f"a{i}" for i, name in enumerate(op.inputs)}
    first, *rest = op.inputs
    lines = [
        "def {name}({signature}):",
        "    mode = state.mode",
        "    if mode is not True and mode is not False:",
        "        return mode.run(op, ({ins}), ({opts})){take}",
        "    try:",
        f"        a0 = {first}._array",
        f"        backend = {first}._backend",
        "        dt = a0.dtype",
        "        if dt is not F32 and dt is not F64:",
        "            return run(op, ({ins}), ({opts})){take}",
        *_mark(first, 0, "        ", "="),
    ]
    # Ops that promote compute in one dtype; others may take indices, and no halves beside floats.
    other = "" if op.promote is not None else " and {a}.dtype.kind not in 'iub'"
    for i, name in enumerate(rest, 1):
        indent = "        "
        if next(p.kind for p in op.parameters if p.name == name) == "optional":
            lines += [f"        a{i} = None", f"        if {name} is not None:"]
            indent = "            "
        lines += [
            f"{indent}a{i} = {name}._array",
            f"{indent}if {name}._backend is not backend or a{i}.dtype is not dt{other.format(a=f'a{i}')}:",
            f"{indent}    return run(op, ({{ins}}), ({{opts}})){{take}}",
            *_mark(name, i, indent, "|="),
        ]
    call = ", ".join(arrays.get(p.name, p.name) for p in op.parameters)
    lines += [
        "    except AttributeError:",
        "        return run(op, ({ins}), ({opts})){take}",
        "    try:",
        f"        c = backend.{{name}}({call})",
        "    except ValueError as error:",
        f"        raise explained(op, ({', '.join(arrays.values())},), error) from None",
    ]
    return "\n".join(lines + (last or (_SEVERAL if op.outputs else _ONE))) + "\n"


_SEVERAL = [
    "    ins = ({ins})",
    "    return several(op, tracked if mode else 0, ins, ins, ({opts}), c, backend, None){take}",
]
#: No tensors are made of outputs that nobody asked for.
_FIRST = [
    "    if not (mode and tracked):",
    "        return from_array(backend, c[0])",
    *_SEVERAL,
]
_ONE = [
    "    if c.__class__ is not backend.Array:",
    "        c = backend.wrap(c)",
    "    out = new(Tensor)",
    "    out._array = c",
    "    out._backend = backend",
    "    out._node = out._view = out._cell = None",
    "    out._requires_grad = False",
    "    if mode and tracked and c.dtype.kind not in 'iub'{differentiable}:",  # `make_node`, written out
    "        out._node = node = new(Node)",
    "        node.op = op",
    "        node.backend = backend",
    "        node.options = options = ({opts})",
    "        node.edges = ({edges})",
    "        node.plan = plan = plans.get(tracked) or plan_for(op, tracked, ())",
    "        node.kept = plan.keep(({ins}), options, (out,))",
    "        node.time = tick()",
    "        node.shape = c.shape",
    "        out._requires_grad = True",
    "    return out",
]


def _mark(name: str, bit: int, indent: str, sign: str) -> list[str]:
    """Statements that note in `tracked` whether an input is tracked."""
    is_tracked = f"({name}._requires_grad if {name}._view is None else is_tracked({name}))"
    if sign == "=":
        return [f"{indent}tracked = 1 if {is_tracked} else 0"]
    return [f"{indent}if {is_tracked}:", f"{indent}    tracked |= {1 << bit}"]


#: `record.keep_input` of a tensor, written out.
_KEEP_INPUT = "({0} if not {0}._cell or not {0}._cell[0] else ({0}, {0}._cell[0]))"


def _unary_keep(op: Op) -> str:
    """The statements that fill `node.kept`."""
    if not op.rules:
        return "pass"
    first = op.inputs[0]
    value = {
        INPUT: _KEEP_INPUT.format(first),
        OUTPUT: "(c, cell, 0)", SHAPE: "a.shape", DTYPE: "dt", NEEDS: "None",
    }  # fmt: skip
    saves = plan_for(op, 1, (None,)).saves
    start = "cell = out._cell = [0]\n        " if OUTPUT in [kind for kind, _, _ in saves] else ""
    kept = [name if kind == OPTION else value[kind] for kind, _, name in saves]
    return f"{start}node.kept = ({''.join(k + ', ' for k in kept)})"


def _binary_keep(op: Op) -> str:
    """The statements that fill `node.kept`, one case per set of tracked inputs."""
    if not op.rules:
        return "pass"
    cases, shared = {}, False
    for mask in (3, 1, 2):
        items = []
        for kind, at, _ in plan_for(op, mask, (None, None)).saves:
            name = op.inputs[at] if kind != OUTPUT else "out"
            if kind == INPUT:
                tensor = _KEEP_INPUT.format(name)
                items.append(f"({tensor} if kind is not float else {name})" if at == 1 else tensor)
            elif kind == OUTPUT:
                items.append("(c, cell, 0)")
                shared = True
            else:
                items.append(f"{'ab'[at]}.{'shape' if kind == SHAPE else 'dtype'}")
        cases[mask] = "(" + "".join(i + ", " for i in items) + ")"
    start = "cell = out._cell = [0]\n        " if shared else ""
    if len(set(cases.values())) == 1:
        return f"{start}node.kept = {cases[3]}"
    return f"{start}node.kept = ({cases[3]} if track_b else {cases[1]}) if track_a else {cases[2]}"


def _compile(op: Op, template: str, take: str = "") -> Any:
    parameters = []
    scope = dict(vars(record), op=op, plans=op.plans)
    for i, p in enumerate(op.parameters):
        if p.default is REQUIRED:
            parameters.append(p.name)
        else:
            parameters.append(f"{p.name}=_default{i}")
            scope[f"_default{i}"] = p.default
    as_tuple = {p.name for p in op.parameters if p.kind == "list"}
    value = {p.name: f"tuple({p.name})" if p.name in as_tuple else p.name for p in op.parameters}
    fields = {
        "name": op.name,
        "signature": ", ".join(parameters),
        "ins": "".join(value[n] + ", " for n in op.inputs),
        "opts": "".join(value[n] + ", " for n in op.options),
        "args": "".join(value[p.name] + ", " for p in op.parameters),
        "first": op.inputs[0] if op.inputs else "",
        "edges": "".join(
            f"(({n}._node or {n}) if {n}._view is None else edge_of({n})) if tracked & {1 << i} else None, "
            for i, n in enumerate(op.inputs)
        ),
        "differentiable": "" if op.rules else " and False",
        "take": take,
    }
    if template is _BINARY or template is _UNARY or template is _VIEW_NODE:
        fields |= dict(zip(("first", "second"), op.inputs))
        fields["keep"] = _binary_keep(op) if template is _BINARY else _unary_keep(op)
        if op.rules and op.options and not op.view:  # one may choose the dtype
            fields["differentiable"] = " and c.dtype.kind not in 'iub'"
        if op.rules:
            scope |= {f"plan_{mask}": plan_for(op, mask, (None, None)) for mask in (1, 2, 3)}
    if template is _VIEW:
        scope["body"] = op.body
    if template is _CREATION:
        from facula.backends.registry import default_backend

        scope["default_backend"] = default_backend
    exec(compile(template.format(**fields), f"<facula op {op.name}>", "exec"), scope)
    call = scope[op.name]
    call.__doc__, call.__module__, call.__qualname__ = op.doc, op.function.__module__, op.name
    return call
