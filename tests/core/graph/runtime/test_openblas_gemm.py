"""Products of matrices by OpenBLAS: the built-in's arguments, float64's numbers, one thread a call, and when it is taken."""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from facula.graph.compiler import same_bits
from facula.graph.compiler.shares import grained
from facula.graph.errors import SettingError
from facula.graph.runtime import openblas, shared_library
from facula.graph.runtime.shared_library import GEMMS, gemm_name

needs_openblas = pytest.mark.skipif(
    openblas.library_path() is None, reason="the wheel scipy-openblas32 is not installed"
)


@pytest.fixture
def gemm():
    """The product by OpenBLAS, of all that it can take: arrays a, b, c, of which c gets the result."""
    library = shared_library()
    assert library.openblas_open(os.fsencode(openblas.library_path())) == 0
    takes_all = ctypes.c_int.in_dll(library, "openblas_takes_all")
    before, takes_all.value = takes_all.value, 1

    def product(a, b, c):
        steps = [s // 4 for s in (*a.strides, *b.strides)]
        arguments = (*a.shape[:1], b.shape[1], a.shape[1], a.ctypes.data, *steps[:2], b.ctypes.data, *steps[2:], c.ctypes.data, c.strides[0] // 4)  # fmt: skip
        types = [ctypes.c_void_p if i in (3, 6, 9) else ctypes.c_long for i in range(11)]
        assert library.openblas_gemm(*(t(x) for t, x in zip(types, arguments))) == 1

    yield product
    takes_all.value = before


#: How a matrix of m x n lies in memory that is drawn.
LAYOUTS = {
    "rows": lambda draw, m, n: draw((m, n)),
    "columns": lambda draw, m, n: draw((n, m)).T,
    "part of wider": lambda draw, m, n: draw((m, n + 5))[:, 2 : 2 + n],
    "part of taller, in columns": lambda draw, m, n: draw((n, m + 3))[:, 1 : 1 + m].T,
    "every other": lambda draw, m, n: draw((m, 2 * n))[:, ::2],
    "backwards": lambda draw, m, n: draw((m, n))[::-1],
    "one row for all": lambda draw, m, n: np.broadcast_to(draw((1, n)), (m, n)),
}
SHAPES = [
    (1, 1, 1), (1, 70, 33), (70, 1, 33), (5, 7, 1), (13, 40, 300), (33, 129, 17), (400, 19, 20), (130, 65, 200), (1, 1, 900),
    (0, 4, 3), (3, 0, 4), (3, 4, 0),
]  # fmt: skip


@needs_openblas
@pytest.mark.parametrize("of_b", LAYOUTS)
@pytest.mark.parametrize("of_a", LAYOUTS)
def test_products_of_all_layouts_are_float64s(gemm, of_a, of_b):
    """What was in the result's memory does not count, be it NaN, and what lies beside it stays."""
    rng = np.random.default_rng(0)
    for m, n, k in SHAPES:
        a, b = (LAYOUTS[of](lambda shape: rng.standard_normal(shape, np.float32), *shape) for of, shape in ((of_a, (m, k)), (of_b, (k, n))))  # fmt: skip
        c = np.full((m, n + 3), np.nan, np.float32)
        c[:, n:] = 7
        gemm(a, b, c)
        expected = a.astype(float) @ b.astype(float)
        np.testing.assert_allclose(c[:, :n], expected, rtol=1e-5, atol=1e-6 * k)
        assert (c[:, n:] == 7).all()


@needs_openblas
@pytest.mark.parametrize("m, n, k", [(1, 8, 8), (8, 1, 8), (8, 8, 8), (64, 48, 130)])
def test_nan_and_infinity_stay(gemm, m, n, k):
    """Also where they meet zeros: 0 * inf is NaN."""
    a, b = np.ones((m, k), np.float32), np.zeros((k, n), np.float32)
    a[0, 1], a[-1, 2], b[3, -1] = np.inf, np.nan, -np.inf
    c = np.zeros((m, n), np.float32)
    gemm(a, b, c)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(c, a @ b)


@needs_openblas
def test_many_threads_at_once_get_what_one_gets(gemm):
    from concurrent.futures import ThreadPoolExecutor

    rng = np.random.default_rng(0)
    pairs = [(rng.standard_normal((m, 150), np.float32), rng.standard_normal((150, 90), np.float32)) for m in range(1, 129)]  # fmt: skip

    def multiplied(pair):
        c = np.empty((len(pair[0]), 90), np.float32)
        gemm(*pair, c)
        return c

    expected = [multiplied(p) for p in pairs]
    with ThreadPoolExecutor(64) as pool:
        for found, one in zip(pool.map(multiplied, 4 * pairs), 4 * expected, strict=True):
            assert found.tobytes() == one.tobytes()


def ran(script, **environment):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ, **environment})  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


