"""What a captured program takes for granted in the Python around it, so that a change leads to a new capture.

What the function reaches by itself (closure, defaults, the globals that it names, modules and plain objects
with what hangs on them, their classes) is walked once, at capture. Plain values are compared by value, small NumPy arrays
by their bytes, tensors and other objects by identity. Of optimizers only flags, which numbers are zero, and
which state there is: the numbers enter a program as runtime scalars. Optimizers of the user's own are walked as other objects, and
their numbers compared unless they enter a program that way, or no walked function names them. Schedulers are left out.

At each call all of it is compared by identity first, in loops that run in C: a model has thousands of attributes. For
compiled programs one function in C does it (`tabulate`), which takes a tenth of the time.
"""

from __future__ import annotations

import collections
import dis
import functools
import sys
import types
from collections.abc import Callable, Collection
from itertools import chain
from operator import attrgetter, eq, is_, methodcaller
from typing import Any

import numpy as np

from facula._tensor import Tensor
from facula.graph.errors import CaptureError
from facula.graph.keys import is_plain, is_record, plain_key
from facula.graph.runtime.calls import Kind, Table, builtin, has_builtins

_MISSING: Any = type("missing", (), {"__repr__": lambda self: "missing"})()
_MOST = 20_000  # objects that are walked
_LONG = 4096  # items of a container up to which each is looked at
_BYTES = 65536  # of a NumPy array up to which its values are looked at
#: The standard library's objects are compared by identity, but for those that hold what users put there.
_OPEN = frozenset(("argparse", "types", "collections", "functools", "__main__"))
#: Methods that no captured function calls on an object that is there already.
_NOT_CALLED = frozenset(("__init__", "__new__", "__repr__", "__str__", "__del__", "__init_subclass__"))  # fmt: skip
#: Mappings whose items lie in memory in the order in which they are iterated over.
_DICTS = (dict, collections.defaultdict)
_VALUES = methodcaller("values")
_CONTENTS = attrgetter("cell_contents")
#: What functions name that look for attributes by strings.
_BY_STRINGS = frozenset(("getattr", "vars", "attrgetter", "__dict__", "__getattribute__"))


class _Part:
    """One container: where its items stand in the flat lists, and how to name them."""

    __slots__ = ("container", "form", "is_mapping", "name", "start", "stop")

    def __init__(self, container: Any, name: str, form: str, start: int, is_mapping: bool):
        self.container, self.name, self.form = container, name, form
        self.start, self.stop, self.is_mapping = start, start + len(container), is_mapping

    def item(self, key: Any) -> str:
        return self.name + self.form.format(key)


