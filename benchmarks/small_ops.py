"""What recording costs: taped operations on ten float32 numbers."""

import torch
from measure import compare

import facula

torch.set_num_threads(1)


def operands(module):
    return (
        module.ones(10, requires_grad=True),
        module.ones(10, requires_grad=True),
        module.ones(2, 5, requires_grad=True),
    )


OPS = {
    "add": lambda x, y, z: lambda: x + y,
    "mul": lambda x, y, z: lambda: x * y,
    "x * 2.0": lambda x, y, z: lambda: x * 2.0,
    "tanh": lambda x, y, z: lambda: x.tanh(),
    "reshape": lambda x, y, z: lambda: z.reshape(10),
    "sum": lambda x, y, z: lambda: x.sum(),
    "x[2:7]": lambda x, y, z: lambda: x[2:7],
    "x[3]": lambda x, y, z: lambda: x[3],
    "matmul": lambda x, y, z: lambda: z @ x.reshape(5, 2),
}

for name, make in OPS.items():
    bound = 0.75 if name == "add" else None
    compare(
        f"taped {name}, 10 elements",
        make(*operands(facula)),
        make(*operands(torch)),
        2000,
        "µs",
        40,
        bound,
    )
