"""The benchmarks run, their peers compute the same, and their reports say what was measured."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    """`bench("table")` is benchmarks/table.py; afterwards none of its modules is there."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(FOLDER) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def run(*arguments):
    command = [sys.executable, FOLDER / "run.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_peers_take_turns_and_agree():
    peers = "facula,facula-compiled"
    done = run("small-mlp", "--rounds", "2", "--threads", "1", "--peers", peers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "facula-compiled" in done.stdout and "DIFFER" not in done.stdout


def test_a_peer_that_fails_is_named():
    done = run("small-mlp", "--rounds", "1", "--threads", "1", "--peers", "facula", "--size", "batch=-1")  # fmt: skip
    assert done.returncode == 1
    assert "facula FAILED" in done.stdout and "batch" in done.stdout


def test_an_unknown_name_is_answered_with_the_known_ones():
    done = run("nothing")
    assert done.returncode == 2
    assert "nothing" in done.stderr and "small-mlp" in done.stderr and "imports" in done.stderr


@pytest.mark.parity
@pytest.mark.parametrize(
    "name", ["small-mlp", "small-cnn", "lstm", "treelstm", "gpt", "gpt-tokens", "vae", "keywords"]
)
def test_facula_and_pytorch_have_the_same_losses(name):
    done = run(name, "--rounds", "1", "--threads", "2", "--peers", "facula,torch")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "eager" in done.stdout


def test_names(bench):
    table = bench("table")
    assert [r.name for r in table.chosen(["mlp"])] == ["mlp-32", "mlp-512", "mlp-512-bf16"]
    assert [r.name for r in table.chosen(["gpt"])] == ["gpt"]
    assert len(table.chosen([])) == len(table.ROWS) == len({r.name for r in table.ROWS})
    assert {r.name for r in table.chosen(["table"])} >= {"treelstm", "policy", "chain-exp"}


def test_different_results_are_told(bench):
    peers, table = bench("peers"), bench("table")
    measured = peers.Measured("mlp-32", 1)
    measured.first = {"facula": {"results": [1.0, 0.5]}, "torch": {"results": [1.0, 0.5001]}}
    assert peers.disagreement(table.ROWS[0], measured) is None
    for wrong in (0.51, float("nan")):
        measured.first["facula"]["results"] = [1.0, wrong]
        assert "facula has" in peers.disagreement(table.ROWS[0], measured)


def test_ratios_are_those_of_the_faster_peer_round_by_round(bench):
    peers = bench("peers")
    measured = peers.Measured("mlp-32", 1)
    measured.rounds = {"facula": [1.0, 2.0], "torch": [2.0, 2.0], "torch-compiled": [3.0, 1.0]}
    assert peers.ratios(measured, "facula", ["torch"]) == [2.0, 1.0]
    assert peers.ratios(measured, "facula", ["torch", "torch-compiled"]) == [2.0, 0.5]
    assert peers.ratios(measured, "jax", ["torch"]) == []
    assert peers.spread([1.0, 2.0, 3.0, 4.0, 5.0]) == (3.0, 2.0, 4.0)


def test_the_check_fails_where_a_ratio_fell_and_only_there(bench):
    check = bench("check")
    kept = check.kept_ratios({"ms": {"facula": 1.0, "torch": 2.0, "facula-compiled": 0.5}})
    assert kept == {"facula": 2.0, "facula-compiled": 4.0}
    assert check.slower({"facula": 1.6, "facula-compiled": 9.0}, kept) == []
    (said,) = check.slower({"facula": 1.4, "facula-compiled": 4.0}, kept)
    assert "facula has 1.40" in said and "2.00" in said


def test_weights_depend_on_name_and_shape_alone(bench):
    weights = bench("weights")
    first = weights.weight("0.weight", (256, 784))
    assert np.array_equal(first, weights.weight("0.weight", (256, 784)))
    assert not np.array_equal(first, weights.weight("2.weight", (256, 784)))
    assert abs(first.var() * 784 - 1) < 0.01
    assert (weights.weight("norm.weight", (5,)) == 1).all()
    assert (weights.weight("norm.bias", (5,)) == 0).all()


def test_the_report_is_what_the_results_say(bench):
    report = bench("report")
    kept = json.loads((FOLDER / "results.json").read_text())
    assert (FOLDER / "RESULTS.md").read_text() == report.markdown(kept)


def test_figures_of_different_cpus_are_kept_apart(bench, monkeypatch, tmp_path):
    report = bench("report")
    monkeypatch.setattr(report, "JSON", tmp_path / "results.json")
    monkeypatch.setattr(report, "MARKDOWN", tmp_path / "RESULTS.md")
    row = {"row": "chain", "threads": 1, "sizes": {}, "ratios": {}, "wrong": None, "failures": {}}
    for cpu, ms in (("one", {"facula": 1.0}), ("other", {"facula": 2.0, "jax": 3.0})):
        monkeypatch.setattr(report, "_cpu", lambda cpu=cpu: cpu)
        report.save([row | {"ms": ms}])
    assert report.load()["rows"]["chain 1"]["ms"] == {"facula": 2.0, "jax": 3.0}
    first, second = (tmp_path / "RESULTS.md").read_text().split("\n## ")[1:]
    assert {x[:3] for x in (first, second)} == {"one", "oth"}
    assert ("JAX" in first) is ("JAX" not in second)


def test_threads_are_equal_and_misleading_settings_go(bench, monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    environment = bench("peers").environment(3)
    assert "OPENBLAS_CORETYPE" not in environment
    assert {environment[x] for x in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"3"}
    assert environment["PATH"] == os.environ["PATH"]
