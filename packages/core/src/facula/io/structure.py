"""Nested containers as JSON, with the tensors in them taken out: what is saved beside the tensors.

None, bool, str and ints up to 64 bits stand for themselves; all else is `[kind, content]`.
A tensor is `["tensor", [number, attributes]]`; number counts the tensors of a file in order of appearance.
The same tensor, or the same elements under two tensors, is saved once and shared again after loading. Other views
are saved as the elements that they show, not with their base.
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from typing import Any

import numpy as np

from facula._device import device
from facula._tensor import Parameter, Size, Tensor
from facula.dtypes import NAMES, dtype
from facula.io.format import FileError

SEQUENCES: dict[str, type] = {
    "list": list,
    "tuple": tuple,
    "Size": Size,
    "set": set,
    "frozenset": frozenset,
}
MAPPINGS: dict[str, type] = {"dict": dict, "OrderedDict": OrderedDict}
MAX_DEPTH = 200


class Writer:
    """Turns an object into JSON (`tree`), and collects its tensors as named NumPy arrays (`arrays`)."""

    def __init__(self, obj: Any):
        self.arrays: dict[str, Any] = {}
        self.names: dict[Any, str] = {}
        self.kept: list[Any] = []  # what `names` knows by identity must not be freed meanwhile
        self.tree = self._encode(obj, ())

    def _encode(self, x: Any, path: tuple[str, ...]) -> Any:
        if len(path) > MAX_DEPTH:
            raise ValueError(
                f"save: containers are nested more than {MAX_DEPTH} deep, or hold themselves"
            )
        kind = type(x)
        if x is None or kind is bool or kind is str or (kind is int and -(2**63) <= x < 2**63):
            return x
        if isinstance(x, Tensor):
            return ["tensor", self._tensor(x, path)]
        for name, cls in MAPPINGS.items():
            if kind is cls:
                return [
                    name,
                    [[self._key(k), self._encode(v, (*path, str(k)))] for k, v in x.items()],
                ]
        for name, cls in SEQUENCES.items():
            if kind is cls:
                return [name, [self._encode(v, (*path, str(i))) for i, v in enumerate(x)]]
        return self._scalar(x, path)

    def _scalar(self, x: Any, path: tuple[str, ...]) -> Any:
        kind = type(x)
        if kind is int:
            return ["int", hex(x)]
        if kind is float:
            return ["float", x.hex()]
        if kind is complex:
            return ["complex", [x.real.hex(), x.imag.hex()]]
        if kind is bytes:
            return ["bytes", base64.b64encode(x).decode()]
        if kind is dtype:
            return ["dtype", x.name]
        if kind is device:
            return ["device", str(x)]
        if kind is slice:
            return ["slice", [self._encode(v, (*path, "slice")) for v in (x.start, x.stop, x.step)]]
        raise TypeError(_cannot_save(x, path))

    def _key(self, key: Any) -> Any:
        if isinstance(key, Tensor):
            raise TypeError("save: a tensor can't be the key of a dict in a file")
        return self._encode(key, ("key",))

    def _tensor(self, t: Tensor, path: tuple[str, ...]) -> list[Any]:
        if t.is_meta:
            raise TypeError(f"save: {_where(path)} is on the meta device and has no values to save")
        place = _memory(t)
        name = self.names.get(place)
        if name is None:
            name = self.names[place] = self._free_name(path)
            self.arrays[name] = _plain_array(t)
            self.kept.append(t._array)
        facts: dict[str, Any] = {"device": str(t.device)}
        if t.requires_grad:
            facts["requires_grad"] = True
        if t.is_complex():
            facts["dtype"] = t.dtype.name
        if isinstance(t, Parameter):
            facts["parameter"] = True
        if ("object", id(t)) not in self.names:
            self.names["object", id(t)] = str(len(self.names))
            self.kept.append(t)
        facts["object"] = self.names["object", id(t)]
        return [name, facts]

    def _free_name(self, path: tuple[str, ...]) -> str:
        base = ".".join(path) or "tensor"
        base = base if base != "__metadata__" else "metadata"
        name, n = base, 1
        while name in self.arrays:
            name, n = f"{base}#{n}", n + 1
        return name


def _cannot_save(x: Any, path: tuple[str, ...]) -> str:
    text = f"save: {_where(path)} is a {type(x).__module__}.{type(x).__qualname__}, which a file can't hold; "
    if hasattr(x, "state_dict"):
        return text + "save its state_dict()"
    if isinstance(x, np.ndarray):
        return text + "save facula.from_numpy(array)"
    if isinstance(x, np.generic):
        return text + "save its .item()"
    return text + (
        "it holds tensors, None, bool, int, float, complex, str, bytes, dtype, device, Size, slice, "
        "and list, tuple, set, frozenset, dict and OrderedDict of these"
    )


def _where(path: tuple[str, ...]) -> str:
    return "the value at " + " -> ".join(map(repr, path)) if path else "the object"


def _memory(t: Tensor) -> Any:
    """What tells the elements of a tensor from those of all others, while both exist."""
    interface = getattr(t._array, "__array_interface__", None)
    if interface is None or not t.numel():
        return id(t._array)
    return interface["data"][0], t._array.dtype, t._array.shape, t._array.strides


def _plain_array(t: Tensor) -> Any:
    """Contiguous values on the host; complex numbers as pairs, in a last dimension of 2."""
    array = np.asarray(t._backend.to_numpy(t._array))
    array = array if array.flags.c_contiguous else array.copy(order="C")
    return array[..., None].view(t.dtype.to_real().dtype) if array.dtype.kind == "c" else array


# ---- reading


class Reader:
    """Turns JSON back into the object; `tensor_of(name, dtype name, device)` supplies the tensors."""

    def __init__(self, tensor_of: Any):
        self.tensor_of = tensor_of
        self.objects: dict[str, Tensor] = {}
        self.used: set[str] = set()

    def decode(self, x: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH + 1:
            raise FileError(f"the structure is nested more than {MAX_DEPTH} deep")
        if x is None or isinstance(x, (bool, int, str)):
            return x
        if not (isinstance(x, list) and len(x) == 2 and isinstance(x[0], str)):
            raise FileError("the structure holds something that save does not write")
        kind, content = x
        try:
            if kind in SEQUENCES:
                return self._sequence(kind, content, depth)
            if kind in MAPPINGS:
                return self._mapping(kind, content, depth)
            return (
                self._tensor(*content)
                if kind == "tensor"
                else _decode_scalar(kind, content, self, depth)
            )
        except FileError:
            raise
        except (
            TypeError,
            ValueError,
            KeyError,
            AttributeError,
            OverflowError,
            RuntimeError,
        ) as error:
            raise FileError(
                f"the structure holds a {kind!r} that can't be read: {error}"
            ) from error

    def _sequence(self, kind: str, content: Any, depth: int) -> Any:
        if not isinstance(content, list):
            raise FileError(f"the structure holds a {kind} without a list")
        values = [self.decode(v, depth + 1) for v in content]
        if kind == "Size" and not all(type(v) is int for v in values):
            raise FileError("the structure holds a Size of something else than ints")
        return SEQUENCES[kind](values)

    def _mapping(self, kind: str, content: Any, depth: int) -> Any:
        out = MAPPINGS[kind]()
        for key, value in content:
            key = self.decode(key, depth + 1)
            if key in out:
                raise FileError(f"the structure repeats the key {key!r}")
            out[key] = self.decode(value, depth + 1)
        return out

    def _tensor(self, name: str, facts: dict[str, Any]) -> Tensor:
        number = facts["object"]
        found = self.objects.get(number)
        if found is None:
            self.used.add(name)
            found = self.tensor_of(name, facts.get("dtype"), facts["device"])
            if facts.get("parameter"):
                found = Parameter(found, requires_grad=bool(facts.get("requires_grad")))
            elif facts.get("requires_grad"):
                found.requires_grad = True
            self.objects[number] = found
        return found


def _decode_scalar(kind: str, content: Any, reader: Reader, depth: int) -> Any:
    if kind == "int":
        return int(content, 16)
    if kind == "float":
        return float.fromhex(content)
    if kind == "complex":
        real, imaginary = content
        return complex(float.fromhex(real), float.fromhex(imaginary))
    if kind == "bytes":
        return base64.b64decode(content, validate=True)
    if kind == "dtype":
        return NAMES[content]
    if kind == "device":
        return device(content)
    if kind == "slice":
        return slice(*[reader.decode(v, depth + 1) for v in content])
    raise FileError(f"the structure holds a {kind!r}, which this version of facula does not know")
