"""A YAML file as plain data that knows the line of every part."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import ScenarioError

Place = tuple[str | int, ...]

# Aliases of aliases can stand for billions of parts; no scenario has this many.
_MOST_PARTS = 20_000
_MOST_CHARACTERS = 1 << 20
_DEEPEST = 50  # libyaml's composer recurses in C, where too deep is a crash and no exception


@dataclass(frozen=True, slots=True)
class Document:
    """A mapping read from ``path``; ``lines`` gives the line of a place such as ``("job", "args")``, from 1."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """The line of a place, or of the nearest part around it."""
        known = (place[:size] for size in range(len(place), 0, -1))
        return next((self.lines[part] for part in known if part in self.lines), 1)

    def at(self, place: Place) -> str:
        """``file:line: dotted.name``, the beginning of a message."""
        return f"{self.path}:{self.line(place)}: {'.'.join(map(str, place)) or 'scenario'}"


def read_document(path: Path) -> Document:
    """Read a YAML mapping; never runs what a tag may ask for.

    Raises:
        ScenarioError: it cannot be read, is no mapping, or gives a key twice; with file and line.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.read(_MOST_CHARACTERS + 1)
        if len(text) > _MOST_CHARACTERS:
            raise ScenarioError(f"{path}: has more than {_MOST_CHARACTERS} characters; is it a scenario?")
        _refuse_depth(path, yaml.parse(text, Loader=loader))
        node = yaml.compose(text, Loader=loader)
        lines = dict(_places(path, node))
        data = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, in C where there is one
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ScenarioError(f"{path}:{line}: this is not YAML: {error.problem or error.context}") from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}:1: a scenario is a mapping that begins with 'scenario: NAME'")
    return Document(path, data, lines)


def _refuse_depth(path: Path, events: Iterable[yaml.Event]) -> None:
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ScenarioError(f"{path}:{line}: is nested deeper than {_DEEPEST} levels; is it a scenario?")


def _places(path: Path, root: yaml.Node | None) -> Iterator[tuple[Place, int]]:
    """Every place with its line; keys that stand twice are an error."""
    pending: list[tuple[Place, yaml.Node]] = [((), root)] if root else []
    twice: list[str] = []
    parts = 0
    while pending:
        place, node = pending.pop()
        first: dict[str, int] = {}
        for key, line, value in _children(node):
            parts += 1
            if parts > _MOST_PARTS or len(place) > _DEEPEST:
                raise ScenarioError(f"{path}: has more than {_MOST_PARTS} parts, or an alias that holds itself")
            if isinstance(key, str) and key in first:
                name = ".".join(map(str, (*place, key)))
                twice.append(f"{path}:{line}: {name}: stands twice; first in line {first[key]}")
            if isinstance(key, str):
                first[key] = line
            yield (*place, key), line
            pending.append(((*place, key), value))
    if twice:
        raise ScenarioError("\n".join(twice))


def _children(node: yaml.Node) -> Iterator[tuple[str | int, int, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield index, item.start_mark.line + 1, item
