"""The seed of initial weights and dropout: ``cntk.random``."""  # CNTK's own name

import torch

from .missing import missing


def set_fixed_random_seed(value: int) -> None:
    """Restart the random numbers of weights and dropout from a seed."""
    torch.manual_seed(value)


__getattr__ = missing(__name__)
