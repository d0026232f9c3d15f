"""What `facula.compile(f)` does unasked: C on the CPU, a replay where that cannot be, and what it says then."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import re
import warnings

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.graph.compiler import compiler as c_compiler, declined
from facula.graph.runtime import CompilerMissing, shared_library, unit
from facula.nn import functional as F

try:
    unit.compiler()
except CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)

X = facula.tensor([1.0, 2.0])
C = "one C function on 1 thread"


@pytest.fixture(autouse=True)
def as_users_have_it(monkeypatch):
    """No setting, nothing told yet, and programs that need not be fast."""
    monkeypatch.delenv("FACULA_COMPILE", raising=False)
    monkeypatch.setattr(declined, "_told", set())
    shared_library()
    monkeypatch.setattr(unit, "FLAGS", (*unit.FLAGS, "-O0"))


def told(call):
    """The warnings of a call."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [(str(w.message), w.filename) for w in found]


def test_it_is_c_on_the_cpu():
    f = facula.compile(lambda x: (x * 2).sum())
    assert f(X).item() == 6.0
    assert f.explanation == C


def test_forward_and_backward_are_c_too():
    w = facula.tensor([3.0, 4.0], requires_grad=True)
    f = facula.compile(lambda x: (x * w).sin().sum())
    y = f(X)
    assert f.explanation.endswith("; backward: compiled at its first call")
    y.backward()
    np.testing.assert_allclose(w.grad.numpy(), np.cos([3.0, 8.0]) * [1, 2], rtol=1e-6)
    assert f.explanation == f"forward: {C}; backward: {C}"


SETTINGS = {
    "replay": "replayed kernel by kernel: no compiler was asked",
    "eager": None,
    "c": C,
    "": C,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_environment_says_what_is_meant(name, monkeypatch):
    monkeypatch.setenv("FACULA_COMPILE", name)
    f = facula.compile(lambda x: x * 2)
    assert f(X).tolist() == [2.0, 4.0]
    assert getattr(f, "explanation", None) == SETTINGS[name]


def test_a_name_that_nobody_has_is_refused(monkeypatch):
    monkeypatch.setenv("FACULA_COMPILE", "nothing")
    with pytest.raises(ValueError, match=r"'nothing'; there are: c, eager, fused.*replay"):
        facula.compile(lambda x: x)


def test_what_serves_once_is_not_compiled():
    """Other arguments than the first ones' may never come again."""
    w = facula.tensor(2.0, requires_grad=True)
    for grad in (False, True):
        f = facula.compile(lambda x: x * w)
        with facula.set_grad_enabled(grad):
            explained = []
            for n in (2, 3, 3, 4, 2, 4):
                assert f(facula.ones(n)).tolist() == [2.0] * n
                explained.append("one C function" in f.explanation)
        assert explained == [True, False, True, False, True, True]
        assert f.captures == 3


def test_what_makes_its_state_serves_once():
    kept = []

    @facula.compile
    def f(x):
        if not kept:
            kept.append(x * 2)
        return kept[0] + x

    assert f(X).tolist() == [3.0, 6.0]
    assert "it serves once" in f.explanation
    assert f(X).tolist() == [3.0, 6.0]
    assert f.explanation == C


# ---- where there is no C


def test_a_graph_that_cannot_be_c_is_replayed_in_silence():
    f = facula.compile(lambda x: facula.linalg.svdvals(x) * 2)
    assert told(lambda: f(facula.eye(2))) == []
    assert f.explanation == "replayed kernel by kernel: 'linalg_svd' runs on the host alone"
    w = facula.eye(2).requires_grad_()
    g = facula.compile(lambda: facula.linalg.svdvals(w).sum())
    assert told(lambda: g().backward()) == []
    assert g.explanation.count("runs on the host alone") == 2
    np.testing.assert_allclose(w.grad.numpy(), np.eye(2), atol=1e-6)


BIG, DOUBLE = facula.zeros(1000, 1000), facula.zeros(400, 400, dtype=facula.float64)
SLOW = {
    "topk": (lambda: BIG.topk(3), "topk"),
    "topk of a few": (lambda: BIG[:10, :10].topk(3), None),
    "float64": (lambda: DOUBLE @ DOUBLE, "matmul"),
    "float64, a few": (lambda: DOUBLE[:20] @ DOUBLE[:, :20], None),
    "sin": (lambda: BIG.sin(), "sin"),
    "sin among much else": (lambda: (((BIG * 2 + 1).sin() * 3 - 1) / 2 + BIG).exp().tanh() * 2, None),
    "argmax": (lambda: BIG.argmax(1), "argmax"),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOW)
def test_what_kernels_do_faster_is_replayed(name):
    f, slow = SLOW[name]
    compiled = facula.compile(f)
    assert told(compiled) == []
    if slow is None:
        assert compiled.explanation.startswith("one C function")
    else:
        assert compiled.explanation == f"replayed kernel by kernel: '{slow}' of as many elements is faster as a kernel"  # fmt: skip


def missing(monkeypatch, tmp_path):
    if importlib.util.find_spec("ziglang"):
        pytest.skip("Zig is installed and is a compiler")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)


