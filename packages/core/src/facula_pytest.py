"""The pytest plug-in: `pytest --facula-backend=NAME` runs `facula.testing.backend_suite` on a device.

A module of its own beside `facula`: pytest imports it at every start, and it imports nothing.
"""

from __future__ import annotations

import sys
from typing import Any


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("facula", "Facula's backend suite")
    group.addoption(
        "--facula-backend",
        metavar="NAME",
        help="run the tests that every backend passes on this device (as in 'toy' or 'cuda:0') and print "
        "a readiness table; without files, the suite is all that runs",
    )


def pytest_configure(config: Any) -> None:
    config.addinivalue_line(
        "markers", "facula_required: the part of the backend suite that a device must pass itself"
    )
    if config.getoption("--facula-backend"):
        from facula.testing.backend_suite.session import start

        start(config)


def pytest_collection_modifyitems(items: list[Any]) -> None:
    if "facula.testing.backend_suite" in sys.modules:
        from facula.testing.backend_suite.session import mark

        mark(items)
