"""Kernels that write into their arguments: arithmetic without a copy, and optimizer updates.

A kernel of a method may return NotImplemented for operands that NumPy would cast otherwise than
PyTorch; the tensor then takes the general way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def _fits(target: Any, other: Any) -> bool:
    """Whether `target op= other` is plain: one floating dtype, and a shape that broadcasts to the target's."""
    if target.dtype not in _FLOATS:
        return False
    if other.__class__ is np.ndarray:
        return other.dtype is target.dtype and (
            other.shape == target.shape or _broadcasts(other.shape, target.shape)
        )
    return other.__class__ is float or other.__class__ is int


def _broadcasts(shape: Any, to: Any) -> bool:
    lead = len(to) - len(shape)
    return lead >= 0 and all(n == 1 or n == m for n, m in zip(shape, to[lead:]))


def binary(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(target: Any, other: Any, **options: Any) -> Any:
        if options or not _fits(target, other):
            return NotImplemented
        return ufunc(target, other, out=target)

    return kernel


def scaled(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(target: Any, other: Any, alpha: Any = 1, **options: Any) -> Any:
        if options or not _fits(target, other) or not isinstance(alpha, (int, float)):
            return NotImplemented
        return ufunc(target, other if alpha == 1 else other * alpha, out=target)

    return kernel


def sgd_update(param: Any, grad: Any, lr: float, weight_decay: float, decays: bool) -> None:
    if decays:
        grad = grad + weight_decay * param
    np.subtract(param, grad * lr, out=param)


def momentum_update(
    param: Any, grad: Any, momentum_buffer: Any, lr: float, weight_decay: float, momentum: float, dampening: float,
    decays: bool, nesterov: bool, first: bool,
) -> None:  # fmt: skip
    if decays:
        grad = grad + weight_decay * param
    if first:
        momentum_buffer[...] = grad
    else:
        np.multiply(momentum_buffer, momentum, out=momentum_buffer)
        np.add(momentum_buffer, grad * (1 - dampening) if dampening else grad, out=momentum_buffer)
    step = grad + momentum * momentum_buffer if nesterov else momentum_buffer
    scratch = np.multiply(step, lr)
    np.subtract(param, scratch, out=param)


def adam_update(
    param: Any, grad: Any, exp_avg: Any, exp_avg_sq: Any, max_exp_avg_sq: Any, step: Any, lr: float, beta1: float,
    beta2: float, eps: float, weight_decay: float, decays: bool, decoupled: bool,
) -> None:  # fmt: skip
    if param.dtype not in _FLOATS:
        return _adam_half(
            param,
            grad,
            exp_avg,
            exp_avg_sq,
            max_exp_avg_sq,
            step,
            lr,
            beta1,
            beta2,
            eps,
            weight_decay,
            decays,
            decoupled,
        )
    if decays and decoupled:
        np.multiply(param, 1 - lr * weight_decay, out=param)
    elif decays:
        grad = grad + weight_decay * param
    count = float(step)
    scratch = np.multiply(grad, 1 - beta1)
    np.multiply(exp_avg, beta1, out=exp_avg)
    np.add(exp_avg, scratch, out=exp_avg)
    np.multiply(grad, grad, out=scratch)
    np.multiply(scratch, 1 - beta2, out=scratch)
    np.multiply(exp_avg_sq, beta2, out=exp_avg_sq)
    np.add(exp_avg_sq, scratch, out=exp_avg_sq)
    square = exp_avg_sq
    if max_exp_avg_sq is not None:
        square = np.maximum(max_exp_avg_sq, exp_avg_sq, out=max_exp_avg_sq)
    np.sqrt(square, out=scratch)
    np.multiply(scratch, 1 / (1 - beta2**count) ** 0.5, out=scratch)
    np.add(scratch, eps, out=scratch)
    np.divide(exp_avg, scratch, out=scratch)
    np.multiply(scratch, lr / (1 - beta1**count), out=scratch)
    np.subtract(param, scratch, out=param)


def _adam_half(*args: Any) -> None:
    """float16 and bfloat16: in float32, rounded once at the end."""
    arrays = [a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in args]
    adam_update(*arrays)
    for target, value in zip((args[0], *args[2:5]), (arrays[0], *arrays[2:5])):
        if target is not None:
            target[...] = value.astype(target.dtype)


KERNELS: dict[str, Callable[..., Any]] = {
    "add_": scaled(np.add), "sub_": scaled(np.subtract), "mul_": binary(np.multiply), "div_": binary(np.true_divide),
    "sgd_update": sgd_update, "momentum_update": momentum_update, "adam_update": adam_update,
}  # fmt: skip
