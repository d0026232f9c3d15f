"""A plug-in that was written for an older contract still loads, trains, and passes the suite.

`contracts/contract_N/` holds one for each contract that core accepts. They are frozen: where core no longer
runs one, that is a new contract, which gets a plug-in of its own beside it.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import facula.backends
from facula.backends import CONTRACT_VERSION
from facula.backends.base import OLDEST_CONTRACT

HERE = Path(__file__).parent / "contracts"
CONTRACTS = range(OLDEST_CONTRACT, CONTRACT_VERSION + 1)
#: SHA-256 of all files of each frozen plug-in, by contract.
FROZEN = {1: "f63d21275adaa7e14a1f2d9b9191b5e8e998768f83f822eb89cb8f947a3d9426"}


@pytest.fixture(params=CONTRACTS)
def site(request, tmp_path):
    """Where a frozen plug-in is installed, as pip would leave it."""
    folder = HERE / f"contract_{request.param}"
    metadata = tmp_path / "old-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: old\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[facula]\nold = old_plugin\n")
    for file in folder.glob("*.py"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def python(site, *arguments, **environment):
    paths = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=site, env=os.environ | {"PYTHONPATH": paths} | environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_frozen_plugin_is_as_it_was(contract):
    digest = hashlib.sha256()
    for file in sorted((HERE / f"contract_{contract}").glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    assert digest.hexdigest() == FROZEN[contract], f"contract_{contract} is frozen; undo the change"


TRAINING = """
import facula
from facula import nn
from facula.backends import backend_for
for device in ("oldraw", "oldraw:1", "oldarray"):
    facula.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(0.1), nn.Linear(8, 2)).to(device)
    x = facula.randn(16, 3)
    label = (x[:, 0] > 0).long().to(device)
    x = x.to(device)
    optimizer = facula.optim.AdamW(model.parameters(), lr=0.05)
    losses = []
    for step in range(20):
        loss = nn.functional.cross_entropy(model(x), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2, losses
    assert not backend_for(device).host_calls
assert backend_for("oldraw").matmuls > 50
import old_backends
facula.ones(3, device="oldraw").exp()
assert old_backends.asked[-1] == (3,)
assert facula.oldwood.rings == 120
x = facula.tensor([1.0], device="oldraw", requires_grad=True)
facula.old_bump(x).backward()
assert x.grad.item() == -0.5
facula.backends.report("oldraw")
print("trained")
"""


def test_it_trains(site):
    assert "trained" in python(site, "-c", TRAINING, FACULA_STRICT="1")


def test_it_passes_the_suite(site):
    chosen = "test_values and (add- or matmul- or softmax- or sort- or index_put-) or test_gradients and conv2d"
    told = python(
        site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "old_suite.py", "-k", chosen
    )
    assert " passed" in told


def test_info_lists_it_without_complaint(site):
    told = python(site, "-m", "facula", "info")
    assert "oldraw x2" in told
    assert "old kernels for oldraw (from old 1.0)" in told
    assert "broken" not in told


def test_hooks_and_their_fields_stay():
    """Names and fields may be added, none may go: a plug-in uses them."""
    from facula.backends import DeviceSpec, KernelSpec, spec

    hooks = {n for n, f in vars(spec).items() if hasattr(f, "facula_spec")}
    assert hooks >= {"devices", "kernels", "ops", "domains", "compilers"}
    fields = [*inspect.signature(DeviceSpec).parameters]
    assert fields[:6] == ["type", "backend", "contract", "count", "description", "install"]
    fields = [*inspect.signature(KernelSpec).parameters]
    assert fields[:5] == ["type", "kernels", "contract", "order", "name"]
    assert set(facula.backends.__all__) >= {
        "CONTRACT_VERSION", "Backend", "DeviceSpec", "KernelSpec", "backend_for", "get_default_device", "hookimpl",
        "plugins", "report", "set_default_device",
    }  # fmt: skip
