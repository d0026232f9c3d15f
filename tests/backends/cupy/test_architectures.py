"""All kernels compile for the architectures that CUDA has, by NVRTC, which needs no GPU."""

import pytest
from cupy_backends.cuda.libs import nvrtc

import facula_cupy.indexing
from facula_cupy.kernels import FAMILIES
from facula_cupy.launch import OPTIONS

SUPPORTED = set(nvrtc.getSupportedArchs())
#: Turing to Blackwell.
ARCHITECTURES = [a for a in (75, 80, 86, 89, 90, 100, 120) if a in SUPPORTED]
OWN = {f.__name__: f.SOURCE for f in (*FAMILIES, facula_cupy.indexing)}


def cubin(source, architecture):
    program = nvrtc.createProgram(source, "kernels.cu", (), ())
    try:
        options = (*OPTIONS, f"--gpu-architecture=sm_{architecture}")
        nvrtc.compileProgram(program, options)
        return nvrtc.getCUBIN(program)
    except nvrtc.NVRTCError:
        pytest.fail(f"sm_{architecture}: {nvrtc.getProgramLog(program)}\n{source}")
    finally:
        nvrtc.destroyProgram(program)


def test_the_range():
    assert ARCHITECTURES[0] == 75 and 100 in ARCHITECTURES


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", OWN)
def test_own_kernels(name, architecture):
    assert cubin(OWN[name], architecture)[:4] == b"\x7fELF"


@pytest.mark.parametrize("architecture", [ARCHITECTURES[0], ARCHITECTURES[-1]])
def test_generated_kernels(architecture, generated_programs):
    """One text with a kernel for each kind of leaf, dtype and layout that the device prints."""
    from facula.graph.codegen import CUDA, source_of

    assert len(generated_programs) > 50
    assert cubin(source_of(CUDA, generated_programs), architecture)[:4] == b"\x7fELF"


def test_what_does_not_compile_is_seen():
    with pytest.raises(pytest.fail.Exception, match="sm_80"):
        cubin('extern "C" __global__ void f(float *x) { x = y; }', 80)
