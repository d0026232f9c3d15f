"""What is wrong with a plug-in is said once and listed; Facula goes on without it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest


def install(site, name, module, **files):
    """A plug-in as pip would leave it in `site`: its modules, and metadata with the entry point."""
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[facula]\n{name} = {module}\n")
    for file, text in files.items():
        (site / f"{file}.py").write_text(text)


def python(site, code, **environment):
    paths = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        capture_output=True,
        text=True,
    )


SUM = "import facula; print(facula.tensor([1.0, 2.0]).sum().item())\n"
DEVICE = """
from facula.backends import DeviceSpec, hookimpl
@hookimpl
def devices():
    return [{0}]
"""


def spec(type="odd", backend="odd_device:Odd", contract=1, **more):
    rest = "".join(f", {k}={v!r}" for k, v in more.items())
    return DEVICE.format(f"DeviceSpec({type!r}, {backend!r}, contract={contract}{rest})")


BROKEN = {
    "future": (spec(contract=99), "it was written for contract 99, this facula-core has 1; upgrade with: pip install -U facula-core"),
    "ancient": (spec(contract=0), "it was written for contract 0, this facula-core needs 1 or later"),
    "wordy": (spec(contract="'1'"), "its contract is '1', expected an integer: 1 in this facula-core"),
    "importless": ("import no_such_driver", "ModuleNotFoundError: No module named 'no_such_driver'"),
    "syntax": ("def (", "SyntaxError"),
    "misnamed": (spec().replace("def devices", "def device"), "PluginValidationError: unknown hook 'device'"),
    "greedy": (spec(type="cpu").replace("greedy", "x"), "device type 'cpu' is already provided by"),
    "raising": ("from facula.backends import hookimpl\n@hookimpl\ndef devices():\n    raise OSError('no bus')", "OSError: no bus (odd_plugin.py, line 4)"),
    "shapeless": (DEVICE.format("42"), "its hook 'devices' returned 42, expected a list of DeviceSpec"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_broken_plugin_is_left_out(tmp_path, name):
    module, problem = BROKEN[name]
    # Plug-ins are taken up in the order of their names; a second `cpu` is the one that must give way.
    install(tmp_path, f"zz_{name}", "odd_plugin", odd_plugin=module)
    done = python(tmp_path, SUM + SUM)
    assert (done.returncode, done.stdout) == (0, "3.0\n3.0\n"), done.stderr
    assert done.stderr.count("is broken and was left out") == 1
    assert f"facula plug-in 'zz_{name} 1.0'" in done.stderr
    assert problem in done.stderr


def test_info_lists_what_is_broken(tmp_path):
    install(tmp_path, "future", "odd_plugin", odd_plugin=spec(contract=99))
    done = python(tmp_path, "from facula.cli import main; main(['info'])")
    assert done.stderr == ""
    assert "broken plug-ins\n  future 1.0: it was written for contract 99" in done.stdout


def test_unknown_device_names_the_broken_plugin(tmp_path):
    install(tmp_path, "odd", "odd_plugin", odd_plugin="import no_such_driver")
    done = python(
        tmp_path,
        "import warnings; warnings.simplefilter('ignore')\nimport facula; facula.tensor(1, device='odd')",
    )
    listed = re.search(
        r"RuntimeError: no plug-in provides device 'odd'; there are: ([\w, ]+)\.", done.stderr
    )
    assert {"c", "cpu", "meta", "toy"} <= set(listed[1].split(", "))
    assert (
        "Broken plug-in 'odd 1.0': ModuleNotFoundError: No module named 'no_such_driver'."
        in done.stderr
    )


LOADING = {
    "import": ("import no_such_driver", "ModuleNotFoundError: No module named 'no_such_driver'"),
    "absent": ("", "ImportError: 'odd_device:Odd' names nothing"),
    "driver": ("class Odd:\n    def __init__(self, device):\n        raise OSError('libodd.so not found')", "OSError: libodd.so not found (odd_device.py, line 3)"),
    "unfinished": ("from facula.backends.buffer import BufferBackend\nclass Odd(BufferBackend):\n    def alloc(self, n): ...",
        "TypeError: Odd has no copy_in, copy_out, compile; a raw device supplies alloc, copy_in, copy_out, compile"),
    "foreign": ("def Odd(device):\n    return 3", "odd_device:Odd made a int, not a facula.backends.Backend"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOADING)
def test_device_that_cannot_be_loaded(tmp_path, name):
    device, problem = LOADING[name]
    install(
        tmp_path,
        "odd",
        "odd_plugin",
        odd_plugin=spec(install="pip install odd-driver"),
        odd_device=device,
    )
    done = python(tmp_path, SUM + "facula.tensor(1, device='odd')")
    assert done.stdout == "3.0\n"
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("RuntimeError: device 'odd' cannot be loaded: ")
    assert problem in last
    if name != "foreign":
        assert last.endswith("Remedy: pip install odd-driver")
    info = python(tmp_path, "from facula.cli import main; main(['info'])")
    told = re.search(r"\n  odd +not ready +\(from odd 1\.0\)\n +(device .*)", info.stdout)
    assert problem in told[1]
    assert info.returncode == 0


def test_entry_module_is_all_that_is_imported(tmp_path):
    install(
        tmp_path,
        "odd",
        "odd_plugin",
        odd_plugin=spec(),
        odd_device="print('device module imported')",
    )
    assert python(tmp_path, SUM).stdout == "3.0\n"


KERNELS = """
from facula.backends import KernelSpec, hookimpl
@hookimpl
def kernels():
    return [KernelSpec("cpu", "odd_kernels:provide", contract=1)]
"""


@pytest.mark.parametrize(
    "text", ["import no_such_driver", "def provide(op, backend):\n    raise OSError('no compiler')"]
)
def test_broken_kernel_provider(tmp_path, text):
    install(tmp_path, "odd", "odd_plugin", odd_plugin=KERNELS, odd_kernels=text)
    done = python(tmp_path, SUM)
    assert (done.returncode, done.stdout) == (0, "3.0\n"), done.stderr
    assert done.stderr.count("facula plug-in 'odd 1.0' is broken") == 1


def test_broken_module_of_ops(tmp_path):
    text = "from facula.backends import hookimpl\n@hookimpl\ndef ops():\n    return ['no_such_ops']"
    install(tmp_path, "odd", "odd_plugin", odd_plugin=text)
    done = python(tmp_path, SUM)
    assert (done.returncode, done.stdout) == (0, "3.0\n"), done.stderr
    assert "No module named 'no_such_ops'" in done.stderr
