"""The files of a run on disk. As in storage, links, devices and names that are not valid text are left out."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath


def file_names(root: Path) -> list[str]:
    """The relative paths of all files below a directory, sorted; empty if the directory does not exist."""
    paths: list[str] = []
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in _entries(root / folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
            elif entry.is_file(follow_symlinks=False):
                paths.append(path)
    return sorted(paths)


def folder_sizes(root: Path, folder: PurePosixPath) -> list[tuple[str, int | None]]:
    """The entries of a folder below a directory: files with their sizes, folders with None."""
    directory = root / folder
    if Path(os.path.realpath(directory)) != Path(os.path.realpath(root)) / folder:
        return []  # the path leads through a link
    sizes: list[tuple[str, int | None]] = []
    for entry in _entries(directory):
        path = str(folder / entry.name)
        if entry.is_dir(follow_symlinks=False):
            sizes.append((path, None))
        elif entry.is_file(follow_symlinks=False):
            with suppress(FileNotFoundError):  # a job may delete its files at any time
                sizes.append((path, entry.stat(follow_symlinks=False).st_size))
    return sorted(sizes)


def _entries(directory: Path) -> Iterator["os.DirEntry[str]"]:
    with suppress(OSError), os.scandir(directory) as entries:
        yield from (entry for entry in entries if _is_text(entry.name))


def _is_text(name: str) -> bool:
    return name.isprintable() or not any("\ud800" <= character <= "\udfff" for character in name)
