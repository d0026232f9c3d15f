"""Entry module: says what there is, and imports no array library."""

from facula.backends import DeviceSpec, hookimpl


@hookimpl
def devices() -> list[DeviceSpec]:
    return [
        DeviceSpec(
            "strict",
            "facula_array_api.backend:StrictBackend",
            contract=1,
            description="the array API standard and nothing beyond it (array-api-strict)",
            install="pip install array-api-strict",
        ),
        DeviceSpec(
            "jax",
            "facula_array_api.backend:JaxBackend",
            contract=1,
            description="JAX",
            install="pip install jax",
        ),
    ]
