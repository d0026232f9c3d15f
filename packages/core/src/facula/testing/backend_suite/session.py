"""One run of the suite under `--facula-backend`: what is collected, marked, recorded and told at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facula.backends import backend_for
from facula.ops import OPS
from facula.testing.backend_suite import BackendSuite
from facula.testing.backend_suite.comparing import MISSING
from facula.testing.backend_suite.readiness_table import Result, Table
from facula.testing.backend_suite.samples import REQUIRED


def start(config: Any) -> None:
    """Makes a run of pytest one of the suite. Raises pytest.UsageError where there is no such device."""
    device = config.getoption("--facula-backend")
    try:
        backend_for(device)
    except (RuntimeError, TypeError) as error:
        raise pytest.UsageError(f"--facula-backend: {error}") from None
    if config.args_source is not config.ArgsSource.ARGS:
        config.args = [str(Path(__file__).with_name("test_backend.py"))]
    config.pluginmanager.register(Session(device), "facula backend suite")


def mark(items: list[Any]) -> None:
    """Marks what is required, and notes for the table which op and what kind of test each item is."""
    required = {op.name: op for op in REQUIRED}
    for item in items:
        if not (getattr(item, "cls", None) and issubclass(item.cls, BackendSuite)):
            continue
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        op = getattr(parameters.get("op"), "name", None)
        kind = _kind(item.function)
        of_host = "gradients" in kind and op in required and _needs_host_ops(required[op])
        # compiled programs are replayed where core prints no kernels for a device
        if (op is None and kind != "compiled") or (op in required and not of_host):
            item.add_marker("facula_required")
        item.user_properties += [("facula_op", op), ("facula_kind", kind)]


def _needs_host_ops(op: Any) -> bool:
    """Whether a gradient of `op` uses an op that a device may lack, as lgamma's uses digamma."""
    return any(
        name in OPS and OPS[name].host
        for rule in op.rules
        for name in rule.function.__code__.co_names
    )


def _kind(test: Any) -> str:
    """What a test is about: the name of its class, or for those on samples its own."""
    owner, _, name = test.__qualname__.rpartition(".")
    if owner == "Samples":
        return str(name.removeprefix("test_").replace("_", " "))
    return "".join(" " + c.lower() if c.isupper() else c for c in owner).strip()


class Session:
    """Hooks that gather the reports and print the table."""

    def __init__(self, device: str):
        self.device = device
        self.results: list[Result] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Iterator[None]:
        calls = backend_for(self.device).host_calls
        before = dict(calls)
        try:
            return (yield)
        finally:
            grown = {op: n - before.get(op, 0) for op, n in calls.items() if n != before.get(op)}
            item.user_properties.append(("facula_host_calls", grown))

    def pytest_runtest_logreport(self, report: Any) -> None:
        noted = dict(report.user_properties)
        if "facula_kind" in noted and (report.when == "call" or report.outcome != "passed"):
            self.results.append(
                Result(
                    noted["facula_op"], noted["facula_kind"], _outcome(report),
                    noted.get("facula_host_calls", {}),
                )
            )  # fmt: skip

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        return ("missing", "M", "MISSING") if _outcome(report) == "missing" else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """A device that lacks required leaves is not ready, though no test failed."""
        if exitstatus == 0 and any(r.outcome == "missing" for r in self.results):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.results:
            terminalreporter.section(f"readiness of device '{self.device}'")
            terminalreporter.write_line(str(Table(self.device, self.results)))


def _outcome(report: Any) -> str:
    """passed, failed, skipped, or missing (a required leaf that the device lacks)."""
    return "missing" if MISSING in getattr(report, "wasxfail", "") else str(report.outcome)
