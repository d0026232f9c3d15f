"""Optimizer updates that write in place: of one parameter, and of all that share a device and dtype.

Small parameters are joined, so that a dozen passes over a hundred biases are a dozen NumPy calls. Large
ones are cut into pieces that the caches hold, and the pieces shared out to threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from facula import threads

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
#: Up to so many elements a parameter is joined with others: a NumPy call costs as much as these.
SMALL = 4096
#: Elements of a piece. Shorter ones have threads wait for the interpreter lock.
PIECE = 1 << 17
#: From so many elements on a second thread pays.
THREADED = 1 << 20

Arrays = list[Any]
#: Arrays of one parameter (itself, its gradient, its state), flat, and then a scratch array as long.
Work = Callable[..., None]


def in_place(work: Work, writes: tuple[int, ...], *lists: Arrays) -> None:
    """Calls `work(*arrays, scratch)` so that it sees every element of the lists' arrays once.

    `writes` are the places of the lists that `work` writes. It sees float32 for float16 and bfloat16, and
    complex numbers as pairs of real ones. Arrays that are no plain memory are copied, and written back.
    """
    small: list[tuple[Any, ...]] = []
    jobs: list[Arrays] = []
    dtype = lists[0][0].dtype
    plain = dtype in _FLOATS
    for arrays in zip(*lists):
        size = arrays[0].size
        if not plain or size <= SMALL or not all([a.flags.c_contiguous for a in arrays]):
            if size:
                small.append(arrays)
        elif size < PIECE * 3 // 2:
            jobs.append([a.reshape(-1) for a in arrays])
        else:
            flat = [a.reshape(-1) for a in arrays]
            jobs += [[a[s : s + PIECE] for a in flat] for s in range(0, size, PIECE)]
    if small:
        joined = [np.concatenate([a.reshape(-1) for a in kind]) for kind in zip(*small)]
        jobs.append(
            joined
            if plain
            else [
                a.view(a.real.dtype) if a.dtype.kind == "c" else a.astype(np.float32)
                for a in joined
            ]
        )
    _run(work, jobs)
    if small:
        for k in writes:
            found = jobs[-1][k]
            _spread(
                found.view(dtype) if dtype.kind == "c" else found, [arrays[k] for arrays in small]
            )


def _spread(joined: Any, targets: Arrays) -> None:
    at = 0
    for target in targets:
        end = at + target.size
        target[...] = joined[at:end].reshape(target.shape)
        at = end


def _run(work: Work, jobs: list[Arrays]) -> None:
    if not jobs:
        return
    sizes = [arrays[0].size for arrays in jobs]
    dtype, longest = jobs[0][0].dtype, max(sizes)

    def part(start: int, end: int) -> None:
        scratch = np.empty(longest, dtype)
        for arrays, size in zip(jobs[start:end], sizes[start:end]):
            work(*arrays, scratch[:size])

    if len(jobs) > 1 and sum(sizes) >= THREADED and threads.get_num_threads() > 1:
        threads.in_parts(part, len(jobs), 1)
    else:
        part(0, len(jobs))


def _by_count(steps: Arrays, *lists: Arrays) -> Iterator[tuple[float, list[Arrays]]]:
    """The lists, apart for parameters that have made different numbers of steps."""
    groups: dict[float, list[int]] = {}
    for i, step in enumerate(steps):
        groups.setdefault(float(step), []).append(i)
    for count, members in groups.items():
        yield count, [[kind[i] for i in members] for kind in lists]


def _gradient(grad: Any, param: Any, decay: float, maximize: bool) -> Any:
    """The gradient to descend along; a copy wherever it is not `grad` itself."""
    if maximize:
        grad = -grad
    return grad + decay * param if decay else grad


def next_steps(steps: Arrays) -> None:
    for s in steps:
        s += 1


def sgd_updates(
    params: Arrays, grads: Arrays, lr: float, weight_decay: float, decays: bool, maximize: bool
) -> None:
    decay = weight_decay if decays else 0.0

    def work(param: Any, grad: Any, scratch: Any) -> None:
        np.multiply(_gradient(grad, param, decay, maximize), lr, out=scratch)
        np.subtract(param, scratch, out=param)

    in_place(work, (0,), params, grads)


def momentum_updates(
    params: Arrays, grads: Arrays, momentum_buffers: Arrays, lr: float, weight_decay: float, momentum: float,
    dampening: float, decays: bool, nesterov: bool, first: bool, maximize: bool,
) -> None:  # fmt: skip
    decay = weight_decay if decays else 0.0

    def work(param: Any, grad: Any, buffer: Any, scratch: Any) -> None:
        grad = _gradient(grad, param, decay, maximize)
        if first:
            buffer[...] = grad
        else:
            np.multiply(buffer, momentum, out=buffer)
            np.add(buffer, grad * (1 - dampening) if dampening else grad, out=buffer)
        if nesterov:
            np.multiply(buffer, momentum, out=scratch)
            np.add(scratch, grad, out=scratch)
        np.multiply(scratch if nesterov else buffer, lr, out=scratch)
        np.subtract(param, scratch, out=param)

    in_place(work, (0, 2), params, grads, momentum_buffers)


def adam_updates(
    params: Arrays, grads: Arrays, exp_avgs: Arrays, exp_avg_sqs: Arrays, max_exp_avg_sqs: Arrays, steps: Arrays,
    lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, decays: bool, decoupled: bool,
    maximize: bool,
) -> None:  # fmt: skip
    shrink = 1 - lr * weight_decay if decays and decoupled else None
    decay = weight_decay if decays and not decoupled else 0.0
    lists = [params, grads, exp_avgs, exp_avg_sqs] + [max_exp_avg_sqs] * bool(max_exp_avg_sqs)
    for count, kinds in _by_count(steps, *lists):
        root = (1 - beta2**count) ** 0.5
        numbers = shrink, decay, beta1, beta2, eps * root, lr * root / (1 - beta1**count), maximize
        in_place(partial(_adam, numbers), (0, 2, 3, 4)[: len(kinds) - 1], *kinds)


def _adam(numbers: Any, param: Any, grad: Any, mean: Any, square: Any, *rest: Any) -> None:
    """The corrections of both averages are in the rate and in `eps`: a pass less."""
    shrink, decay, beta1, beta2, eps, rate, maximize = numbers
    scratch = rest[-1]
    if shrink is not None:
        np.multiply(param, shrink, out=param)
    grad = _gradient(grad, param, decay, maximize)
    np.multiply(mean, beta1, out=mean)
    np.multiply(grad, 1 - beta1, out=scratch)
    np.add(mean, scratch, out=mean)
    np.multiply(grad, grad, out=scratch)
    np.multiply(scratch, 1 - beta2, out=scratch)
    np.multiply(square, beta2, out=square)
    np.add(square, scratch, out=square)
    if len(rest) > 1:
        square = np.maximum(rest[0], square, out=rest[0])
    np.sqrt(square, out=scratch)
    np.add(scratch, eps, out=scratch)
    np.divide(mean, scratch, out=scratch)
    np.multiply(scratch, rate, out=scratch)
    np.subtract(param, scratch, out=param)


def rmsprop_updates(
    params: Arrays, grads: Arrays, square_avgs: Arrays, momentum_buffers: Arrays, grad_avgs: Arrays, lr: float,
    alpha: float, eps: float, weight_decay: float, momentum: float, decays: bool, maximize: bool,
) -> None:  # fmt: skip
    decay = weight_decay if decays else 0.0

    def work(param: Any, grad: Any, square: Any, *rest: Any) -> None:
        states, scratch = list(rest[:-1]), rest[-1]
        grad = _gradient(grad, param, decay, maximize)
        np.multiply(grad, grad, out=scratch)
        np.multiply(scratch, 1 - alpha, out=scratch)
        np.multiply(square, alpha, out=square)
        np.add(square, scratch, out=square)
        buffer = states.pop(0) if momentum_buffers else None
        if states:
            mean = states[0]
            np.subtract(grad, mean, out=scratch)
            np.multiply(scratch, 1 - alpha, out=scratch)
            np.add(mean, scratch, out=mean)
            np.multiply(mean, mean, out=scratch)
            np.subtract(square, scratch, out=scratch)
        np.sqrt(scratch if states else square, out=scratch)
        np.add(scratch, eps, out=scratch)
        np.divide(grad, scratch, out=scratch)
        if buffer is not None:
            np.multiply(buffer, momentum, out=buffer)
            np.add(buffer, scratch, out=buffer)
        np.multiply(scratch if buffer is None else buffer, lr, out=scratch)
        np.subtract(param, scratch, out=param)

    states = [kind for kind in (square_avgs, momentum_buffers, grad_avgs) if kind]
    in_place(work, (0, *range(2, 2 + len(states))), params, grads, *states)


def adagrad_updates(
    params: Arrays, grads: Arrays, sums: Arrays, steps: Arrays, lr: float, lr_decay: float, eps: float,
    weight_decay: float, decays: bool, maximize: bool,
) -> None:  # fmt: skip
    decay = weight_decay if decays else 0.0
    for count, kinds in _by_count(steps, params, grads, sums):
        numbers = decay, eps, lr / (1 + (count - 1) * lr_decay), maximize
        in_place(partial(_adagrad, numbers), (0, 2), *kinds)


def _adagrad(numbers: Any, param: Any, grad: Any, total: Any, scratch: Any) -> None:
    decay, eps, rate, maximize = numbers
    grad = _gradient(grad, param, decay, maximize)
    np.multiply(grad, grad, out=scratch)
    np.add(total, scratch, out=total)
    np.sqrt(total, out=scratch)
    np.add(scratch, eps, out=scratch)
    np.divide(grad, scratch, out=scratch)
    np.multiply(scratch, rate, out=scratch)
    np.subtract(param, scratch, out=param)


def _one(update: Callable[..., None], states: int) -> Callable[..., None]:
    """An update of many parameters as one of a single parameter, as captured programs call it."""

    def kernel(*args: Any) -> None:
        lists = [[] if a is None else [a] for a in args[: 2 + states]]
        update(*lists, *args[2 + states :], False)

    return kernel


KERNELS: dict[str, Callable[..., None]] = {
    "next_steps": next_steps,
    "sgd_updates": sgd_updates, "momentum_updates": momentum_updates, "adam_updates": adam_updates,
    "rmsprop_updates": rmsprop_updates, "adagrad_updates": adagrad_updates,
    "sgd_update": _one(sgd_updates, 0), "momentum_update": _one(momentum_updates, 1),
    "adam_update": _one(adam_updates, 4), "rmsprop_update": _one(rmsprop_updates, 3),
    "adagrad_update": _one(adagrad_updates, 2),
}  # fmt: skip
