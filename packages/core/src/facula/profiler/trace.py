"""A profile as files: the trace event format that Perfetto and chrome://tracing read, and stacks for flame graphs.

The format: "Trace Event Format", Google, 2016. Times are in microseconds; 'X' events of one thread must nest.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from typing import Any

#: Process numbers of devices in a trace start here, away from those of processes.
_DEVICES = 1 << 30


def write_trace(recording: Any, path: Any) -> None:
    """Writes the trace; gzipped where the path ends in '.gz'."""
    path = os.fspath(path)
    document = {
        "schemaVersion": 1,
        "displayTimeUnit": "ms",
        "record_shapes": int(recording.shapes),
        "profile_memory": int(recording.memory),
        "with_stack": int(recording.stack),
        "with_flops": int(recording.flops),
        "with_modules": int(recording.modules),
        "traceEvents": list(trace_events(recording)),
    }
    text = json.dumps(document, allow_nan=False)
    if path.endswith(".gz"):
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write(text)
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def trace_events(recording: Any) -> Iterator[dict[str, Any]]:
    """The events of the trace, as what `json` takes."""
    pid, tid = os.getpid(), recording.thread
    devices = {
        d: _DEVICES + i for i, d in enumerate(dict.fromkeys(k.device for k in recording.kernels))
    }
    yield _name("process_name", pid, 0, "python")
    yield _name("process_labels", pid, 0, "CPU")
    yield _name("thread_name", pid, tid, f"thread {tid}")
    for device, number in devices.items():
        yield _name("process_name", number, 0, "python")
        yield _name("process_labels", number, 0, device)
        yield _name("thread_name", number, 0, f"queue of {device}")
    start = recording.start

    def at(moment: int) -> float:
        return float(round((moment - start) / 1000, 3))

    events = [e for root in recording.roots for e in root.walk()]
    for number, e in enumerate(events):
        yield {
            "ph": "X", "cat": e.kind, "name": e.name, "pid": pid, "tid": tid, "ts": at(e.start),
            "dur": round((e.end - e.start) / 1000, 3), "args": _arguments(e, number),
        }  # fmt: skip
    yield from _flows(events, pid, tid, at)
    for i, k in enumerate(recording.kernels):
        number = devices[k.device]
        yield {
            "ph": "X", "cat": "kernel", "name": k.name, "pid": number, "tid": 0, "ts": at(k.start),
            "dur": round((k.end - k.start) / 1000, 3), "args": {"device": k.device},
        }  # fmt: skip
        if k.event is not None and k.event.start <= k.start:
            launch = {"cat": "ac2g", "name": "ac2g", "id": i}
            moment = at(min(k.start, k.event.end))
            yield {"ph": "s", "pid": pid, "tid": tid, "ts": moment, **launch}
            yield {"ph": "f", "bp": "e", "pid": number, "tid": 0, "ts": at(k.start), **launch}
    for moment, device, nbytes, total in recording.allocations:
        yield {
            "ph": "i", "s": "t", "cat": "cpu_instant_event", "name": "[memory]", "pid": pid, "tid": tid, "ts": at(moment),
            "args": {"Bytes": nbytes, "Total Allocated": total, "Device": device},
        }  # fmt: skip


def _name(what: str, pid: int, tid: int, text: str) -> dict[str, Any]:
    key = "labels" if what == "process_labels" else "name"
    return {"ph": "M", "name": what, "pid": pid, "tid": tid, "ts": 0, "args": {key: text}}


def _arguments(e: Any, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {"External id": number}
    if e.input_shapes:
        found["Input Dims"] = e.input_shapes
    if e.stack:
        found["Call stack"] = ";\n".join(e.stack)
    if e.sequence_nr >= 0:
        found["Sequence number"] = e.sequence_nr
    if e.flops:
        found["Flops"] = e.flops
    if e.module_hierarchy:
        found["Module Hierarchy"] = e.module_hierarchy
    if e.self_copies:
        found["Copies"] = {
            kind: {"number": n, "bytes": b} for kind, (n, b) in e.self_copies.items()
        }
    if e.self_host_fallbacks:
        found["Host fallbacks"] = e.self_host_fallbacks
    return found


def _flows(events: list[Any], pid: int, tid: int, at: Any) -> Iterator[dict[str, Any]]:
    """Arrows from operations to their gradients."""
    forward: dict[int, Any] = {}
    for number, e in enumerate(events):
        if e.sequence_nr < 0:
            continue
        if not e.name.endswith("Backward0"):
            forward[e.sequence_nr] = e  # the innermost that made the node
            continue
        source = forward.get(e.sequence_nr)
        if source is not None:
            arrow = {"cat": "fwdbwd", "name": "fwdbwd", "id": number, "pid": pid, "tid": tid}
            yield {"ph": "s", "ts": at(source.start), **arrow}
            yield {"ph": "f", "bp": "e", "ts": at(e.start), **arrow}


METRICS = ("self_cpu_time_total", "self_device_time_total", "self_cuda_time_total")


def write_stacks(recording: Any, path: Any, metric: str) -> None:
    """Writes 'caller;callee;op microseconds' lines, as flame graph tools take them."""
    if metric not in METRICS:
        raise ValueError(f"metric={metric!r} is none of {', '.join(METRICS)}")
    if not recording.stack:
        raise RuntimeError("export_stacks needs stacks: profile(with_stack=True)")
    sums: dict[str, float] = {}
    for root in recording.roots:
        for e in root.walk():
            line = ";".join(s.replace(";", ",").replace(" ", "_") for s in reversed(e.stack))
            key = f"{line};{e.name.replace(' ', '_')}" if line else e.name.replace(" ", "_")
            value = getattr(e, metric.replace("cuda", "device"))
            sums[key] = sums.get(key, 0.0) + value
    with open(os.fspath(path), "w", encoding="utf-8") as file:
        for line, value in sums.items():
            if int(value) > 0:
                file.write(f"{line} {int(value)}\n")
