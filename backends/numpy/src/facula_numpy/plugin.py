"""Entry module: says where the backend is, and imports nothing of it."""

from facula.backends import DeviceSpec, hookimpl


@hookimpl
def devices() -> list[DeviceSpec]:
    return [
        DeviceSpec(
            "cpu",
            "facula_numpy.backend:NumpyBackend",
            contract=1,
            description="NumPy",
            accelerator=False,
        )
    ]
