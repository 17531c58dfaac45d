"""``cntk.Value``: samples that a script creates."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .device import check_device
from .function import Tensor
from .missing import missing


class _ExplainsMissing(type):
    """Explains attributes of CNTK's class that this one lacks."""

    def __getattr__(cls, name: str) -> Any:
        return missing(f"cntk.{cls.__name__}")(name)


class Value(metaclass=_ExplainsMissing):
    """Samples for an input; ``one_hot`` creates them."""

    def __init__(self, data: Tensor) -> None:
        self.data = data

    @property
    def shape(self) -> tuple[int, ...]:
        """The batch, then one sample."""
        return tuple(self.data.shape)

    @staticmethod
    def one_hot(batch: Sequence[Any], num_classes: int, dtype: Any = None, device: Any = None) -> "Value":
        """A sample for each index: 1 at the index and 0 elsewhere.

        Args:
            batch: indices, or lists of one index each: a sequence is one sample here.
            num_classes: the width of a sample.
            dtype: accepted as in CNTK; numbers are float32 here.
            device: accepted as in CNTK; the default device holds the samples when they are used.

        Raises:
            ValueError: a list holds several indices, or an index is not below ``num_classes``.
        """
        del dtype
        check_device(device)
        lists = [item if isinstance(item, (list, tuple, np.ndarray)) else [item] for item in batch]
        if any(len(row) != 1 for row in lists):
            raise ValueError("CNTK on PyTorch takes batches of samples: each list of a one_hot batch holds one index")
        indices = torch.tensor([int(row[0]) for row in lists])
        outside = [int(index) for index in indices if not 0 <= index < num_classes]
        if outside:
            raise ValueError(f"one_hot: the index {outside[0]} is not below num_classes, {num_classes}")
        return Value(torch.nn.functional.one_hot(indices, num_classes).float())

    def asarray(self) -> Any:
        """The samples as a numpy array, the batch first."""
        return self.data.numpy()
