"""A YAML file as plain data, with the line of every field and the source text of every number."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.errors import ScenarioError
from harness.scenario.values import Scalar, read_plain

FieldPath = tuple[str | int, ...]
"""The path of a field, such as ``("share", "upload", 0)``; ``()`` is the whole file."""

_MAX_PARTS = 20_000  # aliases of aliases can expand to billions of parts; no scenario has this many
_MAX_CHARACTERS = 1 << 20
_MAX_DEPTH = 50  # libyaml's composer recurses in C, where too deep a recursion crashes without an exception
_PLAIN_TAG = "tag:batchai-harness,2026:plain"
_MERGE_KEY = "<<"
_JSON_ESCAPE = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\.")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_LOADER):  # type: ignore[misc]  # the C loader where PyYAML has it
    """A loader that tags plain scalars, so that ``read_plain`` decides their type; quoted scalars are text."""

    yaml_implicit_resolvers: Mapping[str | None, Any] = {None: [(_PLAIN_TAG, re.compile(""))]}


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping that was read from ``path``.

    Attributes:
        lines: the line of every field, from 1.
        texts: the source text of every plain scalar that is not a string: ``3.10``, ``True``.
        sources: for fields that come from a base scenario, the file of that scenario.
    """

    path: Path
    data: dict[str, Any]
    lines: Mapping[FieldPath, int]
    texts: Mapping[FieldPath, str]
    sources: Mapping[FieldPath, Path] = field(default_factory=dict)

    def line(self, field_path: FieldPath) -> int:
        """Return the line of a field, or of the nearest field around it, in the file that defines it."""
        return line_of(self.lines, field_path)

    def at(self, field_path: FieldPath) -> str:
        """Return ``file:line: dotted.name``, the beginning of a message."""
        path = self.sources.get(nearest_of(self.lines, field_path), self.path)
        return f"{path}:{self.line(field_path)}: {'.'.join(map(str, field_path)) or 'scenario'}"


def line_of(lines: Mapping[FieldPath, int], field_path: FieldPath) -> int:
    """Return the line of a field, of the nearest field around it, or of the first field of the file."""
    return lines.get(nearest_of(lines, field_path), next(iter(lines.values()), 1))


def nearest_of(lines: Mapping[FieldPath, int], field_path: FieldPath) -> FieldPath:
    """Return the field itself, or the nearest field around it that has a line; ``()`` if there is none."""
    prefixes = (field_path[:size] for size in range(len(field_path), 0, -1))
    return next((prefix for prefix in prefixes if prefix in lines), ())


def read_document(path: Path, *, is_scenario: bool = True) -> Document:
    """Read a YAML mapping by the core schema of YAML 1.2.

    Merge keys (``<<``) of YAML 1.1 are supported. Tags other than ``!!map``, ``!!seq`` and ``!!str`` are refused. JSON
    files are read, too, including the two kinds of escapes that YAML does not know.

    Args:
        path: the file.
        is_scenario: whether messages call the file a scenario.

    Raises:
        ScenarioError: the file cannot be read, is not a mapping, or has a key twice; with file and line.
    """
    node = _compose(path)
    if not isinstance(node, yaml.MappingNode):
        problem = (
            "a scenario is a mapping that begins with 'scenario: NAME'" if is_scenario else "this is not a mapping"
        )
        raise ScenarioError(f"{path}:1: {problem}")
    reader = _Reader(path)
    data: dict[str, Any] = reader.read(node, ())
    if reader.mistakes:
        raise ScenarioError("\n".join(reader.mistakes))
    return Document(path, data, reader.lines, reader.texts)


def read_value(text: str) -> Any:
    """Parse a YAML value from a command line, such as ``0.3`` or ``{rate: 1}``.

    Raises:
        ValueError: the text is not YAML.
    """
    try:
        _refuse_depth(Path(), yaml.parse(text, Loader=_Loader))
        node = yaml.compose(text, Loader=_Loader)
        reader = _Reader(Path())
        value = None if node is None else reader.read(node, ())
    except (yaml.YAMLError, ScenarioError) as error:
        raise ValueError(f"{text!r} is not YAML") from error
    if reader.mistakes:
        raise ValueError(f"{text!r} is not YAML")
    return value


