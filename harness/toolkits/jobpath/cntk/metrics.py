"""``cntk.metrics``."""

from .missing import missing
from .ops import classification_error

__all__ = ["classification_error"]

__getattr__ = missing(__name__)
