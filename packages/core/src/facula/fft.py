"""`facula.fft`: Fourier transforms, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from facula.ops._op import ALIASES, OPS


def __getattr__(name: str) -> Any:
    from facula.functions import namespace_function

    op = OPS.get("fft_" + name) or ALIASES.get("fft_" + name)
    if op is None:
        raise AttributeError(f"module 'facula.fft' has no attribute {name!r}")
    globals()[name] = function = namespace_function(op)
    return function


def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Frequencies of the `n` points of `fft`, in cycles per unit of the spacing `d`: 0, 1, ..., -1 over `n d`."""
    half = (n + 1) // 2
    return _frequencies(
        [*range(half), *range(-(n // 2), 0)], n, d, out, dtype, device, requires_grad
    )


def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Frequencies of the points of `rfft` of `n` real numbers, in cycles per unit of the spacing `d`."""
    return _frequencies(list(range(n // 2 + 1)), n, d, out, dtype, device, requires_grad)


def _frequencies(
    counts: list[int], n: int, d: float, out: Any, dtype: Any, device: Any, requires_grad: bool
) -> Any:
    import numpy as np

    from facula.construct import tensor
    from facula.dtypes import as_dtype, get_default_dtype
    from facula.functions import store

    wanted = get_default_dtype() if dtype is None else as_dtype(dtype)
    values = np.asarray(counts, np.int64) * (1.0 / (n * d))
    made = tensor(values, dtype=wanted, device=device, requires_grad=requires_grad)
    return made if out is None else store(made, out, "fftfreq")
