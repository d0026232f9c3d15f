"""Entry module: says what the package offers, and imports nothing of it."""

from facula.backends import DeviceSpec, KernelSpec, hookimpl


@hookimpl
def devices():
    return [
        DeviceSpec(
            "acorn",
            "acorn_device.device:AcornBackend",
            contract=1,
            count="acorn_device.device:count",
            description="C memory through ctypes",
        )
    ]


@hookimpl
def kernels():
    return [
        KernelSpec("cpu", "acorn_device.kernels:late", contract=1, order=60, name="acorn late"),
        KernelSpec("cpu", "acorn_device.kernels:early", contract=1, order=40, name="acorn early"),
    ]


@hookimpl
def ops():
    return ["acorn_device.ops"]


@hookimpl
def domains():
    return {"acorn": "acorn_device.squirrel"}
