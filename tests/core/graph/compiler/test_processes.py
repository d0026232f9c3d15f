"""Compiled programs and other processes: two that compile the same at once, forks, damaged and foreign files."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import facula
from facula.graph.runtime import shared_library, unit

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path))
    monkeypatch.setattr(unit, "FLAGS", tuple("-O1" if f == "-O3" else f for f in unit.FLAGS))
    shared_library.cache_clear()
    yield tmp_path / "units"
    shared_library.cache_clear()


PROGRAM = """
import facula
from facula.graph.runtime import unit
unit.FLAGS = tuple("-O1" if f == "-O3" else f for f in unit.FLAGS)
f = facula.compile(lambda x: (x.sin() * 2 + 0.25).sum(), backend="c")
print(f(facula.full((1000,), 2.0)).item(), type(f.last.code).__name__)
"""


COUNTING = f"""
from facula.graph.compiler import compiler
lower, lowered = compiler.lower, []
compiler.lower = lambda *arguments: lowered.append(1) or lower(*arguments)
{PROGRAM}
print(len(lowered))
"""


def started():
    return subprocess.Popen([sys.executable, "-W", "error", "-c", COUNTING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip


def told(process):
    out, log = process.communicate(timeout=500)
    assert process.returncode == 0, log
    return out.split()


def test_processes_that_compile_the_same_at_once(folder):
    """A later one takes what they made, and lowers nothing."""
    results = [told(p) for p in [started(), started()]]
    later = told(started())
    assert {tuple(r[:2]) for r in results} == {tuple(later[:2])}
    assert later[1:] == ["Compiled", "0"]
    assert "1" in [r[2] for r in results]
    programs = folder.with_name("programs")
    assert all(path.suffix == ".so" for path in folder.iterdir())  # nothing half made is left
    assert [path.suffix for path in programs.iterdir()] == [".program"]
    for path in (*folder.iterdir(), *programs.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o022 == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("threads", [1, 3])
def test_a_fork_runs_what_its_parent_compiled(folder, threads):
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        f = facula.compile(lambda x: (x * 2 + 1).sum(), backend="c")
        x = facula.ones(50_000)
        expected = f(x).item()
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that threads are running
            child = os.fork()
        if child == 0:
            try:
                g = facula.compile(lambda x: (x * 3).sum(), backend="c")
                same = f(x).item() == expected and g(x).item() == 150_000
                os.write(writer, b"same" if same else b"different")
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as said:
            assert said.read() == "same"
        os.waitpid(child, 0)
        assert f(x).item() == expected
    finally:
        facula.set_num_threads(before)


def test_threads_that_capture_at_once(folder):
    f = facula.compile(lambda x: (x * 2 + 1).sum(), backend="c")
    found, errors = {}, []

    def work(k):
        try:
            found[k] = [f(facula.ones(100 + k)).item() for _ in range(5)]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    assert found == {k: [3.0 * (100 + k)] * 5 for k in range(4)}
    assert f.captures == 4


def test_a_program_follows_set_num_threads(folder):
    f = facula.compile(lambda x: (x * 2).exp(), backend="c")
    x = facula.linspace(0, 1, 10_000)
    expected = (x * 2).exp().numpy()
    before = facula.get_num_threads()
    try:
        for n in (1, 3, 2):
            facula.set_num_threads(n)
            np.testing.assert_allclose(f(x).numpy(), expected, rtol=1e-6)
            assert f.last.code.threads == n
    finally:
        facula.set_num_threads(before)


def test_a_cut_off_program_is_made_again(folder):
    def run():
        done = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, timeout=500)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    expected = run()
    whole = {path: path.stat().st_size for path in folder.glob("*.so")}
    assert len(whole) >= 2  # the program, and what all programs share
    for path, size in whole.items():
        path.write_bytes(path.read_bytes()[: size // 2])
    assert run() == expected
    assert {path: path.stat().st_size for path in folder.glob("*.so")} == whole


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give files away")  # fmt: skip
def test_a_program_of_another_user_is_not_loaded(folder):
    def run():
        f = facula.compile(lambda x: x * 7 + 0.5, backend="c")
        return f(facula.ones(2)).tolist(), f.last.code

    known = set(folder.glob("*.so")) if folder.exists() else set()
    assert run()[0] == [7.5, 7.5]
    for path in set(folder.glob("*.so")) - known:
        os.chown(path, 12345, 12345)
    with pytest.warns(UserWarning, match="belongs to another user; remove it"):
        result, code = run()
    assert result == [7.5, 7.5]
    assert code is None


def test_a_folder_that_cannot_be_written_is_said_and_replayed(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path / "file"))
    f = facula.compile(lambda x: x * 9 + 0.5, backend="c")
    with pytest.warns(UserWarning, match="replayed kernel by kernel.*file"):
        assert f(facula.ones(2)).tolist() == [9.5, 9.5]
