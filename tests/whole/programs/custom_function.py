"""autograd.Function in its usual forms: a ReLU, a straight-through estimator, two inputs, once_differentiable."""

import torch
from torch.autograd import Function, Variable, gradcheck
from torch.autograd.function import once_differentiable


class MyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input < 0] = 0
        return grad_input


class LinearFunction(Function):
    @staticmethod
    def forward(ctx, input, weight, bias=None, scale=1.0):
        ctx.save_for_backward(input, weight, bias)
        ctx.scale = scale
        output = input.mm(weight.t()) * scale
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight) * ctx.scale
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input) * ctx.scale
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias, None


class Round(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_non_differentiable()
        return x.round()

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return g


def main(same_weights):
    x = torch.linspace(-2, 2, 12, dtype=torch.float64).reshape(4, 3)
    w = Variable(torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3), requires_grad=True)
    b = torch.zeros(2, dtype=torch.double, requires_grad=True)
    learning_rate, losses = 1e-2, []
    for _ in range(3):
        y = MyReLU.apply(LinearFunction.apply(x, w, b, 2.0)) + 0.1 * Round.apply(x @ w.T * 3)
        loss = (y - 1).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            w -= learning_rate * w.grad
            b -= learning_rate * b.grad
            w.grad.zero_()
            b.grad = None
        losses.append(loss.item())
    inputs = (
        x.clone().requires_grad_(),
        w.detach().clone().requires_grad_(),
        b.detach().clone().requires_grad_(),
    )
    assert gradcheck(LinearFunction.apply, inputs, eps=1e-6, atol=1e-4)
    return losses + [w, b]