def failing(monkeypatch, tmp_path):
    (tmp_path / "cc").write_text("#!/bin/sh\necho some words of a compiler >&2; exit 1\n")
    (tmp_path / "cc").chmod(0o755)
    monkeypatch.setenv("CC", str(tmp_path / "cc"))


def unwritable(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path / "file"))


def mistaken(monkeypatch, tmp_path):
    monkeypatch.setattr(c_compiler, "nests_of", lambda launches: {}["nothing"])


TROUBLE = {
    missing: r"facula\[compile\]",
    failing: "some words of a compiler",
    unwritable: "FACULA_CACHE",
    mistaken: "please report it: KeyError",
}


@pytest.fixture
def empty_caches(monkeypatch, tmp_path):
    """Nothing compiled yet, in the process and on disk; facula-native, which would keep in mind that it cannot compile, is left out."""
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path))
    if importlib.util.find_spec("facula_native"):
        for name in ("unit", "function"):
            monkeypatch.setattr(f"facula_native.units.{name}", lambda *_: None)
    kept = unit.compiler, unit.identity, shared_library
    for f in kept:
        f.cache_clear()
    yield
    for f in kept:
        f.cache_clear()


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda f: f.__name__)
def test_trouble_is_told_once_and_all_is_replayed(trouble, empty_caches, monkeypatch, tmp_path):
    trouble(monkeypatch, tmp_path)
    w = facula.tensor([3.0], requires_grad=True)
    functions = [facula.compile(lambda x, n=n: x * w + n) for n in range(3)]

    def use():
        for n, f in enumerate(functions):
            w.grad = None
            f(X).sum().backward()
            assert (f(X).tolist(), w.grad.tolist()) == ([3.0 + n, 6.0 + n], [3.0])

    ((message, where),) = told(use)
    assert re.search(TROUBLE[trouble], message)
    assert where == __file__
    assert all(re.search(TROUBLE[trouble], f.explanation) for f in functions)


def test_an_interrupted_compilation_leaves_nothing_behind(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    f = facula.compile(lambda x: x * 2 + 0.75)
    with monkeypatch.context() as patch:
        patch.setattr(c_compiler, "program_of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            f(X)
    assert f(X).tolist() == [2.75, 4.75]
    assert f.explanation == C


# ---- what users do with compiled functions and modules


@facula.compile
def decorated(x):
    return x * 2


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x).tanh()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])  # fmt: skip
def test_copies_have_programs_of_their_own(copied):
    model = facula.compile(Tiny())
    expected = model(X)
    twin = copied(model)
    with facula.no_grad():
        model.layer.weight.zero_(), model.layer.bias.zero_()
    assert model(X).tolist() == [0.0, 0.0]
    np.testing.assert_allclose(twin(X).detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    assert twin.explanation.startswith("forward: one C function")
    assert isinstance(twin, Tiny)
    decorated(X)
    assert copied(decorated) is decorated
    whole = nn.Sequential(facula.compile(Tiny()), nn.Linear(2, 1))
    assert list(copied(whole).state_dict()) == list(whole.state_dict())


def test_an_error_leaves_what_would_have_been_updated():
    """As in eager, where the optimizer is not reached."""
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 4))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @facula.compile
    def step(words, classes):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(words), classes)
        loss.backward()
        optimizer.step()
        return loss

    good = facula.tensor([1, 2, 4]), facula.tensor([0, 3, 1])
    step(*good)
    before = [p.detach().clone().numpy() for p in model.parameters()]
    for bad in ((facula.tensor([1, 2, 5]), good[1]), (good[0], facula.tensor([0, 4, 1]))):
        with pytest.raises(IndexError):
            step(*bad)
        for p, kept in zip(model.parameters(), before, strict=True):
            np.testing.assert_array_equal(p.detach().numpy(), kept)
    step(*good)
    assert "one C function" in step.explanation
    assert any((p.detach().numpy() != kept).any() for p, kept in zip(model.parameters(), before))
