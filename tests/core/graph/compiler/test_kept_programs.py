"""Programs on disk: one process takes what another made, and only what fits; damaged files are made again."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.graph.compiler import compiler, digest, kept_programs
from facula.graph.compiler.artifact import Artifact
from facula.graph.runtime import kept, shared_library, unit
from facula.graph.runtime.onednn import library_path
from facula.ops.dot_attention import dot_attention

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)

FAST = tuple("-O0" if f == "-O3" else f for f in unit.FLAGS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where programs are kept in this test."""
    shared_library()  # it lies where the others' units are
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path))
    monkeypatch.setattr(unit, "FLAGS", FAST)
    monkeypatch.setattr(kept_programs, "ENABLED", True)
    return tmp_path / "programs"


@pytest.fixture
def made(folder, monkeypatch):
    """The programs that were made, and not taken from the disk."""
    found = []
    original = compiler.Making

    def noting(*arguments):
        found.append(original(*arguments))
        return found[-1]

    monkeypatch.setattr(compiler, "Making", noting)
    return found


def trained():
    facula.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 5), nn.Dropout(0.5), nn.Linear(5, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def step(x):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


def convolved():
    facula.manual_seed(4)
    model = nn.Conv2d(3, 4, 3)
    return lambda x: model(x.reshape(2, 3, 8, 8)).relu()


def recurrent():
    facula.manual_seed(5)
    model = nn.LSTM(6, 20)
    return lambda x: model(x.reshape(8, 8, 6))[0]


TABLE = np.arange(24, dtype=np.float32)
#: What makes a function, and the shape that it takes.
CASES = {
    "training, with random keys and numbers that Python owns": (trained, (4, 6)),
    "a constant": (lambda: lambda x: x + facula.from_numpy(TABLE[:6]), (4, 6)),
    "dtypes": (lambda: lambda x: (x > 0, x.to(facula.bfloat16), x.long(), x.to(facula.complex64)), (3, 2)),
    "nothing in it": (lambda: lambda x: (x * 2, x.sum(0)), (0, 3)),
    "recurrent layers": (recurrent, (384,)),
    "attention": (lambda: lambda x: dot_attention.call(x, x, x, None, True, 0.4)[0], (2, 9, 4)),
} | ({"convolutions": (convolved, (384,))} if library_path() else {})  # fmt: skip


def results(f, shape):
    facula.manual_seed(0)
    x = facula.linspace(-1, 1, int(np.prod(shape))).reshape(shape)
    found = [f(x) for _ in range(3)]
    return [y.detach() for y in found[-1]] if isinstance(found[-1], tuple) else [found[-1].detach()]


@pytest.mark.parametrize("name", CASES)
def test_a_kept_program_does_what_the_made_one_does(name, made):
    build, shape = CASES[name]
    first = results(facula.compile(build(), backend="c"), shape)
    number = len(made)
    assert number >= 1
    second = results(facula.compile(build(), backend="c"), shape)
    assert len(made) == number
    for a, b, eager in zip(first, second, results(build(), shape), strict=True):
        assert a.dtype is b.dtype is eager.dtype
        assert a.tolist() == b.tolist()
        np.testing.assert_allclose(
            a.to(facula.complex128).numpy(), eager.to(facula.complex128).numpy(), 1e-4, 1e-5
        )
    for making in made:
        assert Artifact.from_bytes(making.artifact.to_bytes()) == making.artifact


def f_of(number=2, constant=1.0, op="sin"):
    table = facula.full((3,), constant).numpy()

    def f(x):
        return getattr(x, op)() * number + facula.from_numpy(table)

    return f


X = np.ones((2, 3), np.float32)
#: What is otherwise than in the program that is there.
OTHER = {
    "shape": lambda patch: (f_of(), X[:1]),
    "dtype": lambda patch: (f_of(), X.astype(np.float64)),
    "number": lambda patch: (f_of(number=3), X),
    "constant": lambda patch: (f_of(constant=2.0), X),
    "op": lambda patch: (f_of(op="cos"), X),
    "threads": lambda patch: (patch.setattr(facula.threads, "_threads", 3), (f_of(), X))[1],
    "sources": lambda patch: (patch.setattr(digest, "sources_of", lambda package: "0"), (f_of(), X))[1],
    "C compiler or CPU": lambda patch: (patch.setattr(unit, "identity", lambda: "0"), (f_of(), X))[1],
    "products": lambda patch: (patch.setattr(digest, "gemm_identity", lambda: "0"), (f_of(), X))[1],
    "oneDNN": lambda patch: (patch.setattr(digest, "library_path", lambda: __file__), (f_of(), X))[1],
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER)
def test_what_is_otherwise_is_made(what, made, monkeypatch):
    monkeypatch.setattr(facula.threads, "_threads", 2)
    facula.compile(f_of(), backend="c")(facula.from_numpy(X))
    facula.compile(f_of(), backend="c")(facula.from_numpy(X))
    assert len(made) == 1
    f, x = OTHER[what](monkeypatch)
    x = facula.from_numpy(x)
    np.testing.assert_allclose(facula.compile(f, backend="c")(x).numpy(), f(x).numpy(), rtol=1e-6)
    assert len(made) == 2


def _without_outputs(data):
    return data.replace(b'"outputs"', b'"outlets"')


DAMAGE = {
    "cut off": lambda path, data: path.write_bytes(path.read_bytes()[:100]),
    "empty": lambda path, data: path.write_bytes(b""),
    "a bit": lambda path, data: path.write_bytes(path.read_bytes().replace(b"sin", b"cos")),
    "foreign": lambda path, data: kept.write(path, b"nothing of this kind"),
    "short": lambda path, data: kept.write(path, data[:16]),
    "of another make": lambda path, data: kept.write(path, _without_outputs(data)),
    "a constant less": lambda path, data: kept.write(path, data[:-4]),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_made_again(how, folder, made):
    def run():
        return facula.compile(f_of(), backend="c")(facula.from_numpy(X)).tolist()

    expected = run()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    DAMAGE[how](path, kept.read(path))
    assert path.read_bytes() != whole
    assert run() == expected
    assert len(made) == 2
    assert path.read_bytes() == whole
    assert run() == expected
    assert len(made) == 2


@pytest.mark.skipif(library_path() is None, reason="needs oneDNN")
def test_a_plan_that_works_in_other_memory_than_it_did_is_not_taken(folder, made):
    run, shape = CASES["convolutions"]
    expected = results(facula.compile(run(), backend="c"), shape)[0].tolist()
    (path,) = folder.iterdir()
    artifact = Artifact.from_bytes(kept.read(path))
    plans = tuple(p._replace(workspace=p.workspace + 64) for p in artifact.plans)
    assert plans
    kept.write(path, replace(artifact, plans=plans).to_bytes())
    assert results(facula.compile(run(), backend="c"), shape)[0].tolist() == expected
    assert len(made) == 2


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")  # fmt: skip
def test_a_program_of_another_user_is_not_taken(folder):
    facula.compile(f_of(), backend="c")(facula.from_numpy(X))
    (path,) = folder.iterdir()
    os.chown(path, 12345, 12345)
    with pytest.warns(UserWarning, match="belongs to another user; remove it"):
        facula.compile(f_of(), backend="c")(facula.from_numpy(X))


def test_large_constants_are_not_kept(folder, made, monkeypatch):
    monkeypatch.setattr(digest, "MOST", 11)
    for _ in range(2):
        facula.compile(f_of(), backend="c")(facula.from_numpy(X))
    assert len(made) == 2
    assert not folder.exists()


def test_sources_that_changed_since_they_were_loaded_keep_nothing(folder, made, monkeypatch):
    digest.sources_of.cache_clear()
    monkeypatch.setattr(facula, "_LOADED", 0)
    facula.compile(f_of(), backend="c")(facula.from_numpy(X))
    assert len(made) == 1
    assert not folder.exists()
