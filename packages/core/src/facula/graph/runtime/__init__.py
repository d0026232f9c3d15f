"""What generated C for the CPU stands on: compiled units kept on disk, one pool of threads, matrix products."""

from facula.graph.runtime.shared_library import (
    bfloat16_gemm_address,
    gemm_address,
    gemm_identity,
    gemm_name,
    has_bfloat16,
    has_onednn,
    shared_library,
)
from facula.graph.runtime.unit import CompilerMissing, load

__all__ = [
    "CompilerMissing", "bfloat16_gemm_address", "gemm_address", "gemm_identity", "gemm_name", "has_bfloat16", "has_onednn", "load", "shared_library",
]  # fmt: skip
