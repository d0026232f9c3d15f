"""Sample inputs of ops: declared beside each op with `@op.sample`, and run by the tests on every backend.

    @softmax.sample
    def softmax(make):
        yield call(make(3, 4), 1)
        yield call(make(2, 3, 2), dim=-1)

`make` draws tensors; `call` holds the arguments of one call of the op's public function.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from facula.dtypes import as_dtype


class Call(NamedTuple):
    """The arguments of one call."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call(*args: Any, **kwargs: Any) -> Call:
    """The arguments of one sample, as they would be given to the op."""
    return Call(args, kwargs)


class Make:
    """Draws the tensors of samples: the same for the same seed, as NumPy arrays until `build` places them.

    `make(3, 4)` is a float64 tensor that requires grad, with elements in [low, high).
    """

    def __init__(self, seed: int = 0):
        self.rng = np.random.default_rng(seed)

    def __call__(
        self,
        *shape: int,
        dtype: Any = "float64",
        low: float = -2.0,
        high: float = 2.0,
        grad: bool | None = None,
    ) -> Draw:
        d = as_dtype(dtype)
        if d.category == 0:
            values = self.rng.integers(0, 2, shape).astype(bool)
        elif d.category == 1:
            values = self.rng.integers(
                max(int(low), 0) if not d.is_signed else int(low), int(high) + 1, shape
            )
        else:
            values = self.rng.uniform(low, high, shape)
            if d.is_complex:
                values = values + 1j * self.rng.uniform(low, high, shape)
        return Draw(np.asarray(values).astype(d.dtype), d.category >= 2 if grad is None else grad)

    def of(self, values: Any, dtype: Any = None, grad: bool = False) -> Draw:
        """A tensor with these very values."""
        array = np.asarray(values)
        return Draw(array if dtype is None else array.astype(as_dtype(dtype).dtype), grad)


class Draw(NamedTuple):
    """A tensor to be: its values, and whether it requires grad."""

    values: Any
    grad: bool


def samples_of(op: Any) -> list[Call]:
    """All sample calls of an op; empty where it declares none."""
    return list(op.samples(Make())) if op.samples else []


def build(value: Any, place: Any) -> Any:
    """`value` with each `Draw` in it (also in lists and tuples) replaced by `place(draw)`."""
    if isinstance(value, Draw):
        return place(value)
    if isinstance(value, Call):
        return Call(build(value.args, place), {k: build(v, place) for k, v in value.kwargs.items()})
    if isinstance(value, (list, tuple)):
        return type(value)(build(v, place) for v in value)
    return value


def tensors_in(value: Any) -> list[Any]:
    """All tensors in nested results or arguments, in order."""
    from facula import Tensor

    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Call):
        return tensors_in(value.args) + tensors_in(list(value.kwargs.values()))
    if isinstance(value, dict):
        return tensors_in(list(value.values()))
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors_in(v)]
    return []


def on_device(device: str, grad: bool = False) -> Any:
    """A `place` for `build`: tensors on a device, requiring grad where the sample says so."""
    import facula

    def place(draw: Draw) -> Any:
        t = facula.tensor(draw.values, device=device)
        if grad and draw.grad:
            t.requires_grad_()
        return t

    return place
