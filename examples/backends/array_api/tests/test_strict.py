"""The suite that every backend passes, and a model that trains on a device of the standard alone."""

import facula
from facula import nn
from facula.backends import backend_for
from facula.testing.backend_suite import BackendSuite


class TestStrict(BackendSuite):
    device = "strict"


def test_a_model_trains_without_the_host(monkeypatch):
    monkeypatch.setenv("FACULA_STRICT", "1")
    facula.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2)).to("strict")
    optimizer = facula.optim.AdamW(model.parameters(), lr=0.03)
    x = facula.randn(64, 2, device="strict")
    label = (x[:, 0] * x[:, 1] > 0).long()
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(x), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (model(x).argmax(1) == label).float().mean().item() > 0.9
    assert not backend_for("strict").host_calls
