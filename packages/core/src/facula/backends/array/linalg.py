"""Matrix products."""

from __future__ import annotations

import math
from typing import Any


def kernels(m: Any) -> dict[str, Any]:
    def matmul(input: Any, other: Any) -> Any:
        try:
            if (
                other.ndim == 2 < input.ndim and input.flags.c_contiguous
            ):  # one product, not one per batch element
                rows = m.matmul(input.reshape(math.prod(input.shape[:-1]), input.shape[-1]), other)
                return rows.reshape(*input.shape[:-1], other.shape[-1])
            return m.matmul(input, other)
        except ValueError:
            raise RuntimeError(
                f"matmul: shapes {input.shape} and {other.shape} cannot be multiplied: the last size of the first "
                f"must be the last but one of the second, the sizes before those must broadcast"
            ) from None

    return {"matmul": matmul, "matrix_product": matmul} | _decompositions(m)


def _decompositions(m: Any) -> dict[str, Any]:
    from facula.ops.matrices import LinAlgError

    def guarded(name: str, function: Any) -> Any:
        def kernel(*args: Any) -> Any:
            try:
                return function(*args)
            except m.linalg.LinAlgError as error:
                shapes = ", ".join(str(a.shape) for a in args if hasattr(a, "shape"))
                raise LinAlgError(f"{name}: {error} (input shape {shapes})") from None

        return kernel

    def solve(A: Any, B: Any) -> Any:
        if not A.size or not B.size:
            return m.zeros(
                (*m.broadcast_shapes(A.shape[:-2], B.shape[:-2]), *B.shape[-2:]), A.dtype
            )
        return m.linalg.solve(A, B)

    def det(A: Any) -> Any:
        return m.asarray(m.linalg.det(A)) if A.shape[-1] else m.ones(A.shape[:-2], A.dtype)

    def slogdet(A: Any) -> Any:
        sign, size = m.linalg.slogdet(A)
        return m.asarray(sign), m.asarray(size)

    def qr(A: Any, mode: str = "reduced") -> Any:
        if mode == "r":
            return m.empty(0, A.dtype), m.linalg.qr(A, "r")
        return tuple(m.linalg.qr(A, mode))

    def eig(A: Any) -> Any:
        values, vectors = m.linalg.eig(A)
        dtype = m.result_type(A.dtype, m.complex64)
        return values.astype(dtype), vectors.astype(dtype)

    def lu(A: Any) -> Any:
        """Gaussian elimination with partial pivoting, over all matrices of the batch at once."""
        rows, columns = A.shape[-2:]
        out = A.reshape(-1, rows, columns).copy() if A.size else A.reshape(0, rows, columns)
        k, batch = min(rows, columns), m.arange(len(out))
        pivots = m.empty((len(out), k), m.int32)
        for i in range(k):
            at = i + m.argmax(m.abs(out[:, i:, i]), axis=1) if len(out) else batch
            pivots[:, i] = at + 1
            kept = out[batch, at].copy()
            out[batch, at] = out[:, i]
            out[:, i] = kept
            pivot = out[:, i, i]
            out[:, i + 1 :, i] /= m.where(pivot == 0, 1, pivot)[:, None]
            out[:, i + 1 :, i + 1 :] -= out[:, i + 1 :, i, None] * out[:, None, i, i + 1 :]
        return out.reshape(A.shape), pivots.reshape(*A.shape[:-2], k)

    table = {
        "linalg_lu_factor": lu,
        "linalg_inv": m.linalg.inv, "solve_matrices": solve, "linalg_det": det, "linalg_slogdet": slogdet,
        "cholesky_lower": m.linalg.cholesky, "linalg_qr": qr, "linalg_eig": eig,
        "linalg_svd": lambda A, full_matrices=True: tuple(m.linalg.svd(A, full_matrices)),
        "linalg_eigh": lambda A, UPLO="L": tuple(m.linalg.eigh(A, UPLO)),
    }  # fmt: skip
    return {name: guarded(name.replace("_", ".", 1), function) for name, function in table.items()}
