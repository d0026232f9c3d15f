"""Dropout and its kin: elements or whole channels set to zero at random, the rest scaled up.

In evaluation, or with p = 0, each returns its input.
"""

from __future__ import annotations

import math
from typing import Any

from facula.ops._op import Namespace, Tensor, op
from facula.testing.samples import call


@op(method=False)
def drop(xp: Namespace, input: Tensor, keep: Tensor, scale: float) -> Tensor:
    """`scale * input` where `keep`, else 0; `keep` broadcasts."""
    return xp.where(keep, input * scale, xp.full((), 0, input.dtype))


drop.vjp(input=lambda xp, g, keep, scale: xp.drop(g, keep, scale))


@op(method=False, random=True, unspecified_values=True)
def dropout(xp: Namespace, input: Tensor, p: float, key: Any, shape: Any) -> Tensor:
    """`input` with each element set to 0 with probability `p`, the others divided by `1 - p`.

    Raises ValueError for p outside [0, 1] (Srivastava et al. 2014).
    """
    return xp.drop(input, xp.bernoulli_mask(key, shape, 1 - p), 1 / (1 - p) if p < 1 else 0.0)


def new_key(size: Any) -> Any:
    """A key to as many random 32-bit words as `size` has elements."""
    from facula.random import next_key

    return next_key(None, math.prod(size), 32)


def _checked(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _written(input: Any, result: Any, inplace: bool, name: str) -> Any:
    from facula._tensor import write_

    return write_(input, result, name) if inplace else result


@dropout.public
def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    return _dropped(input, p, training, inplace, tuple(input.shape))


def _dropped(input: Any, p: float, training: bool, inplace: bool, shape: tuple[int, ...]) -> Any:
    _checked(p)
    if not training or p == 0:
        return input
    return _written(input, dropout.call(input, p, new_key(shape), shape), inplace, "dropout_")


def _per_channel(shape: Any, lead: int) -> tuple[int, ...]:
    """The shape of a mask that drops whole channels: the first `lead` sizes, then ones."""
    return (*shape[:lead], *[1] * (len(shape) - lead))


def _channel_dropout(dims: int) -> Any:
    """Defines dropout1d, 2d, 3d: whole channels of (N, C, *) or (C, *), with `dims` dimensions after C."""

    def body(xp: Namespace, input: Tensor, p: float, key: Any, shape: Any) -> Tensor:
        return xp.dropout(input, p, key, shape)

    body.__name__ = name = f"dropout{dims}d"
    body.__doc__ = (
        f"Sets whole channels of `input` (N, C, *) to 0 with probability `p` and divides the others by `1 - p`; "
        f"* stands for {dims} dimension{'s' * (dims > 1)}, and N may be left out."
    )
    made = op(method=False, random=True, unspecified_values=True)(body)

    def public(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        ndim = input.ndim
        if dims == 1 and ndim not in (2, 3):
            raise RuntimeError(f"{name}: Expected 2D or 3D input, but received a {ndim}D input.")
        lead = 1 if dims < 3 and dims == 1 and ndim == 2 else 2
        lead = 1 if dims == 3 and ndim == 4 else lead
        return _dropped(
            input, p, training, inplace, _per_channel(tuple(input.shape), min(lead, ndim))
        )

    public.__name__, public.__doc__ = name, body.__doc__
    made.public(public)

    def samples(make: Any) -> Any:
        yield call(make(2, 3, *[2] * dims), 0.3)
        yield call(make(2, 3, *[2] * dims), training=False)

    return made.sample(samples)


dropout1d, dropout2d, dropout3d = (_channel_dropout(dims) for dims in (1, 2, 3))

_SELU_LOW = -1.7580993408473766  # what SELU tends to for large negative numbers


@op(method=False, random=True, unspecified_values=True)
def alpha_dropout(xp: Namespace, input: Tensor, p: float, key: Any, shape: Any) -> Tensor:
    """Dropout to SELU's low value that keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    scale, low = _alpha_constants(p)
    keep = xp.bernoulli_mask(key, shape, 1 - p)
    kept = xp.drop(input, keep, scale)
    shift = xp.where(keep, xp.full((), 0, input.dtype), xp.full((), low * scale, input.dtype))
    return kept + (shift - low * scale * p)


def _alpha_constants(p: float) -> tuple[float, float]:
    """(scale, what dropped elements become) so that mean and variance stay."""
    return ((_SELU_LOW**2 * p + 1) * (1 - p)) ** -0.5 if p < 1 else 0.0, _SELU_LOW


def _alpha_dropped(
    input: Any, p: float, training: bool, inplace: bool, shape: tuple[int, ...]
) -> Any:
    _checked(p)
    if not training or p == 0:
        return input
    return _written(
        input, alpha_dropout.call(input, p, new_key(shape), shape), inplace, "alpha_dropout_"
    )


@alpha_dropout.public
def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    return _alpha_dropped(input, p, training, inplace, tuple(input.shape))


@op(method=False, random=True, unspecified_values=True)
def feature_alpha_dropout(xp: Namespace, input: Tensor, p: float, key: Any, shape: Any) -> Tensor:
    """`alpha_dropout` of whole channels of `input` (N, C, *)."""
    return xp.alpha_dropout(input, p, key, shape)


@feature_alpha_dropout.public
def feature_alpha_dropout(
    input: Any, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Any:
    if input.ndim < 2 and training and p > 0:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return _alpha_dropped(input, p, training, inplace, _per_channel(tuple(input.shape), 2))


def _dropout_samples(make: Any) -> Any:
    yield call(make(3, 4), 0.3, True)
    yield call(make(3, 4), 0.3, False)
    yield call(make(0, 4), 0.3, True)


for _op in (dropout, alpha_dropout, feature_alpha_dropout):
    _op.sample(_dropout_samples)
