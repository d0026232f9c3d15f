"""Updates of parameters, two ops for each optimizer (of one, of many): new values from old ones, as pure functions.

Hyperparameters are inputs, not options: under capture they are read anew at each replay. They come as
0-d arrays of the parameter's dtype (float32 for float16 and bfloat16), so that nothing is promoted.
Sources: the papers named at the optimizers in `facula.optim`.
"""

from __future__ import annotations

from typing import Any

from facula.ops._op import Namespace, Tensor, Tensors, op


def _decayed(param: Any, grad: Any, weight_decay: Any, decays: bool) -> Any:
    return grad + param * weight_decay if decays else grad


@op(method=False, outputs=("param",))
def sgd_update(
    xp: Namespace, param: Tensor, grad: Tensor, lr: Tensor, weight_decay: Tensor, decays: bool
) -> Tensor:
    """`param` after a step against `grad`."""
    return (param - _decayed(param, grad, weight_decay, decays) * lr,)


@op(method=False, outputs=("param", "momentum_buffer"))
def momentum_update(
    xp: Namespace, param: Tensor, grad: Tensor, momentum_buffer: Tensor, lr: Tensor, weight_decay: Tensor,
    momentum: Tensor, dampening: Tensor, decays: bool, nesterov: bool, first: bool,
) -> Tensor:  # fmt: skip
    """As `sgd_update`, with momentum; at the first step the buffer is the gradient."""
    grad = _decayed(param, grad, weight_decay, decays)
    buffer = xp.clone(grad) if first else momentum_buffer * momentum + grad * (1 - dampening)
    step = grad + buffer * momentum if nesterov else buffer
    return param - step * lr, buffer


