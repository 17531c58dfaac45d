"""A scenario that extends another: what it does not say is said by the file that ``base`` names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import ScenarioError
from harness.scenario.document import Document, FieldPath, read_document

_KEY = "base"
_WHOLE = ("sweep",)  # replaced as a whole: half of another sweep is no sweep
_OWN = ("scenario", _KEY)
_VOLUMES = ("share", "shares", "containers")  # they name files to upload
_MOST_FILES = 10


def inherited(document: Document) -> Document:
    """The document with everything that the file named by ``base`` adds, and the file named by that one, and so on.

    Mappings are merged key by key, and the document's own values have precedence; any other value, a list too, and the
    whole of ``sweep``, is replaced. Files to upload are relative to the file that names them.

    Raises:
        ScenarioError: a file cannot be read, there are more than ten, or one extends itself.
    """
    return _inherited(document, (document.path.resolve(),))


def own_lines(document: Document) -> dict[FieldPath, int]:
    """The line of every field in the document's own file; for a field of another file, that of ``base``."""
    base = document.lines.get((_KEY,), 1)
    return {path: base if path in document.sources else line for path, line in document.lines.items()}


def _inherited(document: Document, files: tuple[Path, ...]) -> Document:
    name = document.data.get(_KEY)
    if name is None:
        return document
    where = document.at((_KEY,))
    if not isinstance(name, str) or not name or "\0" in name:
        raise ScenarioError(f"{where}: must be the path of a scenario file, relative to this one")
    if "scenario" not in document.data:
        raise ScenarioError(f"{where}: a scenario that extends another has a name of its own: add scenario: NAME")
    path = document.path.parent / name
    if path.resolve() in files or len(files) >= _MOST_FILES:
        chain = " -> ".join(file.name for file in (*files, path.resolve()))
        raise ScenarioError(f"{where}: scenarios extend each other in a circle, or more than {_MOST_FILES}: {chain}")
    if not path.is_file():
        raise ScenarioError(f"{where}: there is no file {path}")
    return _merged(document, _inherited(read_document(path), (*files, path.resolve())))


def _merged(document: Document, base: Document) -> Document:
    own = _with_uploads_from(base, document.path.parent)
    taken: set[FieldPath] = set()  # fields of the base, each with all that is below it

    def is_taken(path: FieldPath) -> bool:
        return any(path[:size] in taken for size in range(1, len(path) + 1))

    def merge(mine: Mapping[str, Any], theirs: Mapping[str, Any], above: FieldPath) -> dict[str, Any]:
        merged = dict(mine)
        for key, value in theirs.items():
            path = (*above, key)
            if path[0] in _OWN:
                continue
            if key not in mine:
                merged[key] = value
                taken.add(path)
            elif isinstance(mine[key], dict) and isinstance(value, dict) and path[0] not in _WHOLE:
                merged[key] = merge(mine[key], value, path)
        return merged

    data = merge(document.data, own, ())
    added = {path: line for path, line in base.lines.items() if is_taken(path)}
    lines = {**document.lines, **added}
    sources = {**document.sources, **{path: base.sources.get(path, base.path) for path in added}}
    written = {**document.written, **{path: text for path, text in base.written.items() if is_taken(path)}}
    return Document(document.path, data, lines, written, sources)


def _with_uploads_from(base: Document, folder: Path) -> dict[str, Any]:
    """The data of a base whose uploads are relative to another folder."""
    if base.path.parent.resolve() == folder.resolve():
        return base.data

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [moved(item) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("file"), str):
            return {**value, "file": os.path.relpath(base.path.parent / value["file"], folder)}
        return {**value, "upload": moved(value["upload"])} if "upload" in value else value

    return {name: moved(value) if name in _VOLUMES else value for name, value in base.data.items()}
