"""Captured graphs as fused kernels of a device that core prints kernels for: OpenCL, CUDA and third parties'."""
