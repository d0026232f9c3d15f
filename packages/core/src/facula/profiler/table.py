"""The table of a profile, in the layout of PyTorch's."""

from __future__ import annotations

from typing import Any

_FLOPS = ("FLOPs", "KFLOPs", "MFLOPs", "GFLOPs", "TFLOPs", "PFLOPs")
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def time_text(microseconds: float, unit: str | None = None) -> str:
    """'12.345us', '1.235ms', '2.000s'."""
    if unit is None:
        unit = "s" if microseconds >= 1e6 else "ms" if microseconds >= 1e3 else "us"
    return f"{microseconds / _UNITS[unit]:.3f}{unit}"


def memory_text(nbytes: int) -> str:
    """'512 B', '1.50 KB', '-2.00 MB'."""
    for size, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if abs(nbytes) >= size:
            return f"{nbytes / size:.2f} {unit}"
    return f"{nbytes} B"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "0.00%"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def sort_value(event: Any, name: str) -> Any:
    """The number that a table is sorted by. Raises ValueError for a name that is none."""
    value = getattr(event, name.replace("cuda", "device").replace("xpu", "device"), None)
    if not isinstance(value, (int, float)):
        raise ValueError(
            f"sort_by={name!r} is no column; take one such as 'self_cpu_time_total', 'cpu_time_total', 'cpu_time', "
            f"'self_device_time_total', 'cpu_memory_usage', 'self_cpu_memory_usage', 'copied_bytes', 'host_fallbacks', 'count'"
        )
    return value


def table(
    events: Any,
    sort_by: str | None,
    row_limit: int,
    widths: tuple[int, int, int],
    header: str | None,
    top_level_only: bool,
    unit: str | None,
) -> str:
    """What `EventList.table` returns."""
    if not events:
        return ""
    if unit is not None and unit not in _UNITS:
        raise ValueError(f"time_unit={unit!r} is none of {', '.join(_UNITS)}")
    rows = list(events)
    if sort_by is not None:
        rows.sort(key=lambda e: sort_value(e, sort_by), reverse=True)
    if top_level_only:
        rows = [e for e in rows if getattr(e, "cpu_parent", None) is None]
    columns = _columns(events, widths, unit)
    shown = rows if row_limit < 0 else rows[:row_limit]
    cells = [[title for title, _ in columns], *[[c(e) for _, c in columns] for e in shown]]
    sizes = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    rule = "  ".join("-" * n for n in sizes)
    lines = ["  ".join(c.rjust(n) for c, n in zip(row, sizes)) for row in cells]
    title = [header] if header else []
    return (
        "\n".join([*title, rule, lines[0], rule, *lines[1:], rule, *_footer(events, unit)]) + "\n"
    )


def _columns(events: Any, widths: tuple[int, int, int], unit: str | None) -> list[Any]:
    """(title, text of an event) for each column that has something to show."""
    host = sum(e.self_cpu_time_total for e in events)
    recording = events.recording
    columns: list[Any] = [
        ("Name", lambda e: _cut(e.key, widths[0])),
        ("Self CPU %", lambda e: _share(e.self_cpu_time_total, host)),
        ("Self CPU", lambda e: time_text(e.self_cpu_time_total, unit)),
        ("CPU total %", lambda e: _share(e.cpu_time_total, host)),
        ("CPU total", lambda e: time_text(e.cpu_time_total, unit)),
        ("CPU time avg", lambda e: time_text(e.cpu_time, unit)),
    ]
    if recording.kernels:
        device, name = device_total(recording), device_name(recording)
        columns += [
            (f"Self {name}", lambda e: time_text(e.self_device_time_total, unit)),
            (f"Self {name} %", lambda e: _share(e.self_device_time_total, device)),
            (f"{name} total", lambda e: time_text(e.device_time_total, unit)),
            (f"{name} time avg", lambda e: time_text(e.device_time, unit)),
        ]
    if recording.memory:
        columns += [
            ("CPU Mem", lambda e: memory_text(e.cpu_memory_usage)),
            ("Self CPU Mem", lambda e: memory_text(e.self_cpu_memory_usage)),
        ]
        if any(device != "cpu" for device in recording.totals):
            columns += [
                (f"{device_name(recording)} Mem", lambda e: memory_text(e.device_memory_usage)),
                (
                    f"Self {device_name(recording)} Mem",
                    lambda e: memory_text(e.self_device_memory_usage),
                ),
            ]
    columns.append(("# of Calls", lambda e: str(e.count)))
    if recording.copies:
        columns += [
            ("Copies", lambda e: str(e.copies)),
            ("Copied", lambda e: memory_text(e.copied_bytes)),
        ]
    if recording.fallbacks:
        columns.append(("On host", lambda e: str(e.host_fallbacks)))
    if recording.flops:
        columns.append(_flops_column(events))
    if any(e.input_shapes for e in events):
        columns.append(("Input Shapes", lambda e: _cut(str(list(e.input_shapes)), widths[1])))
    if any(e.stack for e in events):
        columns.append(
            ("Source Location", lambda e: _cut(e.stack[0] if e.stack else "", widths[2]))
        )
    return columns


def _flops_column(events: Any) -> Any:
    """In the unit of the largest; '--' for what is not counted."""
    largest, power = max(e.flops for e in events), 0
    while largest >= 1000 ** (power + 1) and power < len(_FLOPS) - 1:
        power += 1
    scale = 1000**power
    return f"Total {_FLOPS[power]}", lambda e: f"{e.flops / scale:.3f}" if e.flops else "--"


def device_name(recording: Any) -> str:
    """What stands over the columns of device times: the types of the devices that ran kernels or hold memory."""
    names = [k.device for k in recording.kernels] + [d for d in recording.totals if d != "cpu"]
    return "/".join(dict.fromkeys(n.partition(":")[0].upper() for n in names))


def device_total(recording: Any) -> float:
    """Microseconds of all kernels."""
    return float(sum(k.duration for k in recording.kernels))


def _footer(events: Any, unit: str | None) -> list[str]:
    recording = events.recording
    host = sum(e.self_cpu_time_total for e in events)
    lines = [f"Self CPU time total: {time_text(host, unit)}"]
    if recording.kernels:
        total = time_text(device_total(recording), unit)
        lines.append(f"Self {device_name(recording)} time total: {total}")
    if recording.copies:
        told = [f"{n} {kind} ({memory_text(b)})" for kind, (n, b) in recording.copies.items()]
        lines.append(f"Copies: {', '.join(told)}")
    if recording.fallbacks:
        told = [f"{name} ({n})" for name, n in recording.fallbacks.items()]
        lines.append(f"Run on the host for want of a kernel: {', '.join(told)}")
    return lines
