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


def as_tuple(value: Any) -> tuple[Any, ...]:
    """The values of an option as a tuple of Python's numbers, which a model file can hold."""
    values = tuple(value) if hasattr(value, "__iter__") else (value,)
    return tuple(number.item() if hasattr(number, "item") else number for number in values)


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """The value of an option for each axis: one value is used for all axes, a few values for the last axes.

    The other axes get the first value, as in CNTK.

    Raises:
        ValueError: there is no value, or there are more than axes.
    """
    values = as_tuple(value)
    if not 0 < len(values) <= axes:
        raise ValueError(f"{value!r} has {len(values)} values for {axes} axes")
    return (values[0],) * (axes - len(values)) + values


def static_axis(op: str, axis: Any, shape: Sequence[int]) -> int:
    """The index of an axis counted from the left; a negative ``axis`` counts from the right.

    Raises:
        ValueError: the shape has no such axis.
    """
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise ValueError(f"{op}: there is no axis {axis} in {list(shape)}; CNTK on PyTorch has axes of a sample only")
    return axis % len(shape)
