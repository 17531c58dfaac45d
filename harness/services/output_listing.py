"""The files of a job's output directories, as far as they can be fetched: bounded in number, depth and names."""

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
        name: in that directory.
        size: of a file, in bytes.
        link: of a file that is read by one.
    """

    name: str
    is_directory: bool
    size: int = 0
    link: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be fetched, in a sentence."""

    text: str


def listing_of(directory: str, found: Iterable[OutputFile | Problem]) -> Listing:
    """The files of an output directory, by name; of too many the first.

    Args:
        directory: the id of the output directory.
        found: in any order.
    """
    files: list[OutputFile] = []
    problems: list[str] = []
    for entry in found:
        if isinstance(entry, Problem):
            problems.append(entry.text)
        elif len(files) == _MOST_FILES:
            problems.append(f"{directory} holds more than {_MOST_FILES} files; the others are left out")
            break
        else:
            files.append(entry)
    return Listing(tuple(sorted(files, key=lambda file: file.name)), tuple(problems))


def walk(
    directory: str, entries: Callable[[PurePosixPath], Iterable[Entry]], below: PurePosixPath = _TOP
) -> Iterator[OutputFile | Problem]:
    """The files of an output directory and of the directories in it.

    Args:
        directory: the id of the output directory.
        entries: lists a directory, given by its path in the output directory.
        below: where to begin.
    """
    for entry in entries(below):
        if not is_local_name(entry.name):
            yield misnamed(directory, entry.name)
            continue
        path = below / entry.name
        if not entry.is_directory:
            yield OutputFile(directory, str(path), entry.size, entry.link)
        elif len(path.parts) <= _DEEPEST:
            yield from walk(directory, entries, path)
        else:
            left_out = f"{directory}/{printable(str(path))} is left out"
            yield Problem(f"{left_out}: directories are followed {_DEEPEST} deep")


def misnamed(directory: str, name: str) -> Problem:
    """The problem of a file whose name no local file can have."""
    what = f"a file of {directory} that is called {name!r}"
    return Problem(f"cannot fetch {what}: it cannot be the name of a file here")


def is_local_name(name: str) -> bool:
    """Whether the name of a job's file or directory can be a part of a local path."""
    try:
        os.fsencode(name)
    except ValueError:
        return False
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name
