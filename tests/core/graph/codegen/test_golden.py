"""The printed text is the one in `golden/`; see `golden.py` for how to write it anew."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from facula.graph.codegen import CUDA, OPENCL, C, printer, source_of
from facula.testing import c_device

sys.path.insert(0, str(Path(__file__).parent))
import golden

FILES = list(golden.files())


@pytest.mark.parametrize(("path", "name", "dialect"), FILES, ids=[p.name for p, _, _ in FILES])
def test_text(path, name, dialect):
    assert golden.text(name, dialect) == path.read_text(), (
        f"if this is meant: python {golden.__file__}"
    )


def test_no_file_is_left_over():
    assert {p.name for p, _, _ in FILES} == {p.name for p in golden.DIRECTORY.iterdir()}


@pytest.mark.skipif(c_device.compiler() is None, reason="needs a C compiler")
@pytest.mark.parametrize("name", golden.KERNELS)
def test_c_compiles_without_warnings(name, tmp_path):
    flags = ["-O2", "-Wall", "-Werror", "-Wno-unused-function", "-c", "-x", "c"]
    source = C.preamble + golden.text(name, C)
    command = [*c_device.compiler(), *C.options, *flags, "-", "-o", str(tmp_path / "x.o")]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="needs nvcc")
def test_cuda_compiles(tmp_path):
    made = [(printer(kernel, CUDA), arguments) for kernel, arguments in golden.KERNELS.values()]
    programs = [p.program(p.geometry(p.split(*a)[2]).layout) for p, a in made]
    source, target = tmp_path / "all.cu", tmp_path / "all.ptx"
    source.write_text(source_of(CUDA, programs))
    command = ["nvcc", *CUDA.options, "-ptx", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert target.read_text().count(".entry") == len(programs)


def test_a_family_has_a_name():
    with pytest.raises(ValueError, match="'cpu' or 'gpu', not 'tpu'"):
        OPENCL.for_family("tpu")
