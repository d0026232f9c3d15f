"""`facula new-backend NAME`: what it writes is installed and passes the suite as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from facula.backends.new_backend import STYLES, TEMPLATES, new_backend
from facula.cli import main

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


@pytest.fixture(scope="module", params=STYLES)
def plugin(request, tmp_path_factory):
    """(style, the package's folder, where its wheel is installed)"""
    work = tmp_path_factory.mktemp(request.param)
    source = new_backend(f"nut_{request.param}", request.param, work)
    build = [*PIP, "wheel", "--no-build-isolation", "--no-deps", "-w", work, source]
    subprocess.run(build, check=True)
    (wheel,) = work.glob("*.whl")
    subprocess.run([*PIP, "install", "--no-deps", "--target", work / "site", wheel], check=True)
    return request.param, source, work / "site"


def python(plugin, *arguments):
    _, source, site = plugin
    paths = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"PYTHONPATH": paths, "FACULA_STRICT": "1", "XDG_CACHE_HOME": str(site / "cache")}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=source, env=os.environ | environment, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.wheels
def test_it_passes_the_required_part_of_the_suite(plugin):
    """Every required leaf is tested, and none is skipped; nothing runs on the host."""
    options = [
        f"--facula-backend=nut_{plugin[0]}",
        "-m",
        "facula_required",
        "-p",
        "no:cacheprovider",
    ]
    done = python(plugin, "-m", "pytest", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(
        r"required leaves +(\d+): (\d+) pass, 0 wrong, 0 missing, 0 not tested", done.stdout
    )
    assert told[1] == told[2]
    assert int(told[1]) > 60
    assert "calls on the host  0" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert " passed" in last
    assert not re.search("failed|skipped|missing|error", last)


@pytest.mark.wheels
def test_its_own_tests_pass(plugin):
    chosen = "not TestNut or (test_values and (add or softmax or sort or index)) or training"
    done = python(plugin, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.wheels
def test_info_lists_it(plugin):
    done = python(plugin, "-m", "facula", "info")
    assert re.search(rf"nut_{plugin[0]} +ready .*from facula-nut-{plugin[0]} 0.1.0", done.stdout)


@pytest.mark.wheels
def test_a_kernel_that_does_not_compile_shows_its_source_and_the_compilers_words(plugin):
    if plugin[0] != "raw":
        return
    code = (
        "from facula_nut_raw import backend; from pathlib import Path\n"
        "try: backend.library('int f(void) { return nothing; }')\n"
        "except RuntimeError as error: print(error)"
    )
    told = python(plugin, "-c", code).stdout
    assert "a kernel does not compile:" in told
    assert re.search("nothing.* undeclared", told)
    assert "int f(void)" in told


@pytest.mark.parametrize("style", STYLES)
def test_it_is_small(style):
    """All files together, the tests and README included."""
    files = [f for f in (TEMPLATES / style).rglob("*") if f.is_file() and f.suffix != ".pyc"]
    assert len(files) == 6
    assert sum(len(f.read_text().splitlines()) for f in files) < 300


@pytest.mark.parametrize("style", STYLES)
def test_no_placeholder_is_left(tmp_path, style):
    folder = new_backend("walnut_2", style, tmp_path / "new" / "place")
    assert folder == tmp_path / "new" / "place" / "facula-walnut-2"
    files = [f for f in folder.rglob("*") if f.is_file()]
    assert not [f for f in files if "mydevice" in (str(f) + f.read_text()).lower()]
    assert (folder / "src" / "facula_walnut_2" / "backend.py").exists()
    for f in files:
        if f.suffix == ".py":
            compile(f.read_text(), f, "exec")


BAD = {
    "a taken name": (["toy"], "device type 'toy' is already provided by facula-core"),
    "a device of ours": (
        ["cuda"],
        "device type 'cuda' is already provided by facula-cupy"
        if find_spec("facula_cupy")
        else "'cuda' is a device of Facula's own: pip install facula[cuda] (from a checkout:",
    ),
    "a taken package": (["numpy"], "a package 'facula_numpy' is already installed"),
    "a keyword": (["class"], "'class' cannot name a device: expected small letters"),
    "capitals": (["Acorn"], "'Acorn' cannot name a device"),
    "a path": (["../acorn"], "'../acorn' cannot name a device"),
    "a digit first": (["9acorn"], "'9acorn' cannot name a device"),
    "nothing": ([""], "'' cannot name a device"),
    "an underscore last": (["acorn_"], "'acorn_' cannot name a device"),
    "a file for a folder": (["acorn", "--output", "a-file"], "Not a directory"),
    "a folder that exists": (["oak"], "'facula-oak' exists already"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(tmp_path, monkeypatch, capsys, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_text("")
    (tmp_path / "facula-oak").mkdir()
    arguments, message = BAD[case]
    before = sorted(tmp_path.rglob("*"))
    assert main(["new-backend", *arguments]) == 1
    told = capsys.readouterr().err
    assert told.startswith("facula new-backend: ")
    assert message in told
    assert "Traceback" not in told
    assert sorted(tmp_path.rglob("*")) == before


def test_unknown_style_is_wrong_usage(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["new-backend", "acorn", "--style", "wooden"])
    assert caught.value.code == 2
    assert "invalid choice: 'wooden'" in capsys.readouterr().err
