"""Conditions of a sweep: parameters that depend on others, and excluded points; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, FiniteFloat, Tag, model_validator

from harness.scenario.record import Record, invalid_fields
from harness.scenario.values import Scalar, comparison_key


class Between(Record):
    """Numbers from ``low`` to ``high``, both included; either may be absent."""

    low: int | FiniteFloat | None = None
    high: int | FiniteFloat | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Between":
        if self.low is None and self.high is None:
            raise invalid_fields(((), "give low, high or both"))
        return self


def _kind(value: Any) -> str:
    return "between" if isinstance(value, dict | Between) else "any of" if isinstance(value, list | tuple) else "value"


Condition = Annotated[
    Annotated[Scalar, Tag("value")]
    | Annotated[list[Scalar], Field(min_length=1), Tag("any of")]
    | Annotated[Between, Tag("between")],
    Discriminator(_kind),
]
Conditions = Mapping[str, Condition]


def holds(conditions: Conditions, values: Mapping[str, Scalar]) -> bool:
    """Whether every condition is met; one on a name without a value is not."""
    return all(name in values and _is_met(condition, values[name]) for name, condition in conditions.items())


def active_values(
    point: Mapping[str, Scalar], when: Mapping[str, Conditions], constants: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """Return the point without the names whose conditions are not met.

    Args:
        point: the values of swept names, in the order in which conditions are checked.
        when: for a name, conditions on names before it, and on parameters that are not swept.
        constants: values of the parameters that are not swept.
    """
    values = {name: value for name, value in constants.items() if name not in point}
    result: dict[str, Scalar] = {}
    for name, value in point.items():
        if holds(when.get(name, {}), {**values, **result}):
            result[name] = value
    return result


def is_excluded(point: Mapping[str, Scalar], exclude: Iterable[Conditions], constants: Mapping[str, Scalar]) -> bool:
    """Whether all conditions of an exclusion are met."""
    values = {**constants, **point}
    return any(holds(conditions, values) for conditions in exclude)


def existing_points(
    points: Iterable[Mapping[str, Scalar]],
    when: Mapping[str, Conditions],
    exclude: Sequence[Conditions],
    constants: Mapping[str, Scalar],
) -> Iterator[dict[str, Scalar]]:
    """Yield the points that exist: reduced by ``when``, without excluded points and without duplicates."""
    keys: set[object] = set()
    for point in points:
        reduced = active_values(point, when, constants)
        key = tuple((name, comparison_key(value)) for name, value in reduced.items())
        if key not in keys and not is_excluded(reduced, exclude, constants):
            keys.add(key)
            yield reduced


def _is_met(condition: Any, value: Scalar) -> bool:
    if isinstance(condition, Between):
        if isinstance(value, bool | str):
            return False
        return (condition.low is None or value >= condition.low) and (condition.high is None or value <= condition.high)
    allowed = condition if isinstance(condition, list) else [condition]
    return comparison_key(value) in map(comparison_key, allowed)
