"""The list of a job's output files, with limits of number, depth and names."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.printable import printable
from harness.services.service import Listing, OutputFile

_TOP = PurePosixPath()
_DEEPEST = 16  # directories
_MOST_FILES = 100_000  # of one output directory


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a directory: a file or a directory.

    Attributes:
        name: the name in the directory.
        size: the size of a file in bytes.
        link: the link of a file that is read over HTTP.
    """

    name: str
    is_directory: bool
    size: int = 0
    link: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence that explains why a file cannot be fetched."""

    text: str


def make_listing(directory: str, entries: Iterable[OutputFile | Problem]) -> Listing:
    """Sort the files of an output directory by name, and limit their number.

    Args:
        directory: the id of the output directory.
        entries: the files and problems, in any order.
    """
    files: list[OutputFile] = []
    problems: list[str] = []
    for entry in entries:
        if isinstance(entry, Problem):
            problems.append(entry.text)
        elif len(files) == _MOST_FILES:
            problems.append(f"{directory} holds more than {_MOST_FILES} files; the others are omitted")
            break
        else:
            files.append(entry)
    return Listing(tuple(sorted(files, key=lambda file: file.name)), tuple(problems))


def walk(
    directory: str, entries: Callable[[PurePosixPath], Iterable[Entry]], below: PurePosixPath = _TOP
) -> Iterator[OutputFile | Problem]:
    """Yield the files of an output directory and of its subdirectories.

    Args:
        directory: the id of the output directory.
        entries: lists a directory, given by its path in the output directory.
        below: the path of the directory to begin with.
    """
    for entry in entries(below):
        if not is_local_name(entry.name):
            yield invalid_name(directory, entry.name)
            continue
        path = below / entry.name
        if not entry.is_directory:
            yield OutputFile(directory, str(path), entry.size, entry.link)
        elif len(path.parts) <= _DEEPEST:
            yield from walk(directory, entries, path)
        else:
            yield Problem(
                f"{directory}/{printable(str(path))} is omitted: directories are followed {_DEEPEST} levels deep"
            )


def invalid_name(directory: str, name: str) -> Problem:
    """The problem of a file whose name is not valid on this machine."""
    return Problem(f"cannot fetch the file {name!r} of {directory}: its name is not valid on this machine")


def is_local_name(name: str) -> bool:
    """Whether the name of a job's file or directory can be a part of a local path."""
    try:
        os.fsencode(name)
    except ValueError:
        return False
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name
