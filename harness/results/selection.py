"""Selects and sorts the trials to show. Pure."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from harness.errors import UserError
from harness.experiments.outcomes import Outcome
from harness.results.fields import Field, Fields, Value, order_key
from harness.results.goal import Goal, best_first

_CONDITION = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|!=|==|=|<|>)\s*(.*?)\s*", re.DOTALL)
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS: Mapping[str, bool] = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Condition:
    """``NAME OPERATOR VALUE``: numbers are compared as numbers, and ``*`` in a text matches anything."""

    field: Field
    operator: str
    operand: str

    def holds(self, outcome: Outcome) -> bool:
        """Whether an outcome meets the condition; a missing value differs from any operand, and is not less or more."""
        value = self.field.read(outcome)
        if self.operator in _ORDERS:
            number = _number(self.operand)
            is_number = isinstance(value, int | float) and number is not None
            return is_number and _ORDERS[self.operator](value, number)
        return _equals(value, self.operand) is (self.operator != "!=")


@dataclass(frozen=True, slots=True)
class Selection:
    """The trials to show.

    Attributes:
        conditions: conditions that all must hold.
        order: fields to sort by, the most important first, and whether each is descending.
        goal: the goal by which ``best`` selects trials.
        best: the number of best trials; None for all trials.
    """

    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[Field, bool], ...] = ()
    goal: Goal | None = None
    best: int | None = None

    def of(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The selected outcomes, sorted; outcomes without a value come last."""
        selected = [outcome for outcome in outcomes if all(condition.holds(outcome) for condition in self.conditions)]
        if self.best is not None and self.goal is not None:
            selected = best_first(selected, self.goal)[: self.best]
        for field, is_descending in reversed(self.order):
            selected = _sorted(selected, field, is_descending=is_descending)
        return selected


def read_condition(text: str, fields: Fields) -> Condition:
    """The condition that a text states, such as ``loss < 0.1`` or ``state = failed``.

    Raises:
        UserError: the text is no condition, names no field, or compares with something that is no number.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UserError(f"--where {text!r}: write NAME OPERATOR VALUE with one of = != < <= > >=, such as 'loss < 0.1'")
    name, sign, operand = match.groups()
    if sign in _ORDERS and _number(operand) is None:
        raise UserError(f"--where {text!r}: {sign} compares with a number, and {operand!r} is none")
    return Condition(fields.named(name), sign, operand)


def read_order(text: str, fields: Fields) -> tuple[Field, bool]:
    """A field to sort by, and whether the order is descending, as in ``-loss``.

    Raises:
        UserError: there is no such field.
    """
    return fields.named(text.removeprefix("-")), text.startswith("-")


def _sorted(outcomes: list[Outcome], field: Field, *, is_descending: bool) -> list[Outcome]:
    pairs = [(order_key(field.read(outcome)), outcome) for outcome in outcomes]
    with_value = [pair for pair in pairs if not pair[0][0]]
    with_value.sort(key=lambda pair: pair[0], reverse=is_descending)
    return [outcome for _, outcome in (*with_value, *(pair for pair in pairs if pair[0][0]))]


def _equals(value: Value, operand: str) -> bool:
    if isinstance(value, bool):
        return _WORDS.get(operand.lower()) is value
    if isinstance(value, int | float):
        number = _number(operand)
        return number is not None and (value == number or (value != value and number != number))  # noqa: PLR0124 - nan
    return value is not None and fnmatchcase(value, operand)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
