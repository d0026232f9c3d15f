"""What users install: wheels in an empty environment, away from this checkout."""

import os
import re
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.wheels

ROOT = Path(__file__).parents[2]
PROJECTS = [
    ".",
    "packages/core",
    "backends/numpy",
    "backends/cupy",
    "backends/native",
    "backends/opencl",
    "packages/vision",
    "packages/audio",
    "packages/text",
]
DEVICES = ["facula-numpy", "facula-native", "facula-opencl", "facula-cupy"]
DOMAINS = ["facula-vision", "facula-audio", "facula-text"]

TRAINING_STEP = """
import facula
from facula import nn, optim
import facula.nn.functional as F

facula.manual_seed(0)
images = facula.vision.transforms.Normalize((0.5,), (0.5,))(facula.rand(8, 1, 6, 6))
labels = facula.arange(8) % 3
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
losses = []
for _ in range(5):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(images), labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0], losses
print(facula.__file__)
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """All wheels, built once: their paths by the name of the distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            folder,
        ]
        + [ROOT / project for project in PROJECTS],
        folder,
    )
    return {path.name.split("-")[0].replace("_", "-"): path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def user(wheels, tmp_path_factory):
    """The bin folder of an empty environment with `facula[vision]` installed from the wheels."""
    folder = tmp_path_factory.mktemp("user")
    run([sys.executable, "-m", "venv", folder / "env"], folder)
    python = folder / "env" / "bin" / "python"
    found = f"--find-links={wheels['facula'].parent}"
    run(
        [
            python,
            "-m",
            "pip",
            "install",
            "-q",
            found,
            f"facula[vision] @ {wheels['facula'].as_uri()}",
        ],
        folder,
    )
    return python.parent


def run(command, folder):
    """Runs in `folder` without this checkout on the path; returns what it printed."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def metadata_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def requirements_of(wheel):
    """Requirements without those of extras, by name."""
    found = map(Requirement, metadata_of(wheel).get_all("Requires-Dist") or [])
    return {r.name.lower(): r for r in found if r.marker is None or "extra" not in str(r.marker)}


def test_every_project_builds(wheels):
    assert wheels.keys() == {"facula", "facula-core", *DEVICES, *DOMAINS}
    versions = {str(metadata_of(w)["Version"]) for w in wheels.values()}
    assert len(versions) == 1
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions.pop())


def test_core_needs_numpy_pluggy_and_ml_dtypes_alone(wheels):
    names = {re.sub("[-_.]+", "-", name) for name in requirements_of(wheels["facula-core"])}
    assert names == {"numpy", "pluggy", "ml-dtypes"}


def test_type_information_is_in_the_wheels(wheels):
    names = zipfile.ZipFile(wheels["facula-core"]).namelist()
    for stub in (
        "py.typed",
        "__init__.pyi",
        "_tensor_methods.pyi",
        "nn/functional.pyi",
        "linalg.pyi",
    ):
        assert f"facula/{stub}" in names
    assert "facula/backends/templates/raw/src/facula_mydevice/backend.py" in names
    assert "facula/backends/templates/array/pyproject.toml" in names
    for name in (*DEVICES, *DOMAINS):
        files = zipfile.ZipFile(wheels[name]).namelist()
        assert f"{name.replace('-', '_')}/py.typed" in files


def test_wheels_hold_their_package_alone(wheels):
    for name, wheel in wheels.items():
        expected = {"facula-core": {"facula", "facula_pytest.py"}, "facula": set()}.get(
            name, {name.replace("-", "_")}
        )
        tops = {n.split("/")[0] for n in zipfile.ZipFile(wheel).namelist()}
        assert {t for t in tops if not t.endswith(".dist-info")} == expected, name


def test_the_umbrella_has_extras(wheels):
    extras = set(metadata_of(wheels["facula"]).get_all("Provides-Extra"))
    assert {"vision", "audio", "text", "all", "opencl", "cuda", "native"} <= extras


def test_requirements_have_no_cycle(wheels):
    graph = {name: requirements_of(w).keys() & wheels.keys() for name, w in wheels.items()}
    while graph:
        leaves = [name for name, needs in graph.items() if not needs & graph.keys()]
        assert leaves, f"these require each other: {graph}"
        graph = {name: needs for name, needs in graph.items() if name not in leaves}


@pytest.mark.parametrize("name", [*DOMAINS, *DEVICES])
def test_domains_accept_a_semantic_range_of_core(wheels, name):
    """While the major version is 0, a minor version may break; a patch may not."""
    accepts = requirements_of(wheels[name])["facula-core"].specifier
    major, minor, patch = map(int, metadata_of(wheels["facula-core"])["Version"].split("."))
    assert f"{major}.{minor}.{patch}" in accepts
    assert f"{major}.{minor}.{patch + 7}" in accepts
    assert f"{major}.{minor + 1}.0" not in accepts
    assert f"{major + 1}.0.0" not in accepts


def test_an_installed_facula_trains(user, tmp_path):
    home = run([user / "python", "-c", TRAINING_STEP], tmp_path)
    assert Path(home.strip()).is_relative_to(user.parent)


ON_OPENCL = """
import facula
x = facula.arange(6.0, device="opencl").requires_grad_()
(x.exp() * x).sum().backward()
expected = facula.arange(6.0).exp() * (1 + facula.arange(6.0))
assert facula.allclose(x.grad.cpu(), expected), x.grad
print(x.device)
"""


def test_the_opencl_extra_gives_a_device(wheels, tmp_path):
    """PoCL comes with it: a machine without any driver gets a device of its processor."""
    run([sys.executable, "-m", "venv", tmp_path / "env"], tmp_path)
    python, wheel = tmp_path / "env" / "bin" / "python", wheels["facula"]
    pip = [python, "-m", "pip", "install", "-q", f"--find-links={wheel.parent}"]
    run([*pip, f"facula[opencl] @ {wheel.as_uri()}"], tmp_path)
    assert run([python, "-W", "error", "-c", ON_OPENCL], tmp_path).strip() == "opencl:0"


def test_installed_command_line(user, tmp_path):
    text = run([user / "facula", "info"], tmp_path)
    assert re.search(r"\bcpu\b", text)
    assert "vision" in text


def test_domains_that_are_absent_say_how_to_get_them(user, tmp_path):
    program = "import facula\ntry: facula.audio\nexcept AttributeError as error: print(error)"
    assert "pip install facula[audio]" in run([user / "python", "-c", program], tmp_path)


def test_pytest_does_not_mind_that_facula_was_imported_before(user, tmp_path):
    """pytest would rewrite the asserts of a distribution with a plug-in, and warns where it is too late."""
    (tmp_path / "test_one.py").write_text("def test_one():\n    assert True\n")
    program = "import facula, pytest; raise SystemExit(pytest.main(['-q', '-p', 'no:cacheprovider', 'test_one.py']))"
    run([user / "python", "-m", "pip", "install", "-q", "pytest"], tmp_path)
    assert "1 passed" in run([user / "python", "-W", "error", "-c", program], tmp_path)