class Guards:
    """Places that were looked at during a walk, and what was there."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}  # of tensors, by id
        self.kept: Any = (
            None  # arguments that are compared by id, so that no other object gets theirs
        )
        self._seen: dict[int, Any] = {}
        self._classes: set[type] = set()
        self._sized: list[Any] = []
        self._lengths: list[int] = []
        self._size_names: list[str] = []
        self._mappings: list[Any] = []
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._sequences: list[Any] = []
        self._items: list[Any] = []
        self._parts: list[_Part] = []
        self._cells: list[Any] = []
        self._contents: list[Any] = []
        self._cell_names: list[str] = []
        self._places: list[list[Any]] = []  # [get, container, key, what was there, name]
        self._sets: list[tuple[Any, Any, str]] = []
        self._arrays: list[tuple[Any, bytes, str]] = []
        self._numbers: list[tuple[Any, Any, Any, str]] = []  # of optimizers, that programs read
        self._own: list[tuple[Any, Any, str]] = []  # of the user's own ones: group, key, name
        self._counters: list[tuple[Any, str, Any, str]] = []  # numbers that their objects have
        self._group_keys: set[str] = set()  # strings in functions that name `param_groups`
        self._schedulers: list[tuple[Any, str]] = []
        self._names: set[str] = set()  # attributes that the walked functions name
        self._methods: dict[str, list[tuple[Any, str]]] = {}  # not walked yet: nobody names them
        #: Whether all is as it was by identity, as a function in C; None where there is none, or not for what is expected now.
        self.same_in_c: Callable[[], bool] | None = None
        self._is_outdated = False

    # ---- the check at each call

    def hold(self) -> bool:
        """Whether all is as it was."""
        return self.broken() is None

    def broken(self) -> str | None:
        """The first place where something else is found now, in words, or None."""
        same = (self.same_in_c or self._same)()
        if same and self._is_outdated:
            self.tabulate()
        return None if same and self.compares_identities else self._compare(same)

    @property
    def compares_identities(self) -> bool:
        """Whether no values need be compared where all objects are the same."""
        return not (self._sets or self._arrays)

    def _same(self) -> bool:
        try:
            same = (
                all(map(eq, map(len, self._sized), self._lengths))
                and all(map(is_, chain.from_iterable(map(_VALUES, self._mappings)), self._values))
                and all(map(is_, chain.from_iterable(self._mappings), self._keys))
                and all(map(is_, chain.from_iterable(self._sequences), self._items))
                and all(map(is_, map(_CONTENTS, self._cells), self._contents))
            )
        except (ValueError, RuntimeError):  # an emptied cell; another thread that adds a key
            return False
        return same and all(get(x, key) is found for get, x, key, found, _ in self._places)

    def tabulate(self) -> None:
        """Has identities compared in C from now on, where that can be."""
        self._is_outdated = False
        if not has_builtins():
            return
        table = Table()
        for part in self._parts:
            _add_part(table, part, self._keys, self._values if part.is_mapping else self._items)
        walked = {id(part.container) for part in self._parts}
        for container, n in zip(self._sized, self._lengths):
            if id(container) not in walked:
                table.size(container, n)
        for cell, content in zip(self._cells, self._contents):
            table.numbers(Kind.CELL).objects(cell)
            _add_found(table, content)
        for place in self._places:
            _add_place(table, *place[:4])
        self.same_in_c = builtin("same", table.numbers(Kind.END))

    def add_state(self, made: Collection[tuple[dict[Any, Any], Any]]) -> None:
        """Guards what a capture put into the state of optimizers, as (container, key)."""
        for i, (container, key) in enumerate(made):
            self._place(_item, container, key, f"the optimizer's state[{i}]")

    def check_numbers(self) -> None:
        """Raises CaptureError where the function itself set a number that programs read at each call."""
        for group, key, before, place in self._numbers:
            now = _item(group, key)
            if plain_key(now) != plain_key(before) and isinstance(now, (int, float)):
                raise CaptureError(
                    f"the compiled function changes {place} from {before} to {now}, which happens at capture only; "
                    "step schedulers, and set what optimizers read, outside the compiled function"
                )

    def add_numbers(self, reads: Collection[Callable[[], Any]]) -> None:
        """Guards what functions may read of optimizers and schedulers as Python's numbers; `reads` read others at each call."""
        for group, key, place in self._own:
            if key in self._group_keys or not any(_is_read(read, group, key) for read in reads):
                self._place(_item, group, key, place)
        for group, key, _, place in self._numbers:
            if key in self._group_keys:
                self._place(_item, group, key, place)
        for attributes, key, value, place in self._counters:
            if key in self._names or not self._names.isdisjoint(_BY_STRINGS):
                self._places.append([_item, attributes, key, value, place])
        if not self._names.isdisjoint(("last_epoch", "get_last_lr")):
            for scheduler, name in self._schedulers:
                self._place(_attribute, scheduler, "last_epoch", f"{name}.last_epoch")

    def _compare(self, same: bool) -> str | None:
        """The slow way: values that are equal, but other objects, are the ones to be expected from now on."""
        if not same:
            found = self._compare_containers() or self._compare_sizes() or self._compare_single()
            if found is not None:
                return found
            # a new table once all is the same again: what differs at each call needs none
            self._is_outdated = self._is_outdated or self.same_in_c is not None
            self.same_in_c = None
        for container, expected, name in self._sets:
            if container != expected:
                return f"{name} has other members"
        for array, data, name in self._arrays:
            if array.tobytes() != data:
                return f"the values of the array {name}"
        return None

    def _compare_containers(self) -> str | None:
        for part in self._parts:
            expected = self._items
            keys: Any = range(part.stop - part.start)
            if part.is_mapping:
                expected, keys = self._values, self._keys[part.start : part.stop]
                now = list(part.container)
                if not _same_keys(now, keys):
                    return _key_difference(part, dict.fromkeys(keys), dict.fromkeys(now))
                values = list(part.container.values())
            else:
                values = list(part.container)
                if len(values) != len(keys):
                    return f"len({part.name}) is {len(values)}, was {len(keys)}"
            for i, (key, value) in enumerate(zip(keys, values), part.start):
                why = _changed(part.item(key), expected[i], value)
                if why:
                    return why
                expected[i] = value
            if part.is_mapping:
                self._keys[part.start : part.stop] = now
        return None

    def _compare_sizes(self) -> str | None:
        for container, n, name in zip(self._sized, self._lengths, self._size_names):
            if len(container) != n:
                return f"len({name}) is {len(container)}, was {n}"
        return None

    def _compare_single(self) -> str | None:
        for i, cell in enumerate(self._cells):
            value = _cell(cell, None)
            why = _changed(self._cell_names[i], self._contents[i], value)
            if why:
                return why
            self._contents[i] = value
        for place in self._places:
            value = place[0](place[1], place[2])
            why = _changed(place[4], place[3], value)
            if why:
                return why
            place[3] = value
        return None

    # ---- the walk

    def walk(self, x: Any, name: str) -> None:
        """Guards all that can be reached from `x`."""
        if id(x) in self._seen or len(self._seen) > _MOST or is_plain(x):
            return
        self._seen[id(x)] = x
        if isinstance(x, Tensor):
            self.names[id(x)] = name
        elif isinstance(x, np.ndarray):
            if x.nbytes <= _BYTES and x.dtype != object:
                self._arrays.append((x, x.tobytes(), name))
        elif isinstance(x, types.FunctionType):
            self._function(x, name)
        elif isinstance(x, type):
            self._class(x, x.__name__, is_called=True)
        elif isinstance(x, dict):
            self._mapping(x, name, "[{!r}]")
        elif isinstance(x, (list, collections.deque)):
            self._sequence(x, name)
        elif isinstance(x, tuple):
            for i, item in enumerate(x[:_LONG]):
                self.walk(item, f"{name}[{i}]")
        elif isinstance(x, (set, frozenset)):
            if isinstance(x, set):
                self._size(x, name)
                if 0 < len(x) <= _LONG:
                    self._sets.append((x, frozenset(x), name))
        elif hasattr(x, "param_groups"):
            self._optimizer(x, name)
        elif not isinstance(x, types.ModuleType):
            self._other(x, name)

    def _other(self, x: Any, name: str) -> None:
        for inner in ("__func__", "__self__", "fget", "func", "args", "keywords", "__wrapped__"):
            if inner in _INNER.get(type(x), ()) or (inner == "__wrapped__" and hasattr(x, inner)):
                self.walk(getattr(x, inner), name)
        if hasattr(x, "last_epoch"):
            self._schedulers.append((x, name))
        if type(x) not in _INNER and not _is_closed(x):
            self._object(x, name)

    def walk_argument(self, x: Any, name: str) -> None:
        """Guards what the key of a call compares by identity alone."""
        if isinstance(x, (tuple, list)):
            for i, y in enumerate(x):
                self.walk_argument(y, f"{name}[{i}]")
        elif isinstance(x, dict):
            for key, y in x.items():
                self.walk_argument(y, f"{name}[{key!r}]")
        elif is_record(x):
            self._class(type(x), type(x).__name__)
            for key in type(x).__dataclass_fields__:
                self.walk_argument(getattr(x, key), f"{name}.{key}")
        elif not isinstance(x, (Tensor, np.ndarray)):
            self.walk(x, name)

    def _function(self, function: types.FunctionType, name: str) -> None:
        if _top(function) == "facula":
            return
        code = function.__code__
        for variable, cell in zip(code.co_freevars, function.__closure__ or ()):
            if id(cell) not in self._seen:
                self._seen[id(cell)] = cell
                self._cells.append(cell)
                self._contents.append(_cell(cell, None))
                self._cell_names.append(variable)
                self.walk(self._contents[-1], variable)
        self._place(getattr, function, "__code__", f"the code of {name}")
        for kind in ("__defaults__", "__kwdefaults__"):
            self._place(getattr, function, kind, f"{name}.{kind}")
        variables, attributes = _names(code)
        if "param_groups" in attributes and "runtime_scalar" not in attributes | variables:
            self._group_keys |= _strings(code)
        for variable in sorted(variables):
            found = function.__globals__.get(variable, _MISSING)
            if isinstance(found, types.ModuleType):
                self._module(found, attributes)
            elif found is not _MISSING:
                self._place(_item, function.__globals__, variable, variable)
        for attribute in attributes - self._names:
            self._names.add(attribute)
            for method, where in self._methods.pop(attribute, ()):
                self.walk(method, where)

    def _module(self, module: types.ModuleType, attributes: set[str]) -> None:
        """What the walked function may take from a module of the user's."""
        if _is_ready_made(module.__name__):
            return
        for attribute in sorted(attributes & module.__dict__.keys()):
            found = module.__dict__[attribute]
            if isinstance(found, types.ModuleType):
                self._module(found, attributes)
            else:
                self._place(_item, module.__dict__, attribute, f"{module.__name__}.{attribute}")

    def _class(self, cls: type, name: str, is_called: bool = False) -> None:
        for c in cls.__mro__:
            attributes: Any = c.__dict__
            if _is_ready_made(c.__module__) or c in self._classes:
                continue
            self._classes.add(c)
            self._add_mapping(attributes, c.__name__, ".{}")
            for key, found in list(attributes.items()):
                where = f"{c.__name__}.{key}"
                if (
                    not isinstance(found, (types.FunctionType, property, classmethod, staticmethod))
                    or key in self._names
                    or (key.startswith("__") and (is_called or key not in _NOT_CALLED))
                    or key == "forward"
                ):
                    self.walk(found, where)
                else:
                    self._methods.setdefault(key, []).append((found, where))

    def _slots(self, x: Any, name: str) -> None:
        for c in type(x).__mro__:
            slots = c.__dict__.get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                if slot not in ("__dict__", "__weakref__") and not _is_ready_made(c.__module__):
                    self._place(_attribute, x, slot, f"{name}.{slot}")

    def _object(self, x: Any, name: str) -> None:
        self._class(type(x), name)
        self._slots(x, name)
        if not hasattr(x, "__dict__"):
            return
        attributes = x.__dict__
        if hasattr(x, "_slow"):
            self._hooks_of_all_modules()
        for key in ("_parameters", "_buffers", "_modules"):
            if isinstance(attributes.get(key), dict):  # the model's own names for what they hold
                self._seen[id(attributes[key])] = attributes[key]
                self._mapping(attributes[key], name, ".{}")
        self._mapping(
            attributes, name, ".{}", () if getattr(x, "_slow", True) else _hooks(attributes)
        )

    def _hooks_of_all_modules(self) -> None:
        from facula.nn import module

        if id(module._everywhere) not in self._seen:
            self._seen[id(module._everywhere)] = module._everywhere
            self._mapping(vars(module._everywhere), "hooks of all modules", ".{}")

    def _optimizer(self, x: Any, name: str) -> None:
        is_own = hasattr(x, "step") and not _is_ready_made(type(x).__module__)
        self._sequence(x.param_groups, f"{name}.param_groups", walks=False)
        for i, group in enumerate(x.param_groups):
            self._group(group, f"{name}.param_groups[{i}]", is_own)
        state = getattr(x, "state", None)
        if isinstance(state, dict):
            self._places.append([_attribute, x, "state", state, f"{name}.state"])
            for i, (key, value) in enumerate(list(state.items())):
                if value:  # looking makes empty ones
                    self._place(_item, state, key, f"{name}.state[{i}]")
        if is_own:
            self._seen |= {id(done): done for done in (x.param_groups, state)}
            self._class(type(x), name)
            self._slots(x, name)
            self._attributes(vars(x), name)

    def _attributes(self, attributes: dict[str, Any], name: str) -> None:
        """Guards those of an optimizer; which of its numbers are read and which only counted outside is known when all is walked."""
        self._size(attributes, name)
        for key, value in list(attributes.items()):
            place = f"{name}.{key}"
            if type(value) in (int, float):
                self._counters.append((attributes, key, value, place))
            else:
                self._place(_item, attributes, key, place)

    def _group(self, group: dict[str, Any], name: str, is_own: bool) -> None:
        for key, value in list(group.items()):
            place = f"{name}[{key!r}]"
            if key == "params":
                self._sequence(value, place)
            elif isinstance(value, (bool, str, type(None))):
                self._place(_item, group, key, place)
            else:
                if isinstance(value, (int, float)):
                    self._places.append([_is_zero, group, key, bool(value), f"whether {place} is zero"])  # fmt: skip
                    self._numbers.append((group, key, value, place))
                if is_own:
                    self._own.append((group, key, place))

    # ---- what is looked at

    def _size(self, container: Any, name: str) -> None:
        self._sized.append(container)
        self._lengths.append(len(container))
        self._size_names.append(name)

    def _mapping(self, x: Any, name: str, form: str, uncalled: Collection[str] = ()) -> None:
        """Guards what is in a mapping; of the `uncalled` which object that is, its contents where somebody names them."""
        self._add_mapping(x, name, form)
        if len(x) <= _LONG:
            for key, value in list(x.items()):
                where = name + form.format(key)
                named = [] if key not in uncalled else [key, *_READERS.get(key, ())]
                if not named or self._names.intersection(named):
                    self.walk(value, where)
                for reader in named:
                    self._methods.setdefault(reader, []).append((value, where))

    def _add_mapping(self, x: Any, name: str, form: str) -> None:
        self._size(x, name)
        if 0 < len(x) <= _LONG:
            self._parts.append(_Part(x, name, form, len(self._values), True))
            self._mappings.append(x)
            self._keys.extend(x)
            self._values.extend(x.values())

    def _sequence(self, x: Any, name: str, walks: bool = True) -> None:
        self._size(x, name)
        if 0 < len(x) <= _LONG:
            self._parts.append(_Part(x, name, "[{}]", len(self._items), False))
            self._sequences.append(x)
            self._items.extend(x)
            for i, item in enumerate(list(x) if walks else ()):
                self.walk(item, f"{name}[{i}]")

    def _place(self, get: Callable[[Any, Any], Any], container: Any, key: Any, name: str) -> None:
        found = get(container, key)
        self._places.append([get, container, key, found, name])
        self.walk(found, name)


