"""Files as values of a sweep: local files, and files that the scenario uploads to its share."""

import os
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from glob import has_magic
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from harness.scenario.swept_values import MOST_VALUES, FilesSpec, SharedFilesSpec

MOST_ENTRIES = 100_000  # entries of a directory that is uploaded; a run uploads at most 10,000 files

_REPEATED = ("**", "**")  # equivalent to one "**", but each takes longer by the depth of the folder
_MOST_RECURSIVE = 2  # "**" in a pattern


def uploads_of(data: Mapping[str, Any]) -> list[Any]:
    """Return what a scenario uploads to its shares and containers; the data is not validated yet."""
    volumes = [data.get("share"), *_listed(data.get("shares")), *_listed(data.get("containers"))]
    return [upload for volume in volumes if isinstance(volume, dict) for upload in _listed(volume.get("upload"))]


def find_files(folder: Path, uploads: Sequence[Any], spec: FilesSpec | SharedFilesSpec) -> Sequence[str]:
    """Return the paths of files that match, in alphabetical order.

    Args:
        folder: the folder of the scenario.
        uploads: what the scenario uploads.
        spec: the pattern of the files.

    Raises:
        ValueError: no or too many files match, or the pattern leaves the folder.
    """
    if isinstance(spec, FilesSpec):
        return _sorted_matches(spec.files, _local(folder, spec.files))
    uploaded = _uploaded_names(folder, uploads)
    matching = (name for name in uploaded if fnmatchcase(name, spec.share_files))
    try:
        return _sorted_matches(spec.share_files, matching)
    except ValueError as error:
        raise ValueError(f"{error}; before a run, only files that the scenario uploads are known") from None


def _sorted_matches(pattern: str, names: Iterator[str]) -> Sequence[str]:
    paths = sorted(islice(names, MOST_VALUES + 1))
    if not paths:
        raise ValueError(f"no file matches {pattern!r}")
    if len(paths) > MOST_VALUES:
        raise ValueError(f"more than {MOST_VALUES} files match {pattern!r}")
    return paths


def _local(folder: Path, pattern: str) -> Iterator[str]:
    """Return the files of the folder that match; a directory as pattern matches all files in it."""
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or "\0" in pattern:
        raise ValueError(f"{pattern!r} leaves the scenario's folder; write a relative path without '..'")
    parts = [part for part, before in zip(path.parts, (None, *path.parts), strict=False) if (part, before) != _REPEATED]
    if parts.count("**") > _MOST_RECURSIVE:
        raise ValueError(
            f"{pattern!r} has '**' more than {_MOST_RECURSIVE} times, and each '**' visits every folder again"
        )
    pattern = "/".join(parts) or "."
    if not has_magic(pattern) and (folder / pattern).is_dir():
        pattern = f"{pattern.rstrip('/')}/*"
    return (file.relative_to(folder).as_posix() for file in folder.glob(pattern) if file.is_file())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _uploaded_names(folder: Path, uploads: Sequence[Any]) -> Iterator[str]:
    """Yield the names of uploaded files in storage; mistakes in uploads are reported when the run uploads them."""
    for upload in uploads:
        source = upload.get("file") if isinstance(upload, Mapping) else None
        if not isinstance(source, str):
            continue
        path = folder / source
        name = Path(os.path.normpath(path)).name
        if path.is_dir():
            yield from (f"{name}/{file.relative_to(path).as_posix()}" for file in _files_below(path))
        elif path.is_file():
            yield name


def _files_below(directory: Path) -> Iterator[Path]:
    """Yield the files of a directory of bounded size, because an untrusted scenario may name the root of the disk."""
    for number, path in enumerate(directory.rglob("*")):
        if number >= MOST_ENTRIES:
            raise ValueError(f"{directory} has more than {MOST_ENTRIES} files and directories; upload a smaller one")
        if path.is_file():
            yield path
