"""Entry module: says what the package offers, and imports no driver."""

from facula.backends import DeviceSpec, hookimpl


@hookimpl
def devices():
    return [
        DeviceSpec(
            "wgpu",
            "wgpu_device.device:WgpuBackend",
            contract=1,
            count="wgpu_device.device:count",
            description="WebGPU through wgpu",
            install="needs a Vulkan, Metal or D3D12 driver; on Debian a CPU one: apt-get install mesa-vulkan-drivers libvulkan1",
        )
    ]
