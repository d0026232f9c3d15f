"""`facula.vision` is `facula_vision`, with its submodules, and costs nothing until it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(program):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_attribute():
    run(
        "import facula, facula_vision; assert facula.vision is facula_vision; facula.vision.datasets.Digits"
    )


@pytest.mark.parametrize(
    "first", ["import facula_vision.datasets", "import facula.vision.datasets"]
)
def test_modules_are_the_same_under_both_names(first):
    run(
        f"{first}\n"
        "import facula.vision, facula.vision.datasets, facula_vision.datasets, sys\n"
        "import facula.vision.transforms.functional as F\n"
        "from facula.vision import datasets, models\n"
        "from facula.vision.datasets import Digits\n"
        "from facula_vision.transforms import functional\n"
        "assert facula.vision is sys.modules['facula_vision']\n"
        "assert datasets is facula_vision.datasets and F is functional\n"
        "assert Digits.__module__ == 'facula_vision.datasets.digits'\n"
        "assert facula.vision.__spec__.name == 'facula_vision' and datasets.__spec__.name == 'facula_vision.datasets'\n"
        "import pickle; assert pickle.loads(pickle.dumps(Digits)) is Digits"
    )


def test_a_missing_module_says_so():
    run(
        "import facula\n"
        "for name in ('facula.nothing', 'facula.nothing.more', 'facula.vision.nothing', 'facula.nn.nothing'):\n"
        "    try: __import__(name)\n"
        "    except ModuleNotFoundError as error: assert error.name == name or name.startswith(error.name), error.name\n"
        "    else: raise SystemExit(name)"
    )


def test_nothing_is_imported_before_it_is_asked_for():
    run(
        "import facula, sys; facula.ones(2); assert not {'facula_vision.datasets', 'PIL'} & set(sys.modules)"
    )
