"""`facula.data` under PyTorch's name."""

from facula.data import *
from facula.data import __all__
