"""The quick way to call a compiled program: all that it rests on is compared by identity, in C, and little Python is left.

What does not fit goes the general way (`CompiledFunction._replay`), which compares by value, says what is new, captures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from facula._tensor import Tensor
from facula.autograd.mode import is_grad_enabled
from facula.graph.active import lock
from facula.graph.capture import Argument, Held, Scalar, Source
from facula.graph.deliver import Delivery
from facula.graph.guards import Guards
from facula.graph.keys import SETTINGS, add_settings, arguments_key, is_plain, is_record
from facula.graph.program import Program
from facula.graph.runtime.calls import MOST_ARGUMENTS, Table, builtin, has_builtins

#: What a `Quick` returns where it does not serve.
MISSED = object()


class Quick:
    """A program for arguments like those of one call.

    `quick(args, kwargs)` does what the function does, in `mode` (whether the tape records); or nothing, and returns MISSED.
    """

    def __init__(self, program: Program, guards: Guards, tables: tuple[Table, Table, Table], scalars: list[tuple[Any, Any]]):  # fmt: skip
        self.mode, self.program, self.guards = is_grad_enabled(), program, guards
        self.fits, self.run = builtin("fits", *tables), builtin("run", *tables)
        self.scalars, self.options = scalars, program.graph.options
        #: What the program reads; None for numbers, and for arguments, which are filled in at each call.
        self.tensors = [getattr(s, "held", None) for s in program.sources]
        self.given = [(i, s.at) for i, s in enumerate(program.sources) if isinstance(s, Argument)]
        code: Any = program.code
        self.code, self.lock, self.delivery = code, code.lock, _delivery(program)
        self.needs_tensors = self.delivery.needs_tensors

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        same = self.guards.same_in_c
        if same is None or not self.fits(args, kwargs) or not same():
            return MISSED
        given, tensors = self._tensors(args, kwargs) if self.needs_tensors else ([], [])
        keys = self._read_options() if self.options else ()
        if self.delivery.replaced:
            self.delivery.drop(given)
        code = self.code
        with self.lock:
            code.kept = None
            for place, read in self.scalars:
                place[()] = read()
            if keys:
                code.set_keys(keys)
            outputs = self.run(args, kwargs)
        if outputs is None:  # another thread gave a tensor another array, right now
            return MISSED
        return self.delivery(tensors, outputs, given)

    def _read_options(self) -> list[Any]:
        with lock:
            return [option.read() for option in self.options]

    def _tensors(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Tensor], list[Any]]:  # fmt: skip
        """Those among the arguments, and those that the program reads."""
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        tensors = self.tensors.copy()
        for i, at in self.given:
            tensors[i] = given[at]
        return given, tensors


def quick_of(program: Program, guards: Guards, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Quick | None:  # fmt: skip
    """The quick way of a program that serves this call; None where there is none."""
    if not (has_builtins() and guards.compares_identities and _is_simple(program)):
        return None
    checked, settings = Table(), Table()
    if not (_add_arguments(checked, args, kwargs) and _add_held(checked, program) and add_settings(settings)):  # fmt: skip
        return None
    scalars: list[tuple[Any, Any]] = []
    inputs = [_input(source, scalars) for source in program.sources]
    if not all(isinstance(x, int) or _is_plain_array(x) for x in inputs):
        return None
    if guards.same_in_c is None:
        guards.tabulate()
    return Quick(program, guards, (checked, settings, program.code.call_table(inputs)), scalars)  # type: ignore[union-attr]


def _delivery(program: Program) -> Delivery:
    """The program's, but for the tensors that it holds and writes itself: such writes are counted in C."""
    delivery, code = program.delivery, program.code
    assert delivery is not None
    held = {at: program.sources[at].held for at, out in delivery.writes
            if code.writes_in_place(out) and isinstance(program.sources[at], Held)}  # type: ignore[union-attr]  # fmt: skip
    if not held:
        return delivery
    table = Table().numbers(len(held)).objects(*held.values())
    return delivery.after(builtin("count_writes", table), set(held))


def _is_simple(program: Program) -> bool:
    delivery = program.delivery
    return (
        delivery is not None
        and delivery.is_short
        and not (program.is_differentiable and is_grad_enabled())
        and not program.none_grads
        and all(isinstance(s, (Held, Argument, Scalar)) for s in program.sources)
        and all(isinstance(s, (Held, Argument)) for s, _ in program.grads)
        and all(isinstance(s, Held) for pair in program.aliases for s in pair)
    )


def _is_plain_array(x: Any) -> bool:
    return type(x) is np.ndarray and x.flags.c_contiguous


def _input(source: Source, scalars: list[tuple[Any, Any]]) -> Any:
    """An array, or the number of a tensor among the arguments; a number that Python owns gets an array of its own."""
    if isinstance(source, Argument):
        return source.at
    if isinstance(source, Held):
        return source.held._array
    assert isinstance(source, Scalar)
    place = np.empty((), source.dtype)
    scalars.append((place, source.read))
    return place


def _add_arguments(table: Table, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Words of the arguments; returns whether they can be compared by identity: those that may change within cannot."""
    values = (*args, *kwargs.values())
    if len(values) > MOST_ARGUMENTS:
        return False
    table.numbers(len(args), len(kwargs)).objects(*kwargs)
    tensors = tuple(x for x in values if isinstance(x, Tensor))
    keys = iter(arguments_key(tensors, {})[0][len(SETTINGS) :])
    for x in values:
        if isinstance(x, Tensor):
            if not _is_plain_array(x._array):
                return False
            _add_tensor(table, x, *next(keys))
        elif is_plain(x) or not (isinstance(x, (tuple, list, dict, np.ndarray)) or is_record(x)):
            table.objects(x)
        else:
            return False
    return True


def _add_tensor(table: Table, x: Tensor, key: Any, same: int, shared: int) -> None:
    shape, dtype, _, backend, tracked, own = key
    table.numbers(0)
    if own is None:
        table.numbers(0)
    else:
        table.objects(x)
    table.objects(backend, dtype).numbers(tracked, same, shared, len(shape), *shape)
    table.numbers(*x._array.strides)


def _add_held(table: Table, program: Program) -> bool:
    """Words of the tensors that the program holds; returns whether a look at their slots says all about them."""
    held = [(s.held, tracked) for _, s, tracked in program.inputs if isinstance(s, Held)]
    table.numbers(len(held))
    for t, tracked in held:
        table.objects(t, t._array).numbers(tracked)
    return all(t._node is None and t._view is None for t, _ in held)