def _hooks(attributes: dict[str, Any]) -> list[str]:
    """Where a module that has none keeps its hooks: calls do not look there before `_slow` is set."""
    return [key for key in attributes if key.startswith("_") and "_hooks" in key]


#: Methods of modules that look at hooks whether or not `_slow` is set.
_READERS = {
    "_state_dict_hooks": ("state_dict",),
    "_state_dict_pre_hooks": ("state_dict",),
    "_load_state_dict_pre_hooks": ("load_state_dict",),
    "_load_state_dict_post_hooks": ("load_state_dict",),
}


def _add_part(table: Table, part: _Part, keys: list[Any], values: list[Any]) -> None:
    x, n = part.container, part.stop - part.start
    keys, values = keys[part.start : part.stop], values[part.start : part.stop]
    if type(x) in _DICTS:
        table.numbers(Kind.DICT).objects(x).numbers(n).objects(*chain(*zip(keys, values)))
    elif type(x) is list:
        table.numbers(Kind.LIST).objects(x).numbers(n).objects(*values)
    else:
        table.numbers(Kind.ITEMS).objects(_VALUES if part.is_mapping else iter, (x,))
        table.numbers(n).objects(*values)
        if part.is_mapping:
            table.numbers(Kind.ITEMS).objects(iter, (x,)).numbers(n).objects(*keys)


