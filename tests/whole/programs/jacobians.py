"""Jacobians, Hessians and their products: autograd.functional and grad of grad."""

import torch
from torch.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def rosenbrock(x):
    return torch.sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)


def main(same_weights):
    x = torch.tensor([0.5, -0.3, 0.8], dtype=torch.float64)
    v = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
    f = lambda x: torch.stack([x[0] * x[1], x.sin().sum(), (x**2).prod()])
    two = lambda a, b: (a.exp() * b, a.sum() + b.sum())
    results = [
        jacobian(f, x),
        hessian(rosenbrock, x),
        *hvp(rosenbrock, x, v),
        *vjp(f, x, v),
        *jvp(f, x, v),
        *vhp(rosenbrock, x, v),
    ]
    for row in jacobian(two, (x, v), create_graph=True):
        results += row
    for row in hessian(lambda a, b: (a**2 * b).sum(), (x, v)):
        results += row
    p = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(rosenbrock(p), p, create_graph=True)
    rows = [torch.autograd.grad(g[i], p, retain_graph=True)[0] for i in range(3)]
    (product,) = torch.autograd.grad((g * v).sum(), p, retain_graph=True)
    newton = p.detach() - torch.linalg.solve(torch.stack(rows), g.detach())
    q = p * 2
    q.retain_grad()
    handle = q.register_hook(lambda grad: grad * 3)
    q.pow(3).sum().backward()
    handle.remove()
    return results + [*rows, product, newton, q.grad, p.grad]
