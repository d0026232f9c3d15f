"""Launcher: a kernel description as something that a device can launch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facula.backends.buffer.kernels import Kernel
from facula.graph.codegen.dialects import Dialect
from facula.graph.codegen.kernel import Geometry
from facula.graph.codegen.printers import printer
from facula.graph.codegen.program import Program

#: What a device makes of a program: called with the arguments (one per parameter, without the flag) and the range.
Run = Callable[[list[Any], tuple[int, ...]], None]
#: Geometries that a launcher remembers.
_REMEMBERED = 1024


class Launcher:
    """Launches one kernel description with the arguments that `buffer/kernels.py` says.

    `build(program)` makes something to run of a printed kernel; it is called once per layout. `alloc(nbytes)` gives
    memory for kernels that need scratch.
    """

    def __init__(
        self,
        kernel: Kernel,
        dialect: Dialect,
        build: Callable[[Program], Run],
        alloc: Callable[[int], Any],
    ):
        self.printer = printer(kernel, dialect)
        self.split = self.printer.split
        self.build, self.alloc = build, alloc
        self._plans: dict[Any, tuple[Run, list[int], tuple[int, ...], int]] = {}
        self._built: dict[Any, Run] = {}

    def __call__(self, *arguments: Any) -> None:
        operands, scalars, key = self.split(*arguments)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plan(key)
        run, numbers, work_items, scratch = plan
        memory = [self.alloc(scratch)] if scratch else []
        buffers, places = [x.buffer for x in operands], [x.offset for x in operands]
        run([*buffers, *memory, *places, *scalars, *numbers], work_items)

    def program(self, *arguments: Any) -> Program:
        """What a launch with these arguments would build: to compile several kernels together."""
        return self.printer.program(self.printer.geometry(self.split(*arguments)[2]).layout)

    def _plan(self, key: Any) -> Any:
        geometry: Geometry = self.printer.geometry(key)
        layout = geometry.layout
        if layout not in self._built:
            self._built[layout] = self.build(self.printer.program(layout))
        if len(self._plans) >= _REMEMBERED:
            self._plans.clear()
        plan = self._built[layout], geometry.arguments, geometry.range, geometry.scratch
        self._plans[key] = plan
        return plan
