"""Parametrizations of weights: by length and direction, of bounded norm, orthogonal."""

from __future__ import annotations

from typing import Any

import facula
from facula.nn import functional as F
from facula.nn.module import Module
from facula.nn.utils.parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """g v / |v| (Salimans and Kingma 2016); the norm is over all dimensions but `dim`."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def _norm(self, v: Any) -> Any:
        if self.dim == -1:
            return (v * v).sum().sqrt()
        dims = [d for d in range(v.ndim) if d != self.dim % v.ndim]
        return (v * v).sum(dims, keepdim=True).sqrt() if dims else v.abs()

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return weight_v * (weight_g / self._norm(weight_v))

    def right_inverse(self, weight: Any) -> Any:
        return self._norm(weight), weight


class _SpectralNorm(Module):
    """The weight divided by its largest singular value, found by power iteration (Miyato et al. 2018)."""

    def __init__(
        self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % weight.ndim
        self.eps, self.n_power_iterations = eps, n_power_iterations
        if weight.ndim > 1:
            matrix = self._matrix(weight.detach())
            rows, columns = matrix.shape
            self.register_buffer(
                "_u", F.normalize(matrix.new_empty(rows).normal_(0, 1), dim=0, eps=eps)
            )
            self.register_buffer(
                "_v", F.normalize(matrix.new_empty(columns).normal_(0, 1), dim=0, eps=eps)
            )
            self._power_iterate(matrix, 15)

    def _matrix(self, weight: Any) -> Any:
        if self.dim:
            weight = (
                weight.transpose(0, self.dim) if weight.ndim == 2 else weight.movedim(self.dim, 0)
            )
        return weight.flatten(1)

    def _power_iterate(self, matrix: Any, times: int) -> None:
        with facula.no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.t().mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._power_iterate(matrix.detach(), self.n_power_iterations)
        # Copies: the buffers change in place before the backward pass of this one may run.
        u, v = self._u.clone(), self._v.clone()
        return weight / u.dot(matrix.mv(v))

    def right_inverse(self, value: Any) -> Any:
        return value


class _Orthogonal(Module):
    """An orthogonal matrix from the lower triangle of any matrix.

    'matrix_exp' of a skew matrix, 'cayley' transform of it, or 'householder' reflections; times a
    fixed `base`, so that registering it keeps the weight when that is orthogonal.
    """

    def __init__(self, weight: Any, orthogonal_map: str, use_trivialization: bool = True) -> None:
        super().__init__()
        self.orthogonal_map = orthogonal_map
        self.shape = weight.shape
        if use_trivialization:
            self.register_buffer("base", _orthogonal_factor(weight.detach()))

    def forward(self, X: Any) -> Any:
        rows, columns = X.shape[-2:]
        tall = rows >= columns
        A = X if tall else X.transpose(-2, -1)
        n, k = max(rows, columns), min(rows, columns)
        if self.orthogonal_map == "householder":
            return self._placed(_reflections(A.tril(-1)), tall)
        A = A.tril()
        if n != k:
            A = facula.cat([A, A.new_zeros(*A.shape[:-1], n - k)], -1)
        A = A - A.transpose(-2, -1)
        if self.orthogonal_map == "matrix_exp":
            Q = facula.linalg.matrix_exp(A)
        else:
            eye = facula.eye(n, dtype=A.dtype, device=A.device)
            Q = facula.linalg.solve(eye + 0.5 * A, eye - 0.5 * A)
        return self._placed(Q[..., :k], tall)

    def _placed(self, Q: Any, tall: bool) -> Any:
        Q = self.base @ Q if "base" in self._buffers else Q
        return Q if tall else Q.transpose(-2, -1)

    def right_inverse(self, Q: Any) -> Any:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        self.base.copy_(_orthogonal_factor(Q.detach()))
        return facula.zeros_like(Q)


def _reflections(A: Any) -> Any:
    """The first columns of the product of the Householder reflections along e_i + A[:, i]."""
    n, k = A.shape[-2:]
    eye = facula.eye(n, k, dtype=A.dtype, device=A.device)
    V = A + eye
    tau = 2.0 / (V * V).sum(-2, keepdim=True)
    Q = eye.expand(A.shape)
    for i in reversed(range(k)):
        v = V[..., i : i + 1]
        Q = Q - tau[..., i : i + 1] * v @ (v.transpose(-2, -1) @ Q)
    return Q


def _orthogonal_factor(weight: Any) -> Any:
    """A full orthogonal matrix (n, n), n the larger side, whose first columns are the weight's factor."""
    tall = weight if weight.shape[-2] >= weight.shape[-1] else weight.transpose(-2, -1)
    n, k = tall.shape[-2:]
    filled = (
        tall
        if n == k
        else facula.cat([tall, tall.new_empty(*tall.shape[:-1], n - k).normal_(0, 1)], -1)
    )
    q, r = facula.linalg.qr(filled)
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Parametrizes a weight by its length (original0) and direction (original1)."""
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


def spectral_norm(
    module: Any,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Any:
    """Divides a weight by its largest singular value, estimated anew in each training forward."""
    weight = getattr(module, name)
    if dim is None:
        transposed = type(module).__name__ in (
            "ConvTranspose1d",
            "ConvTranspose2d",
            "ConvTranspose3d",
        )
        dim = 1 if transposed else 0
    return register_parametrization(
        module, name, _SpectralNorm(weight, n_power_iterations, dim, eps)
    )


def orthogonal(
    module: Any,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Any:
    """Keeps a weight orthogonal (rows or columns orthonormal, the shorter of the two)."""
    weight = getattr(module, name)
    if weight.ndim < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions."
        )
    kind = orthogonal_map or (
        "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    )
    if kind not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    return register_parametrization(
        module, name, _Orthogonal(weight, kind, use_trivialization), unsafe=True
    )
