"""`compile(backend="c")`: programs as C functions do what eager does, and their units on disk are safe."""

from __future__ import annotations

import importlib.util
import os
import stat
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import facula
from facula import nn, optim
from facula.graph.codegen.elements import FLOAT32 as FLOAT
from facula.graph.compiler import compiler as c_compiler, declined
from facula.graph.compiler.fuse import affine, refined
from facula.graph.compiler.lower import Memory
from facula.graph.compiler.nests import Load
from facula.graph.runtime import shared_library, unit
from facula.nn import functional as F
from facula.ops import attention, dot_attention
from facula.testing.samples import build, on_device, samples_of, tensors_in

try:
    unit.compiler()
except unit.CompilerMissing as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    """Units in a folder of the tests' own."""
    before = os.environ.get("FACULA_CACHE")
    os.environ["FACULA_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    shared_library.cache_clear()
    yield Path(os.environ["FACULA_CACHE"]) / "units"
    os.environ.pop("FACULA_CACHE") if before is None else os.environ.update(FACULA_CACHE=before)


class LastStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(11, 8), nn.LSTM(8, 12, batch_first=True)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0][:, -1])


def mlp():
    model = nn.Sequential(
        nn.Linear(70, 40), nn.ReLU(), nn.Linear(40, 30), nn.Tanh(), nn.Linear(30, 5)
    )
    return model, optim.SGD(model.parameters(), lr=0.05, momentum=0.9), facula.randn(33, 70)


def cnn():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, stride=2, bias=False), nn.BatchNorm2d(12), nn.GELU(), nn.Flatten(), nn.Dropout(0.2),
        nn.Linear(12 * 9, 5),
    )  # fmt: skip
    return model, optim.AdamW(model.parameters(), lr=1e-3), facula.randn(8, 3, 14, 14)


def transformer():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(16 * 6, 5))
    # The keys' bias has a gradient of rounding errors alone, which Adam would make whole steps of.
    return model, optim.SGD(model.parameters(), lr=0.05, momentum=0.5), facula.randn(4, 6, 16)


def lstm():
    model = LastStep()
    return model, optim.RMSprop(model.parameters(), lr=1e-3), facula.randint(0, 11, (4, 6))


def train(make, backend, threads=2):
    """Losses of 6 steps and the state in the end."""
    facula.manual_seed(3)
    before = facula.get_num_threads()
    facula.set_num_threads(threads)
    try:
        model, optimizer, x = make()
        y = facula.randint(0, 5, (x.shape[0],))
        scheduler = optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)

        def step(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        run = step if backend is None else facula.compile(step, backend=backend)
        losses = []
        for _ in range(6):
            losses.append(run(x, y).item())
            scheduler.step()
    finally:
        facula.set_num_threads(before)
    return losses, model.state_dict(), run


@pytest.mark.parametrize(
    ("make", "threads"), [(mlp, 1), (mlp, 2), (mlp, 3), (cnn, 2), (transformer, 3), (lstm, 2)]
)
def test_training_steps_equal_eager(make, threads):
    expected, weights, _ = train(make, None)
    losses, got, run = train(make, "c", threads)
    assert losses == pytest.approx(expected, rel=2e-4)
    for name, value in weights.items():
        np.testing.assert_allclose(
            got[name].numpy(), value.numpy(), rtol=5e-3, atol=2e-4, err_msg=name
        )
    codes = [p.code for found in run.programs.values() for _, p in found]
    assert codes
    assert all(isinstance(code, c_compiler.Compiled) for code in codes)  # and not a replay


#: Ops whose kernels are of every kind: maps, reductions, picks, scans, sorts, products, views.
OPS = (
    "softmax", "layer_norm", "var", "cumsum", "sort", "argmax", "index_add", "scatter", "gather", "matmul", "einsum",
    "conv_transpose2d", "floor_divide", "where", "pad", "roll", "logsumexp", "topk", "unfold", "kthvalue", "isclose",
)  # fmt: skip


@pytest.mark.parametrize("name", [n for n in OPS if n in facula.ops.OPS])
def test_ops_equal_eager(name):
    op = facula.ops.OPS[name]
    for sample in samples_of(op)[:3]:
        made = build(sample, on_device("cpu"))

        def forward(args, kwargs):
            with facula.no_grad():
                return op.public_call(*args, **kwargs)

        expected = [t.numpy() for t in tensors_in(forward(made.args, made.kwargs))]
        compiled = facula.compile(forward, backend="c")
        got = [t.numpy() for t in tensors_in(compiled(made.args, made.kwargs))]
        if compiled.graph.nodes:  # else all it gives are views of its arguments
            assert isinstance(compiled.last.code, c_compiler.Compiled)
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_nan_and_infinity_flow_as_in_eager():
    x = facula.tensor([0.0, -0.0, float("inf"), -float("inf"), float("nan"), 1e38, 1e-40])

    def f(x):
        y = x - x
        return (
            y,
            facula.exp(x),
            facula.maximum(x, y),
            (x * 0 + x).sum(),
            x.amax(),
            facula.log(x),
            x == x,
        )

    for got, expected in zip(facula.compile(f, backend="c")(x), f(x), strict=True):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "approximate", "bound"),
    [("float32", "none", 5e-7), ("float64", "none", 1e-14), ("float64", "tanh", 1e-14)],
)
def test_gelu_and_its_gradient(dtype, approximate, bound):
    x = 3 * facula.randn(5, 37, 3, dtype=facula.float64).transpose(0, 2)
    weight = facula.randn(1, 37, 1, dtype=facula.float64)

    def f(x, weight):
        leaf = x.detach().requires_grad_()
        y = facula.nn.functional.gelu(leaf, approximate)
        y.backward(weight.expand(3, 37, 5))
        return y.detach(), leaf.grad

    kind = getattr(facula, dtype)
    got = facula.compile(f, backend="c")(x.to(kind), weight.to(kind))
    for a, b in zip(got, f(x.to(kind).double(), weight.to(kind).double()), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=bound, atol=bound)


