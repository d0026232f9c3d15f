"""Python's operators for raw arrays that core itself defines (meta, buffer, trace)."""

from __future__ import annotations

from typing import Any


class ArrayOperators:
    """Makes `a + b` call `a.xp.add(a, b)`; bodies of ops read the same on every backend."""

    __slots__ = ()

    xp: Any
    shape: tuple[int, ...]
    __array_ufunc__ = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __neg__(self) -> Any:
        return self.xp.neg(self)

    def __invert__(self) -> Any:
        return self.xp.bitwise_not(self)

    def __getitem__(self, index: Any) -> Any:
        from facula.ops.subscript import basic

        return basic(self.xp, self, index)

    def __bool__(self) -> bool:
        return bool(self.xp.to_numpy(self))

    # Explicit reads of one element, for ops whose result depends on values; they wait for the device.

    def __int__(self) -> int:
        return int(self.xp.to_numpy(self).item())

    def __float__(self) -> float:
        return float(self.xp.to_numpy(self).item())

    def __hash__(self) -> int:
        return id(self)


def _install(name: str, op: str) -> None:
    setattr(ArrayOperators, f"__{name}__", lambda x, y: getattr(x.xp, op)(x, y))
    setattr(ArrayOperators, f"__r{name}__", lambda x, y: getattr(x.xp, op)(y, x))


for _name, _op in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}.items():  # fmt: skip
    _install(_name, _op)
for _op in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(ArrayOperators, f"__{_op}__", lambda x, y, op=_op: getattr(x.xp, op)(x, y))
