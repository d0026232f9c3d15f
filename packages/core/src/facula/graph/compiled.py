"""`facula.compile`: functions and modules that are captured once per signature, and replayed."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from facula._tensor import Tensor
from facula.autograd.mode import around, plain, state, unwatched
from facula.graph.active import active
from facula.graph.capture import Capture, Outcome
from facula.graph.guards import Guards, arguments_key
from facula.graph.ir import Graph
from facula.graph.passes import simplify
from facula.graph.program import Program, lock
from facula.graph.tree import flatten_tree

#: Programs kept by one compiled function; the least recently used goes first.
CACHE_SIZE = 64
#: Compilers that core brings, as the `compilers` hook would name them.
BUILT_IN = {"c": "facula.graph.compiler.compiler:compile_c"}
#: Captures after which a function that never settles gets a warning.
MANY_CAPTURES = 16


def compile(
    model: Any = None,
    *,
    fullgraph: bool = True,
    dynamic: bool | None = None,
    backend: Any = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """Captures a function or Module as a graph at its first call, and replays it afterwards.

    All it does with tensors is captured: forward, `backward()`, optimizer step, writes to parameters,
    buffers and arguments. A call with other shapes, dtypes, devices, Python values, or after a change
    of a flag or attribute that the function reaches, is captured anew. Other effects in Python
    (printing, counting) happen at capture only. What needs a tensor's value in Python (`item()`,
    `if tensor:`) raises CaptureError.

    `backend`: None replays kernel by kernel; 'c' makes one C function of the whole, for the cpu device; 'eager'
    compiles nothing; a name that a plug-in's
    `compilers` hook gives, or a function `(graph, backend) -> run(arrays, options)`, compiles the graph.
    `fullgraph`, `dynamic`, `mode` and `options` are taken for PyTorch's sake: graphs are always whole,
    and shapes always fixed.

    >>> @facula.compile
    ... def f(x):
    ...     return (x * x).sum()
    >>> f(facula.tensor([1.0, 2.0]))
    tensor(5.)
    """
    if model is None:
        return functools.partial(
            compile,
            fullgraph=fullgraph,
            dynamic=dynamic,
            backend=backend,
            mode=mode,
            options=options,
            disable=disable,
        )
    if disable or backend == "eager":
        return model
    if not callable(model):
        raise TypeError(f"compile() takes a function or a Module, got {type(model).__name__}")
    compiler = _compiler(backend)
    if hasattr(model, "_parameters") and hasattr(model, "forward"):
        return CompiledModule(model, compiler)
    return CompiledFunction(model, compiler)


def _compiler(backend: Any) -> Callable[..., Any] | None:
    if backend is None or callable(backend):
        return backend  # type: ignore[no-any-return]
    from facula.backends.registry import plugins

    found = dict(BUILT_IN)
    for part in plugins().manager.hook.compilers():
        found |= part
    if backend not in found:
        raise ValueError(
            f"no compiler is named {backend!r}; there are: {', '.join(['eager', *sorted(found)])}"
        )
    path = found[backend]
    if callable(path):
        return path
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


class CompiledFunction:
    """A function with its captured programs. `graph` is that of the last call; `captures` counts."""

    def __init__(self, function: Any, compiler: Callable[..., Any] | None = None):
        functools.update_wrapper(self, function)
        self.function, self.compiler = function, compiler
        self.programs: OrderedDict[Any, list[tuple[Guards, Program]]] = OrderedDict()
        self.captures = 0
        self.last: Program | None = None
        self._roots: list[Any] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if state.mode is not True and state.mode is not False:
            return self._call_under_mode(args, kwargs)
        return self._replay(args, kwargs)

    def _call_under_mode(self, args: Any, kwargs: Any) -> Any:
        """Inside another capture, or under autocast and the like, as Python code; where it is only watched, a replay."""
        if plain(state.mode) is None:
            return self.function(*args, **kwargs)
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return around(f"compiled {name}", lambda: self._replay(args, kwargs))

    def _replay(self, args: Any, kwargs: Any) -> Any:
        key, tensors = arguments_key(args, kwargs)
        with lock:
            program = self._find(key, tensors) or self._capture(key, args, kwargs, tensors)
            self.last = program
        return program(tensors)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    @property
    def graph(self) -> Graph:
        """The graph of the last call. Raises RuntimeError before the first."""
        if self.last is None:
            raise RuntimeError("nothing was captured yet: call the compiled function first")
        return self.last.graph

    def _find(self, key: Any, tensors: list[Tensor]) -> Program | None:
        found = self.programs.get(key)
        if found is None:
            return None
        self.programs.move_to_end(key)
        for i, (guards, program) in enumerate(found):
            if guards.hold() and program.broken(tensors) is None:
                if i:
                    found.insert(0, found.pop(i))
                return program
        return None

    def _capture(self, key: Any, args: Any, kwargs: Any, tensors: list[Tensor]) -> Program:
        if state.mode is not True and state.mode is not False:
            with unwatched():
                return self._capture(key, args, kwargs, tensors)
        leaves, _ = flatten_tree((args, kwargs))
        guards = Guards()
        guards.walk(self.function, getattr(self.function, "__name__", "module"))
        for i, x in enumerate(leaves):
            if not isinstance(x, Tensor):
                guards.walk(x, f"args[{i}]")
        guards.kept = [x for x in leaves if not isinstance(x, Tensor)]
        outcome = capture(self.function, args, kwargs, tensors, guards.names)
        simplify(outcome.graph)
        code = (
            None
            if self.compiler is None
            else self.compiler(outcome.graph, _only_backend(outcome.graph))
        )
        program = Program(outcome, code)
        self.captures += 1
        if not program.escaped:
            self._keep(key, guards, program)
        if self.captures == MANY_CAPTURES:
            self._warn(guards, program, tensors)
        return program

    def _keep(self, key: Any, guards: Guards, program: Program) -> None:
        self.programs.setdefault(key, []).insert(0, (guards, program))
        while sum(map(len, self.programs.values())) > CACHE_SIZE:
            oldest = next(iter(self.programs))
            self.programs[oldest].pop()
            if not self.programs[oldest]:
                del self.programs[oldest]

    def _warn(self, guards: Guards, program: Program, tensors: list[Tensor]) -> None:
        reasons = {
            g.broken() or p.broken(tensors)
            for found in self.programs.values()
            for g, p in found[1:]
        }
        why = "its arguments differ from call to call"
        if program.escaped:
            why = "it keeps tensors that it makes beyond its end; return them instead"
        elif reasons - {None}:
            why = "these change from call to call: " + ", ".join(
                sorted(r for r in reasons if r)[:5]
            )
        warnings.warn(
            f"'{getattr(self.function, '__name__', self.function)}' was captured {self.captures} times: {why}",
            stacklevel=4,
        )

    def __repr__(self) -> str:
        return f"<compiled {self.function!r}>"


def _only_backend(graph: Graph) -> Any:
    backends = {n.backend for n in graph.nodes} | {v.node.backend for v in graph.inputs}
    return next(iter(backends)) if len(backends) == 1 else None


def capture(
    function: Callable[..., Any],
    args: Any,
    kwargs: Any,
    tensors: list[Tensor],
    names: dict[int, str] | None = None,
) -> Outcome:
    """Runs `function` once without values, and returns what it does. All tensors are left as they were."""
    with lock:
        before = active.capture
        taken = Capture(tensors, names or {})
        try:
            with taken:
                result = function(*args, **kwargs)
                outcome = Outcome(taken, result)
                del result
        except BaseException:
            taken.close()
            active.capture = before
            raise
        taken.close()
        active.capture = taken
        try:
            outcome.find_escaped()
        finally:
            active.capture = before
    return outcome


class CompiledModule:
    """A module whose calls are compiled; all else is the module's own (`_orig_mod`)."""

    def __init__(self, module: Any, compiler: Callable[..., Any] | None = None):
        self.__dict__["_orig_mod"] = module
        self.__dict__["compiled"] = CompiledFunction(module, compiler)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.compiled(*args, **kwargs)

    @property
    def graph(self) -> Graph:
        """The graph of the last call."""
        return self.compiled.graph  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._orig_mod, name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # so that isinstance(compiled, nn.Module) holds
        return type(self._orig_mod)

    def __repr__(self) -> str:
        return f"compiled {self._orig_mod!r}"
