"""The part of CNTK's native module that scripts call by name."""

from .missing import missing
from .random import set_fixed_random_seed

__all__ = ["force_deterministic_algorithms", "set_fixed_random_seed"]


def force_deterministic_algorithms() -> None:
    """Does nothing: the algorithms in use are deterministic."""


__getattr__ = missing(__name__)
