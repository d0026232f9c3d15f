"""Optimizer updates of all parameters in one call: SGD with and without momentum, Adam, AdamW, RMSprop, Adagrad."""

from __future__ import annotations

from array import array
from typing import Any

from facula.dtypes import F32
from facula_native import units

Arrays = list[Any]


def _takes(params: Arrays) -> bool:
    return params[0].dtype is F32 and sum([p.size for p in params]) >= units.SMALL


def _call(
    name: str,
    lists: list[Arrays],
    between: list[array[float]],
    indices: list[int],
    numbers: list[float],
) -> Any:
    """Calls an update of update.c; NotImplemented where it cannot, or does not take the arrays' layout."""
    tables = [array("q", [id(a) for arrays in lists for a in arrays]), *between]
    run = units.function("update", name, len(tables), len(indices) + 1, len(numbers))
    if run is None:
        return NotImplemented
    addresses = [table.buffer_info()[0] for table in tables]
    return None if run(*addresses, len(lists[0]), *indices, *numbers) else NotImplemented


def sgd_updates(
    params: Arrays, grads: Arrays, lr: float, weight_decay: float, decays: bool, maximize: bool
) -> Any:
    if not _takes(params):
        return NotImplemented
    return _call("sgd", [params, grads], [], [decays], [lr, weight_decay, _sign(maximize)])


def momentum_updates(
    params: Arrays, grads: Arrays, momentum_buffers: Arrays, lr: float, weight_decay: float, momentum: float,
    dampening: float, decays: bool, nesterov: bool, first: bool, maximize: bool,
) -> Any:  # fmt: skip
    if not _takes(params):
        return NotImplemented
    numbers = [lr, weight_decay, _sign(maximize), momentum, dampening]
    return _call(
        "momentum", [params, grads, momentum_buffers], [], [decays, nesterov, first], numbers
    )


def adam_updates(
    params: Arrays, grads: Arrays, exp_avgs: Arrays, exp_avg_sqs: Arrays, max_exp_avg_sqs: Arrays, steps: Arrays,
    lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, decays: bool, decoupled: bool,
    maximize: bool,
) -> Any:  # fmt: skip
    if not _takes(params):
        return NotImplemented
    lists = [params, grads, exp_avgs, exp_avg_sqs, *([max_exp_avg_sqs] if max_exp_avg_sqs else [])]
    counts = [float(s) for s in steps]
    factors = {}
    for t in set(counts):
        root = (1 - beta2**t) ** 0.5
        factors[t] = lr * root / (1 - beta1**t), eps * root
    rates, epsilons = (array("f", [factors[t][k] for t in counts]) for k in (0, 1))
    numbers = [lr, weight_decay, _sign(maximize), beta1, beta2]
    return _call("adam", lists, [rates, epsilons], [len(lists), decays, decoupled], numbers)


def rmsprop_updates(
    params: Arrays, grads: Arrays, square_avgs: Arrays, momentum_buffers: Arrays, grad_avgs: Arrays, lr: float,
    alpha: float, eps: float, weight_decay: float, momentum: float, decays: bool, maximize: bool,
) -> Any:  # fmt: skip
    if not _takes(params):
        return NotImplemented
    lists = [params, grads, square_avgs, *[kind for kind in (momentum_buffers, grad_avgs) if kind]]
    options = [len(lists), decays, bool(momentum_buffers), bool(grad_avgs)]
    numbers = [lr, weight_decay, _sign(maximize), alpha, eps, momentum]
    return _call("rmsprop", lists, [], options, numbers)


def adagrad_updates(
    params: Arrays, grads: Arrays, sums: Arrays, steps: Arrays, lr: float, lr_decay: float, eps: float,
    weight_decay: float, decays: bool, maximize: bool,
) -> Any:  # fmt: skip
    if not _takes(params):
        return NotImplemented
    rates = array("f", [lr / (1 + (float(s) - 1) * lr_decay) for s in steps])
    numbers = [weight_decay, _sign(maximize), eps]
    return _call("adagrad", [params, grads, sums], [rates], [decays], numbers)


def _sign(maximize: bool) -> float:
    return -1.0 if maximize else 1.0


def inplace(backend: Any) -> dict[str, Any]:
    found = (sgd_updates, momentum_updates, adam_updates, rmsprop_updates, adagrad_updates)
    return {f.__name__: f for f in found}
