"""Optimizer updates in one pass over a parameter, its gradient and its state, written where they are."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from facula.dtypes import F32, HALF
from facula.ops._op import OPS
from facula_opencl.kernels.rows import ITEMS, PIECE, Array, header, operands, takes, where

SOURCE = (
    f"""
#define PIECE {PIECE}
"""
    """
#define AT(p) p + i, n - i
#define PART(p) p += p##_at + begin
#define ARRAY(p) __global float *p, long p##_at

ROW_KERNEL void sgd(ARRAY(param), ARRAY(grad), float lr, float weight_decay, int size) {
  const int begin = get_group_id(0) * PIECE, n = min(PIECE, size - begin);
  PART(param), PART(grad);
  EACH(i, n) {
    const V p = get(AT(param), 0.0f);
    put(p - (get(AT(grad), 0.0f) + p * weight_decay) * lr, AT(param));
  }
}

ROW_KERNEL void momentum(ARRAY(param), ARRAY(grad), ARRAY(buffer), float lr, float weight_decay, float momentum,
    float share, int nesterov, int first, int size) {
  const int begin = get_group_id(0) * PIECE, n = min(PIECE, size - begin);
  PART(param), PART(grad), PART(buffer);
  EACH(i, n) {
    const V p = get(AT(param), 0.0f), g = get(AT(grad), 0.0f) + p * weight_decay;
    const V b = first ? g : get(AT(buffer), 0.0f) * momentum + g * share;
    put(b, AT(buffer));
    put(p - (nesterov ? g + b * momentum : b) * lr, AT(param));
  }
}

// 1 - beta^step is -(e^(step ln beta) - 1): nothing cancels.
ROW_KERNEL void adam(ARRAY(param), ARRAY(grad), ARRAY(mean), ARRAY(square), ARRAY(largest), ARRAY(step), float lr,
    float beta1, float beta2, float rest1, float rest2, float log1, float log2, float eps, float weight_decay,
    float shrink, int has_largest, int size) {
  const int begin = get_group_id(0) * PIECE, n = min(PIECE, size - begin);
  const float count = step[step_at];
  const V rate = -lr / EXPM1((V)(count * log1)), scale = 1.0f / sqrt(-EXPM1((V)(count * log2)));
  PART(param), PART(grad), PART(mean), PART(square), PART(largest);
  EACH(i, n) {
    const V p = get(AT(param), 0.0f), g = get(AT(grad), 0.0f) + p * weight_decay;
    const V m = get(AT(mean), 0.0f) * beta1 + g * rest1;
    V v = get(AT(square), 0.0f) * beta2 + g * g * rest2;
    put(m, AT(mean));
    put(v, AT(square));
    if (has_largest) {
      v = larger(get(AT(largest), 0.0f), v);
      put(v, AT(largest));
    }
    put(p * shrink - m / (sqrt(v) * scale + eps) * rate, AT(param));
  }
}
"""
)


@cache
def source(is_cpu: bool) -> str:
    return header(is_cpu, "expm1") + SOURCE


def _fits(*arrays: Array | None) -> bool:
    """Whether these can be written where they are."""
    return takes(*arrays) and all(x is None or x.is_contiguous for x in arrays)


def _by_formula(xp: Any, name: str, *args: Any) -> None:
    """The op's own formula, for other dtypes and layouts: halves in float32, numbers as 0-d arrays."""
    op = OPS[name]
    wide = F32 if args[0].dtype in HALF else args[0].dtype
    inputs = [_input(xp, a, wide) if p.kind != "option" else a for a, p in zip(args, op.parameters)]
    places = {p.name: a for a, p in zip(args, op.parameters)}
    for output, result in zip(op.outputs, getattr(xp, name)(*inputs)):
        if places[output] is not None:
            xp.write(places[output], xp.cast(result, places[output].dtype))


def _input(xp: Any, a: Any, dtype: Any) -> Any:
    if a is None or isinstance(a, (int, float)):
        return a if a is None else xp.full((), a, dtype)
    return xp.cast(a, dtype)


def _launch(xp: Any, name: str, letters: str, size: int, *arguments: Any) -> None:
    items = 1 if xp.is_cpu else ITEMS
    launch = xp.function(source(xp.is_cpu), name, letters + "i")
    launch((-(-size // PIECE) * items,), (items,), *arguments, size)


def sgd_update(
    xp: Any, param: Array, grad: Array, lr: float, weight_decay: float, decays: bool
) -> None:
    if not _fits(param) or not takes(grad):
        return _by_formula(xp, "sgd_update", param, grad, lr, weight_decay, decays)
    decay = weight_decay if decays else 0.0
    _launch(xp, "sgd", "PlPlff", param.size, *operands(xp, param, grad), lr, decay)


def momentum_update(
    xp: Any, param: Array, grad: Array, momentum_buffer: Array, lr: float, weight_decay: float, momentum: float,
    dampening: float, decays: bool, nesterov: bool, first: bool,
) -> None:  # fmt: skip
    if not _fits(param, momentum_buffer) or not takes(grad):
        rates = lr, weight_decay, momentum, dampening, decays, nesterov, first
        return _by_formula(xp, "momentum_update", param, grad, momentum_buffer, *rates)
    _launch(
        xp, "momentum", "PlPlPlffffii", param.size, *operands(xp, param, grad, momentum_buffer), lr,
        weight_decay if decays else 0.0, momentum, 1 - dampening, nesterov, first,
    )  # fmt: skip


def adam_update(
    xp: Any, param: Array, grad: Array, exp_avg: Array, exp_avg_sq: Array, max_exp_avg_sq: Array | None, step: Array,
    lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, decays: bool, decoupled: bool,
) -> None:  # fmt: skip
    state = (param, exp_avg, exp_avg_sq, max_exp_avg_sq)
    if not _fits(*state) or not takes(grad, step):
        rates = lr, beta1, beta2, eps, weight_decay, decays, decoupled
        return _by_formula(xp, "adam_update", param, grad, *state[1:], step, *rates)
    logs = [math.log(b) if b > 0 else -math.inf for b in (beta1, beta2)]
    decay = weight_decay if decays else 0.0
    _launch(
        xp, "adam", "PlPlPlPlPlPlffffffffffi", param.size, *operands(xp, param, grad, exp_avg, exp_avg_sq),
        *where(xp, max_exp_avg_sq, param), *operands(xp, step), lr, beta1, beta2, 1 - beta1, 1 - beta2, *logs, eps,
        0.0 if decoupled else decay, 1 - lr * decay if decoupled else 1.0, max_exp_avg_sq is not None,
    )  # fmt: skip


INPLACE = {
    "sgd_update": sgd_update,
    "momentum_update": momentum_update,
    "adam_update": adam_update,
}
