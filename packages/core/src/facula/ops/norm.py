"""Normalisation over batches, layers, groups, instances and channels."""

from __future__ import annotations

from math import prod
from typing import Any

from facula.autograd.mode import has_values, is_grad_enabled
from facula.dtypes import F32, HALF, as_dtype, finfo
from facula.ops._op import OPS, Namespace, Tensor, op
from facula.testing.samples import call

# ---- layer norm


def check_normalized(name: str, input: Any, normalized_shape: Any, *affine: Any) -> tuple[int, ...]:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape:
        raise RuntimeError(
            f"{name}: expected normalized_shape to have at least one dimension, it is empty"
        )
    for t in affine:
        if t is not None and tuple(t.shape) != shape:
            raise RuntimeError(
                f"{name}: expected weight and bias of normalized_shape {list(shape)}, got one of shape {list(t.shape)}"
            )
    if tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape [*, {str(list(shape))[1:]}, "
            f"but got input of size {list(input.shape)}"
        )
    return shape


@op(outputs=("output", "mean", "rstd"), method=False)
def native_layer_norm(
    xp: Namespace,
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """`layer_norm` with the mean and the inverse standard deviation that it found, of shape (*, 1, ...)."""
    shape = check_normalized("layer_norm", input, normalized_shape, weight, bias)
    dims = tuple(range(len(input.shape) - len(shape), len(input.shape)))
    n = prod(shape)
    mean = xp.sum(input, dims, True) / n
    centred = input - mean
    rstd = 1 / xp.sqrt(xp.sum(centred * centred, dims, True) / n + eps)
    out = centred * rstd
    if weight is not None:
        out = out * weight
    return (out if bias is None else out + bias), mean, rstd


@op(outputs=("to_input", "to_weight", "to_bias"), method=False)
def layer_norm_gradient(
    xp: Namespace,
    g: Tensor,
    input: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    count: int,
) -> Tensor:
    """Gradients of layer norm over its last `count` dimensions, by input, weight and bias."""
    lead = len(input.shape) - count
    first, last = tuple(range(lead)), tuple(range(lead, len(input.shape)))
    n = prod(input.shape[lead:])
    normal = (input - mean) * rstd
    scaled = g if weight is None else g * weight
    by_mean, by_scale = xp.sum(scaled, last, True) / n, xp.sum(scaled * normal, last, True) / n
    to_input = rstd * (scaled - by_mean - normal * by_scale)
    product = g * normal
    return to_input, xp.sum(product, first) if first else product, xp.sum(g, first) if first else g


def _layer_norm_rule(
    xp: Namespace,
    g: Any,
    input: Any,
    mean: Any,
    rstd: Any,
    weight: Any,
    normalized_shape: Any,
    needs: Any,
) -> Any:
    g, g_mean, g_rstd = [*g, None, None][:3]
    grads = [None, None, None]
    if g is not None:
        count = 1 if isinstance(normalized_shape, int) else len(normalized_shape)
        grads = list(xp.layer_norm_gradient(g, input, mean, rstd, weight, count))
    if g_mean is not None or g_rstd is not None:
        extra = _by_statistics(xp, g_mean, g_rstd, input, mean, rstd)
        grads[0] = extra if grads[0] is None else grads[0] + extra
    return grads


def _by_statistics(
    xp: Namespace, g_mean: Any, g_rstd: Any, input: Any, mean: Any, rstd: Any
) -> Any:
    """The gradient of `input` from those of its means and inverse standard deviations (or None)."""
    n = prod(input.shape) // max(prod(mean.shape), 1)
    extra = None if g_mean is None else g_mean / n
    if g_rstd is not None:
        by_rstd = -(g_rstd * (rstd * rstd * rstd) / n) * (input - mean)
        extra = by_rstd if extra is None else extra + by_rstd
    return xp.expand(extra, input.shape)


native_layer_norm.vjp(("input", "weight", "bias"), _layer_norm_rule)


@op(method=False)
def layer_norm(
    xp: Namespace,
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """`input` with mean 0 and variance 1 over its last dimensions, then `* weight + bias` (Ba et al. 2016).

    `normalized_shape`, an int or the sizes of the last dimensions, is also the shape of weight and bias.
    """
    return xp.native_layer_norm(input, normalized_shape, weight, bias, eps)[0]


@layer_norm.public
def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    if input._array.dtype in HALF:  # the statistics are to stay float32
        return layer_norm.call(input, normalized_shape, weight, bias, eps)
    return native_layer_norm.call_first(input, normalized_shape, weight, bias, eps)


@layer_norm.sample
def layer_norm(make: Any) -> Any:
    yield call(make(3, 4), (4,))
    yield call(make(2, 3, 4), (3, 4), make(3, 4), make(3, 4))
    yield call(make(3, 4), [4], make(4), None, 1e-3)
    yield call(make(0, 4), (4,), make(4), make(4))


@op(method=False)
def rms_norm(
    xp: Namespace,
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """`input` divided by its root mean square over the last dimensions, times `weight`.

    `eps` is added to the mean square; None takes the machine epsilon of the dtype (Zhang & Sennrich 2019).
    """
    shape = check_normalized("rms_norm", input, normalized_shape, weight)
    eps = finfo(as_dtype(input.dtype)).eps if eps is None else eps
    return xp.rms_norm_fused(input, weight, len(shape), eps)[0]


@op(outputs=("output", "rrms"), method=False)
def rms_norm_fused(
    xp: Namespace, input: Tensor, weight: Tensor | None, count: int, eps: float
) -> Tensor:
    """RMS norm over the last `count` dimensions, with the inverse root mean square that it found."""
    last = tuple(range(len(input.shape) - count, len(input.shape)))
    n = prod(input.shape[len(input.shape) - count :])
    rrms = 1 / xp.sqrt(xp.sum(input * input, last, True) / n + eps)
    out = input * rrms
    return out if weight is None else out * weight, rrms


@op(outputs=("to_input", "to_weight"), method=False)
def rms_norm_gradient(
    xp: Namespace, g: Tensor, input: Tensor, weight: Tensor | None, rrms: Tensor, count: int
) -> Tensor:
    """Gradients of RMS norm over its last `count` dimensions, by input and weight."""
    lead = len(input.shape) - count
    last, n = tuple(range(lead, len(input.shape))), prod(input.shape[lead:])
    normal = input * rrms
    scaled = g if weight is None else g * weight
    to_input = rrms * (scaled - normal * (xp.sum(scaled * normal, last, True) / n))
    return to_input, xp.sum(g * normal, tuple(range(lead))) if lead else g * normal


def _rms_norm_rule(
    xp: Namespace, g: Any, input: Any, weight: Any, rrms: Any, count: int, needs: Any
) -> Any:
    g, g_rrms = [*g, None][:2]
    n = prod(input.shape[len(input.shape) - count :])
    to_input = to_weight = None
    if g is not None:
        to_input, to_weight = xp.rms_norm_gradient(g, input, weight, rrms, count)
    if g_rrms is not None:
        by_scale = -(g_rrms * (rrms * rrms * rrms) / n) * input
        to_input = by_scale if to_input is None else to_input + by_scale
    return to_input, to_weight


rms_norm_fused.vjp(("input", "weight"), _rms_norm_rule)


@rms_norm.sample
def rms_norm(make: Any) -> Any:
    yield call(make(3, 4), (4,))
    yield call(make(2, 3, 4), (3, 4), make(3, 4), 1e-3)


# ---- batch norm


def _channels(xp: Namespace, x: Any, ndim: int) -> Any:
    """A vector, one element a channel, shaped to broadcast along dimension 1."""
    return xp.reshape(x, (1, x.shape[0], *[1] * (ndim - 2)))


def _all_but_channels(ndim: int) -> tuple[int, ...]:
    return (0, *range(2, ndim))


@op(outputs=("output", "mean", "var"), method=False)
def batch_norm_train(
    xp: Namespace, input: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Tensor:
    """`input` normalised per channel (dimension 1), with the mean and (biased) variance that it found."""
    ndim, dims = len(input.shape), _all_but_channels(len(input.shape))
    n = prod(input.shape[d] for d in dims)
    mean = xp.sum(input, dims) / n
    centred = input - _channels(xp, mean, ndim)
    var = xp.sum(centred * centred, dims) / n
    scale = 1 / xp.sqrt(var + eps)
    if weight is not None:
        scale = scale * weight
    out = centred * _channels(xp, scale, ndim)
    return out if bias is None else out + _channels(xp, bias, ndim), mean, var


@op(outputs=("to_input", "to_weight", "to_bias"), method=False)
def batch_norm_gradient(
    xp: Namespace,
    g: Tensor,
    input: Tensor,
    mean: Tensor,
    var: Tensor,
    weight: Tensor | None,
    eps: float,
) -> Tensor:
    """Gradients of batch norm by input, weight and bias."""
    ndim, dims = len(input.shape), _all_but_channels(len(input.shape))
    n = prod(input.shape[d] for d in dims)
    rstd = 1 / xp.sqrt(var + eps)
    centred = input - _channels(xp, mean, ndim)
    to_bias = xp.sum(g, dims)
    to_weight = xp.sum(g * centred, dims) * rstd
    scale = rstd if weight is None else rstd * weight
    slope = rstd * to_weight / n
    to_input = (
        g - centred * _channels(xp, slope, ndim) - _channels(xp, to_bias / n, ndim)
    ) * _channels(xp, scale, ndim)
    return to_input, to_weight, to_bias


def _batch_norm_rule(
    xp: Namespace, g: Any, input: Any, mean: Any, var: Any, weight: Any, eps: float, needs: Any
) -> Any:
    g, g_mean, g_var = [*g, None, None][:3]
    ndim = len(input.shape)
    n = prod(input.shape[d] for d in _all_but_channels(ndim))
    grads = [None, None, None]
    if g is not None:
        grads = list(xp.batch_norm_gradient(g, input, mean, var, weight, eps))
    for extra in (
        None if g_mean is None else xp.expand(_channels(xp, g_mean / n, ndim), input.shape),
        None
        if g_var is None
        else (input - _channels(xp, mean, ndim)) * _channels(xp, g_var * (2 / n), ndim),
    ):
        if extra is not None:
            grads[0] = extra if grads[0] is None else grads[0] + extra
    return grads


batch_norm_train.vjp(("input", "weight", "bias"), _batch_norm_rule)


@op(method=False, whole=False)  # its steps in a graph become one with the layer before
def batch_norm_eval(
    xp: Namespace,
    input: Tensor,
    mean: Tensor,
    var: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """`input` normalised per channel by a given mean and variance."""
    ndim = len(input.shape)
    scale = 1 / xp.sqrt(var + eps)
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    return input * _channels(xp, scale, ndim) + _channels(xp, shift, ndim)


@op(outputs=("sums", "products"), method=False, whole=False)
def channel_sums(xp: Namespace, g: Tensor, input: Tensor, mean: Tensor) -> Tensor:
    """Sums over all but dimension 1 of `g`, and of `g * (input - mean)`."""
    ndim, dims = len(input.shape), _all_but_channels(len(input.shape))
    return xp.sum(g, dims), xp.sum(g * (input - _channels(xp, mean, ndim)), dims)


def _batch_norm_eval_rule(
    xp: Namespace, g: Any, input: Any, mean: Any, var: Any, weight: Any, eps: float, needs: Any
) -> Any:
    ndim = len(input.shape)
    rstd = 1 / xp.sqrt(var + eps)
    scale = rstd if weight is None else rstd * weight
    to_input = g * _channels(xp, scale, ndim) if needs[0] else None
    if not any(needs[1:]):
        return to_input, None, None, None, None
    to_bias, by_scale = xp.channel_sums(g, input, mean)
    to_var = by_scale * scale * rstd * rstd * -0.5
    return to_input, -to_bias * scale, to_var, by_scale * rstd, to_bias


batch_norm_eval.vjp(("input", "mean", "var", "weight", "bias"), _batch_norm_eval_rule)


@op(method=False)
def batch_norm(
    xp: Namespace,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`input` (N, C, *) with mean 0 and variance 1 per channel, then `* weight + bias` (Ioffe & Szegedy 2015).

    With `training` the statistics are those of the batch, and `running_mean` and `running_var` (unbiased)
    move towards them by `momentum`, in place; else the running statistics are used.
    Raises ValueError for one value per channel in training.
    """
    if training:
        return xp.batch_norm_train(input, weight, bias, eps)[0]
    return xp.batch_norm_eval(input, running_mean, running_var, weight, bias, eps)


def _check_batch_norm(name: str, input: Any, per_channel: dict[str, Any]) -> None:
    shape = input._array.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"{name}: input must have at least 2 dimensions (N, C, *), got shape {tuple(input.shape)}"
        )
    channels = shape[1]
    for what, t in per_channel.items():
        if t is not None and t._array.shape != (channels,) and t.numel() != channels:
            raise RuntimeError(f"{name}: {what} should contain {channels} elements not {t.numel()}")


def _move(running: Any, value: Any, momentum: float, factor: float = 1.0) -> None:
    """Moves running statistics towards `value * factor`, those of a batch, in place."""
    from facula._tensor import bump, write_
    from facula.autograd.mode import no_grad, plain, state

    old, new, backend = running._array, value._array, running._backend
    is_plain = plain(state.mode) is not None and not running._requires_grad
    if is_plain and value._backend is backend and new.dtype is old.dtype and new.shape == old.shape:
        moved = backend.add(backend.mul(old, 1 - momentum), backend.mul(new, momentum * factor))
        backend.write(old, moved)
        bump(running)
        return
    with no_grad():
        moved = running * (1 - momentum) + value.detach() * (momentum * factor)
        write_(running, moved, "batch_norm")


@batch_norm.public
def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    shape = input._array.shape
    if len(shape) == 1 and not shape[0]:
        return input * 1  # PyTorch takes an empty vector
    given = {
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
    }
    _check_batch_norm("batch_norm", input, given)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "batch_norm: expected running_mean and running_var to be defined when training=False"
            )
        statistics = _kept_statistics(running_mean, running_var, (input, weight, bias))
        return _in_float32(batch_norm_eval, input, *statistics, weight, bias, eps)
    n = prod(shape) // max(shape[1], 1)
    if n == 0:
        return _of_nothing(input, weight, bias)
    if n == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}"
        )
    out, mean, var = _in_float32(batch_norm_train, input, weight, bias, eps)
    momentum = 0.0 if momentum is None else momentum
    if running_mean is not None:
        _move(running_mean, mean, momentum)
    if running_var is not None:
        _move(running_var, var, momentum, n / max(n - 1, 1))
    return out


def _of_nothing(input: Any, weight: Any, bias: Any) -> Any:
    """Batch norm of no values: gradients are 0, and running statistics stay as they are."""
    out = input * 1 if weight is None else input * weight.sum()
    return out if bias is None else out + bias.sum()


def _kept_statistics(mean: Any, var: Any, others: Any) -> tuple[Any, Any]:
    """Statistics for the gradient too: copies, as the same layer may be trained before the backward pass, which moves them."""
    from facula._tensor import is_tracked

    is_recorded = is_grad_enabled() and any(x is not None and is_tracked(x) for x in others)
    if is_recorded and has_values(mean):
        return OPS["clone"].call(mean), OPS["clone"].call(var)
    return mean, var


def _in_float32(op: Any, input: Any, *rest: Any) -> Any:
    """Batch norm; of a float16 or bfloat16 `input` all is cast before, so that the statistics stay float32."""
    half = input._array.dtype
    if half not in HALF:
        return op.call(input, *rest)
    result = op.call(*[_single(x) for x in (input, *rest)])
    if not op.outputs:
        return OPS["cast"].call(result, half)
    return OPS["cast"].call(result[0], half), *result[1:]


def _single(x: Any) -> Any:
    is_half = hasattr(x, "_array") and x._array.dtype in HALF
    return OPS["cast"].call(x, F32) if is_half else x


@batch_norm.sample
def batch_norm(make: Any) -> Any:
    yield call(make(4, 3), None, None, make(3), make(3), True)
    yield call(make(2, 3, 4), None, None, training=True)
    mean, var = make(3, grad=False), make(3, low=0.5, high=2.0, grad=False)
    yield call(make(4, 3), mean, var, make(3), make(3))
    yield call(make(2, 3, 4), make(3), make(3, low=0.5, high=2.0), make(3), make(3))
    yield call(make(2, 3, 2, 2), mean, var, None, None, True, 0.3, 1e-3)


@op(method=False)
def native_batch_norm(
    xp: Namespace,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """`batch_norm` with the mean and inverse standard deviation of the batch (empty in evaluation)."""
    if not training:
        empty = xp.full((0,), 0, input.dtype)
        return xp.batch_norm_eval(input, running_mean, running_var, weight, bias, eps), empty, empty
    out, mean, var = xp.batch_norm_train(input, weight, bias, eps)
    return out, mean, 1 / xp.sqrt(var + eps)


@native_batch_norm.public
def native_batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    if training:
        batch_norm(input, running_mean, running_var, None, None, True, momentum, eps)
    return native_batch_norm.call(
        input, weight, bias, running_mean, running_var, training, momentum, eps
    )


# ---- group, instance, response


@op(method=False)
def group_norm(
    xp: Namespace,
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """`input` (N, C, *) normalised over each group of C / num_groups channels (Wu & He 2018)."""
    return xp.group_norm_fused(input, weight, bias, num_groups, eps)[0]


@group_norm.public
def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    shape = input._array.shape
    if len(shape) > 1 and prod(shape) == num_groups == shape[1]:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}"
        )
    if input._array.dtype in HALF:  # the statistics are to stay float32
        return group_norm.call(input, num_groups, weight, bias, eps)
    return group_norm_fused.call(input, weight, bias, num_groups, eps)[0]


@op(outputs=("output", "mean", "rstd"), method=False)
def group_norm_fused(
    xp: Namespace,
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    num_groups: int,
    eps: float,
) -> Tensor:
    """`group_norm` with the mean and the inverse standard deviation of each group, (N, num_groups, 1)."""
    check_groups(input, num_groups, weight, bias)
    shape, ndim = input.shape, len(input.shape)
    size = prod(shape[1:]) // num_groups
    rows = xp.reshape(input, (shape[0], num_groups, size))
    out, mean, rstd = xp.native_layer_norm(rows, (size,), None, None, eps)
    out = xp.reshape(out, shape)
    if weight is not None:
        out = out * _channels(xp, weight, ndim)
    return (out if bias is None else out + _channels(xp, bias, ndim)), mean, rstd


@op(outputs=("to_input", "to_weight", "to_bias"), method=False)
def group_norm_gradient(
    xp: Namespace,
    g: Tensor,
    input: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
) -> Tensor:
    """Gradients of group norm by input, weight and bias; mean and rstd are (N, groups, 1)."""
    shape, ndim = input.shape, len(input.shape)
    size = prod(shape[1:]) // mean.shape[1]
    rows = (*mean.shape[:2], size)
    normal = (xp.reshape(input, rows) - mean) * rstd
    scaled = xp.reshape(g if weight is None else g * _channels(xp, weight, ndim), rows)
    by_mean = xp.sum(scaled, (2,), True) / size
    by_scale = xp.sum(scaled * normal, (2,), True) / size
    to_input = xp.reshape(rstd * (scaled - by_mean - normal * by_scale), shape)
    dims = _all_but_channels(ndim)
    return to_input, xp.sum(g * xp.reshape(normal, shape), dims), xp.sum(g, dims)


def _group_norm_rule(
    xp: Namespace, g: Any, input: Any, mean: Any, rstd: Any, weight: Any, needs: Any
) -> Any:
    g, g_mean, g_rstd = [*g, None, None][:3]
    grads = [None, None, None]
    if g is not None:
        grads = list(xp.group_norm_gradient(g, input, mean, rstd, weight))
    if g_mean is not None or g_rstd is not None:
        size = prod(input.shape[1:]) // mean.shape[1]
        rows = xp.reshape(input, (*mean.shape[:2], size))
        extra = xp.reshape(_by_statistics(xp, g_mean, g_rstd, rows, mean, rstd), input.shape)
        grads[0] = extra if grads[0] is None else grads[0] + extra
    return grads


group_norm_fused.vjp(("input", "weight", "bias"), _group_norm_rule)


def check_groups(input: Any, num_groups: int, weight: Any, bias: Any) -> None:
    if len(input.shape) < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {len(input.shape)}"
        )
    channels = input.shape[1]
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and tuple(t.shape) != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(t.shape)} and input of shape {list(input.shape)}"
            )


@group_norm.sample
def group_norm(make: Any) -> Any:
    yield call(make(2, 4, 3), 2, make(4), make(4))
    yield call(make(2, 6), 3)
    yield call(make(0, 4, 2), 2)


@op(method=False)
def instance_norm(
    xp: Namespace,
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`input` (N, C, *) normalised over each channel of each sample (Ulyanov et al. 2016).

    Without `use_input_stats` it is `batch_norm` in evaluation; with it, running statistics given are
    moved in place towards the means over the batch.
    """
    if not use_input_stats:
        return xp.batch_norm_eval(input, running_mean, running_var, weight, bias, eps)
    return xp.group_norm(input, input.shape[1], weight, bias, eps)


@instance_norm.public
def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    given = {
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
    }
    _check_batch_norm("instance_norm", input, given)
    if use_input_stats:
        if prod(input.shape[2:]) == 1:
            raise ValueError(
                f"Expected more than 1 spatial element when training, got input size {list(input.shape)}"
            )
        _move_instances(input.detach(), running_mean, running_var, momentum)
    elif running_mean is None or running_var is None:
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats=False"
        )
    return instance_norm.call(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def _move_instances(input: Any, running_mean: Any, running_var: Any, momentum: float) -> None:
    n = prod(input.shape[2:])
    rows = input.reshape(input.shape[0], input.shape[1], n)
    mean = rows.sum(2, True) / n
    if running_mean is not None:
        _move(running_mean, mean.reshape(mean.shape[:2]).mean(0), momentum)
    if running_var is not None:
        centred = rows - mean
        _move(running_var, ((centred * centred).sum(2) / (n - 1)).mean(0), momentum)


@instance_norm.sample
def instance_norm(make: Any) -> Any:
    yield call(make(2, 3, 4))
    yield call(make(2, 3, 4), None, None, make(3), make(3))
    mean, var = make(3, grad=False), make(3, low=0.5, high=2.0, grad=False)
    yield call(make(2, 3, 4), mean, var, use_input_stats=False)


@op(method=False)
def local_response_norm(
    xp: Namespace, input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """`input` (N, C, *) divided by `(k + alpha * mean square of `size` neighbouring channels) ** beta`."""
    if len(input.shape) < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality input (got {len(input.shape)} dimensions)"
        )
    if 0 in input.shape:
        return input * 1
    channels = input.shape[1]
    square = input * input
    before = xp.full((input.shape[0], size // 2, *input.shape[2:]), 0, input.dtype)
    after = xp.full((input.shape[0], (size - 1) // 2, *input.shape[2:]), 0, input.dtype)
    padded = xp.join((before, square, after), 1)
    total = xp.slice(padded, 1, 0, channels, 1)
    for start in range(1, size):
        total = total + xp.slice(padded, 1, start, start + channels, 1)
    return input / (total * (alpha / size) + k) ** beta


@local_response_norm.sample
def local_response_norm(make: Any) -> Any:
    yield call(make(2, 5, 3), 3)
    yield call(make(1, 4, 2, 2), 2, 0.5, 0.6, 2.0)


@op(method=False)
def _weight_norm(xp: Namespace, v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """`v` scaled to the norms `g`, taken over all dimensions but `dim` (-1: all) (Salimans & Kingma 2016)."""
    dims = tuple(d for d in range(len(v.shape)) if d != dim)
    return v * (g / xp.p_norm(v, 2, dims, True))
