"""Elementary functions for generated kernels, as source text of C, OpenCL C and CUDA C."""

from facula.graph.codegen.functions.library import call_name, library
