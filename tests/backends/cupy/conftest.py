"""The CUDA device without a GPU: CuPy's place is taken by `cupy_stand_in`, unless FACULA_TEST_GPU=1.

These tests need facula-cupy and CuPy itself (for its names), so they have a marker and an environment of
their own: `make cuda-test`.
"""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ON_GPU = os.environ.get("FACULA_TEST_GPU") == "1"


def pytest_configure():
    if not ON_GPU:
        os.environ.setdefault("FACULA_CUPY_MODULE", "cupy_stand_in")
        sys.path.insert(0, str(HERE))


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.cuda)


@pytest.fixture(scope="session")
def generated_programs():
    """The kernels that core prints for the leaves that the device takes from it, printed once more."""
    from generated_leaves import programs

    return programs()
