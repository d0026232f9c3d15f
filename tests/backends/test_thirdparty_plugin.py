"""A device from outside, built as a wheel and installed beside: found, loaded, and fit to train on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheels
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A directory that the plug-in's wheel is installed in."""
    import shutil

    work = tmp_path_factory.mktemp("acorn")
    shutil.copytree(HERE / "thirdparty_plugin", work / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", work, work / "source"]
    subprocess.run(build, check=True)
    (wheel,) = work.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", work / "site", wheel], check=True)
    return work / "site"


def python(site, code, **environment):
    """What a program prints in a process that has the plug-in installed."""
    paths = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"PYTHONPATH": paths} | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


TRAINING = """
import facula
facula.set_default_device("acorn:1")
x = facula.tensor([[i / 10, (i * 7 % 10) / 10] for i in range(20)], dtype=facula.float64)
target = facula.tensor([[3 * a - 2 * b + 1] for a, b in x.tolist()], dtype=facula.float64)
w1 = facula.tensor([[0.5, -0.3, 0.2], [0.1, 0.4, -0.6]], dtype=facula.float64, requires_grad=True)
b1 = facula.tensor([0.1, 0.2, 0.3], dtype=facula.float64, requires_grad=True)
w2 = facula.tensor([[0.7], [-0.5], [0.3]], dtype=facula.float64, requires_grad=True)
b2 = facula.tensor([0.0], dtype=facula.float64, requires_grad=True)
losses = []
for step in range(60):
    hidden = facula.tanh(x @ w1 + b1)
    error = hidden @ w2 + b2 - target
    loss = (error * error).mean()
    loss.backward()
    losses.append(loss.item())
    with facula.no_grad():
        for p in (w1, b1, w2, b2):
            p -= 0.1 * p.grad
            p.grad = None
print(str(x.device), losses[0], losses[-1], sum(facula.backends.backend_for("acorn:1").host_calls.values()))
"""


def test_trains_a_model(site):
    device, first, last, host_calls = python(site, TRAINING, FACULA_STRICT="1").split()
    assert device == "acorn:1"
    assert float(last) < float(first) / 20
    assert host_calls == "0"


MODEL = """
import facula
from facula import nn
facula.manual_seed(0)
model = nn.Sequential(nn.Linear(2, 8), nn.LayerNorm(8), nn.SiLU(), nn.Dropout(0.1), nn.Linear(8, 3)).to("acorn")
x = facula.randn(24, 2)
label = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
x, label = x.to("acorn"), label.to("acorn")
optimizer = facula.optim.AdamW(model.parameters(), lr=0.05)
losses = []
for step in range(40):
    loss = nn.functional.cross_entropy(model(x), label)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(losses[0], losses[-1], sum(facula.backends.backend_for("acorn").host_calls.values()))
"""


def test_trains_a_classifier_with_modules_and_an_optimizer(site):
    first, last, host_calls = python(site, MODEL, FACULA_STRICT="1").split()
    assert float(last) < float(first) / 3
    assert host_calls == "0"


def test_passes_the_suite_of_backends(site):
    """All of it passes; what is run here are some ops of each kind."""
    code = """
import pytest, sys
chosen = "[add- or [matmul- or [softmax- or [sort- or [layer_norm- or [index_put- or [cumsum- or [conv2d- or [where-"
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[1], "-k", chosen]))
"""
    out = python(
        site, f"import sys; sys.argv.append({str(site.parent / 'source' / 'tests')!r})" + code
    )
    assert " passed" in out
    assert "failed" not in out


def test_prints_its_own_kernels(site):
    code = """
import facula
x = facula.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=facula.float64, device="acorn")
print((x.transpose(0, 1).exp() * 2 + x).tolist())
print(*facula.backends.backend_for("acorn").printed)
"""
    values, source = python(site, code).split("\n", 1)
    expected = [[6.43656365691809, 42.171073846375336], [17.778112197861301, 113.19630006628847]]
    assert eval(values) == [pytest.approx(row) for row in expected]
    assert "out[i] = a[i] * b" in source


def test_devices_are_counted(site):
    code = """
import facula
try:
    facula.tensor(1.0, device="acorn:2")
except RuntimeError as error:
    print(error)
"""
    assert (
        python(site, code).strip()
        == "device 'acorn:2' does not exist: this machine has 2 of type 'acorn'"
    )


def test_kernel_providers_are_asked_in_order(site):
    code = """
import facula
from acorn_device.kernels import asked
for n in (3, 4, 2):
    print(facula.tensor([0.0] * n).exp().tolist(), asked)
    asked.clear()
"""
    assert python(site, code).splitlines() == [
        "[3.0, 3.0, 3.0] ['early']",
        "[4.0, 4.0, 4.0, 4.0] ['early', 'late']",
        "[1.0, 1.0] ['early', 'late']",
    ]


def test_its_op_works_on_every_device(site):
    code = """
import facula
bump = facula.acorn_bump
for device in ("cpu", "toy", "acorn"):
    x = facula.tensor(1.0, dtype=facula.float64, device=device, requires_grad=True)
    y = bump(x)
    y.backward()
    print(y.item(), x.acorn_bump().item(), x.grad.item())
"""
    assert python(site, code) == "0.5 0.5 -0.5\n" * 3


def test_domain_package(site):
    assert python(site, "import facula; print(facula.acorn.nuts)") == "7\n"


def test_info_lists_it(site):
    text = python(site, "from facula.cli import main; main(['info'])")
    assert "acorn x2" in text
    assert "from acorn-device 0.3.0" in text
    assert text.index("acorn early for cpu") < text.index("acorn late for cpu")
