"""Scenarios that extend another: the file that ``base`` names provides the values that a scenario does not have."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import ScenarioError
from harness.scenario.document import Document, FieldPath, read_document

_KEY = "base"
_WHOLE = ("sweep",)  # replaced as a whole, because a part of another sweep makes no sense
_OWN = ("scenario", _KEY)
_VOLUMES = ("share", "shares", "containers")  # they name files to upload
_MOST_FILES = 10


def merge_bases(document: Document) -> Document:
    """Return the document, merged with its base scenario, the base of that, and so on.

    Mappings are merged key by key, and the document's own values take precedence. Other values, lists and the section
    ``sweep`` are replaced as a whole. Files to upload are relative to the file that names them.

    Raises:
        ScenarioError: a file cannot be read, there are more than ten files, or a file extends itself.
    """
    return _merge_bases(document, (document.path.resolve(),))


def own_lines(document: Document) -> dict[FieldPath, int]:
    """Return the line of every field in the document's own file; for a field of a base, the line of ``base``."""
    base = document.lines.get((_KEY,), 1)
    return {path: base if path in document.sources else line for path, line in document.lines.items()}


def _merge_bases(document: Document, files: tuple[Path, ...]) -> Document:
    name = document.data.get(_KEY)
    if name is None:
        return document
    where = document.at((_KEY,))
    if not isinstance(name, str) or not name or "\0" in name:
        raise ScenarioError(f"{where}: must be the path of a scenario file, relative to this one")
    if "scenario" not in document.data:
        raise ScenarioError(f"{where}: a scenario that extends another needs its own name: add scenario: NAME")
    path = document.path.parent / name
    if path.resolve() in files or len(files) >= _MOST_FILES:
        chain = " -> ".join(file.name for file in (*files, path.resolve()))
        raise ScenarioError(f"{where}: scenarios extend each other in a circle, or more than {_MOST_FILES}: {chain}")
    if not path.is_file():
        raise ScenarioError(f"{where}: there is no file {path}")
    return _merge(document, _merge_bases(read_document(path), (*files, path.resolve())))


def _merge(document: Document, base: Document) -> Document:
    base_data = _with_uploads_from(base, document.path.parent)
    inherited: set[FieldPath] = set()  # fields of the base, each including all fields inside it

    def is_inherited(path: FieldPath) -> bool:
        return any(path[:size] in inherited for size in range(1, len(path) + 1))

    def merge(mine: Mapping[str, Any], theirs: Mapping[str, Any], above: FieldPath) -> dict[str, Any]:
        merged = dict(mine)
        for key, value in theirs.items():
            path = (*above, key)
            if path[0] in _OWN:
                continue
            if key not in mine:
                merged[key] = value
                inherited.add(path)
            elif isinstance(mine[key], dict) and isinstance(value, dict) and path[0] not in _WHOLE:
                merged[key] = merge(mine[key], value, path)
        return merged

    data = merge(document.data, base_data, ())
    added = {path: line for path, line in base.lines.items() if is_inherited(path)}
    lines = {**document.lines, **added}
    sources = {**document.sources, **{path: base.sources.get(path, base.path) for path in added}}
    texts = {**document.texts, **{path: text for path, text in base.texts.items() if is_inherited(path)}}
    return Document(document.path, data, lines, texts, sources)


def _with_uploads_from(base: Document, folder: Path) -> dict[str, Any]:
    """Return the data of a base, with uploads relative to another folder."""
    if base.path.parent.resolve() == folder.resolve():
        return base.data

    def relocate(value: Any) -> Any:
        if isinstance(value, list):
            return [relocate(item) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("file"), str):
            return {**value, "file": os.path.relpath(base.path.parent / value["file"], folder)}
        return {**value, "upload": relocate(value["upload"])} if "upload" in value else value

    return {name: relocate(value) if name in _VOLUMES else value for name, value in base.data.items()}
