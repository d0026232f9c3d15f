"""Entry module: says where the backend is, and imports nothing of it."""

from facula.backends import DeviceSpec, hookimpl


@hookimpl
def devices() -> list[DeviceSpec]:
    return [
        DeviceSpec(
            "cuda",
            "facula_cupy.backend:CupyBackend",
            contract=1,
            count="facula_cupy.library:device_count",
            runtime="facula_cupy.runtime:CupyRuntime",
            description="NVIDIA GPUs, over CuPy",
            install="pip install facula[cuda]",
        )
    ]
