"""What a captured program takes for granted, so that a change of it leads to a new capture.

Arguments are compared by a key. What the function reaches by itself (closure, globals that it names,
modules and plain objects with what hangs on them) is walked once, at capture: plain values are
compared by value, tensors and other objects by identity. Of optimizers only flags, and which numbers
are zero: the numbers enter a program as runtime scalars. Schedulers are left out.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import numpy as np

from facula._device import device as Device
from facula._tensor import Tensor, is_tracked
from facula.autograd.mode import is_grad_enabled
from facula.backends.registry import default_backend
from facula.dtypes import dtype as Dtype, get_default_dtype

_PLAIN = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    type(None),
    Device,
    Dtype,
    np.dtype,
    Enum,
    np.generic,
    slice,
    range,
)
_MISSING: Any = object()
_SKIPPED = (types.ModuleType, type)
_MOST = 20_000  # objects that are walked
_LONG = 256  # items of a container that are looked at one by one


def is_plain(x: Any) -> bool:
    """Whether `x` is compared by value."""
    if isinstance(x, (tuple, frozenset)):
        return all(map(is_plain, x))
    return isinstance(x, _PLAIN)


def plain_key(x: Any) -> Any:
    """`x` with its type: 1, 1.0 and True differ, and NaN equals itself."""
    if isinstance(x, np.generic):
        return type(x), x.tobytes()
    return (type(x), repr(x)) if isinstance(x, (float, complex, slice)) else (type(x), x)


def tensor_key(t: Tensor) -> Any:
    """What a program depends on in an argument: all but its values."""
    array = t._array
    strides = t._backend.strides(array)
    identity = id(t) if type(t) is not Tensor else None
    return (array.shape, array.dtype, strides, t._backend, is_tracked(t), identity)


def arguments_key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Tensor]]:
    """(key of a call's arguments and of the thread's modes, the tensors among them in order)."""
    tensors: list[Tensor] = []
    parts: list[Any] = [is_grad_enabled(), get_default_dtype(), default_backend(), len(args)]
    seen: dict[int, int] = {}
    for x in args:
        _add_key(x, parts, tensors, seen)
    if kwargs:
        _add_key(kwargs, parts, tensors, seen)
    return tuple(parts), tensors


def _add_key(x: Any, parts: list[Any], tensors: list[Tensor], seen: dict[int, int]) -> None:
    if isinstance(x, Tensor):
        # which arguments are one tensor, or views of one, is part of the key
        same = seen.setdefault(id(x), len(tensors))
        shared = same if x._cell is None else seen.setdefault(id(x._cell), len(tensors))
        parts.append((tensor_key(x), same, shared))
        tensors.append(x)
    elif isinstance(x, (tuple, list)):
        parts.append((type(x), len(x)))
        for y in x:
            _add_key(y, parts, tensors, seen)
    elif type(x) is dict:
        parts.append((dict, tuple(x)))
        for y in x.values():
            _add_key(y, parts, tensors, seen)
    elif is_plain(x):
        parts.append(plain_key(x))
    elif isinstance(x, np.ndarray):
        parts.append((x.shape, x.dtype, x.tobytes()))
    else:
        parts.append(id(x))


class Guards:
    """Places that were looked at during a walk, and what was there."""

    def __init__(self) -> None:
        self.values: list[tuple[Callable[[Any, Any], Any], Any, Any, Any, str]] = []
        self.identities: list[tuple[Callable[[Any, Any], Any], Any, Any, Any, str]] = []
        self.lengths: list[tuple[Any, int, str]] = []
        self.names: dict[int, str] = {}  # of tensors, by id
        self.found: list[Any] = []  # the objects of `values`
        self._quick: list[Callable[[], bool]] | None = None
        self.kept: Any = (
            None  # arguments that are compared by id, so that no other object gets theirs
        )
        self._seen: dict[int, Any] = {}

    def hold(self) -> bool:
        """Whether all is as it was: the quick test, as one generated expression per few hundred places."""
        if self._quick is None:
            self._quick = list(self._tests())
        try:
            return all(test() for test in self._quick) or self.broken() is None
        except (LookupError, ValueError):
            return self.broken() is None

    def _tests(self) -> Iterator[Callable[[], bool]]:
        """Identity is enough to see that nothing changed; where it fails, `broken` compares values."""
        terms: list[tuple[str, dict[str, Any]]] = []
        for i, (get, c, k, expected, _) in enumerate([*self.identities, *self.plain_objects()]):
            place = {_item: f"c{i}[k{i}]", _cell: f"c{i}.cell_contents"}[get]
            terms.append((f"{place} is e{i}", {f"c{i}": c, f"k{i}": k, f"e{i}": expected}))
        for i, (get, c, k, expected, _) in enumerate(self.values):
            if get is _truth:
                no = "" if expected[1] else "not "
                terms.append((f"{no}d{i}[j{i}]", {f"d{i}": c, f"j{i}": k}))
        for i, (c, n, _) in enumerate(self.lengths):
            terms.append((f"len(l{i}) == {n}", {f"l{i}": c}))
        for at in range(0, len(terms), 200):
            part = terms[at : at + 200]
            names = {name: x for _, bound in part for name, x in bound.items()}
            text = f"lambda {', '.join(names)}: lambda: {' and '.join(t for t, _ in part)}"
            yield eval(text, {})(*names.values())  # names and numbers of our own

    def plain_objects(self) -> list[Any]:
        """For values: the very object that was found at capture."""
        return [(g, c, k, x, n) for (g, c, k, _, n), x in zip(self.values, self.found) if g is not _truth]  # fmt: skip

    def broken(self) -> str | None:
        """The first place where something else is found now, or None."""
        for get, container, key, expected, name in self.values:
            if plain_key(get(container, key)) != expected:
                return name
        for get, container, key, expected, name in self.identities:
            if get(container, key) is not expected:
                return name
        for container, n, name in self.lengths:
            if len(container) != n:
                return f"len({name})"
        return None

    # ---- the walk

    def walk(self, x: Any, name: str) -> None:
        """Guards all that can be reached from `x`."""
        if id(x) in self._seen or len(self._seen) > _MOST or isinstance(x, (*_SKIPPED, np.ndarray)):
            return
        self._seen[id(x)] = x
        if isinstance(x, Tensor):
            self.names[id(x)] = name
        elif isinstance(x, types.MethodType):
            self.walk(x.__self__, name)
            self.walk(x.__func__, name)
        elif isinstance(x, types.FunctionType):
            self._function(x, name)
        elif isinstance(x, functools.partial):
            for part in (x.func, x.args, x.keywords):
                self.walk(part, name)
        elif isinstance(x, dict):
            self._container(x, x.keys(), name, "['{}']")
        elif isinstance(x, (list, tuple)):
            self._container(x, range(len(x)), name, "[{}]")
        elif hasattr(x, "param_groups"):
            self._optimizer(x, name)
        elif hasattr(x, "__dict__") and not _is_facula(x):
            self._object(x, name)

    def _function(self, function: types.FunctionType, name: str) -> None:
        if (function.__module__ or "").partition(".")[0] == "facula":
            return
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
            self._place(_cell, cell, None, variable)
        for variable in sorted(_names(function.__code__)):
            if variable in function.__globals__:
                self._place(_item, function.__globals__, variable, variable)
        self._container(
            function.__defaults__ or (),
            range(len(function.__defaults__ or ())),
            f"{name} defaults",
            "[{}]",
        )

    def _container(self, container: Any, keys: Any, name: str, form: str) -> None:
        if not container and isinstance(container, tuple):
            return
        if not isinstance(container, tuple):
            self.lengths.append((container, len(container), name))
        for key in list(keys)[:_LONG]:
            self._place(_item, container, key, name + form.format(key))

    def _object(self, x: Any, name: str) -> None:
        for method in ("forward", "__call__"):
            function = getattr(type(x), method, None)
            if isinstance(function, types.FunctionType):
                self.walk(function, f"{name}.{method}")
        attributes = x.__dict__
        for key in list(attributes):
            if key in ("_parameters", "_buffers", "_modules"):
                for child in list(attributes[key]):
                    self._place(_item, attributes[key], child, f"{name}.{child}")
                self.lengths.append((attributes[key], len(attributes[key]), f"{name}.{key}"))
                self._seen[id(attributes[key])] = attributes[key]
            else:
                self._place(_item, attributes, key, f"{name}.{key}")

    def _optimizer(self, x: Any, name: str) -> None:
        self.lengths.append((x.param_groups, len(x.param_groups), f"{name}.param_groups"))
        for i, group in enumerate(x.param_groups):
            for key, value in list(group.items()):
                place = f"{name}.param_groups[{i}][{key!r}]"
                if key == "params":
                    self._container(value, range(len(value)), place, "[{}]")
                elif isinstance(value, (bool, str, type(None))):
                    self._place(_item, group, key, place)
                elif isinstance(value, (int, float)):
                    self.values.append((_truth, group, key, plain_key(bool(value)), place))
                    self.found.append(value)

    def _place(self, get: Callable[[Any, Any], Any], container: Any, key: Any, name: str) -> None:
        found = get(container, key)
        if isinstance(found, _SKIPPED):
            return
        if is_plain(found):
            self.values.append((get, container, key, plain_key(found), name))
            self.found.append(found)
        else:
            self.identities.append((get, container, key, found, name))
            self.walk(found, name)


def _names(code: types.CodeType) -> set[str]:
    """The global names in a function and in the functions inside it."""
    inner = [_names(c) for c in code.co_consts if isinstance(c, types.CodeType)]
    return set(code.co_names).union(*inner)


def _item(container: Any, key: Any) -> Any:
    try:
        return container[key]
    except (KeyError, IndexError):
        return _MISSING


def _truth(container: Any, key: Any) -> Any:
    return bool(_item(container, key))


def _cell(cell: Any, _: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _is_facula(x: Any) -> bool:
    """Schedulers, ops and the like; modules are looked into."""
    if hasattr(x, "_parameters"):
        return False
    if hasattr(x, "last_epoch"):
        return True
    return type(x).__module__.partition(".")[0] == "facula"
