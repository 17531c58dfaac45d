"""Kernels compute operations from the tensors of inputs, the attributes, and whether this is training."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .function import Tensor

Kernel = Callable[[Sequence[Tensor], Mapping[str, Any], bool], Tensor]


def plain(compute: Callable[..., Tensor]) -> Kernel:
    """A kernel that depends on its inputs only."""
    return lambda values, _attributes, _training: compute(*values)
