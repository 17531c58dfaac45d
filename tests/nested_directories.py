"""Directories that are nested deeper than a path can name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def nested(directory: Path, *, depth: int) -> Iterator[Path]:
    """Create a directory with nested directories; those that are left at the end are deleted."""
    directory.mkdir()
    descriptor = os.open(directory, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    try:
        yield directory
    finally:
        _flatten(directory)


def _flatten(directory: Path) -> None:
    """Delete the nested directories, because pytest cannot."""
    current, number = directory, 0
    while (current / "d").exists():
        number += 1
        below = (current / "d").rename(directory.with_name(f"{directory.name}.{number}"))
        if number > 1:
            current.rmdir()
        current = below
    if number:
        current.rmdir()
