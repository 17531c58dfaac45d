"""Samples and splits, the common form of all data sets."""

from dataclasses import dataclass
from typing import Any, Literal

Name = Literal["mnist", "mnist-t10k", "digits"]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Images, ``(n, 28, 28)`` whole numbers 0..255, and their labels, ``n`` whole numbers 0..9."""

    images: Any
    labels: Any


@dataclass(frozen=True, slots=True)
class Split:
    """A data set split into samples for training and for tests."""

    name: Name
    train: Samples
    test: Samples
