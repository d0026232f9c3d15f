"""The CUDA device without a GPU: CuPy's place is taken by `cupy_stand_in`, unless FACULA_TEST_GPU=1.

These tests need facula-cupy and CuPy itself (for its names), so they have a marker and an environment of
their own: `make cuda`.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

if not (find_spec("facula_cupy") and find_spec("cupy")):  # `make cuda` installs them
    collect_ignore_glob = ["test_*.py"]

HERE = Path(__file__).parent
ON_GPU = os.environ.get("FACULA_TEST_GPU") == "1"


def pytest_configure(config):
    sys.path.insert(0, str(HERE))
    chosen = config.option.markexpr or "cuda"
    if (
        not ON_GPU and "cuda" in chosen and "not cuda" not in chosen
    ):  # other tiers see no such device
        os.environ.setdefault("FACULA_CUPY_MODULE", "cupy_stand_in")


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cuda)


@pytest.fixture(autouse=True, scope="module")
def compiled_unasked():
    """What `facula.compile` makes for these devices costs little."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FACULA_COMPILE", raising=False)
        yield


@pytest.fixture(scope="session")
def generated_programs():
    """The kernels that core prints for the leaves that the device takes from it, printed once more."""
    from generated_leaves import programs

    return programs()
