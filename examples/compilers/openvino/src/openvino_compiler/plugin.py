"""Entry module: says what the package offers, and does not import OpenVINO."""

from facula.backends import hookimpl


@hookimpl
def compilers():
    return {"openvino": "openvino_compiler.compiler:compile_openvino"}
