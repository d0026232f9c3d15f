"""Entry module: says where the backend is, and imports nothing of it."""

from facula.backends import DeviceSpec, hookimpl


@hookimpl
def devices() -> list[DeviceSpec]:
    return [
        DeviceSpec(
            "opencl",
            "facula_opencl.backend:OpenCLBackend",
            contract=1,
            count="facula_opencl.devices:count",
            description="any OpenCL device, over pyopencl",
            install="pip install facula[opencl]",
        )
    ]
