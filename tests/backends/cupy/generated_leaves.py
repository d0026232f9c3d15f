"""Calls of all leaves that the CUDA device has from core's printer, over dtypes and layouts."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

import facula
from facula.backends import backend_for
from facula.graph.codegen import source_of
from facula.random import Key
from facula_cupy.backend import GENERATED

DTYPES = (
    "float64",
    "float32",
    "float16",
    "bfloat16",
    "int64",
    "int32",
    "uint8",
    "bool",
    "complex64",
)


def layouts(x):
    """An array, its transposed, every other column, and broadcast rows."""
    yield x
    yield x.T
    yield x[:, ::2]
    yield (
        x[:1].expand(4, x.shape[1])
        if hasattr(x, "expand")
        else np.broadcast_to(x[:1], (4, x.shape[1]))
    )


def calls(device, dtypes=DTYPES):
    """(name, results) of every call on a device."""
    xp = backend_for(device)
    for dtype in dtypes:
        values = (
            facula.arange(24, device="cpu")
            .reshape(4, 6)
            .sub(9)
            .to(getattr(facula, dtype))
            .to(device)
        )
        for layout, t in enumerate(layouts(values)):
            yield from _calls(xp, t._array, f"{dtype}-{layout}", device)
    for bits, dtype in ((32, np.uint32), (64, np.uint64)):
        yield f"random_words-{bits}", xp.random_words(Key(7, 2**64 - 1), 37, np.dtype(dtype))


def _calls(xp, x, label, device):
    index = facula.tensor([[0, 2, 1], [1, 0, 2]], device=device)._array
    narrow = facula.tensor([[2, 0, 1]], device=device)._array
    yield f"gather-{label}", xp.gather(x, 1, index)
    yield f"gather-first-{label}", xp.gather(x, 0, index)
    source = xp.gather(x, 0, index)
    first = xp.slice(source, 0, 0, 1, 1)
    yield f"scatter-assign-{label}", xp.scatter(x, 1, narrow, first, "assign")
    ways = () if x.dtype.kind == "b" else ("sum",)
    if x.dtype.kind not in "cb":
        ways += ("amax", "amin", "prod")
    for reduce in ways:
        yield f"scatter-{reduce}-{label}", xp.scatter(x, 1, index, source, reduce)
    if x.dtype.kind not in "cb":
        yield f"cummax-{label}", xp.cummax(x, 1)
        yield f"cummin-{label}", xp.cummin(x, 0)
    if x.dtype.name in ("float32", "float64"):
        for name in ("erf", "erfc", "lgamma"):
            yield f"{name}-{label}", getattr(xp, name)(x)


def programs(dtypes=DTYPES):
    """What `calls` makes the device print, without building or running any of it."""
    found = {}

    def build(program):
        found[program.name] = program
        return lambda arguments, range: None

    with built_by(build):
        covered = {name.split("-")[0] for name, _ in calls("cuda", dtypes)}
    assert covered == set(GENERATED), covered ^ set(GENERATED)
    return list(found.values())


@contextmanager
def built_by(build):
    """The device's generated kernels come from `build(program)` meanwhile."""
    generated = backend_for("cuda").generated
    kept, generated._launchers = generated._launchers, {}
    generated.build = build
    try:
        yield
    finally:
        del generated.build
        generated._launchers = kept


@contextmanager
def built_together(dtypes=DTYPES):
    """All of them from one text: a compiler takes seconds for it, and minutes for one after another."""
    generated = backend_for("cuda").generated
    together = {p.name: p for p in programs(dtypes)}
    module = generated.launches.module(source_of(generated.dialect, together.values()))
    with built_by(lambda program: generated.runner(program, module)):
        yield
