"""Points of a sweep that are drawn before it starts; the same seed draws the same points."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Literal

from pydantic import Field

from harness.scenario.record import Identifier, Record
from harness.scenario.swept_values import FindFiles, RangeSpec, SweptValues, list_values
from harness.scenario.values import Scalar, comparison_key

Method = Literal["random", "sobol", "halton"]
MOST_SAMPLES = 10_000
_TRIES = 20  # draws for each requested point


class SampleSpec(Record):
    """Points that are drawn from a space.

    Attributes:
        samples: how many points; no two are equal.
        space: the values that each name is drawn from.
    """

    samples: int = Field(ge=1, le=MOST_SAMPLES)
    seed: int = Field(default=0, ge=0)
    space: dict[Identifier, SweptValues] = Field(min_length=1)


def draw(
    method: Method,
    sample: SampleSpec,
    find: FindFiles,
    *,
    fixed: Mapping[str, Scalar],
    accept: Callable[[Mapping[str, Scalar]], Mapping[str, Scalar] | None],
) -> tuple[Mapping[str, Scalar], ...]:
    """Draw the points of a sample; fewer than requested if the space has no more.

    Args:
        method: how points are drawn.
        sample: how many points, from which space.
        find: lists files.
        fixed: values of names that are not drawn.
        accept: reduces a point to its active names; returns None if the point does not exist.

    Raises:
        ValueError: no point exists.
    """
    axes = {name: _axis(spec, find) for name, spec in sample.space.items()}
    points: dict[object, Mapping[str, Scalar]] = {}
    for fractions in _fractions(method, len(axes), sample):
        drawn = {name: axis(part) for (name, axis), part in zip(axes.items(), fractions, strict=True)}
        point = accept({name: fixed.get(name, value) for name, value in drawn.items()})
        if point is not None:
            points.setdefault(tuple((name, comparison_key(value)) for name, value in point.items()), point)
        if len(points) == sample.samples:
            break
    if not points:
        raise ValueError("no point of the space is left; check exclude")
    return tuple(points.values())


def _axis(spec: object, find: FindFiles) -> Callable[[float], Scalar]:
    if isinstance(spec, RangeSpec):
        return spec.value_at
    values: Sequence[Scalar] = list_values(spec, find)
    return lambda part: values[min(int(part * len(values)), len(values) - 1)]


def _fractions(method: Method, dimensions: int, sample: SampleSpec) -> Iterator[tuple[float, ...]]:
    count = _TRIES * sample.samples
    if method == "random":
        chance = random.Random(sample.seed)  # noqa: S311  # no secret
        return (tuple(chance.random() for _ in range(dimensions)) for _ in range(count))
    points: Iterator[tuple[float, ...]] = getattr(import_module("harness.scenario.quasi_random"), method)(
        dimensions, sample.seed, count
    )
    return points
