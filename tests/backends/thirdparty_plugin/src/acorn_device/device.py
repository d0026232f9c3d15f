"""The device: five functions over C memory.

Elementwise kernels on numbers of one floating dtype are printed as Python source, to show what printing
a description is like. Everything else is left to core's interpreter.
"""

import ctypes
import math
import re

from facula.backends.buffer import BufferBackend, Map, interpret


def count():
    """Two oaks, two devices: acorn:0 and acorn:1."""
    return 2


class AcornBackend(BufferBackend):
    """An acorn."""

    def __init__(self, device):
        super().__init__(device)
        self.printed = []

    def alloc(self, nbytes):
        return (ctypes.c_uint8 * nbytes)()

    def copy_in(self, buffer, data):
        ctypes.memmove(buffer, data, len(data))

    def copy_out(self, buffer):
        return ctypes.string_at(buffer, len(buffer))

    def synchronize(self):
        """Nothing runs in the background."""

    def compile(self, kernel):
        if isinstance(kernel, Map) and is_printable(kernel):
            source = printed(kernel)
            self.printed.append(source)
            names = {"ctypes": ctypes, "exp": exp, "elements": elements}
            exec(source, names)
            return names["launch"]
        return interpret(kernel, open=lambda buffer: buffer)


def is_printable(kernel):
    """Float64 in, float64 out, and `+ - *` or `exp` alone."""
    dtypes = {kernel.dtype.name, kernel.output.name, *(x.dtype.name for x in kernel.inputs)}
    return dtypes == {"float64"} and re.fullmatch(r"([abc+\-* ()]|exp)*", kernel.expression)


def printed(kernel):
    """The Python source of an elementwise kernel."""
    names = "abc"[: len(kernel.inputs)]
    arrays = [name for name, x in zip(names, kernel.inputs) if not x.is_scalar]
    expression = re.sub(
        r"\b[abc]\b", lambda m: f"{m[0]}[i]" if m[0] in arrays else m[0], kernel.expression
    )
    lines = [f"def launch(shape, out, {', '.join(names)}):"]
    lines += [f"    {name} = elements(shape, {name})" for name in ("out", *arrays)]
    lines += ["    for i in range(out.count):", f"        out[i] = {expression}"]
    return "\n".join(lines)


def exp(x):
    return math.exp(x) if x < 709.7 else math.inf


class elements:
    """Float64 elements of an operand, numbered row-major."""

    def __init__(self, shape, operand):
        self.shape, self.operand = shape, operand
        self.data = (ctypes.c_double * (len(operand.buffer) // 8)).from_buffer(operand.buffer)
        self.count = math.prod(shape)

    def place(self, i):
        at = self.operand.offset
        for n, stride in zip(reversed(self.shape), reversed(self.operand.strides)):
            i, k = divmod(i, n)
            at += k * stride
        return at

    def __getitem__(self, i):
        return self.data[self.place(i)]

    def __setitem__(self, i, value):
        self.data[self.place(i)] = value
