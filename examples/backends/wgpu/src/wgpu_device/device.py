"""The device: the five functions of a `BufferBackend` over WebGPU."""

import math

import numpy as np
import wgpu
from wgpu.backends.wgpu_native.extras import set_instance_extras

from facula import DeviceError, OutOfMemoryError
from facula.backends.buffer import (
    BufferBackend,
    Gather,
    Map,
    Matmul,
    Operand,
    RandomWords,
    Scan,
    Scatter,
    Sort,
)
from wgpu_device.shader import BODIES, GROUP, ROW, kind, shader

USAGE = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST
FEATURES = {"shader-f64", "shader-int64"}
set_instance_extras(backends=["Vulkan", "Metal", "DX12"])  # OpenGL has neither feature


def adapters():
    """Those that compute in 64 bits."""
    return [a for a in wgpu.gpu.enumerate_adapters_sync() if a.features >= FEATURES]


def count():
    return len(adapters())


class WgpuBackend(BufferBackend):
    """Launches are queued; reads wait for them."""

    def __init__(self, device):
        super().__init__(device)
        adapter = adapters()[device.index or 0]
        limits = {
            name: adapter.limits[name]
            for name in ("max-buffer-size", "max-storage-buffer-binding-size")
        }
        self.gpu = adapter.request_device_sync(
            required_features=sorted(FEATURES), required_limits=limits
        )
        self.largest = min(limits.values())
        self.fault, self.may_fault = self.buffer_of(np.zeros(4, np.int32)), False

    def buffer_of(self, data):
        return self.gpu.create_buffer_with_data(data=data, usage=USAGE)

    def alloc(self, nbytes):
        size = -(-nbytes // 16) * 16  # a whole number of elements of any dtype
        if size > self.largest:
            raise OutOfMemoryError(
                f"'{self.device}' holds at most {self.largest} bytes in one array, {nbytes} are asked for"
            )
        return self.gpu.create_buffer(size=size, usage=USAGE)

    def copy_in(self, buffer, data):
        self.gpu.queue.write_buffer(buffer, 0, data + bytes(-len(data) % 4))

    def copy_out(self, buffer):
        if self.may_fault:
            self.synchronize()
        return bytes(self.gpu.queue.read_buffer(buffer))

    def synchronize(self):
        self.may_fault = False  # a read waits for all that was launched
        index, size, by_zero, _ = np.frombuffer(self.gpu.queue.read_buffer(self.fault), np.int32)
        if size or index or by_zero:
            self.copy_in(self.fault, bytes(16))
        if by_zero:
            raise RuntimeError("ZeroDivisionError: an integer tensor is divided by 0")
        if size or index:
            raise IndexError(f"index {index} is out of bounds for dimension with size {size}")

    def compile(self, kernel):
        text = shader(kernel)
        bindings = len(BODIES[type(kernel)](kernel)[0]) + 2
        entries = [
            {"binding": n, "visibility": wgpu.ShaderStage.COMPUTE, "buffer": {"type": "storage"}}
            for n in range(bindings)
        ]
        try:
            layout = self.gpu.create_bind_group_layout(entries=entries)
            pipeline = self.gpu.create_compute_pipeline(
                layout=self.gpu.create_pipeline_layout(bind_group_layouts=[layout]),
                compute={"module": self.gpu.create_shader_module(code=text), "entry_point": "main"},
            )
        except wgpu.GPUError as error:
            raise DeviceError(f"'{self.device}' cannot build {kernel}: {error}\n{text}") from error

        text = kernel.expression if isinstance(kernel, Map) and kind(kernel.dtype) in "IU" else ""
        may_fault = (
            isinstance(kernel, Gather | Scatter) or "floor_divide" in text or "remainder" in text
        )

        def launch(*arguments):
            count, numbers, views, scalars = invocations(kernel, arguments)
            info = self.buffer_of(information(count, numbers, views, scalars))
            buffers = [info, self.fault, *(x.buffer for x, _ in views)]
            group = self.gpu.create_bind_group(
                layout=layout,
                entries=[{"binding": n, "resource": {"buffer": b}} for n, b in enumerate(buffers)],
            )
            encoder = self.gpu.create_command_encoder()
            run = encoder.begin_compute_pass()
            run.set_pipeline(pipeline)
            run.set_bind_group(0, group)
            run.dispatch_workgroups(-(-min(count, ROW) // GROUP), -(-count // ROW))
            run.end()
            self.gpu.queue.submit([encoder.finish()])
            self.may_fault |= may_fault

        return launch


def invocations(kernel, arguments):
    """Of a launch: their count, the numbers that they read, (operand, shape) by binding, and scalars (value, dtype)."""
    shape, *rest = arguments
    match kernel:
        case Map():
            arrays = [(x, shape) for x in rest if isinstance(x, Operand)]
            scalars = [(x, k.dtype) for x, k in zip(rest[1:], kernel.inputs) if k.is_scalar]
            return math.prod(shape), [], arrays, scalars
        case RandomWords():
            out, seed, offset = rest
            parts = [
                number >> 32 * n for number, words in ((seed, 2), (offset, 4)) for n in range(words)
            ]
            return (
                -(-shape[0] * kernel.dtype.itemsize // 32),
                [shape[0], *parts],
                [(out, shape)],
                [],
            )
        case Matmul():
            *batch, m, n, k = shape
            out, a, b = rest
            turned = b._replace(strides=(*b.strides[:-2], b.strides[-1]))
            views = [(out, (*batch, m, n)), (rows(a), (*batch, m)), (turned, (*batch, n))]
            return math.prod(batch) * m * n, [k, a.strides[-1], b.strides[-2], m * n, n], views, []
        case Gather():
            size, out, a, index = rest
            views = [(out, shape), (rows(a), shape[:-1]), (index, shape)]
            return math.prod(shape), [size, shape[-1], a.strides[-1]], views, []
        case Scatter():
            size, out, index, source = rest
            views = [(rows(out), shape[:-1]), (index, shape), (source, shape)]
            return math.prod(shape[:-1]), [size, shape[-1], out.strides[-1]], views, []
        case Scan() | Sort():
            count = math.prod(shape if isinstance(kernel, Sort) else shape[:-1])
            return count, [shape[-1]], [(x, shape) for x in rest], []
    reduced, out, a = rest
    return math.prod(shape), [math.prod(reduced)], [(out, shape), (a, (*shape, *reduced))], []


def rows(operand):
    """Where the rows along the last dimension begin."""
    return operand._replace(strides=operand.strides[:-1])


def information(count, numbers, views, scalars):
    """The words of the buffer `info`: see `place` and `SCALARS` in `shader.py`."""
    blocks = [
        [len(shape), x.offset, *(n for pair in zip(shape, x.strides) for n in pair)]
        for x, shape in views
    ]
    blocks += [np.array([x], NUMBERS[kind(dtype)]).view(np.uint32).tolist() for x, dtype in scalars]
    words = [count, *numbers, *[0] * (7 - len(numbers))]
    start = len(words) + len(blocks)
    for block in blocks:
        words.append(start)
        start += len(block)
    return np.array([w & 0xFFFFFFFF for block in [words, *blocks] for w in block], np.uint32)


NUMBERS = {"F": np.float64, "I": np.int64, "U": np.uint64, "C": np.complex128}
