"""The fields of the scenario format, and their types."""

import types
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from harness.scenario.document import FieldPath
from harness.scenario.model import Scenario


def field_names(field_path: FieldPath) -> list[str]:
    """Return the fields that a mapping of the format may have; none if it accepts any name."""
    records = (kind for kind in _types(_plain(field_path)) if _is_record(kind))
    names = (field.alias or name for kind in records for name, field in kind.model_fields.items())
    return list(dict.fromkeys(names))


def takes_text(field_path: FieldPath) -> bool:
    """Whether a field holds a text, even if its value looks like a number."""
    return str in _types(_plain(field_path))


def may_be_null(field_path: FieldPath) -> bool:
    """Whether ``null`` means that the field is absent."""
    return type(None) in _types(_plain(field_path))


def _plain(field_path: FieldPath) -> tuple[str, ...]:
    """Replace positions in lists, whose items have the same type, by empty names."""
    return tuple(step if isinstance(step, str) else "" for step in field_path)


@cache
def _types(steps: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the types that a field may have."""
    if not steps:
        return (Scenario,)
    return tuple(inner for outer in _types(steps[:-1]) for inner in _inside(outer, steps[-1]))


def _inside(outer: Any, step: str) -> Iterator[Any]:
    if _is_record(outer):
        fields = {field.alias or name: field for name, field in outer.model_fields.items()}
        if step in fields:
            yield from _alternatives(fields[step].annotation)
    elif get_origin(outer) is dict:
        yield from _alternatives(get_args(outer)[1])
    elif get_origin(outer) in (list, tuple):
        yield from _alternatives(get_args(outer)[0])


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for alternative in get_args(annotation):
            yield from _alternatives(alternative)
    else:
        yield annotation


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
