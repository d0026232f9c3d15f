"""The command line: `facula info`, `facula report DEVICE`, `facula new-backend NAME`; also as `python -m facula`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import shutil
import sys
import warnings
from collections.abc import Sequence
from importlib import metadata
from typing import Any


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failure, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except BrokenPipeError:  # whoever read the output has enough of it, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RuntimeError, OSError, ValueError) as error:
        print(f"facula {options.command}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    from facula import __version__

    parser = argparse.ArgumentParser(
        prog="facula", description="PyTorch's API in small, readable Python."
    )
    parser.add_argument("--version", action="version", version=f"facula {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    info = commands.add_parser(
        "info", help="versions, devices, threads, what multiplies matrices, broken plug-ins"
    )
    info.add_argument("--json", action="store_true", help="print it as JSON")
    info.set_defaults(run=_info)
    report = commands.add_parser("report", help="what a device runs by itself")
    report.add_argument(
        "device", nargs="?", default="cpu", help="a device such as cpu, toy, cuda:0 (default: cpu)"
    )
    report.set_defaults(run=_report)
    new = commands.add_parser(
        "new-backend", help="write a plug-in package for a device of your own"
    )
    new.add_argument("name", metavar="NAME", help="the type of the device, as in 'acorn'")
    new.add_argument(
        "--style",
        choices=("raw", "array"),
        default="raw",
        help="raw: memory and kernels (default); array: an array library with NumPy's interface",
    )
    new.add_argument(
        "--output", metavar="DIR", default=".", help="where to put the folder facula-NAME"
    )
    new.set_defaults(run=_new_backend)
    return parser


def _new_backend(options: argparse.Namespace) -> int:
    from facula.backends.new_backend import new_backend

    path = new_backend(options.name, options.style, options.output)
    python = _this_python()
    print(f"wrote {path}. Next:")
    print(f"  cd {shlex.quote(str(path))}")
    print(f'  {python} -m pip install -e ".[test]"')
    print(f"  {python} -m pytest --facula-backend={options.name} -m facula_required")
    return 0


def _this_python() -> str:
    """What to type for the interpreter that runs this: `python` where the shell finds the same one."""
    found = shutil.which(
        "python"
    )  # in an environment a link, as all of its siblings: folders are compared
    same = found and os.path.dirname(found) == os.path.dirname(sys.executable)
    return "python" if same else shlex.quote(sys.executable)


def _report(options: argparse.Namespace) -> int:
    from facula.backends import report

    report(options.device)
    return 0


def _info(options: argparse.Namespace) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is broken is listed below
        found = gather()
    print(json.dumps(found, indent=2) if options.json else _as_text(found))
    return 0


def gather() -> dict[str, Any]:
    """All that `facula info` shows: versions, devices, threads, what multiplies matrices, broken plug-ins."""
    from facula.backends.discovery import plugins

    found = plugins()
    devices = [_device(found, type) for type in sorted(found.devices)]
    return {
        "versions": _versions(),
        "threads": _threads(),
        "products": _products(),
        "devices": devices,
        "kernels": [
            f"{k.name or source} for {k.type} (from {source})" for k, source in found.kernels
        ],
        "broken": dict(found.broken),
    }


def _device(found: Any, type: str) -> dict[str, Any]:
    """Where a device comes from, and whether it can be loaded: it is tried."""
    from facula.backends.registry import backend_for, count

    spec = found.devices[type]
    out: dict[str, Any] = {
        "type": type,
        "source": found.sources[type],
        "description": spec.description,
    }
    try:
        out["count"] = count(type)
        if out["count"]:
            backend_for(type)
        out["status"] = "ready" if out["count"] else "no such device in this machine"
    except RuntimeError as error:
        out |= {"count": 0, "status": str(error)}
    return out


def _versions() -> dict[str, str]:
    import numpy

    import facula

    plugins = {e.dist.name: e.dist.version for e in metadata.entry_points(group="facula") if e.dist}
    versions = {
        "facula": facula.__version__,
        "python": platform.python_version(),
        "numpy": numpy.__version__,
    }
    return versions | {"platform": platform.platform()} | dict(sorted(plugins.items()))


def _threads() -> dict[str, Any]:
    """CPU cores that this process may use, and the threads of each BLAS."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    out: dict[str, Any] = {"cores": cores}
    try:
        from threadpoolctl import threadpool_info  # type: ignore[import-untyped]
    except ImportError:
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        return out | {name: os.environ[name] for name in names if name in os.environ}
    for pool in threadpool_info():
        out[
            f"{pool['user_api']} ({pool['internal_api']} {pool['version'] or ''})".replace(
                " )", ")"
            )
        ] = pool["num_threads"]
    return out


def _products() -> str:
    """What multiplies float32 matrices in C, and its file; why nothing does."""
    from facula.graph.runtime import gemm_name, onednn, openblas

    try:
        name = gemm_name()
    except (RuntimeError, OSError, ValueError) as error:
        return str(error)
    files = {"onednn": onednn.library_path, "openblas": openblas.library_path}
    return f"{name} ({files[name]()})" if name in files else name


def _as_text(found: dict[str, Any]) -> str:
    lines = [f"{name:<22} {version}" for name, version in found["versions"].items()]
    lines += ["", "threads"] + [f"  {name:<30} {n}" for name, n in found["threads"].items()]
    lines += ["", "float32 matrix products in C", f"  {found['products']}"]
    lines += ["", "devices"]
    for d in found["devices"]:
        number = f" x{d['count']}" if d["count"] > 1 else ""
        status, why = ("ready", []) if d["count"] else ("not ready", [f"{'':<15}{d['status']}"])
        lines += [
            f"  {d['type'] + number:<12} {status:<9}  {d['description']} (from {d['source']})",
            *why,
        ]
    if found["kernels"]:
        lines += ["", "kernels added to them"] + [f"  {k}" for k in found["kernels"]]
    if found["broken"]:
        lines += ["", "broken plug-ins"] + [
            f"  {name}: {why}" for name, why in found["broken"].items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
