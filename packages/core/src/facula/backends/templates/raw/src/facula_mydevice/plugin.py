"""Entry module: says what this package offers, and imports no driver."""

from facula.backends import DeviceSpec, hookimpl


@hookimpl
def devices() -> list[DeviceSpec]:
    return [
        DeviceSpec(
            "mydevice",
            "facula_mydevice.backend:MydeviceBackend",  # imported at the first use of the device
            contract=1,  # facula.backends.CONTRACT_VERSION when this was written
            count="facula_mydevice.backend:count",
            description="memory and kernels of its own",
            install="install the driver of mydevice",  # told where the backend cannot be loaded
        )
    ]
