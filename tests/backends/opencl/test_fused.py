"""Captured programs as fused kernels: both families of them, fewer launches, and a build that fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import facula
from facula.backends import backend_for
from facula.graph.codegen import OPENCL
from facula.graph.compiler.device.program import Fused
from facula_opencl import programs
from facula_opencl.backend import GROUPS


@pytest.fixture(params=["cpu", "gpu"])
def family(request: Any, monkeypatch: Any) -> str:
    """The family of the printed kernels; the device's own follow."""
    backend = backend_for("opencl")
    if request.param != backend.dialect.family:
        dialect = OPENCL.for_family("gpu")
        monkeypatch.setattr(backend, "is_cpu", False)
        monkeypatch.setattr(backend, "dialect", dialect)
        monkeypatch.setattr(backend.programs, "dialect", dialect)
        monkeypatch.setattr(backend, "_groups", GROUPS["gpu"])
    return request.param  # type: ignore[no-any-return]


def of(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def sums(m: Any, x: Any, y: Any, z: Any) -> list[Any]:
    """Rows, columns, one long row, a short one, maxima, neighbours of views, all over computed elements."""
    a, b = x * y + 1, m.exp(z) - 0.5
    return [
        a.sum(1), a.sum(0), (z * z).sum(), b.sum((0, 2)), abs(x)[:, :7].sum(1), z.sum(1),
        (x * 3)[1:, ::2] + y[1:, ::2], m.maximum(z[0], z[1]).T * 2,
    ]  # fmt: skip


def test_both_families_give_numpys_values(family: str) -> None:
    arrays = of(40, 300), of(40, 300), of(3, 130, 170)
    expected = sums(np, *(a.astype(np.float64) for a in arrays))
    run = facula.compile(lambda *tensors: sums(facula, *tensors))
    got = run(*(facula.tensor(a, device="opencl") for a in arrays))
    assert isinstance(run.last.code, Fused)
    kernels = [s for s in run.last.code.steps if s.name.startswith("fused_")]
    assert any("shared_f32" in run.last.code.source for _ in kernels) == (family == "gpu")
    for g, e in zip(got, expected, strict=True):
        np.testing.assert_allclose(g.cpu().numpy(), e, rtol=2e-6, atol=1e-4)


def training_step(device: str) -> Any:
    facula.manual_seed(0)
    nn = facula.nn
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 5)).to(device)  # fmt: skip
    optimizer = facula.optim.Adam(model.parameters(), lr=1e-2)
    x, y = facula.tensor(of(64, 20), device=device), facula.tensor(np.arange(64) % 5).to(device)

    def step() -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def launches(step: Any, monkeypatch: Any) -> int:
    backend_for("opencl").synchronize()
    enqueue, names = programs._enqueue, []
    with monkeypatch.context() as patch:
        patch.setattr(programs, "_enqueue", lambda *args: (names.append(args[1]), enqueue(*args))[1])  # fmt: skip
        step()
        backend_for("opencl").synchronize()
    return len(names)


def test_a_training_step_takes_less_than_half_the_launches(monkeypatch: Any) -> None:
    replayed = facula.compile(training_step("opencl"), backend="replay")
    fused = facula.compile(training_step("opencl"))
    eager = training_step("cpu")
    for _ in range(4):
        expected = eager().item()
        assert fused().item() == pytest.approx(expected, rel=1e-5)
        assert replayed().item() == pytest.approx(expected, rel=1e-5)
    assert launches(fused, monkeypatch) < 0.5 * launches(replayed, monkeypatch)


def test_a_build_that_fails_shows_the_compilers_words(monkeypatch: Any) -> None:
    monkeypatch.setattr(backend_for("opencl").programs, "options", ["-D", "p0=no such variable"])
    run = facula.compile(lambda x: x * 2.71828 - 0.577)
    x = facula.ones(3, device="opencl")
    with pytest.warns(UserWarning, match="(?s)not as fused kernels.*variable"):
        got = run(x)
    monkeypatch.undo()
    np.testing.assert_allclose(got.tolist(), [2.14128] * 3, rtol=1e-6)
