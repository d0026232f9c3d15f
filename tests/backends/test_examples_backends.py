"""The plug-ins in `examples/backends/`, built and installed as their users would."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheels
EXAMPLES = Path(__file__).parents[2] / "examples" / "backends"
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


@pytest.fixture(scope="module")
def array_api(tmp_path_factory):
    """The source of `array_api`, and where its wheel is installed."""
    work = tmp_path_factory.mktemp("array_api")
    shutil.copytree(EXAMPLES / "array_api", work / "source")
    build = [*PIP, "wheel", "--no-build-isolation", "--no-deps", "-w", work, work / "source"]
    subprocess.run(build, check=True)
    (wheel,) = work.glob("*.whl")
    subprocess.run([*PIP, "install", "--no-deps", "--target", work / "site", wheel], check=True)
    return work / "source", work / "site"


def run(plugin, *options):
    source, site = plugin
    paths = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", *options],
        cwd=source, env=os.environ | {"PYTHONPATH": paths, "FACULA_STRICT": "1"}, capture_output=True, text=True,
    )  # fmt: skip


def test_the_standard_alone_carries_every_required_leaf(array_api):
    done = run(array_api, "--facula-backend=strict", "-m", "facula_required")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    told = re.search(
        r"required leaves +(\d+): (\d+) pass, 0 wrong, 0 missing, 0 not tested", done.stdout
    )
    assert told[1] == told[2]
    assert "calls on the host  0" in done.stdout
    assert "cannot hold: bfloat16, float16" in done.stdout


def test_a_model_trains_on_it(array_api):
    done = run(array_api, "-k", "not TestStrict")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_it_is_small_and_uses_the_public_contract_alone():
    files = list((EXAMPLES / "array_api").rglob("*.py"))
    text = "\n".join(f.read_text() for f in files)
    assert len(text.splitlines()) < 300
    used = set(re.findall(r"^ *(?:from|import) (facula[\w.]*)", text, re.M))
    public = {
        "facula",
        "facula.backends",
        "facula.backends.array_api",
        "facula.testing.backend_suite",
    }
    assert used <= public | {"facula_array_api"}
