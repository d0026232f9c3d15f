"""One taped training step of a 784-128-128-10 network, batch 32, SGD with momentum."""


def make(module, batch=32):
    """A function that does one step and returns the loss."""
    nn, F = module.nn, module.nn.functional
    module.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer = module.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = module.randn(batch, 784)
    y = module.randint(0, 10, (batch,))

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


if __name__ == "__main__":
    import os

    import torch
    from measure import compare

    import facula

    threads = int(os.environ["OMP_NUM_THREADS"])
    torch.set_num_threads(threads)
    what = f"MLP training step, batch 32, {threads} thread{'s' * (threads > 1)}"
    compare(what, make(facula), make(torch), 100, "µs", 40, bound=1.0)
