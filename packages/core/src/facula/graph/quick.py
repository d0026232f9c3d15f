"""The quick way to call a compiled program: all that it rests on is compared by identity, in C, and little Python is left.

What does not fit goes the general way (`CompiledFunction._replay`), which compares by value, says what is new, captures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from facula._tensor import Tensor
from facula.autograd.mode import is_grad_enabled
from facula.autograd.record import version
from facula.graph.active import lock
from facula.graph.capture import Argument, Held, Scalar, Source
from facula.graph.guards import Guards
from facula.graph.keys import SETTINGS, add_settings, arguments_key, is_plain, is_record
from facula.graph.program import Program
from facula.graph.runtime.calls import MOST_ARGUMENTS, Table, builtin, has_builtins

#: What `Quick.call` returns where it does not serve.
MISSED = object()


class Quick(NamedTuple):
    """A program for arguments like those of one call.

    `call(args, kwargs, guards.same_in_c)` does what the function does, in `mode` (whether the tape records); or nothing, and
    returns MISSED.
    """

    mode: bool
    program: Program
    guards: Guards
    call: Callable[[tuple[Any, ...], dict[str, Any], Any], Any]


def quick_of(program: Program, guards: Guards, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Quick | None:  # fmt: skip
    """The quick way of a program that serves this call; None where there is none."""
    if not (guards.compares_identities and _is_simple(program) and has_builtins()):
        return None
    checks, settings = Table(), Table()
    if not (_add_arguments(checks, args, kwargs) and _add_held(checks, program) and add_settings(settings)):  # fmt: skip
        return None
    scalars: list[tuple[Any, Any]] = []
    inputs = [_input(source, scalars) for source in program.sources]
    if not all(isinstance(x, int) or _is_plain_array(x) for x in inputs):
        return None
    if guards.same_in_c is None:
        guards.tabulate()
    tables = checks, settings, program.first.call_table(inputs), _delivery_table(program, scalars)
    return Quick(is_grad_enabled(), program, guards, builtin("call", *tables))


def _delivery_table(program: Program, scalars: list[tuple[Any, Any]]) -> Table:
    """Words for what is done before and after the run; by Python, where that is more than C knows of."""
    code: Any = program.first
    delivery: Any = program.delivery
    in_c = program.recorded is None and _is_delivered_in_c(program)
    prepare = _preparation(program, scalars) if scalars or program.graph.options else None
    finish = None if in_c else _finish(program) if program.recorded is None else _record(program)
    rebuild = None if program.rebuild is next else program.rebuild
    table = Table().objects(code.lock.acquire, code.lock.release, lock.acquire, lock.release)
    for function in (prepare, finish, rebuild):
        table.objects(function) if function is not None else table.numbers(0)
    writes = [(_held(program.sources[at]), out) for at, out, _ in program.writes] if in_c else []
    grads = [(s.held.__dict__, spec) for s, spec in program.grads if isinstance(s, Held)]
    dropped = [x for x, _ in grads] if program.recorded is None else []
    values = [(x, spec[1]) for x, spec in grads if spec is not None] if in_c else []
    results = program.results if in_c else []
    table.objects(MISSED, "_grad").numbers(len(writes), len(dropped), len(values), len(results))
    for written, out in writes:
        copied = -1 if code.writes_in_place(out) else out
        table.objects(written, written._array).numbers(copied, written._array.nbytes)
    table.objects(*dropped)
    for x, at in values:
        table.objects(x, delivery.backends[at]).numbers(at)
    for kind, at, *_ in results:
        if kind == "constant":
            table.numbers(0).objects(at)
        else:
            table.objects(delivery.backends[at]).numbers(at)
    return table


def _is_delivered_in_c(program: Program) -> bool:
    """Whether results are new tensors or always the same, and only tensors that the program holds are changed."""
    code: Any = program.code
    sources = [program.sources[at] for at, _, _ in program.writes] + [s for s, _ in program.grads]
    return (
        all(isinstance(s, Held) for s in sources)
        and all(
            code.writes_in_place(out) or _is_copied_whole(program.sources[at], code.results[out][1])
            for at, out, _ in program.writes
        )
        and all(r is None or r[0] == "value" for _, r in program.grads)
        and all(r[0] in ("value", "constant") for r in program.results)
    )


def _is_copied_whole(source: Source, output: Any) -> bool:
    """Whether an output's bytes, in their order, are those of the tensor that it is written to."""
    x = _held(source)._array
    return (
        _is_plain_array(x)
        and x.flags.writeable
        and (x.shape, x.dtype) == (output.shape, output.dtype)
    )


def _held(source: Source) -> Tensor:
    assert isinstance(source, Held)
    return source.held


def _preparation(program: Program, scalars: list[tuple[Any, Any]]) -> Callable[[], None]:
    """What puts numbers that Python owns, and random keys, where the program reads them."""
    code: Any = program.code
    options = program.graph.options

    def prepare() -> None:
        for place, read in scalars:
            place[()] = read()
        if options:
            code.set_keys([option.read() for option in options])

    return prepare


def _finish(program: Program) -> Callable[..., Any]:
    """What hands out outputs in Python."""
    delivery: Any = program.delivery
    sources = [None if isinstance(s, Scalar) else s for s in program.sources]

    def finish(outputs: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        tensors = [None if s is None else s.tensor(given) for s in sources]
        return delivery(tensors, outputs, given)

    return finish


def _record(program: Program) -> Callable[..., Any]:
    """What hands out the outputs of a forward program, and leaves its node on the tape."""
    recorded: Any = program.recorded

    def finish(outputs: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        tensors = [s.tensor(given) for s in program.sources]
        return recorded.hand_out(given, tensors, [version(t) for t in tensors], [], outputs)

    return finish


def _is_simple(program: Program) -> bool:
    delivery = program.delivery
    if program.recorded is None:
        fits = delivery is not None and delivery.is_short
    else:  # what backward reads is taken after the run: numbers and random keys may be others then
        fits = not program.graph.options and not any(isinstance(s, Scalar) for s in program.sources)
    return (
        fits
        and hasattr(program.first, "call_table")
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
    *found, pairs = arguments_key(tensors, {})[0]
    keys = iter(found[len(SETTINGS) :])
    over = [0] * len(tensors)  # as bits, which tensors before it are over the same memory
    for first, second in pairs:
        over[second] |= 1 << first
    for x in values:
        if isinstance(x, Tensor):
            if not _is_plain_array(x._array):
                return False
            _add_tensor(table, x, over.pop(0), *next(keys))
        elif is_plain(x) or not (isinstance(x, (tuple, list, dict, np.ndarray)) or is_record(x)):
            table.objects(x)
        else:
            return False
    return True


def _add_tensor(table: Table, x: Tensor, over: int, key: Any, same: int) -> None:
    shape, dtype, _, backend, tracked, own = key
    table.numbers(0)
    if own is None:
        table.numbers(0)
    else:
        table.objects(x)
    table.objects(backend, dtype).numbers(tracked, same, over, x._array.nbytes, len(shape), *shape)
    table.numbers(*x._array.strides)


def _add_held(table: Table, program: Program) -> bool:
    """Words of the tensors that the program holds; returns whether a look at their slots says all about them."""
    held = [(s.held, tracked) for _, s, tracked in program.inputs if isinstance(s, Held)]
    table.numbers(len(held))
    for t, tracked in held:
        table.objects(t, t._array).numbers(tracked)
    return all(t._node is None and t._view is None for t, _ in held)
