"""`compile_openvino`: what `facula.compile(backend="openvino")` calls for each captured graph."""

import threading
import warnings

import numpy as np
import openvino
from openvino import opset13 as op

import facula
from openvino_compiler.ops import OPS, Unsupported, constant

#: What OpenVINO's CPU device computes in as it is: it takes float64 to float32, and int64 to int32.
DTYPES = ("float32", "int32", "bool")


def compile_openvino(graph, backend):
    """A function `run(arrays, options)`, or None, with a warning, where the graph is to be replayed."""
    try:
        if backend is None or backend.device.type != "cpu":
            raise Unsupported("its tensors are not all on the cpu device")
        if graph.options:
            raise Unsupported("it draws random numbers")
        for value in [*graph.inputs, *(v for n in graph.nodes for v in n.outputs if v)]:
            if value.dtype.name not in DTYPES:
                raise Unsupported(f"'{value.node.name}' is of {value.describe()}")
        return Model(graph)
    except Unsupported as error:
        reason = str(error)
    except RuntimeError as error:  # OpenVINO's own errors
        reason = f"OpenVINO: {error}"
    warnings.warn(f"a captured graph is replayed, not compiled by OpenVINO: {reason}", stacklevel=6)
    return None


class Model:
    """A graph as a compiled OpenVINO model."""

    def __init__(self, graph):
        found = {}
        for value in graph.inputs:
            found[value] = op.parameter(list(value.shape), value.dtype, name=value.name)
        self.parameters = [found[v] for v in graph.inputs]
        for node in graph.nodes:
            for value, result in zip(node.outputs, _results(node, found)):
                found[value] = result
        results = [op.result(_checked(v, found)) for v in graph.outputs]
        model = openvino.Model(results, self.parameters, "captured")
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": facula.get_num_threads(),
            "PERFORMANCE_HINT": "LATENCY",
        }
        self.request = openvino.Core().compile_model(model, "CPU", settings).create_infer_request()
        self.shapes = [(v.shape, v.dtype) for v in graph.outputs]
        self.lock = threading.Lock()

    def __call__(self, arrays, options):
        tensors = [openvino.Tensor(np.ascontiguousarray(a)) for a in arrays]
        with self.lock:  # a request runs one inference at a time
            self.request.infer(dict(enumerate(tensors)))
            outputs = [self.request.get_output_tensor(i).data for i in range(len(self.shapes))]
            return [
                np.array(x, dtype).reshape(shape)
                for x, (shape, dtype) in zip(outputs, self.shapes, strict=True)
            ]


def _results(node, found):
    if node.name == "constant":
        return [constant(node.args[0])]
    if node.name not in OPS:
        raise Unsupported(f"there is no translation of '{node.name}'")

    def translated(a):
        return found[a] if a.__class__ is facula.graph.Value else a

    result = OPS[node.name](node, *map(translated, node.args))
    return result if isinstance(result, list) else [result]


def _checked(value, found):
    result = found[value]
    shape = tuple(result.get_output_shape(0)) if hasattr(result, "get_output_shape") else tuple(result.get_shape())  # fmt: skip
    if shape != value.shape:
        raise Unsupported(
            f"the translation of '{value.node.name}' has shape {shape}, expected {value.shape}"
        )
    return result
