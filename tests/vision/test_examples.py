"""The examples of vision train to what they promise, and say what is missing."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import facula

EXAMPLES = Path(__file__).parents[2] / "examples"
DEBIAN = "/usr/share/datasets/fashion-mnist"
needs_pictures = pytest.mark.skipif(
    not os.path.isdir(DEBIAN), reason="sudo apt-get install dataset-fashion-mnist"
)


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def no_progress_bars(monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")


def run(name, *arguments):
    return subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *map(str, arguments)],
        capture_output=True,
        text=True,
    )


def test_one_epoch_of_the_demo(tmp_path):
    done = run("digits", "--epochs", 1, "--output", tmp_path / "new" / "folder")
    assert done.returncode == 0, done.stderr
    assert "test accuracy" in done.stdout and "predicted" in done.stdout
    assert {f.name for f in (tmp_path / "new" / "folder").iterdir()} == {
        "digits.png",
        "digits.safetensors",
    }


def test_shifted_digits_stay_within_half_a_pixel():
    digits = example("digits")
    facula.manual_seed(0)
    dot = facula.zeros(50, 1, 8, 8)
    dot[:, :, 4, 4] = 1
    moved = digits.shifted(dot)
    assert moved.shape == dot.shape
    assert moved[:, :, 3:6, 3:6].sum((1, 2, 3)).allclose(facula.ones(50))
    assert moved[:, 0, 4, 4].min().item() >= 0.25 - 1e-5
    assert digits.shifted(dot, pixels=0).allclose(dot, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("digits", ("--epochs", 0), "--epochs must be 1 or more"),
        ("fashion", ("--images", -1), "--images must be 1 or more"),
        ("fashion", ("--data", "/nowhere"), "apt-get install dataset-fashion-mnist"),
    ],
)
def test_wrong_arguments(name, arguments, message):
    done = run(name, *arguments)
    assert done.returncode != 0
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.training
@needs_pictures
def test_fashion_reaches_87_percent():
    _, accuracy = example("fashion").train()
    assert accuracy >= 0.87
