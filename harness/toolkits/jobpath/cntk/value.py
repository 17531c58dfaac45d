"""``cntk.Value``: samples made by hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .device import check_device
from .function import Tensor
from .missing import missing


class _Explained(type):
    """Says of what CNTK's class has and this one has not why that is so."""

    def __getattr__(cls, name: str) -> Any:
        return missing(f"cntk.{cls.__name__}")(name)


class Value(metaclass=_Explained):
    """Samples as an input takes them; made by ``one_hot``."""

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
        lists = [each if isinstance(each, (list, tuple, np.ndarray)) else [each] for each in batch]
        if any(len(each) != 1 for each in lists):
            raise ValueError("CNTK on PyTorch takes batches of samples: each list of a one_hot batch holds one index")
        indices = torch.tensor([int(each[0]) for each in lists])
        outside = [int(each) for each in indices if not 0 <= each < num_classes]
        if outside:
            raise ValueError(f"one_hot: the index {outside[0]} is not below num_classes, {num_classes}")
        return Value(torch.nn.functional.one_hot(indices, num_classes).float())

    def asarray(self) -> Any:
        """The samples as a numpy array, the batch first."""
        return self.data.numpy()
