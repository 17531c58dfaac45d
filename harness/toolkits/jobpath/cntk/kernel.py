"""How an operation computes: from its inputs' tensors, its attributes, and whether this is training."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .function import Tensor

Kernel = Callable[[Sequence[Tensor], Mapping[str, Any], bool], Tensor]


def plain(compute: Callable[..., Tensor]) -> Kernel:
    """A kernel that looks at its inputs alone."""
    return lambda values, _attributes, _training: compute(*values)
