"""What an operation is: defined once, as a function of a namespace `xp`, with its gradient beside it.

    @op
    def softmax(xp, input: Tensor, dim: int) -> Tensor:
        e = xp.exp(input - xp.stop(xp.amax(input, dim, keepdim=True)))
        return e / xp.sum(e, dim, keepdim=True)

    softmax.vjp(input=lambda xp, g, out, dim: out * (g - xp.sum(g * out, dim, keepdim=True)))

`xp` is either a backend (its raw arrays; nothing recorded) or the recording namespace (tensors). Each
resolves an operation by one rule: *my own implementation, else the body bound to me*.

Parameters annotated `Tensor`, `Tensor | None` or `Tensors` (a list or tuple of them) are inputs; all
others are options. Everything is passed by position, in the order of the definition.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Union, overload

if TYPE_CHECKING:
    from facula.backends.base import Backend

#: What annotations in op definitions mean; the strings are read, the names only please type checkers.
Tensor = Any
Tensors = Sequence[Any]
Namespace = Union["Backend", Any]

OPS: dict[str, Op] = {}
#: Second names of ops (`multiply` for `mul`); functions and methods, but no ops of their own.
ALIASES: dict[str, Op] = {}
_listeners: list[Callable[[Op], None]] = []
#: Ops named so are functions of `facula.linalg` and its like, and no methods.
NAMESPACES = ("linalg_", "fft_", "special_")
_INPUTS = {"Tensor": "tensor", "Tensor | None": "optional", "Tensors": "list"}
REQUIRED: Any = type("REQUIRED", (), {"__repr__": lambda self: "REQUIRED"})()


class Parameter:
    """One parameter of an op: `kind` is tensor, optional, list or option."""

    __slots__ = ("name", "kind", "default", "annotation")

    def __init__(self, name: str, kind: str, default: Any, annotation: str):
        self.name, self.kind, self.default, self.annotation = name, kind, default, annotation


class Rule:
    """Gradient of one or several inputs: `function(xp, g, *names)`; `names` is what the tape saves."""

    __slots__ = ("targets", "function", "names")

    def __init__(self, targets: tuple[str, ...], function: Callable[..., Any]):
        code = function.__code__
        self.targets, self.function = targets, function
        self.names = code.co_varnames[2 : code.co_argcount]


class Op:
    """An operation. Call it like the function it defines; see `op` for what the flags mean."""

    name: str
    #: How a node of this op is differentiated, where not by rules (`autograd.Function`).
    backward: Callable[..., Any] | None = None

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        leaf: bool = False,
        promote: str | None = None,
        shape: Callable[..., Any] | None = None,
        dtype: Any = None,
        view: bool = False,
        alias: bool = False,
        creation: bool = False,
        dynamic: str | None = None,
        host: bool = False,
        random: bool = False,
        holomorphic: bool = True,
        arithmetic: bool = True,
        outputs: Sequence[str] = (),
        method: bool = True,
        inplace: bool | None = None,
        refuses_bool: str = "",
        unspecified_values: bool = False,
        twice_differentiable: bool = True,
        scalars: bool = False,
        whole: bool | None = None,
    ):
        self.name = function.__name__
        self.family = function.__module__.rpartition(".")[2]
        self.function = function
        self.doc = function.__doc__ or ""
        self.leaf, self.host = leaf or host, host
        self.body = None if leaf and not host else function
        if host:
            self.body = None
        self.promote, self.shape, self.dtype = promote, shape, dtype
        #: Whether Python scalars may stand for tensors (beside at least one that is a tensor).
        self.takes_scalars = self.leaf or scalars
        self.view, self.alias = view, alias or view
        self.creation, self.random, self.dynamic = creation, random, dynamic
        self.holomorphic = holomorphic
        self.arithmetic = arithmetic and not view and not creation
        self.outputs = tuple(outputs)
        self.method = method and not creation and not self.name.startswith(NAMESPACES)
        self.inplace = promote is not None and not outputs if inplace is None else inplace
        self.rules: list[Rule] = []
        self.plans: dict[Any, Any] = {}
        self.adapter: Callable[..., Any] | None = None
        self.samples: Callable[..., Any] | None = None
        self.aliases: tuple[str, ...] = ()
        #: Which of the two operands may be Python numbers in the function of this name, where PyTorch
        #: says so: 'none', 'second' or 'one' of them; None where nothing is checked.
        self.numbers: str | None = None
        self.refuses_bool = refuses_bool
        self.unspecified_values = unspecified_values
        self.twice_differentiable = twice_differentiable
        self.whole = whole
        self.parameters = _parameters(function)
        self.inputs = tuple(p.name for p in self.parameters if p.kind != "option")
        self.options = tuple(p.name for p in self.parameters if p.kind == "option")
        self.has_lists = any(p.kind == "list" for p in self.parameters)
        #: Where among the arguments the inputs are.
        self.places = tuple(i for i, p in enumerate(self.parameters) if p.kind != "option")
        kinds = [p.kind != "option" for p in self.parameters]
        #: None where all inputs come before all options, else where each argument is to be found.
        self.order = None if kinds == sorted(kinds, reverse=True) else _order(kinds)
        OPS[self.name] = self
        for listener in _listeners:
            listener(self)

    def vjp(self, *joint: Any, **rules: Callable[..., Any]) -> Op:
        """Gives the gradient: one rule per input, or `vjp(("query", "key"), rule)` for several.

        A rule is `rule(xp, g, *saved)`. The names of its further parameters say what the tape keeps:
        an input, an option, `out` (or the name of an output), `<input>_shape`, `<input>_dtype`, or
        `needs` (for a joint rule: which of its inputs want a gradient). A joint rule returns one
        gradient (or None) per input; the rule of a list input returns a list.
        """
        if joint:
            self._check_targets(joint[0])
            self.rules.append(Rule(tuple(joint[0]), joint[1]))
        for name, rule in rules.items():
            self._check_targets((name,))
            self.rules.append(Rule((name,), rule))
        self.plans.clear()
        return self

    def vjp_op(self, **rules: Callable[..., Any]) -> Op:
        """`vjp` with one rule, which becomes an op `NAME_gradient` of its own, so that a device may have a kernel for it."""
        ((target, rule),) = rules.items()
        made = Rule((target,), rule)
        rule.__name__ = f"{self.name}_gradient"
        rule.__doc__ = f"`g` times the derivative of `{self.name}`."
        tensors = ("g", "out", *self.inputs)
        rule.__annotations__ = {n: "Tensor" for n in tensors} | {"xp": "Namespace"}
        Op(rule, method=False)
        made.function = lambda xp, *saved: getattr(xp, rule.__name__)(*saved)
        self._check_targets((target,))
        self.rules.append(made)
        self.plans.clear()
        return self

    def _check_targets(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in self.inputs:
                raise ValueError(f"op '{self.name}' has no input {name!r}; it has {self.inputs}")

    def public(self, adapter: Callable[..., Any]) -> Op:
        """Declares PyTorch's signature where it differs: varargs, overloads, keyword-only scalars."""
        self.adapter = adapter
        return self

    def alias_as(self, *names: str) -> Op:
        """Gives the op further public names, as PyTorch does: `div.alias_as("divide", "true_divide")`."""
        self.aliases += names
        for name in names:
            ALIASES[name] = self
        for listener in _listeners:
            listener(self)
        return self

    def sample(self, samples: Callable[..., Any] | None) -> Op:
        """Declares `samples(make)`, which yields the argument lists that the tests run the op on."""
        self.samples = samples
        return self

    @property
    def is_node(self) -> bool:
        """Whether one call makes one tape node (else the body is recorded step by step)."""
        return self.leaf or bool(self.rules)

    @cached_property
    def result(self) -> Any:
        """The named tuple of a several-output op, else None; made at first use: it takes 100 µs."""
        return namedtuple(self.name, self.outputs) if self.outputs else None

    @cached_property
    def call(self) -> Callable[..., Any]:
        """The recorded function with the definition's own signature; made at first use."""
        from facula.autograd.calls import build_call

        return build_call(self)

    @cached_property
    def call_first(self) -> Callable[..., Any]:
        """`call(...)[0]` of an op of several outputs, without tensors for the others where nothing is recorded."""
        from facula.autograd.calls import build_first

        return build_first(self)

    @property
    def public_call(self) -> Callable[..., Any]:
        """What users call: the adapter where there is one."""
        return self.adapter or self.call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.public_call(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    code, hints = function.__code__, function.__annotations__
    names = code.co_varnames[1 : code.co_argcount]
    defaults = function.__defaults__ or ()
    first_default = len(names) - len(defaults)
    out = []
    for i, name in enumerate(names):
        hint = hints.get(name, "Any")
        default = defaults[i - first_default] if i >= first_default else REQUIRED
        out.append(Parameter(name, _INPUTS.get(hint, "option"), default, hint))
    return tuple(out)


def _order(kinds: list[bool]) -> tuple[tuple[bool, int], ...]:
    counts = {True: 0, False: 0}
    out = []
    for kind in kinds:
        out.append((kind, counts[kind]))
        counts[kind] += 1
    return tuple(out)


@overload
def op(function: Callable[..., Any]) -> Op: ...
@overload
def op(**flags: Any) -> Callable[[Callable[..., Any]], Op]: ...
def op(function: Callable[..., Any] | None = None, **flags: Any) -> Any:
    """Defines a composite operation from its body; with a `vjp` it is one node on the tape.

    Flags: `promote` 'common' or 'float' casts the inputs by PyTorch's promotion rules before the
    body ('values': all but the first, a condition); `scalars`: the body takes Python scalars in place
    of tensors as they are, else they come as 0-d arrays; `alias`: may return an input or a view of one; `dynamic`: the result's shape depends on
    values, and the text says what to use instead under capture; `holomorphic=False`: the rule deals
    with complex conjugation itself; `arithmetic=False`: only moves data, so float16 and bfloat16
    need no float32; `outputs`: names of the fields of a several-output result; `method=False`: no
    Tensor method; `whole`: whether it is one node of a captured graph, where that differs from the tape.
    """
    if function is None:
        return lambda f: Op(f, **flags)
    return Op(function, **flags)


@overload
def leaf(function: Callable[..., Any]) -> Op: ...
@overload
def leaf(**flags: Any) -> Callable[[Callable[..., Any]], Op]: ...
def leaf(function: Callable[..., Any] | None = None, **flags: Any) -> Any:
    """Defines an operation that every backend supplies itself.

    `shape(*args)` and `dtype(*args)` compute the result's from meta arrays: they are what `meta` and
    `trace` run. `dtype` may be a NumPy dtype; None means that of the first array.
    """
    return op(leaf=True, **flags) if function is None else Op(function, leaf=True, **flags)


@overload
def host_op(function: Callable[..., Any]) -> Op: ...
@overload
def host_op(**flags: Any) -> Callable[[Callable[..., Any]], Op]: ...
def host_op(function: Callable[..., Any] | None = None, **flags: Any) -> Any:
    """Defines a leaf that no small set of kernels covers (svd, fft): backends may lack it.

    Where they do, it runs on the host, counted and declared, and is no readiness failure.
    """
    return (
        leaf(host=True, **flags)
        if function is None
        else Op(function, leaf=True, host=True, **flags)
    )


def subscribe(listener: Callable[[Op], None]) -> None:
    """Calls `listener` with every op that is defined, those that are there already included."""
    _listeners.append(listener)
    for defined in list(OPS.values()):
        listener(defined)
