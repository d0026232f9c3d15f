"""Operations on the bits of integers and on bools."""

from __future__ import annotations

from typing import Any

from facula.ops._op import Namespace, Op, Tensor, leaf
from facula.ops.rules import broadcast
from facula.testing.samples import call


def _samples(make: Any) -> Any:
    yield call(make.of([[1], [6]], "int64"), make.of([3, 5, 2], "int64"))
    yield call(make.of([1, 6], "int32"), 3)
    yield call(make.of(4), make.of([1, 2], "int64"))


def _binary(name: str, doc: str) -> Op:
    def function(xp: Namespace, input: Tensor, other: Tensor) -> Tensor: ...

    function.__name__, function.__doc__ = name, doc
    function.__annotations__ = {"xp": "Namespace", "input": "Tensor", "other": "Tensor"}
    o: Op = leaf(promote="common", shape=broadcast)(function)
    o.sample(_samples)
    o.numbers = "one"
    return o


bitwise_and = _binary("bitwise_and", "Bits set in both; of bools whether both are true.")
bitwise_or = _binary("bitwise_or", "Bits set in either; of bools whether one is true.")
bitwise_xor = _binary("bitwise_xor", "Bits set in just one; of bools whether they differ.")
bitwise_left_shift = _binary("bitwise_left_shift", "Bits of `input` moved left by `other` places.")
bitwise_right_shift = _binary(
    "bitwise_right_shift", "Bits of `input` moved right by `other` places, the sign kept."
)


@leaf(shape=broadcast, inplace=True)
def bitwise_not(xp: Namespace, input: Tensor) -> Tensor:
    """All bits turned over; of bools the opposite. Raises TypeError for floating-point tensors."""


@bitwise_not.sample
def bitwise_not(make: Any) -> Any:
    yield call(make.of([True, False]))
    yield call(make.of([[1, -6]], "int64"))
