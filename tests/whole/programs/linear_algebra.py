"""Least squares, SVD, QR, Cholesky, eigenvalues, PCA and einsum, with gradients."""

import numpy as np
import torch


def main(same_weights):
    rng = np.random.default_rng(0)
    A = torch.tensor(rng.normal(size=(8, 3)))
    b = torch.tensor(rng.normal(size=(8, 2)))
    solution = torch.linalg.lstsq(A, b).solution
    Q, R = torch.linalg.qr(A)
    U, S, Vh = torch.linalg.svd(A, full_matrices=False)
    assert torch.allclose(U @ torch.diag(S) @ Vh, A) and torch.allclose(Q @ R, A)
    centred = A - A.mean(0, keepdim=True)
    L, V = torch.linalg.eigh(centred.T @ centred / (len(A) - 1))
    projected = (centred @ V.flip(-1)).abs()
    cov = torch.cov(A.T)
    chol = torch.linalg.cholesky(cov)
    x = torch.cholesky_solve(b[:3], chol)
    w = torch.tensor(rng.normal(size=(4, 4)), requires_grad=True)
    spd = w @ w.mT + torch.eye(4, dtype=w.dtype)
    loss = (
        torch.logdet(spd)
        + torch.linalg.inv(spd).trace()
        + torch.linalg.matrix_norm(w, "nuc")
        + torch.linalg.eigvalsh(spd).max()
    )
    loss = (
        loss
        + torch.linalg.solve(spd, torch.ones(4, dtype=torch.float64)).norm()
        + torch.einsum("ij,jk,kl->il", w, w, w).diagonal().sum()
    )
    loss.backward()
    batch = torch.einsum("bij,bjk->bik", A.expand(2, -1, -1), w[:3].detach().expand(2, 3, 4))
    outer = torch.einsum("i,j", A[0], b[0]) + torch.outer(A[1], b[1]) + torch.ger(A[2], b[2])
    grid = torch.meshgrid(torch.arange(3), torch.arange(2), indexing="ij")
    return [
        solution, R.abs(), S, L, projected, cov, chol, x, loss, w.grad, batch, outer, grid[0], torch.linalg.det(cov), torch.linalg.pinv(A),
        torch.linalg.matrix_power(cov, 3), torch.linalg.cond(A), torch.kron(cov[:2, :2], cov[:2, :2]), torch.linalg.solve_triangular(chol, b[:3], upper=False),
        torch.matrix_exp(cov), torch.linalg.matrix_rank(A), torch.corrcoef(A.T), torch.tensordot(A, b, dims=([0], [0])), torch.vander(A[0]),
    ]  # fmt: skip
