"""The filters and orders of MLflow's searches, as far as they are documented; pure.

``metrics.loss < 0.5 and params.depth = '3' and tags.stage LIKE 'a%' and attributes.status = 'FINISHED'``
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = str | float | None
Entity = Mapping[str, Value]  # by ``metrics.loss``, ``params.depth``, ``tags.stage``, ``attributes.status``

_CLAUSE = re.compile(
    r"\s*(?P<key>[\w.]+(?:`[^`]+`|\"[^\"]+\")?)\s*(?P<operator>!=|>=|<=|=|>|<|NOT\s+IN\b|IN\b|I?LIKE\b)\s*"
    r"(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\([^)]*\)|[-+.\w]+)\s*",
    re.IGNORECASE,
)
_AND = re.compile(r"and\b", re.IGNORECASE)
_KINDS = {"metric": "metrics", "param": "params", "parameters": "params", "tag": "tags", "attribute": "attributes",
          "attr": "attributes", "run": "attributes"}  # fmt: skip
_TIMES = ("attributes.start_time", "attributes.end_time")
_LONGEST = 4000  # characters of a filter


class FilterError(Exception):
    """A filter or an order cannot be understood; the message names the part."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison."""

    key: str
    operator: str
    value: str

    def holds(self, entity: Entity) -> bool:
        """Whether the comparison holds for a run or an experiment; false if the value is missing."""
        actual = entity.get(self.key)
        if actual is None:
            return False
        if isinstance(actual, float):
            return _NUMBERS[self.operator](actual, float(self.value))
        return _TEXTS[self.operator](actual, self.value)


def parse_filter(text: str) -> list[Clause]:
    """The clauses of a filter, which must all hold.

    Raises:
        FilterError: the text cannot be understood.
    """
    if len(text) > _LONGEST:
        raise FilterError(f"the filter is longer than {_LONGEST} characters")
    clauses: list[Clause] = []
    position = 0
    while text[position:].strip():
        if clauses:
            conjunction = _AND.match(text, position)
            if conjunction is None:
                raise FilterError(f"expected AND at {text[position : position + 40]!r}")
            position = conjunction.end()
        match = _CLAUSE.match(text, position)
        if match is None:
            raise FilterError(f"cannot read {text[position : position + 40]!r}")
        clauses.append(_clause(match["key"], match["operator"], match["value"]))
        position = match.end()
    return clauses


def parse_order(text: str) -> Callable[[Entity], tuple[bool, Value]]:
    """The key by which an ``order_by`` sorts; missing values come last.

    Raises:
        FilterError: the text cannot be understood.
    """
    tokens = text.split()
    if not tokens or len(tokens) > 2 or (len(tokens) == 2 and tokens[1].upper() not in ("ASC", "DESC")):
        raise FilterError(f"cannot order by {text[:40]!r}")
    key = _key(tokens[0])
    return lambda entity: (entity.get(key) is None, entity.get(key))


def is_descending(text: str) -> bool:
    """Whether an ``order_by`` sorts from the highest to the lowest."""
    return text.strip().upper().endswith(" DESC")


def _clause(key: str, operator: str, value: str) -> Clause:
    operator = " ".join(operator.upper().split())
    operand = value[1:-1] if value[:1] in "'\"" else value
    qualified = _key(key)
    if qualified.startswith("metrics.") or qualified in _TIMES:
        if operator not in _NUMBERS:
            raise FilterError(f"{qualified[:40]} is a number, for which there is no {operator}")
        try:
            float(operand)
        except ValueError:
            raise FilterError(f"{qualified[:40]} is compared with a number, not {value[:40]!r}") from None
    return Clause(qualified, operator, operand)


def _key(text: str) -> str:
    kind, dot, name = text.partition(".")
    if not dot:
        kind, name = "attributes", text
    kind = _KINDS.get(kind.lower(), kind.lower())
    if kind not in ("metrics", "params", "tags", "attributes"):
        raise FilterError(f"there is no {kind[:40]!r}; there are metrics, params, tags and attributes")
    return f"{kind}.{name.strip('`').strip(chr(34))}"


def _like(text: str, pattern: str, flags: int = 0) -> bool:
    """SQL's LIKE. Each part between two ``%`` matches as early as possible, so there is no backtracking."""
    first, *rest = (_part(part, flags) for part in pattern.split("%"))
    start = first.match(text)
    if start is None:
        return False
    if not rest:
        return start.end() == len(text)
    position = start.end()
    for part in rest[:-1]:
        match = part.search(text, position)
        if match is None:
            return False
        position = match.end()
    last = len(text) - len(pattern.rpartition("%")[2])
    return last >= position and rest[-1].match(text, last) is not None


def _part(text: str, flags: int) -> "re.Pattern[str]":
    """The pattern of a part of LIKE, in which ``_`` is any character."""
    return re.compile(re.escape(text).replace("_", "."), flags | re.DOTALL)


def _members(text: str) -> list[str]:
    return [member.strip().strip("'\"") for member in text.strip("()").split(",")]


_NUMBERS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: a > b, "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b, "<=": lambda a, b: a <= b,
}  # fmt: skip
_TEXTS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "LIKE": _like,
    "ILIKE": lambda a, b: _like(a, b, re.IGNORECASE),
    "IN": lambda a, b: a in _members(b),
    "NOT IN": lambda a, b: a not in _members(b),
}
