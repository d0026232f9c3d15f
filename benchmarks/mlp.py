"""One taped training step of a 784-128-128-10 network, batch 32, SGD with momentum."""


def make(module, batch=32):
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
