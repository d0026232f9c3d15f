"""Calls of modules as events, so that ops and their gradients tell in which layer they are.

Modules are watched through the hooks that they have for it: without a profiler a call costs what it did.
"""

from __future__ import annotations

import threading
from typing import Any

from facula.profiler.devices import active
from facula.profiler.events import Event
from facula.profiler.recording import Recording


class ModuleCalls:
    """Notes the calls of all modules in the thread of one recording, between `begin` and `end`."""

    def __init__(self, recording: Recording):
        self.recording = recording
        self._open: list[tuple[Any, Event, str]] = []
        #: For each outermost module its own paths; the module itself is kept, so that its `id` stays its own.
        self._paths: dict[int, tuple[Any, dict[int, str]]] = {}
        self._handles: list[Any] = []
        self._thread = threading.get_ident()

    def begin(self) -> None:
        """Adds the hooks."""
        from facula.nn.module import watch_all_modules

        self._handles = watch_all_modules(self._enter, self._leave)

    def end(self) -> None:
        """Takes them off again."""
        for handle in self._handles:
            handle.remove()
        self._open.clear()

    def _enter(self, module: Any, args: Any) -> None:
        recording = self.recording
        if active.recording is not recording:
            return
        path = self._path(module)
        event = recording.begin(f"nn.Module: {path}", "python_function", args)
        self._open.append((module, event, recording.module))
        recording.module = event.module_hierarchy = path

    def _leave(self, module: Any, args: Any, output: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        if self._open and self._open[-1][0] is module:  # else its call began before the recording
            _, event, before = self._open.pop()
            self.recording.module = before
            self.recording.finish(event)

    def _path(self, module: Any) -> str:
        """Names from the outermost open module to this one: 'Net.encoder.0'; its class where it is none of its parts."""
        root = self._open[0][0] if self._open else module
        kept = self._paths.get(id(root))
        if kept is None:
            name = type(root).__name__
            paths = {id(m): f"{name}.{path}" if path else name for path, m in root.named_modules()}
            kept = self._paths[id(root)] = (root, paths)
        return kept[1].get(id(module), type(module).__name__)
