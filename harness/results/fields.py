"""The fields of an outcome by the names that people type: to sort by, to filter by, and as columns. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.suggestions import suggestion

Value = str | int | float | bool | None
"""What a field holds; None is nothing."""

FACTS: Mapping[str, Callable[[Outcome], Value]] = {
    "scenario": lambda outcome: outcome.scenario,
    "trial": lambda outcome: outcome.trial,
    "state": lambda outcome: outcome.state,
    "exit_code": lambda outcome: outcome.exit_code,
    "expected": lambda outcome: outcome.is_met,
    "queued": lambda outcome: outcome.durations.get("queued"),
    "running": lambda outcome: outcome.durations.get("running"),
    "directory": lambda outcome: outcome.directory,
}
"""What every outcome has, besides its parameters and metrics."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of outcomes.

    Attributes:
        name: as it is shown: the plain name, or ``parameters.x`` where several things are called ``x``.
        read: gives its value.
    """

    name: str
    read: Callable[[Outcome], Value]


class Fields:
    """All fields of some outcomes.

    Args:
        outcomes: whose parameters and metrics are fields.
        metrics: more names of metrics, which no outcome may have.
    """

    def __init__(self, outcomes: Sequence[Outcome], metrics: Iterable[str] = ()) -> None:
        self.parameters = list(dict.fromkeys(name for one in outcomes for name in one.parameters))
        self.metrics = list(dict.fromkeys([*metrics, *(name for one in outcomes for name in one.metrics)]))

    def parameter(self, name: str) -> Field:
        """A parameter of the trials."""
        is_unique = name not in self.metrics and name not in FACTS
        return Field(name if is_unique else f"parameters.{name}", lambda outcome: outcome.parameters.get(name))

    def metric(self, name: str) -> Field:
        """The last value of a metric."""
        is_unique = name not in self.parameters and name not in FACTS
        return Field(name if is_unique else f"metrics.{name}", lambda outcome: outcome.metrics.get(name))

    def every(self) -> list[Field]:
        """All of them: the parameters, the metrics, and what every outcome has."""
        named = [*map(self.parameter, self.parameters), *map(self.metric, self.metrics)]
        return [*named, *(Field(name, read) for name, read in FACTS.items())]

    def named(self, name: str) -> Field:
        """The field of a name.

        Raises:
            UserError: there is none, or there are several; the message has the names that are meant.
        """
        known = {field.name: field for field in self.every()}
        longer = {f"parameters.{each}": self.parameter(each) for each in self.parameters}
        longer |= {f"metrics.{each}": self.metric(each) for each in self.metrics}
        if name in known or name in longer:
            return known.get(name) or longer[name]
        if several := [each for each in known if each.partition(".")[2] == name]:
            raise UserError(f"{name!r} can be any of {', '.join(several)}; write one of them")
        raise UserError(f"the trials have no field {name!r}; {suggestion(name, known)}")


def varying(fields: Iterable[Field], outcomes: Sequence[Outcome]) -> list[Field]:
    """The fields that do not have the same value in all outcomes."""
    return [field for field in fields if len({_key(field.read(outcome)) for outcome in outcomes}) > 1]


def order_key(value: Value) -> tuple[bool, bool, float, str]:
    """What values are sorted by: numbers, then texts, then what is ``nan`` or nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True, True, 0.0, ""
    return (False, True, 0.0, value) if isinstance(value, str) else (False, False, float(value), "")


def _key(value: Value) -> object:
    return (type(value) is bool, str(value)) if isinstance(value, float) and math.isnan(value) else (
        isinstance(value, bool), value,
    )  # fmt: skip
