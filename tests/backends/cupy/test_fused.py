"""Captured programs as CUDA kernels: NVRTC compiles them, and they are what `facula.compile` makes there."""

import numpy as np
import pytest
from test_architectures import ARCHITECTURES, cubin

import facula
from facula.graph.compiler.device.program import Fused


@pytest.fixture(scope="module")
def step():
    """A training step with every kind of nest: maps, picks, short and long reductions, numbers of the host."""
    facula.manual_seed(0)
    model = facula.nn.Sequential(
        facula.nn.Conv2d(1, 4, 3), facula.nn.BatchNorm2d(4), facula.nn.GELU(), facula.nn.Flatten(),
        facula.nn.Dropout(0.1), facula.nn.Linear(4 * 36, 10),
    ).to("cuda")  # fmt: skip
    optimizer = facula.optim.AdamW(model.parameters(), lr=1e-2)

    @facula.compile
    def step(x, y):
        optimizer.zero_grad()
        logits = model(x)
        loss = facula.nn.functional.cross_entropy(logits, y) + (x * x).sum() * 1e-3
        loss = loss + logits.gather(1, y[:, None]).mean() * 1e-3
        loss.backward()
        optimizer.step()
        return loss

    x = facula.randn(160, 1, 8, 8).to("cuda")
    y = facula.randint(0, 10, (160,)).to("cuda")
    losses = [step(x, y).item() for _ in range(8)]
    assert losses[-1] < losses[0]
    return step


def test_it_is_what_compile_makes(step):
    assert isinstance(step.last.code, Fused)
    names = [s.name for s in step.last.code.steps]
    assert sum(name.startswith("fused_") for name in names) < 20
    assert "matmul" in names


@pytest.mark.parametrize("architecture", [ARCHITECTURES[0], ARCHITECTURES[-1]])
def test_nvrtc_compiles_its_kernels(step, architecture):
    assert cubin(step.last.code.source, architecture)[:4] == b"\x7fELF"


def test_rows_by_blocks_give_numpys_sums():
    drawn = np.random.default_rng(0).normal(size=(3, 70_000)).astype(np.float32)
    rows, total = facula.compile(lambda x: ((x * x).sum(1), x.abs().amax()))(
        facula.tensor(drawn, device="cuda")
    )
    np.testing.assert_allclose(rows.tolist(), (drawn.astype(float) ** 2).sum(1), rtol=3e-7)
    assert total.item() == np.abs(drawn).max()
