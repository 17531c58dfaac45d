"""Messages for pydantic's validation errors, in the words of the file's author."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from harness.suggestions import nearest

_QUOTED = re.compile(r"'([^']*)'")

_Limits = Mapping[str, Any]
_MESSAGES: Mapping[str, Callable[[_Limits], str]] = {
    "missing": lambda _: "is required",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "is too large a number",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "string_type": lambda _: "must be a text",
    "string_too_short": lambda limits: _length(limits["min_length"], "at least", "character"),
    "string_too_long": lambda limits: _length(limits["max_length"], "at most", "character"),
    "too_short": lambda limits: _length(limits["min_length"], "at least", "entry"),
    "too_long": lambda limits: _length(limits["max_length"], "at most", "entry"),
    "greater_than": lambda limits: f"must be greater than {_shown(limits['gt'])}",
    "greater_than_equal": lambda limits: f"must be at least {_shown(limits['ge'])}",
    "less_than": lambda limits: f"must be less than {_shown(limits['lt'])}",
    "less_than_equal": lambda limits: f"must be at most {_shown(limits['le'])}",
    "dict_type": lambda _: "must be a mapping of names to values",
    "model_type": lambda _: "must be a mapping of names to values",
    "model_attributes_type": lambda _: "must be a mapping of names to values",
    "list_type": lambda _: "must be a list",
    "tuple_type": lambda _: "must be a list",
    "time_delta_type": lambda _: "must be an ISO 8601 duration, such as PT30M, or a number of seconds",
    "time_delta_parsing": lambda _: "must be an ISO 8601 duration, such as PT30M, or a number of seconds",
    "path_type": lambda _: "must be a path",
}


def describe_mistake(mistake: ErrorDetails, patterns: Mapping[str, str] | None = None) -> str:
    """Describe a mistake, without the value itself.

    Args:
        mistake: an element of ``ValidationError.errors()``.
        patterns: for each pattern of the model, a description of the values that match it.
    """
    kind, limits = mistake["type"], mistake.get("ctx", {})
    if kind in _MESSAGES:
        return _MESSAGES[kind](limits)
    if kind == "string_pattern_mismatch":
        meaning = (patterns or {}).get(limits["pattern"], f"a text that matches {limits['pattern']}")
        return f"must be {meaning}"
    if kind in ("literal_error", "enum"):
        return _choice(str(mistake["input"]), _QUOTED.findall(limits["expected"]))
    if "error" in limits:  # raised by a validator of the model
        return str(limits["error"])
    return str(limits.get("text", "is not allowed here"))


def _choice(word: str, choices: list[str]) -> str:
    near = nearest(word, choices)
    hint = f"did you mean {near!r}? " if near else ""
    return f"{hint}It must be {choices[0]!r}" if len(choices) == 1 else f"{hint}It must be one of: {', '.join(choices)}"


def _shown(limit: object) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _length(length: int, bound: str, noun: str) -> str:
    plural = {"entry": "entries"}.get(noun, f"{noun}s")
    return f"must have {bound} {length} {noun if length == 1 else plural}"
