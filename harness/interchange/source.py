"""A file of another tool, whose fields are read one by one; fields that are never read are noted with their line."""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.errors import UserError
from harness.printable import printable
from harness.scenario.document import Document, FieldPath, read_document
from harness.scenario.values import Scalar, value_text

Kind = Literal["Batch AI job", "Batch AI cluster", "Azure ML job", "Azure ML sweep job", "Azure ML compute"]
T = TypeVar("T")

_MOST_NOTES = 200  # notes on unread fields
_JOB_KEYS = re.compile(
    r"(cntk|pyTorch|tensorFlow|caffe2?|chainer|horovod|customToolkit|customMpi)Settings"
    r"|stdOutErrPathPrefix|inputDirectories|outputDirectories"
)
_CLUSTER_KEYS = ("vmSize", "scaleSettings", "nodeSetup")
_COMPUTE_KEYS = ("size", "min_instances", "max_instances")
_TYPE_NAMES: Mapping[type, str] = {dict: "a mapping", list: "a list", int: "a whole number", str: "a text"}


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """A field that is not imported, or changed; ``text`` continues a sentence that begins with the field."""

    path: Path
    line: int
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.field}: {self.text}"


class Source:
    """The fields of a file.

    Attributes:
        root: the field with the other fields, such as Batch AI's ``properties``; empty if there is none.
        notes: fields that are not imported, or changed.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self._read_fields: set[FieldPath] = set()
        self.root: FieldPath = ("properties",) if isinstance(document.data.get("properties"), dict) else ()
        self.notes: list[Note] = []

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self._document.path

    @property
    def kind(self) -> Kind:
        """The kind of object that the file describes.

        Raises:
            UserError: the object cannot be imported.
        """
        data, inner = self._document.data, self._value(self.root)
        if any(_JOB_KEYS.fullmatch(str(key)) for key in inner):
            return "Batch AI job"
        if any(key in inner for key in _CLUSTER_KEYS):
            return "Batch AI cluster"
        if data.get("type") == "sweep" or ("search_space" in data and "trial" in data):
            return "Azure ML sweep job"
        if data.get("type") == "amlcompute" or any(key in data for key in _COMPUTE_KEYS):
            return "Azure ML compute"
        if data.get("type", "command") == "command" and "command" in data:
            return "Azure ML job"
        description = (
            f"type {data['type']!r}" if isinstance(data.get("type"), str) else ", ".join(map(str, [*data][:6]))
        )
        raise UserError(
            f"{self.path}: cannot be imported ({description or 'empty'}); import accepts job and cluster files of "
            "az batchai, and command jobs, sweep jobs and AmlComputes of az ml"
        )

    def text(self, *field_path: str | int) -> str | None:
        """Read a text; a number or boolean gives its source text. None if the field is absent."""
        value = self._scalar(field_path)
        if value is None:
            return None
        return self._document.texts.get(field_path, value_text(value))

    def number(self, *field_path: str | int) -> int | None:
        """Read a whole number; None if the field is absent."""
        return self._typed(field_path, int)

    def scalar(self, *field_path: str | int) -> Scalar | None:
        """Read a number, text or boolean; None if the field is absent."""
        return self._scalar(field_path)

    def mapping(self, *field_path: str | int) -> Mapping[str, Any]:
        """Return a mapping, whose fields remain to be read; empty if the field is absent."""
        return self._branch(field_path, dict) or {}

    def items(self, *field_path: str | int) -> Iterator[FieldPath]:
        """Yield the paths of the items of a list, which remain to be read."""
        yield from ((*field_path, index) for index in range(len(self._branch(field_path, list) or ())))

    def has(self, *field_path: str | int) -> bool:
        """Whether a field exists and is not null."""
        return self._value(field_path) is not None

    def is_mapping(self, *field_path: str | int) -> bool:
        """Whether a field is a mapping."""
        return isinstance(self._value(field_path), dict)

    def ignore(self, *field_path: str | int) -> None:
        """Mark a field as read that has no meaning for a scenario."""
        self._read_fields.add(field_path)

    def drop(self, *field_path: str | int, why: str) -> None:
        """Mark a field as read and, if it exists, note why it is not imported."""
        if self.has(*field_path):
            self.note(*field_path, text=f"is not imported: {why}")
        self._read_fields.add(field_path)

    def note(self, *field_path: str | int, text: str) -> None:
        """Add a note on a field."""
        line = self._document.line(field_path)
        self.notes.append(Note(self.path, line, printable(_dotted(field_path)), printable(text)))

    def refuse(self, *field_path: str | int, text: str) -> UserError:
        """Return the error of a field that prevents the import."""
        return UserError(f"{self._document.at(field_path)}: {text}")

    def note_unread_fields(self) -> None:
        """Note every field that was not read; of a part without any field that was read, only the part."""
        opened = {path[:size] for path in self._read_fields for size in range(len(path))}
        for field_path in islice(self._rest(self._document.data, (), opened), _MOST_NOTES):
            self.note(*field_path, text="is not imported: a scenario has no such field")

    def _rest(self, data: Any, above: FieldPath, opened: Set[FieldPath]) -> Iterator[FieldPath]:
        pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
        for key, value in pairs:
            field_path = (*above, key)
            if field_path in self._read_fields or value is None or value in ({}, []):
                continue
            if field_path in opened:
                yield from self._rest(value, field_path, opened)
            else:
                yield field_path

    def _scalar(self, field_path: FieldPath) -> Scalar | None:
        value = self._value(field_path)
        self._read_fields.add(field_path)
        if isinstance(value, dict | list):
            raise self.refuse(*field_path, text="must be a text or a number")
        scalar: Scalar | None = value
        return scalar

    def _typed(self, field_path: FieldPath, kind: type[T]) -> T | None:
        value = self._value(field_path)
        self._read_fields.add(field_path)
        if value is None:
            return None
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.refuse(*field_path, text=f"must be {_TYPE_NAMES[kind]}")
        return value

    def _branch(self, field_path: FieldPath, kind: type[T]) -> T | None:
        value = self._value(field_path)
        if value is not None and not isinstance(value, kind):
            raise self.refuse(*field_path, text=f"must be {_TYPE_NAMES[kind]}")
        return value

    def _value(self, field_path: FieldPath) -> Any:
        value: Any = self._document.data
        for index, step in enumerate(field_path):
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            elif value is None or isinstance(step, int):
                return None
            else:
                raise self.refuse(*field_path[:index], text="must be a mapping")
        return value


def read_source(path: Path) -> Source:
    """Read a file of another tool, JSON or YAML.

    Raises:
        UserError: the file cannot be read, or is not a mapping; with file and line.
    """
    return Source(read_document(path, is_scenario=False))


def _dotted(field_path: FieldPath) -> str:
    return ".".join(map(str, field_path))
