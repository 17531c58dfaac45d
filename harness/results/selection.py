"""Which trials are shown, and in which order. Pure."""

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
    """``NAME OPERATOR VALUE``: numbers compare as numbers, and in a text ``*`` stands for anything."""

    field: Field
    operator: str
    wanted: str

    def holds(self, outcome: Outcome) -> bool:
        """Whether an outcome meets it; one that has no value differs from everything, and is neither less nor more."""
        value = self.field.read(outcome)
        if self.operator in _ORDERS:
            number = _number(self.wanted)
            is_number = isinstance(value, int | float) and number is not None
            return is_number and _ORDERS[self.operator](value, number)
        return _equals(value, self.wanted) is (self.operator != "!=")


@dataclass(frozen=True, slots=True)
class Selection:
    """What to show.

    Attributes:
        conditions: all of them must hold.
        order: fields to sort by, the first one first, and whether each is descending.
        goal: what makes a trial better; orders those that ``best`` counts.
        best: how many of the best trials; None for all trials.
    """

    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[Field, bool], ...] = ()
    goal: Goal | None = None
    best: int | None = None

    def of(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The selected outcomes, in order; those without a value come last."""
        chosen = [one for one in outcomes if all(condition.holds(one) for condition in self.conditions)]
        if self.best is not None and self.goal is not None:
            chosen = best_first(chosen, self.goal)[: self.best]
        for field, is_descending in reversed(self.order):
            chosen = _sorted(chosen, field, is_descending=is_descending)
        return chosen


def read_condition(text: str, fields: Fields) -> Condition:
    """The condition that a text states, such as ``loss < 0.1`` or ``state = failed``.

    Raises:
        UserError: it states none, names no field, or compares with what is no number.
    """
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UserError(f"--where {text!r}: write NAME OPERATOR VALUE with one of = != < <= > >=, such as 'loss < 0.1'")
    name, sign, wanted = found.groups()
    if sign in _ORDERS and _number(wanted) is None:
        raise UserError(f"--where {text!r}: {sign} compares with a number, and {wanted!r} is none")
    return Condition(fields.named(name), sign, wanted)


def read_order(text: str, fields: Fields) -> tuple[Field, bool]:
    """A field to sort by, and whether descending: ``-loss``.

    Raises:
        UserError: there is no such field.
    """
    return fields.named(text.removeprefix("-")), text.startswith("-")


def _sorted(outcomes: list[Outcome], field: Field, *, is_descending: bool) -> list[Outcome]:
    keyed = [(order_key(field.read(outcome)), outcome) for outcome in outcomes]
    there = [pair for pair in keyed if not pair[0][0]]
    there.sort(key=lambda pair: pair[0], reverse=is_descending)
    return [outcome for _, outcome in (*there, *(pair for pair in keyed if pair[0][0]))]


def _equals(value: Value, wanted: str) -> bool:
    if isinstance(value, bool):
        return _WORDS.get(wanted.lower()) is value
    if isinstance(value, int | float):
        number = _number(wanted)
        return number is not None and (value == number or (value != value and number != number))  # noqa: PLR0124 - nan
    return value is not None and fnmatchcase(value, wanted)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
