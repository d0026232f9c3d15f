"""WebGPU devices for Facula: `facula.device("wgpu")`."""
