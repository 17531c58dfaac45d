"""``cntk.debugging``."""

from .missing import missing
from .random import set_fixed_random_seed

__all__ = ["force_deterministic"]


def force_deterministic(seed: int) -> None:
    """Begin the random numbers anew from a seed."""
    set_fixed_random_seed(seed)


__getattr__ = missing(__name__)
