"""What `import facula` brings with it: the start-up time hangs on this, and `facula` knows no domain."""

import subprocess
import sys

import pytest


def modules_after(code):
    """Names of the modules that a fresh interpreter has loaded after `code`."""
    program = f"{code}\nimport sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", program], text=True).split())


LAZY = {
    "facula.nn",
    "facula.optim",
    "facula.data",
    "facula.utils",
    "facula.graph",
    "facula.io",
    "facula.testing.backend_suite",
}
OTHERS = {
    "scipy",
    "matplotlib",
    "torch",
    "PIL",
    "importlib.metadata",
    "numpy.random",
    "asyncio",
    "concurrent.futures",
}
DOMAINS = {
    "facula_vision",
    "facula_audio",
    "facula_text",
    "facula.vision",
    "facula.audio",
    "facula.text",
}


@pytest.fixture(scope="module")
def imported():
    return modules_after("import facula")


@pytest.fixture(scope="module")
def used():
    return modules_after("import facula; facula.ones(3, requires_grad=True).sum().backward()")


@pytest.mark.parametrize("name", sorted(LAZY | OTHERS))
def test_import_leaves_out(imported, name):
    assert name not in imported


@pytest.mark.parametrize("name", sorted(LAZY | OTHERS))
def test_a_first_operation_leaves_out(used, name):
    assert name not in used


def test_import_loads_no_domain_package_and_no_backend(imported):
    assert not {m for m in imported if m.startswith(tuple(DOMAINS))}
    assert not {m for m in imported if m.startswith("facula_numpy")}


def test_a_first_operation_loads_of_domain_packages_the_entry_modules_alone(used):
    entries = {f"facula_{d}{tail}" for d in ("vision", "audio", "text") for tail in ("", ".plugin")}
    assert {m for m in used if m.startswith(tuple(DOMAINS))} <= entries


def test_what_is_lazy_comes_when_asked_for():
    assert {"facula.nn", "facula.optim"} <= modules_after(
        "import facula; facula.nn.Linear; facula.optim.SGD"
    )