@pytest.mark.parametrize("make", [lambda x: x * 2, lambda x: x.clone(), lambda x: x * 1])
def test_a_part_that_is_written_in_between_is_seen(make):
    """The sum reads what the first map reads and makes, but must not join it across the write."""

    def f(x):
        y = make(x)
        y[0] = 5.0
        return y + x

    x = facula.arange(1.0, 4.0)
    with facula.no_grad():
        assert facula.compile(f, backend="c")(x).tolist() == f(x).tolist()
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_random_numbers_are_those_of_eager_and_new_at_each_call():
    def f():
        return facula.rand(1000), facula.randn(999), facula.randint(0, 10, (77,))

    compiled = facula.compile(f, backend="c")
    facula.manual_seed(4)
    expected = [f() for _ in range(3)]
    facula.manual_seed(4)
    for row in expected:
        for got, want in zip(compiled(), row, strict=True):
            assert got.numpy().tobytes() == want.numpy().tobytes()


def test_an_index_out_of_range_raises_and_the_program_goes_on():
    table = facula.arange(5.0)
    f = facula.compile(lambda i: table[i] * 2, backend="c")
    assert f(facula.tensor([1, -1])).tolist() == [2.0, 8.0]
    with pytest.raises(IndexError, match="out of bounds"):
        f(facula.tensor([1, 5]))
    assert f(facula.tensor([0, 4])).tolist() == [0.0, 8.0]


def test_what_only_the_host_can_do_is_replayed_with_a_warning():
    f = facula.compile(lambda x: facula.linalg.svdvals(x), backend="c")
    x = facula.randn(3, 4)
    with pytest.warns(UserWarning, match="replayed kernel by kernel.*host"):
        got = f(x)
    np.testing.assert_allclose(got.numpy(), facula.linalg.svdvals(x).numpy(), rtol=1e-5)


def test_a_compiler_that_fails_shows_its_log(monkeypatch):
    monkeypatch.setattr(unit, "FLAGS", (*unit.FLAGS, "--no-such-flag"))
    f = facula.compile(lambda x: x * 3 + 0.123, backend="c")
    with pytest.warns(UserWarning, match="no-such-flag"):
        assert f(facula.ones(2)).tolist() == pytest.approx([3.123, 3.123])


def test_without_a_compiler_it_says_once_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CC", raising=False)
    if importlib.util.find_spec("ziglang"):
        pytest.skip("Zig is installed and is a compiler")
    unit.compiler.cache_clear()
    monkeypatch.setattr(declined, "_told", set())
    try:
        with pytest.warns(UserWarning, match=r"facula\[compile\]"):
            assert facula.compile(lambda x: x + 0.5, backend="c")(facula.ones(1)).item() == 1.5
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert facula.compile(lambda x: x + 0.25, backend="c")(facula.ones(1)).item() == 1.25
    finally:
        unit.compiler.cache_clear()


# ---- units on disk


SOURCE = "int answer(void) { return %d; }\n"


