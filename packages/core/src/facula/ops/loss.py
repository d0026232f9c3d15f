"""Losses, with PyTorch's `reduction` ('none', 'mean', 'sum') and its older `size_average`, `reduce`."""

from __future__ import annotations

import math
import warnings
from math import prod
from typing import Any

from facula.autograd.mode import has_values
from facula.dtypes import HALF, I64, as_dtype, category
from facula.ops._op import Namespace, Tensor, op
from facula.ops.dims import broadcast_shapes
from facula.testing.samples import call


def reduction_of(reduction: str, size_average: Any = None, reduce: Any = None) -> str:
    """The reduction that PyTorch's older arguments ask for, or `reduction` where they are not given."""
    if size_average is not None or reduce is not None:
        mean, any_at_all = size_average in (None, True), reduce in (None, True)
        return ("mean" if mean else "sum") if any_at_all else "none"
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _reduced(
    xp: Namespace, loss: Any, reduction: str, size_average: Any = None, reduce: Any = None
) -> Any:
    reduction = reduction_of(reduction, size_average, reduce)
    if reduction == "none":
        return loss
    if reduction == "mean" and category(loss.dtype) < 2:
        raise RuntimeError(
            f"a loss of {as_dtype(loss.dtype)} has no mean; it needs a floating-point input"
        )
    return xp.mean(loss) if reduction == "mean" else xp.sum(loss)


def _zero(xp: Namespace, like: Any) -> Any:
    return xp.full((), 0, like.dtype)


def _warn_sizes(name: str, input: Any, target: Any) -> None:
    if tuple(input.shape) != tuple(target.shape):
        warnings.warn(
            f"{name}: a target size {tuple(target.shape)} that differs from the input size {tuple(input.shape)} "
            "leads to broadcasting, likely not what is meant; give both the same size",
            stacklevel=4,
        )


def _pairs(**options: Any) -> Any:
    """Samples of a loss of two equal tensors: each reduction, 0-d and empty ones."""

    def samples(make: Any) -> Any:
        for reduction in ("mean", "sum", "none"):
            yield call(make(3, 4), make(3, 4), reduction=reduction, **options)
        yield call(make(), make(), **options)
        yield call(make(0, 2), make(0, 2), reduction="sum", **options)

    return samples


# ---- distances between numbers


def _weighted(
    xp: Namespace, loss: Any, weight: Any, reduction: str, size_average: Any, reduce: Any
) -> Any:
    """Loss times weight; the mean is then over the sum of the weights."""
    if weight is None:
        return _reduced(xp, loss, reduction, size_average, reduce)
    if tuple(weight.shape) != tuple(loss.shape):
        raise ValueError("Weights and input must have the same size.")
    loss, kind = loss * weight, reduction_of(reduction, size_average, reduce)
    return xp.sum(loss) / xp.sum(weight) if kind == "mean" else _reduced(xp, loss, kind)


@op(promote="common", method=False)
def squared_error(xp: Namespace, input: Tensor, target: Tensor, reduction: str) -> Tensor:
    """`(input - target) ** 2`, reduced."""
    d = input - target
    return _reduced(xp, d * d, reduction)


def _squared_error_rule(
    xp: Namespace, g: Any, input: Any, target: Any, reduction: str, needs: Any
) -> Any:
    d = input - target
    d = d * (2 * g / max(prod(d.shape), 1) if reduction == "mean" else 2 * g)
    return d if needs[0] else None, -d if needs[1] else None


squared_error.vjp(("input", "target"), _squared_error_rule)


@op(promote="common", method=False)
def mse_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Squared difference."""
    _warn_sizes("mse_loss", input, target)
    if weight is None:
        return xp.squared_error(input, target, reduction_of(reduction, size_average, reduce))
    d = input - target
    return _weighted(xp, d * d, weight, reduction, size_average, reduce)


mse_loss.sample(_pairs())


@op(promote="common", method=False)
def l1_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Absolute difference."""
    _warn_sizes("l1_loss", input, target)
    return _weighted(xp, xp.abs(input - target), weight, reduction, size_average, reduce)


l1_loss.sample(_pairs())


@op(method=False)
def huber_of(xp: Namespace, difference: Tensor, beta: float) -> Tensor:
    """`d**2 / 2` where |d| is below `beta`, else `beta * (|d| - beta / 2)`."""
    size = xp.abs(difference)
    return xp.where(size < beta, 0.5 * (difference * difference), beta * (size - 0.5 * beta))


huber_of.vjp_op(
    difference=lambda xp, g, difference, beta: g * xp.minimum(xp.maximum(difference, -beta), beta)
)


