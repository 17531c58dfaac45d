"""The fields of an outcome, by the names that users type to sort, to filter, and to choose columns. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.suggestions import suggestion

Value = str | int | float | bool | None
"""The value of a field; None if there is none."""

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
"""The fields of every outcome besides its parameters and metrics."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of outcomes.

    Attributes:
        name: the displayed name: the plain one, or ``parameters.x`` if several fields are called ``x``.
        read: returns the value of an outcome.
    """

    name: str
    read: Callable[[Outcome], Value]


class Fields:
    """All fields of some outcomes.

    Args:
        outcomes: the outcomes whose parameters and metrics are fields.
        metrics: names of further metrics, which need not occur in an outcome.
    """

    def __init__(self, outcomes: Sequence[Outcome], metrics: Iterable[str] = ()) -> None:
        self.parameters = list(dict.fromkeys(name for outcome in outcomes for name in outcome.parameters))
        self.metrics = list(dict.fromkeys([*metrics, *(name for outcome in outcomes for name in outcome.metrics)]))

    def parameter(self, name: str) -> Field:
        """A parameter of the trials."""
        is_unique = name not in self.metrics and name not in FACTS
        return Field(name if is_unique else f"parameters.{name}", lambda outcome: outcome.parameters.get(name))

    def metric(self, name: str) -> Field:
        """The last value of a metric."""
        is_unique = name not in self.parameters and name not in FACTS
        return Field(name if is_unique else f"metrics.{name}", lambda outcome: outcome.metrics.get(name))

    def every(self) -> list[Field]:
        """All fields: the parameters, the metrics, and the fields of every outcome."""
        own_fields = [*map(self.parameter, self.parameters), *map(self.metric, self.metrics)]
        return [*own_fields, *(Field(name, read) for name, read in FACTS.items())]

    def named(self, name: str) -> Field:
        """The field of a name.

        Raises:
            UserError: there is no such field, or there are several; the message has the names to choose from.
        """
        fields = {field.name: field for field in self.every()}
        qualified_fields = {f"parameters.{parameter}": self.parameter(parameter) for parameter in self.parameters}
        qualified_fields |= {f"metrics.{metric}": self.metric(metric) for metric in self.metrics}
        if name in fields or name in qualified_fields:
            return fields.get(name) or qualified_fields[name]
        if candidates := [key for key in fields if key.partition(".")[2] == name]:
            raise UserError(f"{name!r} can be any of {', '.join(candidates)}; write one of them")
        raise UserError(f"the trials have no field {name!r}; {suggestion(name, fields)}")


def varying(fields: Iterable[Field], outcomes: Sequence[Outcome]) -> list[Field]:
    """The fields that do not have the same value in all outcomes."""
    return [field for field in fields if len({_key(field.read(outcome)) for outcome in outcomes}) > 1]


def order_key(value: Value) -> tuple[bool, bool, float, str]:
    """The sort key of a value: numbers come first, then texts, then ``nan`` and None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True, True, 0.0, ""
    return (False, True, 0.0, value) if isinstance(value, str) else (False, False, float(value), "")


def _key(value: Value) -> object:
    return (type(value) is bool, str(value)) if isinstance(value, float) and math.isnan(value) else (
        isinstance(value, bool), value,
    )  # fmt: skip
