"""Gradients against finite differences.

Both compare a random projection of the outputs, so a check costs two calls of the function for each
input element; complex inputs are perturbed along both axes (Wirtinger, PyTorch's convention).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from facula._tensor import Tensor


class GradcheckError(RuntimeError):
    """An analytical gradient that finite differences contradict."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Checks `func`'s gradients with respect to those `inputs` (float64) that require grad.

    `func` returns a tensor or several. Raises GradcheckError naming input and position, or returns
    False with `raise_exception=False`.
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    try:
        _check(func, inputs, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    **_: Any,
) -> bool:
    """Checks the gradients of `func`'s gradients likewise."""
    from facula.autograd import grad

    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    rng = np.random.default_rng(1)
    outputs = _outputs(func(*inputs))
    if grad_outputs is None:
        grad_outputs = [_like(o, rng) for o in outputs]
    wanted = [i for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.requires_grad]
    count = len(inputs)

    def gradients(*args: Any) -> Any:
        given, cotangents = args[:count], args[count:]
        grads = grad(
            _outputs(func(*given)),
            [given[i] for i in wanted],
            list(cotangents),
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in grads if g is not None and g.requires_grad)

    for g in grad_outputs:
        g.requires_grad_()
    if not gradients(*inputs, *grad_outputs):
        return True
    return gradcheck(
        gradients,
        (*inputs, *grad_outputs),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
    )


def _outputs(result: Any) -> list[Tensor]:
    results = [result] if isinstance(result, Tensor) else list(result)
    return [r for r in results if isinstance(r, Tensor) and r.requires_grad]


def _like(t: Tensor, rng: Any) -> Tensor:
    import facula

    values = rng.standard_normal(tuple(t.shape))
    if t.is_complex():
        values = values + 1j * rng.standard_normal(tuple(t.shape))
    return facula.tensor(values.astype(t._array.dtype), device=t.device)


def _check(
    func: Callable[..., Any], inputs: tuple[Any, ...], eps: float, atol: float, rtol: float
) -> None:
    from facula.autograd import grad

    outputs = _outputs(func(*inputs))
    rng = np.random.default_rng(0)
    weights = [_like(o, rng) for o in outputs]
    wanted = [i for i, t in enumerate(inputs) if isinstance(t, Tensor) and t.requires_grad]
    if not wanted:
        raise ValueError("gradcheck expects at least one input that requires grad")
    analytical = grad(outputs, [inputs[i] for i in wanted], weights, allow_unused=True)
    arrays = [w.numpy(force=True) for w in weights]

    def project(values: Any, at: int) -> float:
        """Real part of the outputs' product with the weights, input `at` replaced."""
        import facula

        fresh = [
            t.detach().requires_grad_(t.requires_grad) if isinstance(t, Tensor) else t
            for t in inputs
        ]
        fresh[at] = facula.tensor(values, device=inputs[at].device).requires_grad_()
        results = _outputs(func(*fresh))
        total = 0.0
        for r, w in zip(results, arrays, strict=True):
            total += float(np.sum(np.conj(w) * r.numpy(force=True)).real)
        return total

    for at, g in zip(wanted, analytical):
        t = inputs[at]
        values = t.numpy(force=True)
        given = np.zeros_like(values) if g is None else g.numpy(force=True)
        numerical = np.zeros_like(values)
        for index in np.ndindex(values.shape):
            for direction in (1, 1j) if t.is_complex() else (1,):
                shifted = values.copy()
                shifted[index] = values[index] + eps * direction
                above = project(shifted, at)
                shifted[index] = values[index] - eps * direction
                numerical[index] += (above - project(shifted, at)) / (2 * eps) * direction
        if not np.allclose(given, numerical, rtol=rtol, atol=atol, equal_nan=True):
            worst = np.unravel_index(
                np.argmax(np.abs(np.nan_to_num(given - numerical))), values.shape
            )
            raise GradcheckError(
                f"gradient of input {at} (shape {tuple(t.shape)}) is wrong, worst at {tuple(map(int, worst))}: "
                f"analytical {given[worst]}, numerical {numerical[worst]}"
            )