THREADS = """
import os
import numpy as np
import threadpoolctl
import facula
from facula.graph.runtime import gemm_name, openblas
def blas():
    return {p["filepath"]: p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"}
def of_ours():
    return blas().get(openblas.library_path())
def others():
    return [n for path, n in blas().items() if path != openblas.library_path()]
def tasks():
    return len(os.listdir("/proc/self/task")) if os.path.exists("/proc/self/task") else 0
a = np.ones((300, 300), np.float32)
a @ a
threads, before = tasks(), others()
assert gemm_name() == "openblas" and tasks() == threads and others() == before and of_ours() == 1
step = facula.compile(lambda x: (x @ x).sum(), backend="c")
with threadpoolctl.threadpool_limits(3):  # a setting for all libraries that it finds
    assert step(facula.from_numpy(a)).item() == 300**3
    assert others() == len(before) * [3] and of_ours() == 1
assert "products of matrices by openblas" in step.explanation
print("done")
"""


@needs_openblas
def test_it_has_one_thread_and_numpy_keeps_its_own():
    pytest.importorskip("threadpoolctl")
    assert ran(THREADS, FACULA_GEMM="openblas", OPENBLAS_NUM_THREADS="4")[0] == ["done"]


@needs_openblas
def test_a_library_that_numpy_has_is_not_taken(monkeypatch):
    """Its number of threads would be NumPy's."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    found = {p["filepath"] for p in threadpoolctl.threadpool_info() if p["internal_api"] == "openblas"}  # fmt: skip
    own = [path for path in found if "numpy.libs" in path]
    if not own:
        pytest.skip("NumPy has no OpenBLAS of its own here")
    code = "from facula.graph.runtime import gemm_name; gemm_name()"
    with pytest.raises(AssertionError, match="is loaded by something else in this process"):
        ran(code, FACULA_GEMM="openblas", FACULA_OPENBLAS=own[0])


@pytest.mark.parametrize(
    "environment, message",
    [
        ({"FACULA_GEMM": "mkl"}, "FACULA_GEMM=mkl: it is one of onednn, openblas, builtin"),
        ({"FACULA_GEMM": "openblas", "FACULA_OPENBLAS": ""}, "OpenBLAS is not there; pip install scipy-openblas32"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_an_error_and_nothing_else_is_taken(environment, message, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=message):
        gemm_name.__wrapped__()


ASKED = """
import warnings
import facula
warnings.simplefilter("error")
x = facula.ones(300, 300)
for f in (lambda x: x @ x, facula.compile(lambda x: x @ x), facula.compile(lambda x: x @ x, backend="c")):
    try:
        f(x)
    except ValueError as error:
        print(str(error).split(";")[0])
