"""Optimizer updates: everything that a step does to one parameter in one pass, in place.

Numbers come as Python floats, or as 0-d arrays where a captured program keeps them on the GPU: then the
kernel reads them there, and the host waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula.dtypes import F32
from facula_cupy.kernels.text import NOTHING, SUFFIX, dense, for_floats
from facula_cupy.launch import THREADS, blocks

_LOOP = "    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (long long)gridDim.x * blockDim.x)"

SOURCE = for_floats(
    r"""
extern "C" __global__ void sgd_T(
    T *param, const T *grad, T *buffer, long long count, const double *h0, double v0, const double *h1, double v1,
    const double *h2, double v2, const double *h3, double v3, int decays, int nesterov, int first)
{
    T lr = h0 ? *h0 : v0, decay = h1 ? *h1 : v1, momentum = h2 ? *h2 : v2, dampening = h3 ? *h3 : v3;
LOOP {
        T g = grad[i];
        if (decays) g += decay * param[i];
        if (buffer) {
            T b = first ? g : momentum * buffer[i] + (1 - dampening) * g;
            buffer[i] = b;
            g = nesterov ? g + momentum * b : b;
        }
        param[i] -= lr * g;
    }
}

extern "C" __global__ void adam_T(
    T *param, const T *grad, T *mean, T *square, T *largest, const T *step, long long count,
    const double *h0, double v0, const double *h1, double v1, const double *h2, double v2, const double *h3,
    double v3, const double *h4, double v4, int decays, int decoupled)
{
    double lr = h0 ? *h0 : v0, beta1 = h1 ? *h1 : v1, beta2 = h2 ? *h2 : v2, n = *step;
    T eps = h3 ? *h3 : v3, decay = h4 ? *h4 : v4;
    T rate = lr / (1 - pow(beta1, n)), scale = 1 / sqrt(1 - pow(beta2, n)), kept = 1 - lr * decay;
    T b1 = beta1, b2 = beta2, c1 = 1 - beta1, c2 = 1 - beta2;
LOOP {
        T p = param[i], g = grad[i];
        if (decays && decoupled) p *= kept;
        else if (decays) g += decay * p;
        T m = b1 * mean[i] + c1 * g, s = b2 * square[i] + c2 * g * g;
        mean[i] = m;
        square[i] = s;
        if (largest) {
            s = largest[i] > s || largest[i] != largest[i] ? largest[i] : s;
            largest[i] = s;
        }
        param[i] = p - rate * (m / (sqrt(s) * scale + eps));
    }
}
""".replace("LOOP", _LOOP)
)


def inplace(backend: Any) -> dict[str, Callable[..., Any]]:
    """The updates by name."""
    library = backend.library

    def numbers(*values: Any) -> list[Any]:
        """A pointer and a value for each: one of them counts."""
        out: list[Any] = []
        for v in values:
            held = isinstance(v, library.ndarray)
            out += [v.astype(np.float64) if held else NOTHING, 0.0 if held else float(v)]
        return out

    def in_place(count: int) -> Callable[..., Any]:
        """Lets an update of `count` arrays see dense ones of a dtype that it is written for."""

        def decorate(update: Callable[..., None]) -> Callable[..., None]:
            def call(*args: Any) -> None:
                arrays = args[:count]
                if all(a is None or (a.flags.c_contiguous and a.dtype in SUFFIX) for a in arrays):
                    return update(*args)
                dtype = arrays[0].dtype if arrays[0].dtype in SUFFIX else F32
                copies = [None if a is None else dense(a.astype(dtype, copy=False)) for a in arrays]
                update(*copies, *args[count:])
                for k, (target, value) in enumerate(zip(arrays, copies)):
                    if k != 1 and value is not target and target is not None:  # 1 is the gradient
                        target[...] = value

            return call

        return decorate

    def sgd(param: Any, grad: Any, buffer: Any, values: list[Any], flags: list[Any]) -> None:
        if not param.size:
            return
        launch = backend.function(SOURCE, f"sgd_{SUFFIX[param.dtype]}", "PPPl" + "Pd" * 4 + "iii")
        held = NOTHING if buffer is None else buffer
        launch(blocks(param.size), THREADS, param, grad, held, param.size, *values, *flags)

    @in_place(2)
    def sgd_update(param: Any, grad: Any, lr: Any, weight_decay: Any, decays: bool) -> None:
        sgd(param, grad, None, numbers(lr, weight_decay, 0.0, 0.0), [decays, False, False])

    @in_place(3)
    def momentum_update(
        param: Any, grad: Any, momentum_buffer: Any, lr: Any, weight_decay: Any, momentum: Any, dampening: Any,
        decays: bool, nesterov: bool, first: bool,
    ) -> None:  # fmt: skip
        values = numbers(lr, weight_decay, momentum, dampening)
        sgd(param, grad, momentum_buffer, values, [decays, nesterov, first])

    @in_place(5)
    def adam_update(
        param: Any, grad: Any, exp_avg: Any, exp_avg_sq: Any, max_exp_avg_sq: Any, step: Any, lr: Any, beta1: Any,
        beta2: Any, eps: Any, weight_decay: Any, decays: bool, decoupled: bool,
    ) -> None:  # fmt: skip
        if not param.size:
            return
        count = library.asarray(step).astype(param.dtype, copy=False)
        largest = NOTHING if max_exp_avg_sq is None else max_exp_avg_sq
        values = numbers(lr, beta1, beta2, eps, weight_decay)
        letters = "PPPPPPl" + "Pd" * 5 + "ii"
        launch = backend.function(SOURCE, f"adam_{SUFFIX[param.dtype]}", letters)
        arrays = (param, grad, exp_avg, exp_avg_sq, largest, count)
        launch(blocks(param.size), THREADS, *arrays, param.size, *values, decays, decoupled)

    return {
        "sgd_update": sgd_update, "momentum_update": momentum_update, "adam_update": adam_update,
    }  # fmt: skip


def kernels(backend: Any) -> dict[str, Callable[..., Any]]:
    """None."""
    return {}
