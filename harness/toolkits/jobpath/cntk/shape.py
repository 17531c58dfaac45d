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


def listed(value: Any) -> tuple[Any, ...]:
    """An option's value or values; numpy's numbers become Python's own, which a model's file can hold."""
    values = tuple(value) if hasattr(value, "__iter__") else (value,)
    return tuple(each.item() if hasattr(each, "item") else each for each in values)


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """What CNTK takes for each axis of an image: one value for all, or as many as there are axes, or the last few.

    Where the first axes have no value, the first value is theirs, as in CNTK.

    Raises:
        ValueError: there is no value, or there are more than axes.
    """
    values = listed(value)
    if not 0 < len(values) <= axes:
        raise ValueError(f"{value!r} has {len(values)} values for {axes} axes")
    return (values[0],) * (axes - len(values)) + values


def static_axis(op: str, axis: Any, shape: Sequence[int]) -> int:
    """An axis from the left, whichever side it was counted from.

    Raises:
        ValueError: the shape has no such axis.
    """
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise ValueError(f"{op}: there is no axis {axis} in {list(shape)}; CNTK on PyTorch has axes of a sample only")
    return axis % len(shape)
