"""Kernels for the `cpu` device, which is somebody else's: two providers, asked in their order."""

asked = []


def early(op, backend):
    """Takes `exp` of arrays with 3 elements, and passes all others on."""
    if op.name != "exp":
        return None

    def exp(input):
        asked.append("early")
        return NotImplemented if input.size != 3 else input * 0 + 3

    return exp


def late(op, backend):
    """Takes `exp` of arrays with 4 elements."""
    if op.name != "exp":
        return None

    def exp(input):
        asked.append("late")
        return NotImplemented if input.size != 4 else input * 0 + 4

    return exp
