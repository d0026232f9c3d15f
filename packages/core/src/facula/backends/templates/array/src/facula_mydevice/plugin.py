"""Entry module: says what this package offers, and imports no array library."""

from facula.backends import DeviceSpec, hookimpl


@hookimpl
def devices() -> list[DeviceSpec]:
    return [
        DeviceSpec(
            "mydevice",
            "facula_mydevice.backend:MydeviceBackend",  # imported at the first use of the device
            contract=1,  # facula.backends.CONTRACT_VERSION when this was written
            description="an array library with NumPy's interface",
            install="install the array library of mydevice",  # told where it cannot be imported
        )
    ]
