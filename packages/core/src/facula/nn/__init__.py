# ruff: noqa: F403
"""Layers, losses and containers: PyTorch's `torch.nn`. Imported when first asked for."""

from __future__ import annotations

import sys

from facula.nn import functional as functional, init as init, utils as utils
from facula.nn.activation import *
from facula.nn.adaptive import *
from facula.nn.attention import *
from facula.nn.batchnorm import *
from facula.nn.container import *
from facula.nn.conv import *
from facula.nn.distance import *
from facula.nn.dropout import *
from facula.nn.embedding import *
from facula.nn.flatten import *
from facula.nn.fold import *
from facula.nn.instancenorm import *
from facula.nn.linear import *
from facula.nn.loss import *
from facula.nn.module import Module as Module
from facula.nn.normalization import *
from facula.nn.padding import *
from facula.nn.parallel import *
from facula.nn.parameter import (
    Buffer as Buffer,
    Parameter as Parameter,
    UninitializedBuffer as UninitializedBuffer,
    UninitializedParameter as UninitializedParameter,
)
from facula.nn.pixelshuffle import *
from facula.nn.pooling import *
from facula.nn.rnn import *
from facula.nn.transformer import *
from facula.nn.upsampling import *

#: `nn.modules.linear.Linear` and the like, as PyTorch has it; here the files are in `nn` itself.
modules = sys.modules[__name__]
