"""The part of CNTK's native module that scripts call by name."""

from .missing import missing
from .random import set_fixed_random_seed

__all__ = ["set_fixed_random_seed"]

__getattr__ = missing(__name__)