@op(promote="common", method=False)
def smooth_l1_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """`d**2 / (2 beta)` where the difference d is below `beta`, else `|d| - beta / 2`."""
    _warn_sizes("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    d = input - target
    loss = xp.abs(d) if beta == 0 else xp.huber_of(d, beta) / beta
    return _reduced(xp, loss, reduction, size_average, reduce)


smooth_l1_loss.sample(_pairs(beta=0.9))


@op(promote="common", method=False)
def huber_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """`d**2 / 2` where the difference d is below `delta`, else `delta * (|d| - delta / 2)` (Huber 1964)."""
    _warn_sizes("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    return _weighted(xp, xp.huber_of(input - target, delta), weight, reduction, None, None)


huber_loss.sample(_pairs(delta=0.9))


# ---- classes


def _one_hot(xp: Namespace, target: Any, classes: int) -> Any:
    """(N, C, *) bools: whether the target is that class."""
    ndim = len(target.shape)
    numbers = xp.reshape(xp.sequence(0, 1, classes, I64), (1, classes, *[1] * (ndim - 1)))
    return xp.eq(xp.unsqueeze(xp.cast(target, I64), 1), numbers)


def _class_places(xp: Namespace, target: Any, classes: int, ignore_index: int) -> Any:
    """(N, *): the class numbers to index with: 0 where ignored, and out of range where negative."""
    at = xp.cast(target, I64)
    return xp.where(target == ignore_index, 0, xp.where(at < 0, classes, at))


def _target_weights(
    xp: Namespace, at: Any, target: Any, weight: Any, ignore_index: int, dtype: Any
) -> Any:
    """(N, *): the weight of each target's class, 0 where it is ignored."""
    own = xp.full((), 1, dtype)
    if weight is not None:
        flat = xp.index_select(weight, 0, xp.reshape(at, (prod(at.shape),)))
        own = xp.reshape(flat, tuple(at.shape))
    return xp.where(target == ignore_index, xp.full((), 0, dtype), own)


def _at_classes(xp: Namespace, at: Any, values: Any, classes: int) -> Any:
    """(N, C, *): `values` (N, *) at their classes, else 0. By comparison: in a compiled program that is no step of its own."""
    return xp.where(_one_hot(xp, at, classes), xp.unsqueeze(values, 1), _zero(xp, values))


@op(method=False)
def class_nll(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """`-weight[target] * input[n, target]` for log-probabilities (N, C, *) and class numbers (N, *), reduced."""
    at = _class_places(xp, target, input.shape[1], ignore_index)
    scale = _target_weights(xp, at, target, weight, ignore_index, input.dtype)
    picked = xp.select(xp.gather(input, 1, xp.unsqueeze(at, 1)), 1, 0)
    loss = xp.where(scale == 0, _zero(xp, input), -(picked * scale))
    if reduction == "none":
        return loss
    return xp.sum(loss) / xp.sum(scale) if reduction == "mean" else xp.sum(loss)


@op(method=False)
def class_nll_gradient(
    xp: Namespace,
    g: Tensor,
    target: Tensor,
    weight: Tensor | None,
    classes: int,
    ignore_index: int,
    reduction: str,
) -> Tensor:
    """`g` through `class_nll`."""
    at = _class_places(xp, target, classes, ignore_index)
    scale = _target_weights(xp, at, target, weight, ignore_index, g.dtype)
    scale = scale * (g / xp.sum(scale) if reduction == "mean" else g)
    source = xp.where(target == ignore_index, _zero(xp, g), -scale)
    return _at_classes(xp, at, source, classes)


def _class_nll_rule(
    xp: Namespace,
    g: Any,
    input_shape: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
) -> Any:
    return xp.class_nll_gradient(g, target, weight, input_shape[1], ignore_index, reduction)


class_nll.vjp(input=_class_nll_rule)


def _check_classes(name: str, input: Any, target: Any, weight: Any) -> None:
    shape, goal = tuple(input.shape), tuple(target.shape)
    if not shape:
        raise ValueError(f"{name}: expected an input with a class dimension, got a 0-d tensor")
    if category(target.dtype) != 1:
        raise RuntimeError(
            f"{name}: expected class numbers of an integer dtype as target, got {as_dtype(target.dtype)}"
        )
    expected = shape[:1] + shape[2:] if len(shape) > 1 else ()
    if goal != expected and not (len(shape) == 1 and goal == (1,)):
        batch = shape[:1] != goal[:1]
        raise (ValueError if batch else RuntimeError)(
            f"{name}: an input of shape {shape} (N, C, *) needs a target of shape {expected} (N, *), got {goal}"
        )
    classes = shape[1] if len(shape) > 1 else shape[0]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes but got weight "
            f"tensor of shape: {list(weight.shape)}"
        )


@op(method=False)
def nll_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood: log-probabilities (N, C, *) or (C,), class numbers (N, *) or ().

    'mean' divides by the sum of the targets' weights. Targets equal to `ignore_index` count nothing.
    """
    _check_classes("nll_loss", input, target, weight)
    reduction = reduction_of(reduction, size_average, reduce)
    if len(input.shape) > 1:
        return xp.class_nll(input, target, weight, ignore_index, reduction)
    out = xp.class_nll(
        xp.unsqueeze(input, 0), xp.reshape(target, (1,)), weight, ignore_index, reduction
    )
    return xp.reshape(out, target.shape) if reduction == "none" else out


def _class_samples(make: Any) -> Any:
    target = make.of([2, 0, 1])
    weight = make(4, low=0.3, high=2.0, grad=False)
    for reduction in ("mean", "sum", "none"):
        yield call(make(3, 4), target, reduction=reduction)
    yield call(make(3, 4), target, weight)
    yield call(make(3, 4), make.of([2, -100, 1]), weight)
    yield call(make(2, 4, 2), make.of([[2, 1], [0, 3]]), weight, ignore_index=1)
    yield call(make(4), make.of(1))
    yield call(make(0, 4), make.of([], "int64"), reduction="sum")


nll_loss.sample(_class_samples)


@op(outputs=("loss", "peak", "log_sum"), method=False)
def class_cross_entropy(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    """Cross entropy of scores (N, C, *) with class numbers (N, *); the scores' maximum and, less that, logsumexp (N, 1, *).

    These two stay apart: added, large scores would leave few digits of the loss, which is their difference.
    """
    classes = input.shape[1]
    peak = xp.stop(xp.amax(input, 1, True)) if 0 not in input.shape else xp.sum(input, 1, True)
    below = input - peak
    log_sum = xp.log(xp.sum(xp.exp(below), 1, True))
    at = _class_places(xp, target, classes, ignore_index)
    scale = _target_weights(xp, at, target, weight, ignore_index, input.dtype)
    picked = xp.gather(below, 1, xp.unsqueeze(at, 1)) - log_sum
    loss = -(xp.select(picked, 1, 0) * scale) * (1 - label_smoothing)
    if label_smoothing:
        every = _spread(xp, below - log_sum, weight)
        loss = loss - xp.sum(every, 1) * (label_smoothing / classes)
    loss = xp.where(target == ignore_index, _zero(xp, input), loss)
    if reduction == "none":
        return loss, peak, log_sum
    total = xp.sum(loss) / xp.sum(scale) if reduction == "mean" else xp.sum(loss)
    return total, peak, log_sum


def _spread(xp: Namespace, x: Any, weight: Any) -> Any:
    """`x` (N, C, *) times the weights of the classes, where there are any."""
    return (
        x
        if weight is None
        else x * xp.reshape(weight, (1, weight.shape[0], *[1] * (len(x.shape) - 2)))
    )


@op(method=False)
def class_cross_entropy_gradient(
    xp: Namespace,
    g: Tensor,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None,
    peak: Tensor,
    log_sum: Tensor,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    """`g` through `class_cross_entropy`: (softmax - onehot), scaled."""
    classes, dtype = input.shape[1], input.dtype
    at = _class_places(xp, target, classes, ignore_index)
    scale = _target_weights(xp, at, target, weight, ignore_index, dtype)
    zero = _zero(xp, input)
    unit = g / xp.sum(scale) if reduction == "mean" else g
    total = xp.where(target == ignore_index, zero, scale * unit * (1 - label_smoothing))
    wanted = _at_classes(xp, at, total, classes)
    if label_smoothing:
        unit = xp.where(target == ignore_index, zero, unit * (label_smoothing / classes))
        smooth = _spread(xp, xp.expand(xp.unsqueeze(unit, 1), input.shape), weight)
        wanted, total = wanted + smooth, total + xp.sum(smooth, 1)
    return _softmax_of(xp, input, peak, log_sum) * xp.unsqueeze(total, 1) - wanted


def _softmax_of(xp: Namespace, input: Any, peak: Any, log_sum: Any) -> Any:
    return xp.exp(input - xp.stop(peak) - log_sum)


def _class_cross_entropy_rule(
    xp: Namespace,
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    peak: Any,
    log_sum: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Any:
    g, _, g_sum = [*g, None, None][:3]  # any peak would do: it has no gradient
    out = None
    if g is not None:
        out = xp.class_cross_entropy_gradient(
            g, input, target, weight, peak, log_sum, ignore_index, reduction, label_smoothing
        )
    if g_sum is not None:
        by_sum = _softmax_of(xp, input, peak, log_sum) * g_sum
        out = by_sum if out is None else out + by_sum
    return out


class_cross_entropy.vjp(input=_class_cross_entropy_rule)


def _probability_cross_entropy(
    xp: Namespace, input: Any, target: Any, weight: Any, reduction: str, label_smoothing: float
) -> Any:
    if category(target.dtype) < 2:
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {as_dtype(target.dtype)}"
        )
    at = 1 if len(input.shape) > 1 else 0
    classes = input.shape[at]
    if target.dtype != input.dtype:
        target = xp.cast(target, input.dtype)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    product = xp.log_softmax(input, at) * target
    if weight is not None:
        product = _spread(xp, product, weight) if at else product * weight
    loss = -xp.sum(product, at)
    if reduction == "none":
        return loss
    return xp.sum(loss) / prod(loss.shape) if reduction == "mean" else xp.sum(loss)


@op(method=False)
def cross_entropy(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross entropy of unnormalised scores (N, C, *) or (C,) with class numbers (N, *) or probabilities.

    `weight` (C,) weighs the classes, and 'mean' divides by the weights of the targets; targets equal to
    `ignore_index` count nothing. Raises IndexError for a class number out of range.
    """
    _check_smoothing(label_smoothing)
    reduction = reduction_of(reduction, size_average, reduce)
    if tuple(input.shape) == tuple(target.shape):
        return _probability_cross_entropy(xp, input, target, weight, reduction, label_smoothing)
    _check_classes("cross_entropy", input, target, weight)
    if len(input.shape) > 1:
        return xp.class_cross_entropy(
            input, target, weight, ignore_index, reduction, label_smoothing
        )[0]
    rows, targets = xp.unsqueeze(input, 0), xp.reshape(target, (1,))
    out = xp.class_cross_entropy(rows, targets, weight, ignore_index, reduction, label_smoothing)[0]
    return xp.reshape(out, target.shape) if reduction == "none" else out


@cross_entropy.public
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    scores, goal = input._array, target._array
    if len(scores.shape) != len(goal.shape) + 1 or not goal.shape or scores.dtype in HALF:
        return cross_entropy.call(
            input, target, weight, size_average, ignore_index, reduce, reduction, label_smoothing
        )
    # The common case without the way through the body: one node.
    _check_smoothing(label_smoothing)
    _check_classes("cross_entropy", scores, goal, weight)
    reduction = reduction_of(reduction, size_average, reduce)
    return class_cross_entropy.call(
        input, target, weight, ignore_index, reduction, label_smoothing
    )[0]


def _check_smoothing(label_smoothing: float) -> None:
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")


@cross_entropy.sample
def cross_entropy(make: Any) -> Any:
    yield from _class_samples(make)
    weight = make(4, low=0.3, high=2.0, grad=False)
    yield call(make(3, 4), make.of([2, -100, 1]), weight, label_smoothing=0.2)
    yield call(make(3, 4), make(3, 4, low=0.1, high=0.9), weight, label_smoothing=0.2)
    yield call(make(4), make(4, low=0.1, high=0.9))


# ---- probabilities and likelihoods


@op(method=False)
def binary_nll(xp: Namespace, input: Tensor, target: Tensor) -> Tensor:
    """`-(target * log(input) + (1 - target) * log(1 - input))`, the logarithms not below -100."""
    log_one = xp.maximum(xp.log(input), -100.0)
    log_zero = xp.maximum(xp.log1p(-input), -100.0)
    return (target - 1) * log_zero - target * log_one


binary_nll.vjp(
    input=lambda xp, g, input, target: (
        g * (input - target) / xp.maximum((1 - input) * input, 1e-12)
    ),
    target=lambda xp, g, input: (
        g * (xp.maximum(xp.log1p(-input), -100.0) - xp.maximum(xp.log(input), -100.0))
    ),
)


@op(promote="common", method=False)
def binary_cross_entropy(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Cross entropy of probabilities in [0, 1] with targets of the same shape.

    Raises RuntimeError for probabilities out of range, where values can be read.
    """
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"Using a target size ({tuple(target.shape)}) that is different to the input size "
            f"({tuple(input.shape)}) is deprecated. Please ensure they have the same size."
        )
    loss = xp.binary_nll(input, target)
    return _reduced(xp, loss if weight is None else loss * weight, reduction, size_average, reduce)


@binary_cross_entropy.sample
def binary_cross_entropy(make: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield call(
            make(3, 2, low=0.1, high=0.9), make(3, 2, low=0.1, high=0.9), reduction=reduction
        )
    yield call(make(3, 2, low=0.1, high=0.9), make(3, 2, low=0.1, high=0.9), make(2, grad=False))


@op(method=False)
def logistic_nll(xp: Namespace, input: Tensor, target: Tensor, pos_weight: Tensor | None) -> Tensor:
    """`binary_nll` of `sigmoid(input)`, without overflow; `pos_weight` scales the positive part."""
    softplus = xp.log1p(xp.exp(-xp.abs(input))) + xp.maximum(-input, 0)
    if pos_weight is None:
        return (1 - target) * input + softplus
    return (1 - target) * input + (1 + (pos_weight - 1) * target) * softplus


def _logistic_nll_rule(xp: Namespace, g: Any, input: Any, target: Any, pos_weight: Any) -> Any:
    p = xp.sigmoid(input)
    if pos_weight is None:
        return g * (p - target)
    return g * ((1 - target) * p - pos_weight * target * (1 - p))


logistic_nll.vjp(
    input=_logistic_nll_rule,
    target=lambda xp, g, input, pos_weight: (
        g * (-input if pos_weight is None else (pos_weight - 1) * -xp.logsigmoid(input) - input)
    ),
    pos_weight=lambda xp, g, input, target: g * (target * -xp.logsigmoid(input)),
)


@op(promote="common", method=False)
def binary_cross_entropy_with_logits(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """`binary_cross_entropy` of `sigmoid(input)`, computed without overflow.

    `weight` and `pos_weight` (the weight of positive targets) broadcast.
    """
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"Target size ({tuple(target.shape)}) must be the same as input size ({tuple(input.shape)})"
        )
    loss = xp.logistic_nll(input, target, pos_weight)
    return _reduced(xp, loss if weight is None else loss * weight, reduction, size_average, reduce)


@binary_cross_entropy_with_logits.sample
def binary_cross_entropy_with_logits(make: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield call(make(3, 2), make(3, 2, low=0.1, high=0.9), reduction=reduction)
    yield call(make(3, 2), make(3, 2, low=0.1, high=0.9), make(2), pos_weight=make(2, low=0.5))


def _x_log_y(xp: Namespace, x: Any, y: Any) -> Any:
    """`x * log(y)`, and 0 where x is 0."""
    one = xp.full((), 1, x.dtype)
    safe = xp.where(x == 0, one, y)
    return x * xp.log(safe)


@op(promote="common", method=False)
def kl_div(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Kullback-Leibler divergence of log-probabilities `input` from probabilities `target`.

    'batchmean' divides the sum by the first size, as the divergence is defined; 'mean' divides by all.
    """
    if log_target:
        loss = xp.exp(target) * (target - input)
    else:
        loss = _x_log_y(xp, target, target) - target * input
    if reduction == "batchmean" and size_average is None and reduce is None:
        return xp.sum(loss) / input.shape[0] if input.shape else xp.sum(loss)
    return _reduced(xp, loss, reduction, size_average, reduce)


@kl_div.sample
def kl_div(make: Any) -> Any:
    for reduction in ("mean", "sum", "none", "batchmean"):
        yield call(
            make(3, 2, low=-2, high=-0.1), make(3, 2, low=0.1, high=0.9), reduction=reduction
        )
    yield call(make(3, 2, low=-2, high=-0.1), make(3, 2, low=-2, high=-0.1), log_target=True)


@op(promote="float", method=False)
def poisson_nll_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: Any = None,
    eps: float = 1e-8,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of counts `target` under Poisson rates `input` (logarithms of them by default).

    `full` adds Stirling's approximation of the missing term.
    """
    loss = xp.exp(input) - target * input if log_input else input - target * xp.log(input + eps)
    if full:
        one = xp.full((), 1, input.dtype)
        safe = xp.where(target > 1, target, one)
        stirling = safe * xp.log(safe) - safe + 0.5 * xp.log(2 * math.pi * safe)
        loss = loss + xp.where(target > 1, stirling, _zero(xp, input))
    return _reduced(xp, loss, reduction, size_average, reduce)


@poisson_nll_loss.sample
def poisson_nll_loss(make: Any) -> Any:
    target = make.of([[0.0, 3.0], [1.0, 2.0]], "float64")
    yield call(make(2, 2), target)
    yield call(make(2, 2, low=0.2), target, log_input=False, reduction="none")
    yield call(make(2, 2), target, full=True, reduction="sum")


@op(promote="common", method=False)
def gaussian_nll(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    var: Tensor,
    full: bool,
    eps: float,
    reduction: str,
) -> Tensor:
    """Negative log-likelihood of normal distributions."""
    # The variance is kept from 0 outside the tape, so its gradient is as if it had not been.
    var = var + xp.stop(xp.maximum(var, eps) - var)
    d = input - target
    loss = 0.5 * (xp.log(var) + d * d / var)
    return _reduced(xp, loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@op(promote="common", method=False)
def gaussian_nll_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    var: Tensor,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of `target` under normal distributions of mean `input` and variance `var`.

    `var` has the shape of input, or 1 for its last size, or lacks that.
    """
    if tuple(var.shape) != tuple(input.shape) and var.shape:
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = xp.unsqueeze(var, -1)
        elif not (tuple(input.shape[:-1]) == tuple(var.shape[:-1]) and var.shape[-1] == 1):
            broadcastable = len(input.shape) == len(var.shape) and all(
                b in (1, a) for a, b in zip(input.shape, var.shape)
            )
            if not broadcastable:
                raise ValueError("var is of incorrect size")
    reduction_of(reduction)
    return xp.gaussian_nll(input, target, var, full, eps, reduction)


@gaussian_nll_loss.public
def gaussian_nll_loss(
    input: Any,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = input * 0 + var if not input.requires_grad else input.detach() * 0 + var
    elif has_values(var) and bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    return gaussian_nll_loss.call(input, target, var, full, eps, reduction)


@gaussian_nll_loss.sample
def gaussian_nll_loss(make: Any) -> Any:
    yield call(make(3, 2), make(3, 2), make(3, 2, low=0.5))
    yield call(make(3, 2), make(3, 2), make(3, low=0.5), full=True, reduction="none")
    yield call(make(3, 2), make(3, 2), make(3, 1, low=0.5), reduction="sum")


# ---- margins


def _excess(xp: Namespace, x: Any) -> Any:
    """`x` above 0, else 0; unlike relu's the gradient at 0 is 1, as in PyTorch."""
    return xp.clamp_min(x, 0)


@op(promote="common", method=False)
def hinge_embedding_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """`input` where target is 1, `max(0, margin - input)` where it is -1."""
    zero = _zero(xp, input)
    far = xp.where(target == 1, zero, _excess(xp, margin - input))
    near = xp.where(target == -1, zero, input)
    return _reduced(xp, far + near, reduction, size_average, reduce)


def _signs(make: Any) -> Any:
    return make.of([1.0, -1.0, 1.0], "float64")


@hinge_embedding_loss.sample
def hinge_embedding_loss(make: Any) -> Any:
    yield call(make(2, 3), _signs(make))
    yield call(make(2, 3), _signs(make), margin=0.5, reduction="none")


@op(promote="float", method=False)
def margin_ranking_loss(
    xp: Namespace,
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """`max(0, -target * (input1 - input2) + margin)`: target 1 wants input1 to be the larger."""
    if not len(input1.shape) == len(input2.shape) == len(target.shape):
        raise RuntimeError(
            f"margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{tuple(input1.shape)}, input2: {tuple(input2.shape)}, target: {tuple(target.shape)} "
        )
    loss = _excess(xp, -target * (input1 - input2) + margin)
    return _reduced(xp, loss, reduction, size_average, reduce)


@margin_ranking_loss.sample
def margin_ranking_loss(make: Any) -> Any:
    yield call(make(3), make(3), _signs(make))
    yield call(make(3), make(3), _signs(make), margin=0.5, reduction="none")


@op(promote="common", method=False)
def cosine_embedding_loss(
    xp: Namespace,
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """`1 - cos` of rows where target is 1, `max(0, cos - margin)` where it is -1."""
    if (
        len(target.shape) not in (0, 1)
        or len(input1.shape) != len(target.shape) + 1
        or len(input2.shape) != len(target.shape) + 1
    ):
        raise RuntimeError(
            f"cosine_embedding_loss: a {len(target.shape)}D target tensor of shape {tuple(target.shape)} expects inputs "
            f"of one dimension more (and at most 2), got input1 {tuple(input1.shape)}, input2 {tuple(input2.shape)}"
        )
    one, other = xp.sum(input1 * input1, -1) + 1e-12, xp.sum(input2 * input2, -1) + 1e-12
    cosine = xp.sum(input1 * input2, -1) / xp.sqrt(one * other)
    zero = _zero(xp, cosine)
    loss = xp.where(target == 1, 1 - cosine, zero) + xp.where(
        target == -1, _excess(xp, cosine - margin), zero
    )
    return _reduced(xp, loss, reduction, size_average, reduce)


@cosine_embedding_loss.sample
def cosine_embedding_loss(make: Any) -> Any:
    yield call(make(3, 2), make(3, 2), _signs(make))
    yield call(make(3, 2), make(3, 2), _signs(make), margin=0.5, reduction="none")


@op(promote="common", method=False)
def cosine_similarity(
    xp: Namespace, x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8
) -> Tensor:
    """`x1 . x2 / (|x1| * |x2|)` along `dim`, each norm at least `eps`; the tensors broadcast."""
    if category(x1.dtype) < 2:
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {as_dtype(x1.dtype)}"
        )
    shape = broadcast_shapes(x1.shape, x2.shape)
    x1, x2 = xp.expand(x1, shape), xp.expand(x2, shape)
    first = x1 / xp.maximum(xp.p_norm(x1, 2, dim, True), eps)
    second = x2 / xp.maximum(xp.p_norm(x2, 2, dim, True), eps)
    return xp.sum(first * second, dim)


@cosine_similarity.sample
def cosine_similarity(make: Any) -> Any:
    yield call(make(3, 4), make(3, 4))
    yield call(make(2, 3, 4), make(3, 4), dim=-1)
    yield call(make(4), make(4), dim=0)


@op(promote="float", method=False)
def pairwise_distance(
    xp: Namespace, x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """p-norm of `x1 - x2 + eps` over the last dimension."""
    return xp.p_norm(x1 - x2 + eps, p, -1, keepdim)


@pairwise_distance.sample
def pairwise_distance(make: Any) -> Any:
    yield call(make(3, 4), make(3, 4))
    yield call(make(3, 4), make(4), p=1.5, keepdim=True)


@op(method=False)
def pdist(xp: Namespace, input: Tensor, p: float = 2.0) -> Tensor:
    """p-norm distances between all pairs of rows (N, M), as N * (N - 1) / 2 numbers: (0, 1), (0, 2), ..."""
    if len(input.shape) != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {len(input.shape)}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    import numpy as np

    first, second = np.triu_indices(input.shape[0], 1)
    a = xp.index_select(input, 0, xp.asarray(first.astype(I64)))
    b = xp.index_select(input, 0, xp.asarray(second.astype(I64)))
    return xp.p_norm(a - b, p, 1)


@pdist.sample
def pdist(make: Any) -> Any:
    yield call(make(4, 3))
    yield call(make(3, 2), 1.5)
    yield call(make(1, 2))


@op(promote="float", method=False)
def triplet_margin_loss(
    xp: Namespace,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """`max(0, d(anchor, positive) - d(anchor, negative) + margin)`, d the p-norm distance of rows.

    `swap` takes the nearer of anchor and positive for the negative (Balntas et al. 2016).
    """
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    ndims = {len(t.shape) for t in (anchor, positive, negative)}
    if len(ndims) > 1:
        raise RuntimeError(
            f"The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {len(anchor.shape)}D, positive {len(positive.shape)}D, and negative {len(negative.shape)}D inputs"
        )
    near, far = (
        xp.pairwise_distance(anchor, positive, p, eps),
        xp.pairwise_distance(anchor, negative, p, eps),
    )
    if swap:
        far = xp.minimum(far, xp.pairwise_distance(positive, negative, p, eps))
    return _reduced(xp, _excess(xp, near - far + margin), reduction, size_average, reduce)


@triplet_margin_loss.sample
def triplet_margin_loss(make: Any) -> Any:
    yield call(make(3, 2), make(3, 2), make(3, 2))
    yield call(make(3, 2), make(3, 2), make(3, 2), margin=2.5, swap=True, reduction="none")


@op(method=False)
def triplet_margin_with_distance_loss(
    xp: Namespace,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` for any distance, a function of two tensors (pairwise_distance if None)."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = distance_function or xp.pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = xp.minimum(far, distance(positive, negative))
    return _reduced(xp, _excess(xp, near - far + margin), reduction)


@triplet_margin_with_distance_loss.public
def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Any = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    from facula.autograd.record import recorder

    # The distance is the caller's, on tensors: the body is never run on raw arrays.
    body = triplet_margin_with_distance_loss.function
    xp = recorder(anchor._backend)
    return body(xp, anchor, positive, negative, distance_function, margin, swap, reduction)


@triplet_margin_with_distance_loss.sample
def triplet_margin_with_distance_loss(make: Any) -> Any:
    yield call(make(3, 2), make(3, 2), make(3, 2))
    yield call(make(3, 2), make(3, 2), make(3, 2), margin=2.5, swap=True, reduction="none")


def _check_margin(name: str, input: Any, target: Any, expected: Any) -> None:
    shape = tuple(input.shape)
    if category(target.dtype) != 1:
        raise RuntimeError(
            f"{name}: expected class numbers of an integer dtype as target, got {as_dtype(target.dtype)}"
        )
    if len(shape) > 2 or 0 in shape[-1:]:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(shape)}"
        )
    if tuple(target.shape) not in expected:
        raise RuntimeError(
            f"{name}: inconsistent target size {list(target.shape)} for input of size {list(shape)}"
        )


@op(method=False)
def multi_margin_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """`sum over i != y of max(0, margin - input[y] + input[i]) ** p / C` for class numbers y."""
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    shape = tuple(input.shape)
    _check_margin(
        "multi_margin_loss", input, target, (shape[:-1], (1,) if len(shape) < 2 else shape[:-1])
    )
    rows = input if len(shape) == 2 else xp.reshape(input, (1, prod(shape)))
    labels = xp.reshape(target, (rows.shape[0],))
    classes = rows.shape[1]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"inconsistent weight size, expected {classes} but got {list(weight.shape)}"
        )
    hot, zero = _one_hot(xp, labels, classes), _zero(xp, input)
    own = xp.gather(rows, 1, xp.unsqueeze(xp.cast(labels, I64), 1))
    excess = xp.where(hot, zero, xp.relu(margin - own + rows))
    excess = excess * excess if p == 2 else excess
    if weight is not None:
        excess = excess * xp.sum(xp.where(hot, xp.unsqueeze(weight, 0), zero), 1, True)
    loss = xp.sum(excess, 1) / classes
    return _reduced(
        xp,
        xp.reshape(loss, target.shape if len(shape) < 2 else (shape[0],)),
        reduction,
        size_average,
        reduce,
    )


@multi_margin_loss.sample
def multi_margin_loss(make: Any) -> Any:
    yield call(make(3, 4), make.of([2, 0, 3]))
    yield call(
        make(3, 4), make.of([2, 0, 3]), 2, 0.7, make(4, low=0.5, grad=False), reduction="none"
    )
    yield call(make(4), make.of(1))


@op(method=False)
def multilabel_margin_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge loss between the target classes and all others; a row's targets end at its first -1.

    Raises RuntimeError for a target that is neither -1 nor a class, wherever it stands.
    """
    shape = tuple(input.shape)
    _check_margin("multilabel_margin_loss", input, target, (shape,))
    classes = shape[-1] if shape else 1
    rows, labels = (
        xp.reshape(input, (prod(shape[:-1]), classes)),
        xp.reshape(target, (prod(shape[:-1]), classes)),
    )
    ended = xp.cumsum(xp.cast(labels < 0, I64), 1) > 0
    numbers = xp.reshape(xp.sequence(0, 1, classes, I64), (1, 1, classes))
    zero, count = _zero(xp, input), xp.full((), classes, I64)
    chosen = xp.unsqueeze(xp.where(ended, count, xp.cast(labels, I64)), 2)  # `classes` is no class
    hot = xp.eq(chosen, numbers)  # (N, label, class)
    is_target = xp.sum(xp.cast(hot, I64), 1, True) > 0
    # All labels are checked by being taken, those behind the first -1 too, as in PyTorch.
    own = xp.unsqueeze(xp.gather(rows, 1, _class_places(xp, labels, classes, -1)), 2)
    excess = xp.relu(1 - own + xp.unsqueeze(rows, 1))
    excess = xp.where(is_target, zero, xp.where(xp.unsqueeze(ended, 2), zero, excess))
    loss = xp.reshape(xp.sum(xp.sum(excess, 2), 1) / classes, shape[:-1])
    return _reduced(xp, loss, reduction, size_average, reduce)


@multilabel_margin_loss.sample
def multilabel_margin_loss(make: Any) -> Any:
    target = make.of([[2, 0, -1, 1], [1, -1, 0, 0]])
    for reduction in ("mean", "none"):
        yield call(make(2, 4), target, reduction=reduction)
    yield call(make(3), make.of([1, -1, 2]))


@op(promote="common", method=False)
def multilabel_soft_margin_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """Mean over classes of the cross entropy of `sigmoid(input)` with 0/1 targets."""
    loss = -(target * xp.logsigmoid(input) + (1 - target) * xp.logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return _reduced(xp, xp.sum(loss, -1) / input.shape[-1], reduction, size_average, reduce)


@multilabel_soft_margin_loss.sample
def multilabel_soft_margin_loss(make: Any) -> Any:
    target = make.of([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]], "float64")
    yield call(make(2, 3), target)
    yield call(make(2, 3), target, make(3, low=0.5, grad=False), reduction="none")


@op(promote="common", method=False)
def soft_margin_loss(
    xp: Namespace,
    input: Tensor,
    target: Tensor,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
) -> Tensor:
    """`log(1 + exp(-target * input))` for targets 1 and -1."""
    loss = -xp.logsigmoid(target * input)
    return _reduced(xp, loss, reduction, size_average, reduce)


@soft_margin_loss.sample
def soft_margin_loss(make: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield call(make(2, 3), _signs(make), reduction=reduction)


@op(method=False)
def linear_cross_entropy(
    xp: Namespace,
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """`cross_entropy` of `linear(input, linear_weight, linear_bias)`.

    input (N, in) or (in,), linear_weight (C, *, in), linear_bias (C, *), target (N, *) or probabilities (N, C, *).
    """
    if len(input.shape) not in (1, 2):
        raise ValueError(f"expected input with dimensionality 1 or 2, got {len(input.shape)}")
    if len(linear_weight.shape) < 2:
        raise ValueError(
            f"expected linear_weight with at least 2 dimensions, got {len(linear_weight.shape)}"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise ValueError(
            f"expected linear_weight with {input.shape[-1]} input features, got shape {tuple(linear_weight.shape)}"
        )
    if ignore_index is not None and category(target.dtype) >= 2:
        raise ValueError("ignore_index cannot be specified when target contains probabilities")
    if linear_bias is not None and tuple(linear_bias.shape) != tuple(linear_weight.shape[:-1]):
        raise ValueError(
            f"expected linear_bias of shape {tuple(linear_weight.shape[:-1])}, got {tuple(linear_bias.shape)}"
        )
    scores = tuple(linear_weight.shape[:-1])
    if len(scores) > 1 and len(input.shape) == 1:
        raise ValueError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, "
            f"(N, {input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    rows = xp.reshape(linear_weight, (prod(scores), input.shape[-1]))
    bias = None if linear_bias is None else xp.reshape(linear_bias, (prod(scores),))
    logits = xp.reshape(xp.linear(input, rows, bias), (*input.shape[:-1], *scores))
    ignored = -100 if ignore_index is None else ignore_index
    return xp.cross_entropy(logits, target, weight, None, ignored, None, reduction, label_smoothing)


@linear_cross_entropy.public
def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Any:
    return linear_cross_entropy.call(
        input, linear_weight, target, linear_bias, weight, reduction, ignore_index, label_smoothing
    )


@linear_cross_entropy.sample
def linear_cross_entropy(make: Any) -> Any:
    yield call(make(3, 2), make(4, 2), make.of([2, 0, 1]))
    yield call(make(3, 2), make(4, 2), make.of([2, 0, 1]), linear_bias=make(4), label_smoothing=0.2)