"""


@pytest.mark.parametrize(
    "word, message",
    [("onednn", "FACULA_GEMM=onednn: oneDNN is not there"), ("mkl", "FACULA_GEMM=mkl: it is one of onednn, openblas, builtin, or not set")],
)  # fmt: skip
def test_compiled_functions_and_kernels_raise_it(word, message):
    found, _ = ran(ASKED, FACULA_GEMM=word, FACULA_ONEDNN="", FACULA_COMPILE="")
    from facula.backends.discovery import plugins

    has_kernels = os.environ.get("FACULA_NATIVE") != "0" and any(
        source.startswith("facula-native") for _, source in plugins().kernels
    )
    assert " ".join(found).count(message) == 2 + has_kernels


@pytest.mark.parametrize(
    "asked, expected", [("builtin", "builtin"), ("", None), *([("openblas", "openblas")] if openblas.library_path() else [])]
)  # fmt: skip
def test_a_word_names_what_is_taken(asked, expected, monkeypatch):
    takes_all = ctypes.c_int.in_dll(shared_library(), "openblas_takes_all")
    before = takes_all.value
    monkeypatch.setenv("FACULA_GEMM", asked)
    assert gemm_name.__wrapped__() in ([expected] if expected else GEMMS)
    takes_all.value = before


NARROW = """
import ctypes
import numpy as np
from facula.graph.runtime import gemm_address, gemm_name, shared_library
P, L, library = ctypes.c_void_p, ctypes.c_long, shared_library()
taken = ctypes.CFUNCTYPE(ctypes.c_int, L, L, L, P, L, L, P, L, L, P, L)(gemm_address())
for m in (1, 12, 24, 47, 48, 127, 128):
    for n, k in ((8, 128), (24, 127), (40, 128)):
        a, b, c = (np.random.standard_normal(s).astype("f") for s in ((m, k), (k, n), (m, n)))
        for turned in (False, True):
            b = np.asfortranarray(b) if turned else b
            assert taken(m, n, k, a.ctypes.data, k, 1, b.ctypes.data, b.strides[0] // 4, b.strides[1] // 4, c.ctypes.data, n)
            np.testing.assert_allclose(c, a.astype(float) @ b.astype(float), rtol=1e-4, atol=1e-4)
print(gemm_name(), ctypes.c_int.in_dll(library, "openblas_takes_all").value)
"""


narrow = pytest.mark.skipif(
    platform.machine() != "x86_64" or not shutil.which("gcc"), reason="GCC's flags for x86-64"
)


def has_avx(flags):
    command = ["gcc", *flags.split(), "-march=native", "-dM", "-E", "-"]
    return "__AVX__" in subprocess.run(command, input="", capture_output=True, text=True).stdout


@needs_openblas
@narrow
@pytest.mark.parametrize(
    "flags, expected",
    [("-mno-avx512f", "openblas 0"), ("-mno-avx2 -mno-avx512f", "openblas 0"), ("-mno-avx", "builtin 0")],
)  # fmt: skip
def test_it_is_taken_where_it_is_faster_and_onednn_is_not_there(flags, expected):
    """With AVX, but not AVX-512 (docs/design/openblas.md)."""
    if expected.startswith("openblas") and not has_avx(flags):
        pytest.skip("the CPU has no AVX")
    found, _ = ran(NARROW, CC=f"gcc {flags}", FACULA_ONEDNN="", FACULA_GEMM="")
    assert " ".join(found) == expected


@narrow
def test_a_library_that_is_none_is_named(tmp_path):
    if not has_avx("-mno-avx512f"):
        pytest.skip("the CPU has no AVX")
    wrong = tmp_path / "libopenblas.so"
    wrong.write_bytes(b"not a library")
    script = "from facula.graph.runtime import gemm_name; print(gemm_name())"
    found, told = ran(script, CC="gcc -mno-avx512f", FACULA_ONEDNN="", FACULA_OPENBLAS=str(wrong), FACULA_GEMM="")  # fmt: skip
    assert found == ["builtin"]
    assert f"{wrong} is not a library that can be loaded; it is not used" in told


@pytest.mark.parametrize("m, n, d", [(1024, 512, 0), (512, 1024, 1), (2048, 2048, 0)])
def test_parts_of_its_products_do_not_move_untried(m, n, d, monkeypatch):
    """Its kernels for the rows and columns that are left over add up in another order, so each place would have to be tried."""
    monkeypatch.setattr(same_bits, "gemm_name", lambda: "openblas")
    monkeypatch.setattr(same_bits, "gemm_address", lambda: pytest.fail("it was tried"))
    (share,) = grained(d, (m, n)[d], 2, 4)
    element = SimpleNamespace(is_half=False, value="f32")
    a, b = (SimpleNamespace(element=element, strides=s) for s in ((64, 1), (1, 64)))
    nest = SimpleNamespace(shape=(m, n), depth=64, a=a, b=b, store=SimpleNamespace(element=element))  # fmt: skip
    assert same_bits.has_same_bits(nest, d, share) is False
