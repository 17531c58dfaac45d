"""The reading of request bodies: first the checks for all bodies, then the types that a class describes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from harness.emulator.providers.arm.rules import parse_object

_DEEPEST = 60  # the deepest nesting; stored and returned documents are nested a little deeper
_LARGEST = 1 << 63  # msgspec cannot encode integers beyond it
T = TypeVar("T", bound=msgspec.Struct)
Scalar = str | int | float | bool | None


class BodyError(Exception):
    """A body cannot be accepted; the message names the wrong member and the reason."""


def read_document(content: bytes) -> dict[str, Any]:
    """The JSON object of a request, all of whose values can be stored and passed to processes.

    Raises:
        InvalidContentError: the body is not a JSON object.
        BodyError: the body is nested too deeply, or holds a value that cannot be stored.
    """
    document = parse_object(content)
    _check_values(document)
    return document


def read_as(document: dict[str, Any], kind: type[T]) -> T:
    """A document as the body that ``kind`` describes.

    Raises:
        BodyError: a member has another type.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise BodyError(_sentence(str(error))) from None


def read_texts(values: Mapping[str, Scalar] | None) -> dict[str, str]:
    """Texts by name, as the service stores them: numbers and booleans are written as in JSON."""
    return {name: read_text(value) for name, value in (values or {}).items()}


def read_text(value: Scalar) -> str:
    """A text as the service stores it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _check_values(document: dict[str, Any]) -> None:
    """Refuse values that cannot be stored or passed to processes, at any depth."""
    pending: list[tuple[object, int]] = [(document, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > _DEEPEST:
            raise BodyError(f"The request body is nested more than {_DEEPEST} levels deep.")
        if isinstance(value, str) and "\0" in value:
            raise BodyError(f"The request body holds a text with a NUL character: {value[:40]!r}.")
        if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise BodyError("The request body holds a whole number of more than 64 bits.")
        pending.extend((inner, depth + 1) for inner in _children(value))


def _children(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _sentence(text: str) -> str:
    reason, _, path = text.partition(" - at ")
    member = path.strip("`").removeprefix("$").lstrip(".")
    return f"The member '{member}' of the request body is not valid: {reason}." if member else f"{reason}."
