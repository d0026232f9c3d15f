"""Optimizers and learning-rate schedulers."""

from facula.optim import lr_scheduler
from facula.optim.adadelta import Adadelta
from facula.optim.adagrad import Adagrad
from facula.optim.adam import Adam, AdamW
from facula.optim.adamax import Adamax
from facula.optim.nadam import NAdam
from facula.optim.optimizer import Optimizer
from facula.optim.rmsprop import RMSprop
from facula.optim.sgd import SGD

__all__ = [
    "SGD", "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "Optimizer", "RMSprop", "lr_scheduler",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name != "swa_utils":
        raise AttributeError(f"module 'facula.optim' has no attribute {name!r}")
    import importlib

    return importlib.import_module("facula.optim.swa_utils")
