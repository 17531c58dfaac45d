"""``cntk.losses``."""

from .criteria import binary_cross_entropy, cross_entropy_with_softmax, squared_error
from .missing import missing

__all__ = ["binary_cross_entropy", "cross_entropy_with_softmax", "squared_error"]

__getattr__ = missing(__name__)
