"""The command line, run as users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


def facula(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "facula", *arguments], capture_output=True, text=True
    )


def test_info():
    done = facula("info")
    assert done.returncode == 0, done.stderr
    for line in ("facula ", "python ", "numpy ", "threads", "cores", "devices"):
        assert f"\n{line}" in f"\n{done.stdout}".replace("\n  ", "\n")
    assert "cpu          ready      NumPy (from facula-numpy" in done.stdout
    assert "toy          ready      pure Python over bytearrays (from facula-core)" in done.stdout


def test_info_as_json():
    found = json.loads(facula("info", "--json").stdout)
    assert {"versions", "threads", "products", "devices", "kernels", "broken"} == set(found)
    assert {d["type"]: d["status"] for d in found["devices"]}["cpu"] == "ready"
    assert found["threads"]["cores"] >= 1


@pytest.mark.parametrize(
    "word, expected",
    [("builtin", "builtin"), ("blas", "FACULA_GEMM=blas: it is one of onednn, openblas, builtin, or not set")],
)  # fmt: skip
def test_info_says_what_multiplies_matrices(word, expected, monkeypatch):
    monkeypatch.setenv("FACULA_GEMM", word)
    done = facula("info")
    assert f"\nfloat32 matrix products in C\n  {expected}\n" in done.stdout, done.stderr


def test_report():
    done = facula("report", "toy")
    assert done.stdout.startswith("device 'toy'\n  leaves (required) it has")
    assert "bfloat16" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (
            ["report", "nonsense"],
            1,
            "facula report: no plug-in provides device 'nonsense'; there are: c, cpu, ",
        ),
        (["report", "CUDA 3!"], 1, "facula report: Invalid device string"),
        (["report", "cpu:3"], 1, "facula report: device 'cpu:3' does not exist: there is one cpu"),
        (["nonsense"], 2, "invalid choice: 'nonsense'"),
        (["info", "--nonsense"], 2, "unrecognized arguments: --nonsense"),
    ],
)
def test_mistakes_give_a_message_and_no_traceback(arguments, status, message):
    done = facula(*arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_output_that_nobody_reads_to_its_end():
    command = f"{sys.executable} -m facula report toy | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.startswith("device 'toy'\n")
    assert done.stderr == ""


def test_new_backend_says_what_to_type_next(tmp_path):
    """With the interpreter that Facula is in, by its path where the shell would find another."""
    done = subprocess.run(
        [sys.executable, "-m", "facula", "new-backend", "acorn"],
        cwd=tmp_path, env=os.environ | {"PATH": "/nowhere"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[1:] == [
        "  cd facula-acorn",
        f'  {sys.executable} -m pip install -e ".[test]"',
        f"  {sys.executable} -m pytest --facula-backend=acorn -m facula_required",
    ]


def test_without_a_command_it_says_what_there_is():
    done = facula()
    assert done.returncode == 2
    assert "info" in done.stdout


def test_the_installed_command():
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="facula")
    assert script.value == "facula.cli:main"
