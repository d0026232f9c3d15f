"""The `opencl` devices, over pyopencl."""

__version__ = "0.1.0"
