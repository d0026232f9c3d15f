"""Peak memory of 200 training steps above the size after import and construction, each in a process of its own.

python memory.py                 # the table
python memory.py facula cnn      # one run: prints the growth in KiB
"""

import importlib
import subprocess
import sys


def mlp(module):
    from mlp import make

    return make(module)


def cnn(module):
    nn, F = module.nn, module.nn.functional
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip
    optimizer = module.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x = module.randn(64, 1, 28, 28)
    y = module.randint(0, 10, (64,))

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    return step


def growth(name, build):
    from measure import forget_peak, status_kib

    module = importlib.import_module(name)
    importlib.import_module(name + ".nn")
    importlib.import_module(name + ".optim")
    step = build(module)
    forget_peak()
    before = status_kib("VmRSS")
    for _ in range(200):
        step()
    return status_kib("VmHWM") - before


if len(sys.argv) == 3:
    print(growth(sys.argv[1], {"mlp": mlp, "cnn": cnn}[sys.argv[2]]))
elif __name__ == "__main__":
    from measure import row

    for model in ("mlp", "cnn"):
        ours, theirs = (
            int(subprocess.check_output([sys.executable, __file__, name, model])) / 1024
            for name in ("facula", "torch")
        )
        row(f"peak memory of {model.upper()} training", ours, theirs, "MB", ours / theirs, 1.0)