def is_scenario_file(path: Path) -> bool:
    """Whether a YAML file has the top-level key ``scenario``, which makes it a scenario, valid or not.

    A file that cannot be read is not a scenario. If the YAML is broken, the lines before that decide.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.read(_MAX_CHARACTERS)
    except (OSError, ValueError):
        return False
    return "scenario" in text and "scenario" in _top_keys(text)


def _top_keys(text: str) -> Iterator[str]:
    """Yield the keys of the top-level mapping, up to the first syntax error."""
    depth, is_key = 0, True
    try:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.DocumentEndEvent):
                return
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth == 1 and isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                if is_key and isinstance(event, yaml.ScalarEvent):
                    yield event.value
                # A collection counts once, at its end.
                is_key = is_key if isinstance(event, yaml.CollectionStartEvent) else not is_key
            elif depth == 0 and isinstance(event, yaml.NodeEvent) and not isinstance(event, yaml.MappingStartEvent):
                return
            depth += isinstance(event, yaml.CollectionStartEvent)
    except yaml.YAMLError:
        return


def _compose(path: Path) -> yaml.Node | None:
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.read(_MAX_CHARACTERS + 1)
        if path.suffix == ".json":
            text = _JSON_ESCAPE.sub(_yaml_escape, text)
        if len(text) > _MAX_CHARACTERS:
            raise ScenarioError(f"{path}: has more than {_MAX_CHARACTERS} characters; is it a scenario?")
        _refuse_depth(path, yaml.parse(text, Loader=_Loader))
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(f"{path}:{line}: this is not YAML: {error.problem or error.context}") from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from None
    return node


def _yaml_escape(match: re.Match[str]) -> str:
    r"""Translate an escape of JSON that YAML does not know: ``\/`` or a pair of surrogates."""
    if match[1] is None:
        return "/" if match[0] == "\\/" else match[0]
    high, low = int(match[1], 16), int(match[2], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _refuse_depth(path: Path, events: Iterable[yaml.Event]) -> None:
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ScenarioError(f"{path}:{line}: is nested deeper than {_MAX_DEPTH} levels; is it a scenario?")


@dataclass
class _Reader:
    """Converts YAML nodes to plain data, and collects lines, source texts and mistakes."""

    path: Path
    lines: dict[FieldPath, int] = field(default_factory=dict)
    texts: dict[FieldPath, str] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    _parts: int = 0

    def read(self, node: yaml.Node, field_path: FieldPath) -> Any:
        """Convert a node to plain data.

        Raises:
            ScenarioError: the file expands to more data than a scenario can have.
        """
        self._count(field_path)
        if isinstance(node, yaml.MappingNode):
            self._refuse_tag(node, field_path, "map")
            return self._mapping(node, field_path)
        if isinstance(node, yaml.SequenceNode):
            self._refuse_tag(node, field_path, "seq")
            return [self._item(item, (*field_path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, field_path)

    def _item(self, node: yaml.Node, field_path: FieldPath) -> Any:
        self.lines[field_path] = _line(node)
        return self.read(node, field_path)

    def _mapping(self, node: yaml.MappingNode, field_path: FieldPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for name, (key, value) in self._pairs(node, field_path).items():
            self.lines[*field_path, name] = _line(key)
            data[name] = self.read(value, (*field_path, name))
        return data

    def _pairs(self, node: yaml.MappingNode, field_path: FieldPath) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return keys and values by name; a mapping's own keys take precedence over those that ``<<`` adds."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            self._count(field_path)
            if not isinstance(key, yaml.ScalarNode):
                self._add_mistake(_line(key), field_path, "a key is one word, not a list or a mapping")
            elif key.value == _MERGE_KEY and key.tag == _PLAIN_TAG:
                merged = {**self._merged_pairs(value, field_path), **merged}
            elif key.value in own:
                text = f"is given twice; the first is in line {_line(own[key.value][0])}"
                self._add_mistake(_line(key), (*field_path, key.value), text)
            else:
                own[key.value] = key, value
        return {**merged, **own}

    def _merged_pairs(self, node: yaml.Node, field_path: FieldPath) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return the pairs that ``<<`` adds: those of a mapping, or of several, of which the first takes precedence."""
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(item, yaml.MappingNode):
                merged = {**self._pairs(item, (*field_path, _MERGE_KEY)), **merged}
            else:
                self._add_mistake(_line(item), (*field_path, _MERGE_KEY), "takes a mapping, or a list of mappings")
        return merged

    def _scalar(self, node: yaml.Node, field_path: FieldPath) -> Scalar | None:
        text: str = node.value
        if node.tag != _PLAIN_TAG:
            self._refuse_tag(node, field_path, "str")
            return text
        try:
            value = read_plain(text)
        except ValueError:
            self._add_mistake(_line(node), field_path, f"the number {text[:20]}... has too many digits")
            return text
        if not isinstance(value, str):
            self.texts[field_path] = text
        return value

    def _count(self, field_path: FieldPath) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS or len(field_path) > _MAX_DEPTH:
            raise ScenarioError(f"{self.path}: has more than {_MAX_PARTS} parts, or an alias that holds itself")

    def _refuse_tag(self, node: yaml.Node, field_path: FieldPath, allowed: str) -> None:
        if node.tag not in (f"tag:yaml.org,2002:{allowed}", "!"):
            self._add_mistake(_line(node), field_path, f"the tag {node.tag} is not allowed; a scenario needs no tags")

    def _add_mistake(self, line: int, field_path: FieldPath, text: str) -> None:
        self.mistakes.append(f"{self.path}:{line}: {'.'.join(map(str, field_path)) or 'scenario'}: {text}")


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1
