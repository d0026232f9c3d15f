"""Programs as tutorials write them, which know only `torch`: run by PyTorch, and unchanged by facula in its place.

Under facula `sys.modules` holds it by the names of torch. Both start from the same weights, made with NumPy.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import facula

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore::UserWarning:torch")]
PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
MODULES = (
    "nn", "nn.functional", "nn.utils", "nn.utils.rnn", "nn.init", "optim", "optim.lr_scheduler", "optim.swa_utils", "utils",
    "utils.data", "utils.checkpoint", "autograd", "autograd.functional", "autograd.function", "linalg", "fft", "special",
    "amp", "cuda", "backends", "func", "distributions",
)  # fmt: skip


def same_weights(library):
    def fill(model):
        rng = np.random.default_rng(0)
        state = {}
        for name, value in model.state_dict().items():
            array = np.asarray(value.detach().numpy())
            if array.dtype.kind == "f" and "running" not in name:
                # Norm scales and variances stay positive; everything else is small and of both signs.
                values = rng.normal(size=array.shape) * 0.3
                array = (np.abs(values) + 0.5 if name.endswith("_var") else values).astype(
                    array.dtype
                )
            state[name] = library.tensor(array)
        model.load_state_dict(state)
        return model

    return fill


def run(path, library, monkeypatch):
    for name in (
        [m for m in sys.modules if m == "torch" or m.startswith("torch.")]
        if library is facula
        else ()
    ):
        monkeypatch.delitem(sys.modules, name)
    if library is facula:
        monkeypatch.setitem(sys.modules, "torch", facula)
        for name in MODULES:
            monkeypatch.setitem(
                sys.modules, f"torch.{name}", importlib.import_module(f"facula.{name}")
            )
    names = {"__name__": path.stem}
    module = type(sys)(path.stem)  # dataclasses and pickle look a class's module up
    monkeypatch.setitem(sys.modules, path.stem, module)
    names = module.__dict__
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names["main"](same_weights(library))


def plain(value):
    if hasattr(value, "detach"):
        return value.detach().numpy()
    return value


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_program(path):
    with pytest.MonkeyPatch.context() as patch:
        # PyTorch's own test code, which other tests import, forbids setting `torch.backends` flags.
        flags = torch.backends.disable_global_flags.__globals__
        patch.setitem(flags, "__allow_nonbracketed_mutation_flag", True)
        expected = [plain(v) for v in run(path, torch, patch)]
    with pytest.MonkeyPatch.context() as patch:
        got = run(path, facula, patch)
    assert len(got) == len(expected)
    for i, (ours, theirs) in enumerate(zip(got, expected)):
        ours = plain(ours)
        if isinstance(theirs, (str, list)):
            assert ours == theirs, i
            continue
        assert np.shape(ours) == np.shape(theirs), i
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5, err_msg=f"result {i}")
