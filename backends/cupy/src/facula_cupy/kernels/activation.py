"""Activations and their gradients in one pass over memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula.ops._op import OPS
from facula_cupy.kernels.text import SUFFIX, dense, for_floats, is_float
from facula_cupy.launch import THREADS, blocks

HEAD = "    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (long long)gridDim.x * blockDim.x)"


def _of_one(name: str, value: str) -> str:
    return (
        f'extern "C" __global__ void {name}_T(const T *x, T *out, long long count)\n{{\n'
        f"{HEAD} {{ T a = x[i]; out[i] = {value}; }}\n}}\n"
    )


def _of_two(name: str, value: str) -> str:
    return (
        f'extern "C" __global__ void {name}_T(const T *g, const T *x, T *out, long long count)\n{{\n'
        f"{HEAD} {{ T a = x[i]; out[i] = g[i] * ({value}); }}\n}}\n"
    )


# sqrt(1 / 2), sqrt(2 / pi), 1 / sqrt(2 pi)
HALF, ROOT, DENSITY = (
    "(T )0.70710678118654752440",
    "(T )0.79788456080286535588",
    "(T )0.39894228040143267794",
)
_TANH = f"tanh({ROOT} * (a + (T )0.044715 * a * a * a))"
_CDF = f"((T )0.5 * (1 + erf(a * {HALF})))"
_SIGMOID = "(1 / (1 + exp(-a)))"

SOURCE = for_floats(
    _of_one("gelu", f"a * {_CDF}")
    + _of_two("gelu_gradient", f"{_CDF} + a * ({DENSITY} * exp((T )-0.5 * a * a))")
    + _of_one("gelu_tanh", f"(T )0.5 * a * (1 + {_TANH})")
    + _of_two(
        "gelu_tanh_gradient",
        f"(T )0.5 * (1 + {_TANH}) + (T )0.5 * a * (1 - {_TANH} * {_TANH}) * ({ROOT} * (1 + (T )0.134145 * a * a))",
    )
    + _of_one("sigmoid", _SIGMOID)
    + _of_one("silu", f"a * {_SIGMOID}")
    + _of_two("silu_gradient", f"{_SIGMOID} * (1 + a * (1 - {_SIGMOID}))")
)


def kernels(backend: Any) -> dict[str, Callable[..., Any]]:
    """The kernels by op name."""

    def run(name: str, *arrays: Any) -> Any:
        arrays = tuple(dense(a) for a in arrays)
        out = backend.library.empty(arrays[0].shape, arrays[0].dtype)
        if out.size:
            letters = "P" * (len(arrays) + 1) + "l"
            launch = backend.function(SOURCE, f"{name}_{SUFFIX[out.dtype]}", letters)
            launch(blocks(out.size), THREADS, *arrays, out, out.size)
        return out

    def fused(name: str, count: int, suffixes: dict[str, str] | None = None) -> Callable[..., Any]:
        """The op `name` of `count` arrays; `suffixes` by its option, where it has one."""

        def kernel(*args: Any) -> Any:
            arrays, options = args[:count], args[count:]
            suffix = (suffixes or {"": ""}).get(options[0] if options else "")
            shapes = {a.shape for a in arrays}
            if suffix is None or not is_float(*arrays) or len(shapes) > 1:
                return OPS[name].body(backend, *args)  # type: ignore[misc]
            return run(name.replace("gelu", "gelu" + suffix), *arrays)

        return kernel

    ways = {"": "", "none": "", "tanh": "_tanh"}
    return {
        "gelu": fused("gelu", 1, ways), "gelu_gradient": fused("gelu_gradient", 2, ways),
        "sigmoid": fused("sigmoid", 1), "silu": fused("silu", 1), "silu_gradient": fused("silu_gradient", 2),
    }  # fmt: skip


def inplace(backend: Any) -> dict[str, Callable[..., Any]]:
    """None."""
    return {}