def _add_place(table: Table, get: Callable[..., Any], x: Any, key: Any, found: Any) -> None:
    if get is _item and type(x) in _DICTS:
        table.numbers(Kind.KEY).objects(x, key)
        _add_found(table, found)
    elif get is _is_zero and type(x) in _DICTS and found is not _MISSING:
        table.numbers(Kind.TRUTH).objects(x, key).numbers(found)
    elif get is getattr or (get is _attribute and found is not _MISSING):
        table.numbers(Kind.ATTRIBUTE).objects(x, key, found)
    else:
        table.numbers(Kind.RESULT).objects(get, (x, key), found)


def _add_found(table: Table, found: Any) -> None:
    table.numbers(0) if found is _MISSING else table.objects(found)


#: Callables that stand for others, and what they stand for.
_INNER: dict[Any, tuple[str, ...]] = {
    types.MethodType: ("__func__", "__self__"),
    functools.partial: ("func", "args", "keywords"),
    property: ("fget",),
    classmethod: ("__func__",),
    staticmethod: ("__func__",),
}


def _changed(name: str, old: Any, new: Any) -> str | None:
    if new is old or (is_plain(new) and is_plain(old) and plain_key(new) == plain_key(old)):
        return None
    if is_plain(new) and is_plain(old):
        return f"{name} is {_show(new)}, was {_show(old)}"
    if new is _MISSING:
        return f"{name} is gone"
    return f"{name} is another object"


