"""The keyword network learns, and saves its front end with it."""

import pytest

import facula
import facula.nn.functional as F
import facula_audio
from facula import optim
from facula_audio.models import KeywordNet


def test_package_is_lazy_and_reachable():
    assert facula.audio.transforms is facula_audio.transforms
    with pytest.raises(AttributeError, match="nothing"):
        facula_audio.nothing  # noqa: B018


def test_learns_to_tell_tones_apart(tmp_path):
    facula.manual_seed(0)
    labels = facula.arange(24) % 3
    pitch = facula.tensor([300.0, 900.0, 2000.0])[labels]
    waves = (6.2831853 * pitch[:, None] * facula.arange(4000) / 8000).sin() + 0.1 * facula.randn(
        24, 4000
    )
    model = KeywordNet(3, width=4)
    optimizer = optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(8):
        loss = F.cross_entropy(model(waves), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    scores = model(waves)
    assert (scores.argmax(1) == labels).float().mean() >= 0.95
    facula.save(model.state_dict(), tmp_path / "net.safetensors")
    copy = KeywordNet(3, width=4).eval()
    copy.load_state_dict(facula.load(tmp_path / "net.safetensors"))
    assert facula.equal(copy(waves), scores)
    louder = model(waves * 3)  # loudness is normalised away
    assert (louder - scores).abs().max() < 0.05
    with pytest.raises(ValueError, match="batch, frames"):
        model(waves[0])
