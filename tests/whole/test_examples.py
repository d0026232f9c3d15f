"""Each example trains what it promises to. Needs the demo packages and a few Debian packages:

fortunes, espeak-ng (flite makes it better) and asterisk-core-sounds-en-wav. What is missing skips a
test and says what to install; with FACULA_REQUIRE_DATA=1 it fails.
"""

import importlib.util
import math
import os
from collections import Counter
from pathlib import Path

import pytest

import facula

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = pytest.mark.training


def missing(reason):
    """Skips, or fails where the data are required."""
    if os.environ.get("FACULA_REQUIRE_DATA") == "1":
        pytest.fail(f"{reason} (FACULA_REQUIRE_DATA=1)")
    pytest.skip(reason)


def example(name, *packages):
    """The module examples/NAME.py."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            project = {"sklearn": "scikit-learn"}.get(package, package)
            missing(f"examples/{name}.py needs {package}: pip install {project}")
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def no_progress_bars(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


def test_digits(tmp_path):
    digits = example("digits", "sklearn", "matplotlib", "tqdm")
    facula.manual_seed(0)
    test = digits.tensors(train=False)
    model = digits.DigitNet()
    curve = digits.train(model, digits.tensors(train=True), test)
    assert curve[-1][1] >= 0.98
    facula.save(model.state_dict(), tmp_path / "digits.safetensors")
    fresh = digits.DigitNet()
    fresh.load_state_dict(facula.load(tmp_path / "digits.safetensors"))
    predicted = digits.predict(fresh, test[0])
    assert (predicted == test[1]).float().mean().item() == pytest.approx(curve[-1][1])
    digits.draw(curve, test[1], predicted, tmp_path / "digits.png")
    assert (tmp_path / "digits.png").read_bytes()[:4] == b"\x89PNG"


def letter_entropy(text, known):
    """Bits per character of a text under the frequencies of single characters in another, smoothed."""
    counts = Counter(known)
    total = len(known) + len(set(text) | set(known))
    return -sum(math.log2((counts[c] + 1) / total) for c in text) / len(text)


def test_gpt():
    gpt = example("gpt")
    try:
        text = gpt.corpora.fortunes()
    except OSError as error:
        missing(str(error))
    split = len(text) * 9 // 10
    entropy = letter_entropy(text[split:], text[:split])
    model, tokenizer, bits = gpt.train(text, steps=300)
    assert 4 < entropy < 6
    assert bits < 0.75 * entropy  # letters alone cannot: the model has learnt which follow which
    written = model.generate(
        facula.tensor([tokenizer.encode("The ")]), 40, temperature=0.8, top_k=20
    )
    assert len(tokenizer.decode(written[0].tolist())) == 44


def test_cartpole():
    cartpole = example("cartpole", "gymnasium")
    _, mean, episodes = cartpole.train()
    assert mean >= 475
    assert episodes >= 100


def test_keywords():
    keywords = example("keywords", "soundfile")
    try:
        held_out, human = keywords.run()
    except FileNotFoundError as error:
        missing(str(error))
    assert held_out >= 0.9
    if human is None:
        missing("no human recordings: sudo apt-get install asterisk-core-sounds-en-wav")
    assert human >= 0.6  # ten recordings of one speaker, unlike any synthesizer


def test_transfer_learning():
    transfer = example("transfer_learning", "sklearn")
    [(transferred, scratch)] = transfer.compare(budgets=(50,))
    assert transferred >= scratch + 0.10
