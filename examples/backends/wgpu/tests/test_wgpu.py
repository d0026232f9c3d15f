"""The suite that every backend passes, a model that trains without the host, errors, and memory of narrow elements."""

import re
from pathlib import Path

import pytest

import facula
from facula import nn
from facula.backends import backend_for
from facula.testing.backend_suite import BackendSuite


class TestWgpu(BackendSuite):
    device = "wgpu"


def test_a_model_trains_without_the_host(monkeypatch):
    monkeypatch.setenv("FACULA_STRICT", "1")
    facula.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2)).to("wgpu")
    optimizer = facula.optim.AdamW(model.parameters(), lr=0.03)
    x = facula.randn(64, 2, device="wgpu")
    label = (x[:, 0] * x[:, 1] > 0).long()
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(x), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (model(x).argmax(1) == label).float().mean().item() > 0.9
    assert not backend_for("wgpu").host_calls


def test_the_device_goes_on_after_errors():
    x = facula.arange(4, device="wgpu")
    with pytest.raises(IndexError, match="index 4 is out of bounds for dimension with size 4"):
        x.gather(0, facula.tensor([4], device="wgpu")).tolist()
    with pytest.raises(RuntimeError, match="divided by 0"):
        (x // x).tolist()
    with pytest.raises(facula.OutOfMemoryError, match="holds at most"):
        facula.empty(2**40, dtype=facula.uint8, device="wgpu")
    assert (x + 1).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("dtype", [facula.bool, facula.int8, facula.uint16, facula.bfloat16])
def test_neighbours_in_a_word_are_written_apart(dtype):
    x = facula.zeros(1001, dtype=dtype, device="wgpu")
    x[::3] = 1
    x[1::3] = 0
    assert x.cpu().equal((facula.arange(1001) % 3 == 0).to(dtype))


def test_the_public_contract_alone_is_used():
    text = "\n".join(f.read_text() for f in Path(__file__).parents[1].rglob("*.py"))
    used = set(re.findall(r"^ *(?:from|import) (facula[\w.]*)", text, re.M))
    suite = "facula.testing.backend_suite"
    assert used == {"facula", "facula.backends", "facula.backends.buffer", suite}