def test_a_unit_is_kept_and_a_damaged_one_is_made_again(cache):
    assert unit.load(SOURCE % 41).answer() == 41
    known = set(cache.glob("*.so"))
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    made = unit.load(SOURCE % 42)
    (path,) = set(cache.glob("*.so")) - known
    assert made.answer() == 42
    path.unlink()
    path.write_bytes(b"not a library")
    assert unit.load(SOURCE % 42).answer() == 42


def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    if not hasattr(os, "getuid") or os.getuid():
        pytest.skip("only root can give a folder to somebody else")
    (tmp_path / "units").mkdir()
    os.chown(tmp_path / "units", 12345, 12345)
    monkeypatch.setenv("FACULA_CACHE", str(tmp_path))
    with pytest.raises(RuntimeError, match="belongs to another user"):
        unit.load(SOURCE % 1)


def test_threads_call_one_program():
    f = facula.compile(lambda x: (x * 2 + 1).sum(), backend="c")
    f(facula.ones(5000))
    found = {}

    def work(k):
        found[k] = [f(facula.full((5000,), float(k))).item() for _ in range(50)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == {k: [5000.0 * (2 * k + 1)] * 50 for k in range(4)}


# ---- index arithmetic of fusion, against enumeration


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "made"),
    [((3, 4), (4, 1), 0, (12,)), ((3, 4), (1, 3), 0, (4, 3)), ((5, 2), (0, 1), 2, (3, 2)), ((2, 3), (6, 2), 1, (2, 6))],
)  # fmt: skip
def test_affine_reaches_the_iteration_that_stored(shape, strides, offset, made):
    load = Load(Memory(8), FLOAT, offset, strides)
    move = affine(load, shape, made)
    assert move is not None
    inner = tuple(10 ** (len(made) - d) for d in range(len(made)))  # tells the indices apart
    start, moved = move(0, inner)
    for index in np.ndindex(*shape):
        place = offset + int(np.dot(index, strides))
        want = int(np.dot(np.unravel_index(place, made), inner))
        assert start + int(np.dot(index, moved)) == want


def test_affine_gives_up_where_an_index_would_carry():
    assert affine(Load(Memory(8), FLOAT, 0, (1,)), (12,), (3, 4)) is None
    assert affine(Load(Memory(8), FLOAT, 0, (-1,)), (4,), (4,)) is None


def test_refined_splits_dimensions():
    shape, move = refined((12, 2), (3, 4, 2))
    assert shape == (3, 4, 2)
    assert move(7, (2, 1)) == (7, (8, 2, 1))
    assert refined((5,), (2, 3)) is None


@pytest.mark.parametrize(("is_causal", "dropout"), [(False, 0.0), (True, 0.0), (False, 0.1)])
def test_attention_keeps_no_table(is_causal, dropout):
    """That of 4096 x 4096 takes 64 MB; blocks of it have 8 MB, and a few are there at once."""

    def gradients(query, key, value):
        out = F.scaled_dot_product_attention(
            query, key, value, dropout_p=dropout, is_causal=is_causal
        )
        return facula.autograd.grad((out * out).sum(), [query, key, value])

    inputs = [facula.randn(1, 4096, 8, requires_grad=True) for _ in range(3)]
    made = []
    original = c_compiler.arena

    def noted(*arguments):
        made.append(original(*arguments))
        return made[-1]

    facula.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c_compiler, "arena", noted)
        got = facula.compile(gradients, backend="c")(*inputs)
    assert [size < 40 << 20 for _, size in made] == [True]
    facula.manual_seed(0)
    for mine, expected in zip(got, gradients(*inputs)):
        np.testing.assert_allclose(mine.numpy(), expected.numpy(), 1e-4, 1e-6)


def test_attention_drops_what_eager_drops(monkeypatch):
    monkeypatch.setattr(attention, "KEPT_TABLE", 0)
    monkeypatch.setattr(dot_attention, "LARGEST_BLOCK", 1)
    inputs = [facula.randn(2, 100, 8, requires_grad=True) for _ in range(3)]

    def gradients(*parts):
        out = F.scaled_dot_product_attention(*parts, dropout_p=0.5, is_causal=True)
        return out, *facula.autograd.grad((out * out).sum(), parts)

    compiled = facula.compile(gradients, backend="c")
    for seed in (0, 1):
        facula.manual_seed(seed)
        expected = gradients(*inputs)
        facula.manual_seed(seed)
        for mine, eager in zip(compiled(*inputs), expected):
            np.testing.assert_allclose(mine.detach().numpy(), eager.detach().numpy(), 1e-4, 1e-5)


