"""`facula.compile`: functions and modules that are captured once per signature, and replayed."""

from __future__ import annotations

import functools
import importlib
import os
import random
import sys
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from facula._logging import artifact
from facula._tensor import Tensor
from facula.autograd.mode import Mode, around, plain, state, uncast, unwatched
from facula.graph.active import active, lock
from facula.graph.capture import Capture, Outcome, Scalar
from facula.graph.errors import refuse, warn_user
from facula.graph.guards import Guards
from facula.graph.ir import Graph
from facula.graph.keys import arguments_key, difference
from facula.graph.passes import simplify
from facula.graph.program import Program
from facula.graph.quick import MISSED, Quick, quick_of
from facula.graph.scalars import is_capturing
from facula.graph.stance import now
from facula.graph.tree import flatten_tree
from facula.graph.two_programs import two_programs

#: Programs kept by one compiled function; the least recently used goes first.
CACHE_SIZE = 64
#: Compilers that core brings, as the `compilers` hook would name them.
BUILT_IN = {
    "c": "facula.graph.compiler.compiler:compile_c",
    "fused": "facula.graph.compiler.device.program:compile_fused",
}
#: All compiled functions, for `reset`.
_functions: weakref.WeakSet[CompiledFunction] = weakref.WeakSet()
#: Programs of one function that are tried the quick way, the last ones first.
QUICK = 8
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

    `backend`: 'c' makes one C function of the whole, for the cpu device; 'fused' makes kernels of it for devices that
    core prints kernels for (opencl, cuda); 'replay' calls the device's kernels one after another; 'eager'
    captures nothing; a name that a plug-in's `compilers` hook gives, or a function `(graph, backend) -> run(arrays, options)`,
    compiles the graph. None is what the environment's FACULA_COMPILE names, else 'c' on the cpu and 'fused' elsewhere, and 'replay'
    where that cannot serve (`explanation` says why). With None, a program for other arguments than the first ones' is
    compiled at its second call, as one that serves once is not worth it.
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
    if backend is None:
        backend = os.environ.get("FACULA_COMPILE") or None
    if disable or backend == "eager":
        return model
    if not callable(model):
        raise TypeError(f"compile() takes a function or a Module, got {type(model).__name__}")
    compiler = _compiler(backend)
    if hasattr(model, "_parameters") and hasattr(model, "forward"):
        return CompiledModule(model, compiler)
    return CompiledFunction(model, compiler)


def _compiler(backend: Any) -> Callable[..., Any] | None:
    if backend is None:
        return _default
    if backend == "replay":
        return None
    if callable(backend):
        return backend  # type: ignore[no-any-return]
    found = _compilers()
    if backend not in found:
        raise ValueError(
            f"no compiler is named {backend!r}; there are: {', '.join(list_backends())} (for backend= or FACULA_COMPILE)"
        )
    return _load(found[backend])  # type: ignore[no-any-return]


def _default(graph: Graph, backend: Any) -> Any:
    """What `backend=None` means."""
    is_cpu = backend is not None and backend.device.type == "cpu"
    return _load(BUILT_IN["c" if is_cpu else "fused"])(graph, backend, is_default=True)


def _compilers() -> dict[str, Any]:
    from facula.backends.registry import plugins

    found: dict[str, Any] = dict(BUILT_IN)
    for part in plugins().manager.hook.compilers():
        found |= part
    return found


def list_backends() -> list[str]:
    """What `facula.compile(backend=NAME)` takes: compilers of core and of plug-ins, and 'eager' and 'replay', which are none."""
    return sorted(["eager", "replay", *_compilers()])


def reset() -> None:
    """Forgets all programs of all compiled functions: each is captured anew at its next call."""
    for function in list(_functions):
        function.forget()


def disable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """`fn` itself, that must not be captured: calling it within a compiled function raises CaptureError.

    Graphs are always whole, so a function cannot be left out of one.
    """

    @functools.wraps(fn)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_capturing():
            raise refuse(
                f"'{getattr(fn, '__name__', fn)}' was called, for which compiling is disabled,",
                "call it before or after the compiled function",
            )
        return fn(*args, **kwargs)

    return call


def _load(path: Any) -> Any:
    if callable(path):
        return path
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


