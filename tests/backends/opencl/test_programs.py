"""Programs: grouped, stored, put off, in order; what does not build says why."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading

import numpy as np
import pyopencl as cl
import pytest

import facula
from facula.backends import backend_for
from facula.ops import OPS
from facula_opencl.failures import explain
from facula_opencl.programs import Programs, rounded
from facula_opencl.stored import StoredGroups

SOURCE = """__kernel void twice(__global float *x, int n) { int i = get_global_id(0); if (i < n) x[i] *= 2; }
__kernel void more(__global float *x, int n, float by) { int i = get_global_id(0); if (i < n) x[i] += by; }
"""


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """A backend that has built nothing yet, its stored groups in a folder of the test."""
    monkeypatch.setenv("FACULA_OPENCL_CACHE", str(tmp_path))
    return type(backend_for("opencl"))(facula.device("opencl:0"))


def test_functions_of_one_source_share_its_program(fresh):
    x = fresh.asarray(np.arange(5, dtype=np.float32))
    twice, more = fresh.function(SOURCE, "twice", "Pi"), fresh.function(SOURCE, "more", "Pif")
    assert fresh.function(SOURCE, "twice", "Pi") is twice
    assert len(fresh.programs._programs) == 1
    twice((64,), (64,), x.buffer, 5)
    more((64,), (64,), x.buffer, 5, 0.5)
    assert fresh.to_numpy(x).tolist() == [0.5, 2.5, 4.5, 6.5, 8.5]


def test_a_failed_build_shows_log_line_and_device():
    bad = "__kernel void k(__global float *x)\n{\n    x[0] = lacking;\n}\n"
    with pytest.raises(RuntimeError) as error:
        backend_for("opencl").function(bad, "k", "P")
    text = str(error.value)
    assert "does not build on device 'opencl:0'" in text
    assert "undeclared identifier 'lacking'" in text
    assert "3 |     x[0] = lacking;" in text
    assert (facula.ones(2, device="opencl") + 1).tolist() == [2, 2]


def test_launches_wait_for_one_program(fresh):
    before = len(fresh.programs._programs)
    host = np.linspace(-3, 3, 7, dtype=np.float32)
    y = chain(fresh, fresh.asarray(host))
    assert fresh.programs.pending
    got = fresh.to_numpy(y)
    assert not fresh.programs.pending
    assert len(fresh.programs._programs) == before + 1
    np.testing.assert_array_equal(got, -host * np.abs(host))


def chain(xp, x):
    """Three kernels that core prints: -x * abs(x)."""
    kernels = {name: xp.kernel(facula.ops.OPS[name]) for name in ("neg", "abs", "mul")}
    return kernels["mul"](kernels["neg"](x), kernels["abs"](x))


def test_order_is_kept_across_what_is_built_and_what_is_not(fresh):
    x = fresh.asarray(np.ones(5, np.float32))
    twice = fresh.function(SOURCE, "twice", "Pi")
    y = fresh.kernel(facula.ops.OPS["neg"])(x)  # not built yet: put off
    twice((64,), (64,), x.buffer, 5)  # built, but behind it
    z = fresh.kernel(facula.ops.OPS["neg"])(x)
    assert fresh.to_numpy(y).tolist() == [-1] * 5
    assert fresh.to_numpy(z).tolist() == [-2] * 5


def test_groups_are_found_again_by_later_processes(fresh, tmp_path):
    expected = fresh.to_numpy(chain(fresh, fresh.asarray(np.ones(3, np.float32))))
    (file,) = tmp_path.rglob("*.cl")
    later = type(fresh)(facula.device("opencl:0"))
    built = []
    later.programs._build, build = (
        lambda source: built.append(source) or build(source),
        later.programs._build,
    )
    x = later.asarray(np.ones(3, np.float32))
    assert later.to_numpy(later.kernel(facula.ops.OPS["neg"])(x)).tolist() == [-1, -1, -1]
    assert built == [file.read_text().partition("\n")[2]]  # the whole group, not the one kernel
    np.testing.assert_array_equal(later.to_numpy(chain(later, x)), expected)
    assert len(built) == 1


@pytest.mark.parametrize(
    "harm", [lambda t: t + "x", lambda t: t[:50], lambda t: "", lambda t: "// kernels: \0\n"]
)
def test_harmed_files_are_built_anew(fresh, tmp_path, harm):
    x = fresh.asarray(np.ones(3, np.float32))
    expected = fresh.to_numpy(chain(fresh, x))
    (file,) = tmp_path.rglob("*.cl")
    file.write_text(harm(file.read_text()))
    later = type(fresh)(facula.device("opencl:0"))
    np.testing.assert_array_equal(
        later.to_numpy(chain(later, later.asarray(np.ones(3, np.float32)))), expected
    )


def test_old_groups_go(tmp_path, monkeypatch):
    monkeypatch.setenv("FACULA_OPENCL_CACHE", str(tmp_path))
    monkeypatch.setattr("facula_opencl.stored.MOST", 3)
    groups = StoredGroups(backend_for("opencl").cl_device)
    for i in range(5):
        groups.add(f"text {i}", [f"source {i}"])
        os.utime(sorted(tmp_path.rglob("*.cl"), key=os.path.getmtime)[-1], (i, i))
    assert len(list(tmp_path.rglob("*.cl"))) == 3
    assert groups.group_with("source 4") == "text 4"
    assert groups.group_with("source 0") is None


def test_no_folder_no_files(tmp_path, monkeypatch):
    monkeypatch.setenv("FACULA_OPENCL_CACHE", "0")
    monkeypatch.chdir(tmp_path)
    groups = StoredGroups(backend_for("opencl").cl_device)
    groups.add("text", ["source"])
    assert groups.group_with("source") is None and not list(tmp_path.rglob("*"))


def test_threads_do_not_mix_up_arguments():
    results = {}

    def work(k):
        x = facula.full((1000,), float(k), device="opencl")
        for _ in range(200):
            x = x + k
        results[k] = (x.min().item(), x.max().item())

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: (201.0 * k, 201.0 * k) for k in range(6)}


def test_ranges_are_whole_groups():
    assert rounded((1,), (64,)) == (64,)
    assert rounded((130, 3), (64, 2)) == (192, 4)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (cl.MemoryError("clEnqueueNDRangeKernel failed: MEM_OBJECT_ALLOCATION_FAILURE"), facula.OutOfMemoryError, "out of memory"),
        (cl.LogicError("clEnqueueNDRangeKernel failed: INVALID_WORK_GROUP_SIZE"), RuntimeError, "could not be launched"),
        (cl.RuntimeError("clFinish failed: DEVICE_NOT_AVAILABLE"), facula.DeviceError, "failed"),
    ],
)  # fmt: skip
def test_drivers_errors_in_faculas_words(error, kind, words):
    said = explain(error, "kernel 'k'", "opencl:1")
    assert type(said) is kind
    assert words in str(said) and "opencl:1" in str(said) and str(error) in str(said)


def test_a_lost_device_raises_and_others_go_on(fresh, monkeypatch):
    def lost(*args, **kwargs):
        raise cl.RuntimeError("clEnqueueNDRangeKernel failed: DEVICE_NOT_AVAILABLE")

    x = fresh.asarray(np.ones(3, np.float32))
    twice = fresh.function(SOURCE, "twice", "Pi")
    monkeypatch.setattr("facula_opencl.programs._enqueue", lost)
    with pytest.raises(facula.DeviceError, match="kernel 'twice': device 'opencl:0' failed"):
        twice((64,), (64,), x.buffer, 3)
    monkeypatch.undo()
    assert facula.ones(2).sum().item() == 2
    assert (facula.ones(2, device="opencl") + 1).tolist() == [2, 2]


def test_nothing_is_imported_until_a_device_is_used():
    code = "import sys, facula; facula.ones(1); facula.backends.plugins(); print('pyopencl' in sys.modules, 'facula_opencl.backend' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_program_has_its_options():
    assert "-cl-std=CL1.2" in Programs(backend_for("opencl"), None).options


@pytest.fixture
def bound(fresh):
    """A device of its own, with all operations."""
    for op in OPS.values():
        fresh.bind(op)
    return fresh


def broken(monkeypatch):
    real = cl.Program

    def program(context, source):
        return real(
            context, source.replace("{", "{ lacking = 1;", 1) if "atan" in source else source
        )

    monkeypatch.setattr("facula_opencl.programs.cl.Program", program)


@pytest.mark.parametrize("read_first", ["good", "bad", "unrelated"])
def test_a_build_that_fails_late_loses_its_own_results_alone(bound, monkeypatch, read_first):
    """Launches wait for one another, so it is found when something else is read."""
    broken(monkeypatch)
    host = np.linspace(-1, 1, 5, dtype=np.float32)
    x = bound.asarray(host)
    good = bound.add(bound.mul(x, 7.25), 1)
    bad = bound.atan(bound.mul(good, 1.5))
    later = bound.add(bad, 1)
    unrelated = bound.mul(x, 3)
    found = {"good": good, "bad": bad, "unrelated": unrelated}
    with pytest.raises(RuntimeError, match=r"does not build on device(.|\n)*lacking"):
        bound.to_numpy(found[read_first])
    np.testing.assert_allclose(bound.to_numpy(good), host * 7.25 + 1, 1e-6)
    np.testing.assert_allclose(bound.to_numpy(unrelated), host * 3, 1e-6)
    for lost in (bad, later, bound.slice(bad, 0, 1, 3, 1)):
        with pytest.raises(RuntimeError, match="does not build on device"):
            bound.to_numpy(lost)
    more = bound.mul(later, 2)  # and what is computed from it afterwards
    with pytest.raises(RuntimeError, match="does not build on device"):
        bound.to_numpy(more)
    np.testing.assert_allclose(bound.to_numpy(bound.add(good, 1)), host * 7.25 + 2, 1e-6)


def test_lost_memory_is_let_go(bound, monkeypatch):
    broken(monkeypatch)
    x = bound.asarray(np.ones(5, np.float32))
    bad = bound.atan(x)
    with pytest.raises(RuntimeError):
        bound.to_numpy(bad)
    assert len(bound.programs.lost.buffers) == 1
    del bad
    gc.collect()  # of the exception's traceback
    bound.flush()
    assert not bound.programs.lost.buffers
    monkeypatch.undo()
    np.testing.assert_allclose(bound.to_numpy(bound.atan(x)), np.arctan(np.ones(5)), 1e-6)


def test_a_launch_that_fails_late_loses_its_own_results_alone(bound, monkeypatch):
    from facula_opencl import programs

    real = programs._enqueue

    def refuses(queue, kernel, *sizes):
        if calls.append(kernel) or len(calls) == 2:
            raise cl.RuntimeError("clEnqueueNDRangeKernel failed: OUT_OF_RESOURCES")
        return real(queue, kernel, *sizes)

    calls = []
    x = bound.asarray(np.ones(5, np.float32))
    first, second, third = bound.mul(x, 3.5), bound.add(x, 4.5), bound.sub(x, 5.5)
    monkeypatch.setattr(programs, "_enqueue", refuses)
    with pytest.raises(RuntimeError, match="OUT_OF_RESOURCES"):
        bound.to_numpy(first)
    assert bound.to_numpy(first)[0] == 3.5 and bound.to_numpy(third)[0] == -4.5
    with pytest.raises(RuntimeError, match="OUT_OF_RESOURCES"):
        bound.to_numpy(second)


def test_kernels_that_are_put_off_count_for_their_operation():
    from facula.profiler import profile

    x = facula.ones(5, device="opencl") + 0.625
    with profile() as prof:
        y = (x * 0.3125).exp2()
        y.tolist()
    owners = {e.name for e in prof.events() if e.kernels}
    assert {"mul", "exp2"} <= owners
