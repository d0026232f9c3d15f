"""Affine maps: the matrix products of layers, with their bias."""

from __future__ import annotations

from math import prod
from typing import Any

from facula.dtypes import as_dtype
from facula.ops._op import Namespace, Tensor, op
from facula.testing.samples import call


def _rows(xp: Namespace, x: Any) -> Any:
    """`x` as a matrix: its last dimension, and all others as one."""
    return x if len(x.shape) == 2 else xp.reshape(x, (prod(x.shape[:-1]), x.shape[-1]))


def check_linear(input: Any, weight: Any, bias: Any) -> None:
    """Raises RuntimeError where features or dtypes do not fit."""
    for other, name in ((weight, "weight"), (bias, "bias")):
        if other is not None and other.dtype != input.dtype:
            raise RuntimeError(
                f"linear: input is {as_dtype(input.dtype)}, {name} is {as_dtype(other.dtype)}; expected one dtype: "
                "convert one with .to(dtype)"
            )
    if not input.shape or not 1 <= len(weight.shape) <= 2 or input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            f"linear: input of shape {tuple(input.shape)} and weight of shape {tuple(weight.shape)} cannot be "
            f"multiplied: the last dimension of both must be the number of input features"
        )
    if bias is not None and len(weight.shape) == 1 and len(bias.shape) > 0:
        raise RuntimeError(
            f"linear: with a 1-d weight the bias must be 0-d, it has shape {tuple(bias.shape)}"
        )
    if (
        bias is not None
        and len(weight.shape) == 2
        and tuple(bias.shape) not in ((), (1,), (weight.shape[0],))
    ):
        raise RuntimeError(
            f"linear: bias has shape {tuple(bias.shape)}, expected ({weight.shape[0]},): one per output feature"
        )


@op(method=False)
def linear(xp: Namespace, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`input @ weight.T + bias`: (*, in) with weight (out, in) and bias (out,) gives (*, out).

    Raises RuntimeError where features or dtypes do not fit.
    """
    check_linear(input, weight, bias)
    if len(weight.shape) == 1:
        out = xp.reshape(xp.matmul(_rows(xp, input), xp.unsqueeze(weight, 1)), input.shape[:-1])
        return out if bias is None else out + bias
    out = xp.matmul(_rows(xp, input), xp.transpose(weight, 0, 1))
    if bias is not None:
        out = out + bias
    return out if len(input.shape) == 2 else xp.reshape(out, (*input.shape[:-1], weight.shape[0]))


def _weight_gradient(xp: Namespace, g: Any, rows: Any) -> Any:
    return xp.matmul(xp.permute(g, (1, 0)), rows)


def _linear_rule(xp: Namespace, g: Any, input: Any, weight: Any, needs: Any) -> Any:
    if len(weight.shape) == 1:
        to_input, to_weight, to_bias = _linear_rule(
            xp, xp.unsqueeze(g, -1), input, xp.unsqueeze(weight, 0), (needs[0], False, needs[2])
        )
        if needs[1]:
            to_weight = _weight_gradient(xp, _rows(xp, xp.unsqueeze(g, -1)), _rows(xp, input))
            to_weight = xp.reshape(to_weight, weight.shape)
        return to_input, to_weight, to_bias
    rows = _rows(xp, g)
    to_input = to_weight = to_bias = None
    if needs[0]:
        to_input = xp.matmul(rows, weight)
        if len(input.shape) != 2:
            to_input = xp.reshape(to_input, input.shape)
    if needs[1]:
        to_weight = xp.by_rows(_weight_gradient, weight.shape, (rows, _rows(xp, input)))
    if needs[2]:
        one_row = rows.shape[0] == 1
        to_bias = xp.view(rows, rows.shape[1:]) if one_row else xp.sum(rows, 0)
    return to_input, to_weight, to_bias


linear.vjp(("input", "weight", "bias"), _linear_rule)


@linear.sample
def linear(make: Any) -> Any:
    yield call(make(3, 4), make(2, 4), make(2))
    yield call(make(2, 3, 4), make(2, 4))
    yield call(make(4), make(2, 4), make(2))
    yield call(make(2, 4), make(4))
    yield call(make(0, 4), make(2, 4), make(2))


@op(method=False)
def bilinear(
    xp: Namespace, input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """`input1[i] * weight[o, i, j] * input2[j]` summed over i and j, plus bias.

    (*, in1), (*, in2), (out, in1, in2) and (out,) give (*, out).
    """
    if tuple(input1.shape[:-1]) != tuple(input2.shape[:-1]):
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {tuple(input1.shape)} and {tuple(input2.shape)}"
        )
    o, i, j = weight.shape
    if input1.shape[-1] != i or input2.shape[-1] != j:
        raise RuntimeError(
            f"bilinear(): inputs have {input1.shape[-1]} and {input2.shape[-1]} features, the weight of shape "
            f"{tuple(weight.shape)} expects {i} and {j}"
        )
    first, second = _rows(xp, input1), _rows(xp, input2)
    n = first.shape[0]
    half = xp.reshape(
        xp.matmul(second, xp.transpose(xp.reshape(weight, (o * i, j)), 0, 1)), (n, o, i)
    )
    out = xp.reshape(xp.matmul(half, xp.unsqueeze(first, 2)), (*input1.shape[:-1], o))
    return out if bias is None else out + bias


@bilinear.sample
def bilinear(make: Any) -> Any:
    yield call(make(3, 2), make(3, 4), make(2, 2, 4), make(2))
    yield call(make(2, 3, 2), make(2, 3, 1), make(2, 2, 1))