@pytest.mark.parametrize("keep", ["tensor", "view", "array", "view of the array"])
def test_a_result_that_somebody_holds_is_not_written_again(keep):
    f = facula.compile(lambda x: x * 2, backend="c")
    hold = {
        "tensor": lambda t: t,
        "view": lambda t: t[5:],
        "array": lambda t: t.numpy(),
        "view of the array": lambda t: t.numpy()[5:],
    }[keep]
    held = [hold(f(facula.full((5000,), float(i)))) for i in range(4)]
    assert [float(h[0]) for h in held] == [0.0, 2.0, 4.0, 6.0]
    assert [float(h[-1]) for h in held] == [0.0, 2.0, 4.0, 6.0]


def test_memory_of_a_result_that_nobody_holds_is_used_again():
    f = facula.compile(lambda x: x * 2, backend="c")
    x = facula.ones(5000)
    assert len({f(x).data_ptr() for _ in range(6)}) == 1


DIVISORS = [3.0, -0.1, 1.0, 2.0**-126, 1e-41, 3e38, -7e-20, np.inf, -np.inf, 0.0, -0.0, np.nan]


def test_one_divisor_for_many_elements_gives_the_bits_of_division():
    """Whatever is divided: all exponents, subnormal numbers, zeros, infinities, NaN."""
    bits = np.random.default_rng(0).integers(0, 1 << 32, (len(DIVISORS), 60_000), np.uint32)
    bits[:, :6] = 0, 1 << 31, 0x7F800000, 0xFF800000, 1, 0x7F7FFFFF
    a, b = bits.view(np.float32), np.array(DIVISORS, np.float32)[:, None]
    by_row = facula.compile(lambda x, y: (x / y, x / 3.0), backend="c")
    for _ in range(2):
        rows, thirds = by_row(facula.from_numpy(a), facula.from_numpy(b))
    with np.errstate(all="ignore"):
        for found, expected in ((rows, a / b), (thirds, a / np.float32(3))):
            nan = np.isnan(expected)
            assert (np.isnan(found.numpy()) == nan).all()
            found_bits, expected_bits = found.numpy()[~nan].view("u4"), expected[~nan].view("u4")
            np.testing.assert_array_equal(found_bits, expected_bits)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_a_rectifier_of_short_rows(dtype):
    """GCC 12 chose wrongly in most rows of 3 to 16."""
    for width in (3, 7, 10):
        x, bias, g = (facula.randn(*s, dtype=getattr(facula, dtype)) for s in ((55, width), (width,), (55, width)))  # fmt: skip

        def chosen(x, bias, g):
            rectified = facula.where(x + bias > 0, x + bias, 0.0)
            return facula.where(rectified <= 0, 0.0, g)

        assert facula.compile(chosen, backend="c")(x, bias, g).equal(chosen(x, bias, g)), width


def test_a_number_between_products():
    x, v = facula.randn(5), facula.randn(1, 3)

    def f(x, v):
        return (x.dot(x) * 2 + 1).reshape(1, 1) @ v

    found = facula.compile(f, backend="c")(x, v)
    np.testing.assert_allclose(found.numpy(), f(x, v).numpy(), rtol=1e-6)


def test_more_threads_than_most_machines_have():
    before, x, w = facula.get_num_threads(), facula.randn(4000, 100), facula.randn(100, 300)
    try:
        facula.set_num_threads(65)
        found = facula.compile(lambda x, w: (x * 2 + 1) @ w, backend="c")(x, w)
        facula.set_num_threads(1000)
        assert facula.get_num_threads() == 255
    finally:
        facula.set_num_threads(before)
    np.testing.assert_allclose(found.numpy(), (x.numpy() * 2 + 1) @ w.numpy(), rtol=1e-3, atol=1e-3)


WITHOUT_THREADS = """
import resource
import facula
facula.set_num_threads(2)
f = facula.compile(lambda x, w: (x * 2 + 1) @ w, backend="c")
x, w = facula.randn(4000, 100), facula.randn(100, 300)
expected = f(x, w)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (1000 << 20),) * 2)  # room for all but a thread's stack
facula.set_num_threads(250)
for _ in range(2):
    try:
        f(x, w)
    except RuntimeError as error:
        print(error)
facula.set_num_threads(2)
assert f(x, w).equal(expected)
"""


def stacks_of_a_gibibyte():
    import resource  # not on Windows

    resource.setrlimit(
        resource.RLIMIT_STACK, (1 << 30, resource.getrlimit(resource.RLIMIT_STACK)[1])
    )


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="tells the process's size by /proc"
)
def test_a_system_without_threads_is_told():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THREADS],
        capture_output=True,
        text=True,
        preexec_fn=stacks_of_a_gibibyte,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("call facula.set_num_threads with a smaller number") == 2