@op(method=False, outputs=("param", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"))
def adam_update(
    xp: Namespace, param: Tensor, grad: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor, max_exp_avg_sq: Tensor | None,
    step: Tensor, lr: Tensor, beta1: Tensor, beta2: Tensor, eps: Tensor, weight_decay: Tensor, decays: bool,
    decoupled: bool,
) -> Tensor:  # fmt: skip
    """Adam with bias correction; `decoupled` weight decay makes it AdamW, a maximum makes it AMSGrad."""
    if decays and decoupled:
        param = param * (1 - lr * weight_decay)
    elif decays:
        grad = grad + param * weight_decay
    exp_avg = exp_avg * beta1 + grad * (1 - beta1)
    exp_avg_sq = exp_avg_sq * beta2 + grad * grad * (1 - beta2)
    largest = None if max_exp_avg_sq is None else xp.maximum(max_exp_avg_sq, exp_avg_sq)
    correction1 = 1 - xp.pow(beta1, step)
    correction2 = xp.sqrt(1 - xp.pow(beta2, step))
    # both divided by correction2, so that no element is
    denominator = xp.sqrt(exp_avg_sq if largest is None else largest) + eps * correction2
    rate = lr * correction2 / correction1
    return param - exp_avg / denominator * rate, exp_avg, exp_avg_sq, largest


@op(method=False, outputs=("param", "square_avg", "momentum_buffer", "grad_avg"))
def rmsprop_update(
    xp: Namespace, param: Tensor, grad: Tensor, square_avg: Tensor, momentum_buffer: Tensor | None,
    grad_avg: Tensor | None, lr: Tensor, alpha: Tensor, eps: Tensor, weight_decay: Tensor, momentum: Tensor,
    decays: bool,
) -> Tensor:  # fmt: skip
    """RMSprop; `grad_avg` makes it centered."""
    grad = _decayed(param, grad, weight_decay, decays)
    square_avg = square_avg * alpha + grad * grad * (1 - alpha)
    variance = square_avg
    if grad_avg is not None:
        grad_avg = grad_avg + (grad - grad_avg) * (1 - alpha)
        variance = square_avg - grad_avg * grad_avg
    step = grad / (xp.sqrt(variance) + eps)
    if momentum_buffer is not None:
        momentum_buffer = momentum_buffer * momentum + step
        step = momentum_buffer
    return param - step * lr, square_avg, momentum_buffer, grad_avg


@op(method=False, outputs=("param", "sum"))
def adagrad_update(
    xp: Namespace, param: Tensor, grad: Tensor, sum: Tensor, step: Tensor, lr: Tensor, lr_decay: Tensor,
    eps: Tensor, weight_decay: Tensor, decays: bool,
) -> Tensor:  # fmt: skip
    """Adagrad."""
    grad = _decayed(param, grad, weight_decay, decays)
    sum = sum + grad * grad
    rate = lr / ((step - 1) * lr_decay + 1)
    return param - grad / (xp.sqrt(sum) + eps) * rate, sum


@op(method=False, outputs=("param", "square_avg", "acc_delta"))
def adadelta_update(
    xp: Namespace, param: Tensor, grad: Tensor, square_avg: Tensor, acc_delta: Tensor, lr: Tensor, rho: Tensor,
    eps: Tensor, weight_decay: Tensor, decays: bool,
) -> Tensor:  # fmt: skip
    """Adadelta."""
    grad = _decayed(param, grad, weight_decay, decays)
    square_avg = square_avg * rho + grad * grad * (1 - rho)
    delta = grad * xp.sqrt(acc_delta + eps) / xp.sqrt(square_avg + eps)
    return param - delta * lr, square_avg, acc_delta * rho + delta * delta * (1 - rho)


@op(method=False, outputs=("param", "exp_avg", "exp_inf"))
def adamax_update(
    xp: Namespace, param: Tensor, grad: Tensor, exp_avg: Tensor, exp_inf: Tensor, step: Tensor, lr: Tensor,
    beta1: Tensor, beta2: Tensor, eps: Tensor, weight_decay: Tensor, decays: bool,
) -> Tensor:  # fmt: skip
    """Adamax."""
    grad = _decayed(param, grad, weight_decay, decays)
    exp_avg = exp_avg * beta1 + grad * (1 - beta1)
    exp_inf = xp.maximum(exp_inf * beta2, xp.abs(grad) + eps)
    rate = lr / (1 - xp.pow(beta1, step))
    return param - exp_avg / exp_inf * rate, exp_avg, exp_inf


@op(method=False, outputs=("param", "exp_avg", "exp_avg_sq", "mu_product"))
def nadam_update(
    xp: Namespace, param: Tensor, grad: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor, mu_product: Tensor, step: Tensor,
    lr: Tensor, beta1: Tensor, beta2: Tensor, eps: Tensor, weight_decay: Tensor, momentum_decay: Tensor, decays: bool,
    decoupled: bool,
) -> Tensor:  # fmt: skip
    """NAdam, with momentum that grows from step to step; `decoupled` weight decay as AdamW's."""
    if decays and decoupled:
        param = param * (1 - lr * weight_decay)
    elif decays:
        grad = grad + param * weight_decay
    now = beta1 * (1 - 0.5 * xp.pow(0.96, step * momentum_decay))
    following = beta1 * (1 - 0.5 * xp.pow(0.96, (step + 1) * momentum_decay))
    # a float32 number, whatever the parameter is
    mu_product = mu_product * xp.cast(now, mu_product.dtype)
    so_far = xp.cast(mu_product, now.dtype)
    exp_avg = exp_avg * beta1 + grad * (1 - beta1)
    exp_avg_sq = exp_avg_sq * beta2 + grad * grad * (1 - beta2)
    denominator = xp.sqrt(exp_avg_sq / (1 - xp.pow(beta2, step))) + eps
    of_grad = lr * (1 - now) / (1 - so_far)
    of_mean = lr * following / (1 - so_far * following)
    moved = param - (grad * of_grad + exp_avg * of_mean) / denominator
    return moved, exp_avg, exp_avg_sq, mu_product


# ---- all parameters in one call

# What optimizers call: lists of parameters of one device and dtype, their gradients and their state. A
# backend may have them as kernels that write in place (`Backend.inplace_kernels`); without one each
# parameter is updated by the op above.


def _each(update: Any, maximize: bool, params: Any, grads: Any, states: Any, *rest: Any) -> Any:
    """`update` of each parameter; its results by kind."""
    grads = [-g for g in grads] if maximize else grads
    states = [s or (None,) * len(params) for s in states]
    return tuple(zip(*[update(*arrays, *rest) for arrays in zip(params, grads, *states)]))


@op(method=False, outputs=("steps",))
def next_steps(xp: Namespace, steps: Tensors) -> Tensor:
    """Counts of steps (0-d), one more each."""
    return (tuple([s + 1 for s in steps]),)


@op(method=False, outputs=("params",))
def sgd_updates(
    xp: Namespace, params: Tensors, grads: Tensors, lr: Tensor, weight_decay: Tensor, decays: bool, maximize: bool
) -> Tensor:  # fmt: skip
    """`sgd_update` of each parameter; against `-grad` where `maximize`."""
    return _each(xp.sgd_update, maximize, params, grads, (), lr, weight_decay, decays)


@op(method=False, outputs=("params", "momentum_buffers"))
def momentum_updates(
    xp: Namespace, params: Tensors, grads: Tensors, momentum_buffers: Tensors, lr: Tensor, weight_decay: Tensor,
    momentum: Tensor, dampening: Tensor, decays: bool, nesterov: bool, first: bool, maximize: bool,
) -> Tensor:  # fmt: skip
    """`momentum_update` of each parameter."""
    rates = lr, weight_decay, momentum, dampening, decays, nesterov, first
    return _each(xp.momentum_update, maximize, params, grads, (momentum_buffers,), *rates)


@op(method=False, outputs=("params", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs"))
def adam_updates(
    xp: Namespace, params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors,
    max_exp_avg_sqs: Tensors, steps: Tensors, lr: Tensor, beta1: Tensor, beta2: Tensor, eps: Tensor,
    weight_decay: Tensor, decays: bool, decoupled: bool, maximize: bool,
) -> Tensor:  # fmt: skip
    """`adam_update` of each parameter; no `max_exp_avg_sqs` without AMSGrad."""
    states = exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps
    rates = lr, beta1, beta2, eps, weight_decay, decays, decoupled
    return _each(xp.adam_update, maximize, params, grads, states, *rates)


@op(method=False, outputs=("params", "square_avgs", "momentum_buffers", "grad_avgs"))
def rmsprop_updates(
    xp: Namespace, params: Tensors, grads: Tensors, square_avgs: Tensors, momentum_buffers: Tensors,
    grad_avgs: Tensors, lr: Tensor, alpha: Tensor, eps: Tensor, weight_decay: Tensor, momentum: Tensor, decays: bool,
    maximize: bool,
) -> Tensor:  # fmt: skip
    """`rmsprop_update` of each parameter; no `momentum_buffers` without momentum, no `grad_avgs` unless centered."""
    states = square_avgs, momentum_buffers, grad_avgs
    rates = lr, alpha, eps, weight_decay, momentum, decays
    return _each(xp.rmsprop_update, maximize, params, grads, states, *rates)


@op(method=False, outputs=("params", "sums"))
def adagrad_updates(
    xp: Namespace, params: Tensors, grads: Tensors, sums: Tensors, steps: Tensors, lr: Tensor, lr_decay: Tensor,
    eps: Tensor, weight_decay: Tensor, decays: bool, maximize: bool,
) -> Tensor:  # fmt: skip
    """`adagrad_update` of each parameter."""
    rates = lr, lr_decay, eps, weight_decay, decays
    return _each(xp.adagrad_update, maximize, params, grads, (sums, steps), *rates)
