"""The toy device is the living specification: every leaf that is no host op has a kernel there."""

from __future__ import annotations

import facula
from facula.backends import backend_for
from facula.backends.buffer.expressions import EXPRESSIONS


def test_every_leaf_has_a_kernel():
    toy = backend_for("toy")
    leaves = [op for op in facula.ops.OPS.values() if op.leaf and not op.host]
    missing = sorted(f"{op.family}.{op.name}" for op in leaves if toy.kernel(op) is None)
    assert not missing, f"leaves without a toy kernel: {missing}"


def test_every_adapter_has_its_op():
    known = set(facula.ops.OPS)
    assert not set(EXPRESSIONS) - known
    assert not set(backend_for("toy").leaves) - known
