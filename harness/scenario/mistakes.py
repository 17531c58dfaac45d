"""Messages for the mistakes that pydantic finds in a scenario, with the line of the file."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.scenario.document import Document, FieldPath
from harness.scenario.fields import field_names
from harness.scenario.record import mistakes_in
from harness.scenario.resource_names import PATTERNS
from harness.scenario.template import names_in
from harness.scenario.values import value_text
from harness.suggestions import suggestion
from harness.validation_messages import describe_mistake

_SCALAR_TYPES = ("bool_type", "int_type", "float_type", "string_type")


def lines_of(document: Document, error: ValidationError, above: FieldPath) -> list[str]:
    """Return a message for each mistake that pydantic found."""
    return list(dict.fromkeys(line for mistake in error.errors() for line in _lines(document, mistake, above)))


def _lines(document: Document, mistake: ErrorDetails, above: FieldPath) -> Iterator[str]:
    is_missing = mistake["type"] == "missing"
    field_path = _path_in_file(document.data, (*above, *mistake["loc"]), is_missing=is_missing)
    fields = mistakes_in(mistake["type"], mistake.get("ctx", {}))
    if fields is not None:
        yield from (f"{document.at((*field_path, *path))}: {text}" for path, text in fields)
    elif mistake["type"] == "extra_forbidden":
        hint = suggestion(str(field_path[-1]), field_names(field_path[:-1]))
        yield f"{document.at(field_path)}: there is no such field" + (f"; {hint}" if hint else "")
    elif field_path[:1] in (("parameters",), ("sweep",)) and mistake["type"] in _SCALAR_TYPES:
        yield f"{document.at(field_path)}: {_scalar_message(document, field_path, mistake['input'])}"
    else:
        value = "" if is_missing else _found_text(document, field_path, mistake["input"])
        yield f"{document.at(field_path)}: {describe_mistake(mistake, PATTERNS)}{value}"


def _scalar_message(document: Document, field_path: FieldPath, value: Any) -> str:
    if isinstance(value, list):
        text = ",".join(value_text(item) for item in value if isinstance(item, bool | int | float | str))
        return f"must be a number, a text or a boolean; write a list as one text: '{text}'"
    return f"must be a number, a text or a boolean{_found_text(document, field_path, value)}"


def _found_text(document: Document, field_path: FieldPath, value: Any) -> str:
    if isinstance(value, dict | list):
        return ""
    text = document.texts.get(field_path)
    if text is not None:
        return f"; found {text}" if text else "; found nothing"
    # A number or a duration that pydantic has parsed from a text is shown as that text, unless parameters fill it.
    source = value_at(document.data, field_path)
    is_filled = isinstance(source, str) and any(names_in(source))
    return f"; found {(value if is_filled or not isinstance(source, str) else source)!r}"


def value_at(data: Any, field_path: FieldPath) -> Any:
    """Return the value of a field in the file."""
    for step in field_path:
        data = data[step]
    return data


def _path_in_file(data: Any, location: FieldPath, *, is_missing: bool) -> FieldPath:
    """Return the part of a location that is in the file, without the tags that the models give to alternatives."""
    field_path: FieldPath = ()
    for index, step in enumerate(location):
        if step in (data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()):
            data, field_path = data[step], (*field_path, step)
        elif is_missing and index == len(location) - 1:
            field_path = (*field_path, step)
    return field_path