class CompiledFunction:
    """A function with its captured programs.

    `graph` is that of the last call, `captures` counts, `recompilations` are the reasons of the last captures but the first.
    """

    def __init__(self, function: Any, compiler: Callable[..., Any] | None = None):
        functools.update_wrapper(self, function)
        self.function, self.compiler = function, compiler
        self.name = getattr(function, "__name__", type(function).__name__)
        self.forget()
        _functions.add(self)

    def forget(self) -> None:
        """Drops all programs."""
        self.programs: OrderedDict[Any, list[tuple[Guards, Program]]] = OrderedDict()
        self.captures = 0
        self.recompilations: deque[str] = deque(maxlen=CACHE_SIZE)
        self.last: Program | None = None
        self.quick: tuple[Quick, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        mode = state.mode
        if mode is not True and mode is not False:
            return self._call_under_mode(args, kwargs)
        quicks = self.quick if now.stance != "force_eager" else ()
        for quick in quicks:
            if quick.mode is mode:
                result = quick.call(args, kwargs, quick.guards.same_in_c)
                if result is not MISSED:
                    self.last = quick.program
                    if quick is not quicks[0]:  # the next call tries it first
                        self.quick = (quick, *(q for q in quicks if q is not quick))
                    return result
        if now.stance == "force_eager":
            return self.function(*args, **kwargs)
        return self._replay(args, kwargs, self.function)

    def _call_under_mode(self, args: Any, kwargs: Any) -> Any:
        """Inside another capture, or under detect_anomaly, as Python code; where it is only watched or cast, a replay."""
        casts: str | None = state.mode.casts
        below = state.mode if casts is None else state.mode.below
        if plain(below) is None or now.stance == "force_eager":
            return self.function(*args, **kwargs)
        function = self.function if casts is None else _under(state.mode, self.function)
        with uncast():
            return around(
                f"compiled {self.name}", lambda: self._replay(args, kwargs, function, casts)
            )

    def _replay(self, args: Any, kwargs: Any, function: Any, casts: str | None = None) -> Any:
        """`function` is the one that was compiled, with `casts` under autocast: these programs have no quick way."""
        key, tensors = arguments_key(args, kwargs, self.compiler is not None, casts)
        with lock, unwatched():
            program = self._find(key, tensors)
            if program is not None:
                if program.waits:
                    program.waits = False
                    self._compile(program, tensors)
                if casts is None:
                    self._shorten(self.programs[key][0][0], program, args, kwargs)
            elif not self._tell_reason(key, tensors):
                program = self._capture(key, args, kwargs, tensors, function)
            self.last = program or self.last
        return function(*args, **kwargs) if program is None else program(tensors)

    def _shorten(self, guards: Guards, program: Program, args: Any, kwargs: Any) -> None:
        """Makes the quick way of a program that was found by the general one: at the first, second, fourth ... such call."""
        others = [q for q in self.quick if q.program is not program]
        program.found += 1
        quick = None
        if program.found & (program.found - 1) == 0:
            quick = quick_of(program, guards, args, kwargs)
        self.quick = (*([] if quick is None else [quick]), *others)[:QUICK]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def _last(self) -> Program:
        if self.last is None:
            raise RuntimeError(
                "nothing was captured yet: call the compiled function first, not under detect_anomaly, "
                "where it runs as Python code"
            )
        return self.last

    @property
    def graph(self) -> Graph:
        """The graph of the last call that was captured. Raises RuntimeError before the first."""
        return self._last().graph

    @property
    def captured_graph(self) -> Graph:
        """The graph of the last call as it was captured, before the passes. Raises RuntimeError before the first."""
        found = self._last().captured_graph
        found.prune()
        return found

    @property
    def explanation(self) -> str:
        """What runs the program of the last call, and why it is a replay where it is one. Raises RuntimeError before the first."""
        return self._last().explanation

    def __reduce__(self) -> Any:
        found: Any = sys.modules.get(self.__module__)
        name = getattr(self, "__qualname__", self.name)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is self:  # a decorated function is what its module has
            return name
        return CompiledFunction, (self.function, self.compiler)

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

    def _tell_reason(self, key: Any, tensors: list[Tensor]) -> bool:
        """Notes why no program serves; returns whether the function is to run as Python code instead of being captured."""
        if not self.captures:
            return False
        reason = self._reason(key, tensors)
        if now.stance == "fail_on_recompile":
            raise RuntimeError(
                f"'{self.name}' would be captured anew, which set_stance('fail_on_recompile') forbids: {reason}"
            )
        if now.stance == "eager_on_recompile":
            return True
        self.recompilations.append(reason)
        artifact("recompiles").debug("'%s' is captured anew: %s", self.name, reason)
        return False

    def _reason(self, key: Any, tensors: list[Tensor]) -> str:
        for guards, program in self.programs.get(key, ()):
            why = guards.broken() or program.broken(tensors)
            if why:
                return why
        if self.programs:
            return difference(next(reversed(self.programs)), key)
        return "the last run made tensors that it keeps beyond its end; they are its inputs now"

    def _capture(self, key: Any, args: Any, kwargs: Any, tensors: list[Tensor], function: Any) -> Program:  # fmt: skip
        guards = Guards()
        guards.walk(self.function, self.name)
        guards.walk_argument(args, "args")
        guards.walk_argument(kwargs, "kwargs")
        leaves, _ = flatten_tree((args, kwargs))
        guards.kept = [x for x in leaves if not isinstance(x, Tensor)]
        drawn = _streams()
        outcome = capture(function, args, kwargs, tensors, guards.names)
        self._warn_of_draws(drawn)
        guards.check_numbers()
        guards.add_numbers([s.read for s in outcome.sources if isinstance(s, Scalar)])
        guards.add_state(outcome.capture.made_state)
        before = outcome.graph.copy()
        simplify(outcome.graph, outcome.is_differentiable)
        program = Program(outcome)
        program.captured_graph = before
        program.waits = self.compiler is _default and bool(self.programs)
        self._compile(program, tensors)
        artifact("graph_before").debug("'%s':\n%s", self.name, program.captured_graph)
        artifact("graph").debug("'%s':\n%s", self.name, program.graph)
        self.captures += 1
        if not program.escaped:
            self._keep(key, guards, program)
        if self.captures == MANY_CAPTURES:
            self._warn(program)
        return program

    def _compile(self, program: Program, tensors: list[Tensor]) -> None:
        """Has a program compiled, but for one that serves only once, or may."""
        graph, compiler = program.graph, self.compiler
        graph.why_replayed = ""
        if program.escaped:
            graph.why_replayed = "it serves once, as it keeps tensors that it makes"
        elif program.waits:
            graph.why_replayed = "it is compiled at its second call"
        if graph.why_replayed:
            compiler = None
        if program.is_differentiable:
            program.recorded = two_programs(program, compiler, tensors)
        elif compiler is not None and graph.nodes:
            program.use(compiler(graph, graph.only_backend))
        source = getattr(program.code, "source", None)
        if source is not None:
            artifact("output_code").debug("'%s':\n%s", self.name, source)

    def _keep(self, key: Any, guards: Guards, program: Program) -> None:
        self.programs.setdefault(key, []).insert(0, (guards, program))
        while sum(map(len, self.programs.values())) > CACHE_SIZE:
            oldest = next(iter(self.programs))
            self.programs[oldest].pop()
            if not self.programs[oldest]:
                del self.programs[oldest]

    def _warn(self, program: Program) -> None:
        why = (
            "these change from call to call: " + "; ".join(list(self.recompilations)[-3:]) + "; "
            "pass numbers that change as tensors, or read them by facula.graph.runtime_scalar; pad what changes its shape"
        )
        if program.escaped:
            why = "it keeps tensors that it makes beyond its end; return them instead"
        warn_user(f"'{self.name}' was captured {self.captures} times: {why}")

    def _warn_of_draws(self, before: tuple[Any, Any]) -> None:
        if _runs_beside_others():  # one of which may have drawn them
            return
        for name, old, new in zip(("random", "numpy.random"), before, _streams()):
            if old != new:
                warn_user(
                    f"'{self.name}' draws from {name}, which happens at capture only: later calls have the same numbers; "
                    "draw them by facula.rand, or outside and pass them in"
                )

    def __repr__(self) -> str:
        return f"<compiled {self.function!r}>"


def _streams() -> tuple[Any, Any]:
    """Where the streams of random numbers are that Python and NumPy have for all."""
    return random.getstate(), _parts(np.random.get_state(legacy=False))


def _parts(state: Any) -> Any:
    """The state of any of NumPy's generators as what can be compared."""
    if isinstance(state, dict):
        return {key: _parts(x) for key, x in state.items()}
    return state.tobytes() if isinstance(state, np.ndarray) else state


def _runs_beside_others() -> bool:
    """Whether there are threads but this one and those of kernels (`facula.threads`), which draw nothing."""
    me = threading.current_thread()
    return any(t is not me and not t.name.startswith("facula_") for t in threading.enumerate())


def _under(mode: Mode, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` under another mode like `mode`, which may stand on this very one."""

    def call(*args: Any, **kwargs: Any) -> Any:
        above = copy(mode)
        above.push()
        try:
            return function(*args, **kwargs)
        finally:
            above.pop()

    return call


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

    @property
    def captured_graph(self) -> Graph:
        """The graph of the last call as it was captured, before the passes."""
        return self.compiled.captured_graph  # type: ignore[no-any-return]

    @property
    def explanation(self) -> str:
        """What runs the program of the last call, and why it is a replay where it is one."""
        return self.compiled.explanation  # type: ignore[no-any-return]

    def __reduce__(self) -> Any:
        return CompiledModule, (self._orig_mod, self.compiled.compiler)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._orig_mod, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._orig_mod, name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # so that isinstance(compiled, nn.Module) holds
        return type(self._orig_mod)

    def __repr__(self) -> str:
        return f"compiled {self._orig_mod!r}"
