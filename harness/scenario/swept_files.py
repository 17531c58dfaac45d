"""The files that a sweep has a trial for each of: local ones, and those that the scenario uploads to its share."""

import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from glob import has_magic
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from harness.scenario.swept_values import MOST_VALUES, FilesSpec, SharedFilesSpec

MOST_ENTRIES = 100_000  # of a directory that is uploaded; a run uploads 10,000 files at most

_EVERY = ("**", "**")  # in a row they mean what one means, and take longer by a folder's depth each
_MOST_DEEP = 2


def uploads_of(data: Mapping[str, Any]) -> list[Any]:
    """What a scenario uploads to its shares and containers, before it is known to be right."""
    volumes = [data.get("share"), *_listed(data.get("shares")), *_listed(data.get("containers"))]
    return [upload for volume in volumes if isinstance(volume, dict) for upload in _listed(volume.get("upload"))]


def find_files(folder: Path, uploads: Sequence[Any], spec: FilesSpec | SharedFilesSpec) -> Sequence[str]:
    """The paths of files, in alphabetical order.

    Args:
        folder: of the scenario.
        uploads: what the scenario uploads.
        spec: which files.

    Raises:
        ValueError: there are none, too many, or the pattern leads out of the folder.
    """
    if isinstance(spec, FilesSpec):
        return _found(spec.files, _local(folder, spec.files))
    known = _uploaded(folder, uploads)
    matching = (name for name in known if fnmatchcase(name, spec.share_files))
    try:
        return _found(spec.share_files, matching)
    except ValueError as error:
        raise ValueError(f"{error}; only what the scenario uploads is known before a run") from None


def _found(pattern: str, names: Iterator[str]) -> Sequence[str]:
    found = sorted(islice(names, MOST_VALUES + 1))
    if not found:
        raise ValueError(f"no file matches {pattern!r}")
    if len(found) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} files match {pattern!r}")
    return found


def _local(folder: Path, pattern: str) -> Iterator[str]:
    """Files of the folder that match; a pattern that is a directory means all files in it."""
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or "\0" in pattern:
        raise ValueError(f"{pattern!r} leaves the scenario's folder; write a relative path without '..'")
    parts = [part for part, before in zip(path.parts, (None, *path.parts), strict=False) if (part, before) != _EVERY]
    if parts.count("**") > _MOST_DEEP:
        raise ValueError(
            f"{pattern!r} has '**' more than {_MOST_DEEP} times, each of which looks at every folder again"
        )
    pattern = "/".join(parts) or "."
    if not has_magic(pattern) and (folder / pattern).is_dir():
        pattern = f"{pattern.rstrip('/')}/*"
    return (file.relative_to(folder).as_posix() for file in folder.glob(pattern) if file.is_file())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _uploaded(folder: Path, uploads: Sequence[Any]) -> Iterator[str]:
    """The names in storage of what is uploaded; what is wrong there is found when it is uploaded."""
    for upload in uploads:
        written = upload.get("file") if isinstance(upload, Mapping) else None
        if not isinstance(written, str):
            continue
        path = folder / written
        name = Path(os.path.normpath(path)).name
        if path.is_dir():
            yield from (f"{name}/{file.relative_to(path).as_posix()}" for file in _files_below(path))
        elif path.is_file():
            yield name


def _files_below(directory: Path) -> Iterator[Path]:
    """Files of a directory of a bounded size: a scenario may be a stranger's, and name the root of the disk."""
    for number, path in enumerate(directory.rglob("*")):
        if number >= MOST_ENTRIES:
            raise ValueError(f"{directory} holds more than {MOST_ENTRIES} files and directories; upload a smaller one")
        if path.is_file():
            yield path
