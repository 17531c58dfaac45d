"""``cntk.losses``."""

from .missing import missing
from .ops import cross_entropy_with_softmax

__all__ = ["cross_entropy_with_softmax"]

__getattr__ = missing(__name__)
