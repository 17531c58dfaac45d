"""Shapes of one sample, and axes of them."""

from collections.abc import Sequence
from typing import Any, Final

Shape = tuple[int, ...]

InferredDimension: Final = -1


def as_shape(value: Any) -> Shape:
    """A number or a sequence of them as a shape."""
    return (
        (int(value),) if isinstance(value, (int, float)) or not hasattr(value, "__iter__") else tuple(map(int, value))
    )


def static_axis(op: str, axis: Any, shape: Sequence[int]) -> int:
    """An axis from the left, whichever side it was counted from.

    Raises:
        ValueError: the shape has no such axis.
    """
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise ValueError(f"{op}: there is no axis {axis} in {list(shape)}; CNTK on PyTorch has axes of a sample only")
    return axis % len(shape)
