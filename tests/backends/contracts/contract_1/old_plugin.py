"""A plug-in as one was written for contract 1. Frozen: what it uses must go on working.

It uses all hooks, both kinds of devices, and everything that the contract lets a backend define.
"""

from facula.backends import DeviceSpec, KernelSpec, hookimpl


@hookimpl
def devices():
    return [
        DeviceSpec(
            "oldraw", "old_backends:OldRaw", contract=1, count="old_backends:count",
            description="raw memory", install="install the old driver",
        ),
        DeviceSpec("oldarray", "old_backends:OldArray", contract=1),
    ]  # fmt: skip


@hookimpl
def kernels():
    return [KernelSpec("oldraw", "old_backends:provide", contract=1, order=40, name="old kernels")]


@hookimpl
def ops():
    return ["old_ops"]


@hookimpl
def domains():
    return {"oldwood": "old_domain"}


@hookimpl
def compilers():
    return {"oldcompiler": "old_backends:compile_graph"}
