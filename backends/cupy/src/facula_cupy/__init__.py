"""The `cuda` device: NVIDIA GPUs, through CuPy."""

__version__ = "0.1.0"
