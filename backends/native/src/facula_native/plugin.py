"""Entry module: says where the kernels are, and imports nothing of them."""

from facula.backends import KernelSpec, hookimpl


@hookimpl
def kernels() -> list[KernelSpec]:
    return [
        KernelSpec(
            "cpu",
            "facula_native.provider:kernel",
            contract=1,
            name="facula-native",
            wraps=True,
            inplace="facula_native.provider:inplace",
        )
    ]