def _show(x: Any) -> str:
    text = repr(x)
    return text if len(text) <= 60 else text[:57] + "..."


def _same_keys(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(x is y or (is_plain(x) and x == y) for x, y in zip(a, b))


def _key_difference(part: _Part, old: dict[Any, None], new: dict[Any, None]) -> str:
    for key in new:
        if key not in old:
            return f"{part.item(key)} is new"
    for key in old:
        if key not in new:
            return f"{part.item(key)} is gone"
    return f"the order of {part.name}"


@functools.cache
def _names(code: types.CodeType) -> tuple[set[str], set[str]]:
    """(global names, all other names) in a function and in the functions inside it."""
    variables = {
        i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    attributes = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            further = _names(inner)
            variables |= further[0]
            attributes |= further[1]
    return variables, attributes


@functools.cache
def _strings(code: types.CodeType) -> set[str]:
    """Strings that a function and the functions inside it have as constants."""
    found = {x for x in code.co_consts if isinstance(x, str)}
    return found.union(*(_strings(x) for x in code.co_consts if isinstance(x, types.CodeType)))


def _item(container: Any, key: Any) -> Any:
    try:
        return container[key]
    except (KeyError, IndexError):
        return _MISSING


def _attribute(x: Any, name: str) -> Any:
    return getattr(x, name, _MISSING)


def _is_zero(container: Any, key: Any) -> Any:
    found = _item(container, key)
    return bool(found) if isinstance(found, (int, float)) else _MISSING


def _is_read(read: Any, group: Any, key: str) -> bool:
    """Whether a function without arguments is one like `lambda: group[key]`."""
    contents = [_cell(c, None) for c in getattr(read, "__closure__", None) or ()]
    if not any(c is group for c in contents):
        return False
    return any(c.__class__ is str and c == key for c in (*contents, *read.__code__.co_consts))


def _cell(cell: Any, _: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _MISSING


def _top(x: Any) -> str:
    return (getattr(x, "__module__", None) or "").partition(".")[0]


def _is_ready_made(module: str | None) -> bool:
    """Whether a module is nothing that users change: ours, NumPy's, Python's."""
    top = (module or "").partition(".")[0]
    if top == "__main__":
        return False
    return top in ("facula", "numpy", "builtins") or top in sys.stdlib_module_names


def _is_closed(x: Any) -> bool:
    """Ready-made objects are not looked into: schedulers, ops, locks. Modules are."""
    if hasattr(x, "_parameters"):
        return False
    if hasattr(x, "last_epoch"):
        return True
    module = type(x).__module__ or ""  # a class may be of none
    if module.startswith("facula.distributions"):  # whose parameters users may set
        return False
    return _is_ready_made(module) and _top(type(x)) not in _OPEN
