"""Kernels of complex numbers."""

from __future__ import annotations

from typing import Any

from facula.dtypes import FROM_NUMPY


def kernels(m: Any) -> dict[str, Any]:
    def view_as_real(input: Any) -> Any:
        return input[..., None].view(FROM_NUMPY[input.dtype].to_real().dtype)

    def view_as_complex(input: Any) -> Any:
        return input.view(FROM_NUMPY[input.dtype].to_complex().dtype)[..., 0]

    def complex(real: Any, imag: Any) -> Any:
        shape = m.broadcast_shapes(real.shape, imag.shape)
        out = m.empty(shape, FROM_NUMPY[real.dtype].to_complex().dtype)
        out.real, out.imag = real, imag
        return out

    return {
        "view_as_real": view_as_real,
        "view_as_complex": view_as_complex,
        "complex": complex,
        "conj": lambda input: m.conjugate(input) if input.dtype.kind == "c" else input,
    }
