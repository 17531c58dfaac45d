"""``cntk.metrics``."""

from .criteria import classification_error
from .missing import missing

__all__ = ["classification_error"]

__getattr__ = missing(__name__)
