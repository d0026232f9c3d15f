"""Settings for all tests."""

import ctypes
import os

import pytest

# A C compiler takes seconds for what a test does in milliseconds: tests of compiled programs ask for them by name, and
# core/graph/test_default.py sees what comes unasked.
os.environ.setdefault("FACULA_COMPILE", "replay")


@pytest.fixture(params=[1, 0], ids=["instructions", "as float32"])
def is_native(request):
    """Products of bfloat16 both ways, by the CPU's instructions where it has them."""
    from facula.graph.runtime import shared_library

    switch = ctypes.c_int.in_dll(shared_library(), "bfloat16_is_native")
    before = switch.value
    switch.value = before and request.param
    yield bool(switch.value)
    switch.value = before
