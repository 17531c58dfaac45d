"""What two machines tell each other of the files of a directory tree, and how they differ. Pure, but for ``digest_of``.

A path is relative, with ``/`` between names. Links, pipes and devices are no entries: they are neither followed nor
copied.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CHUNK = 4 << 20  # bytes that go over a connection at once
PAGE = 500  # entries that do
_LONGEST_PATH = 4096

# Inode, size, and times of the last change of content and of anything (ns): whoever changes a file changes it.
Signature = tuple[int, int, int, int]
DIRECTORY: Signature = (0, 0, 0, 0)  # of every directory: only that it is there counts


class PathRefusedError(OSError):
    """A path does not name a file below its tree."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or directory.

    Attributes:
        mode: permissions.
        modified: time of the last change of content, in ns since 1970.
    """

    is_directory: bool
    size: int
    mode: int
    modified: int
    signature: Signature


@dataclass(frozen=True, slots=True)
class Offer:
    """A file or directory that the emulator has. ``digest`` is empty for a directory."""

    path: str
    entry: Entry
    digest: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a content of ``size`` bytes in all."""

    digest: str
    size: int
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """What a job has done to a file or directory.

    Attributes:
        tree: the number of its tree.
        entry: None where it is gone.
        digest: of the content.
        start: up to where the content is what the emulator has already.
        rest: digest of what follows.
    """

    tree: int
    path: str
    entry: Entry | None
    digest: str = ""
    start: int = 0
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """A file or directory that is the same on both machines.

    Attributes:
        there: its signature on the node's machine, None where it is gone.
        here: that on the emulator's.
    """

    tree: int
    path: str
    there: Signature | None
    here: Signature | None
    digest: str


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a file."""

    tree: int
    path: str
    offset: int
    length: int


def names_of(path: str) -> list[str]:
    """The names in a path.

    Raises:
        PathRefusedError: it leads out of its tree, or is none.
    """
    names = path.split("/")
    if len(path) > _LONGEST_PATH or "\0" in path or any(name in ("", ".", "..") for name in names):
        raise PathRefusedError(f"{path[:200]!r} names nothing below its directory")
    return names


def differing(here: Mapping[str, Entry], known: Mapping[str, Signature]) -> list[str]:
    """The paths of what is new or changed since it was known, directories before what is in them."""
    return sorted(path for path, entry in here.items() if known.get(path) != entry.signature)


def gone(here: Mapping[str, Entry], known: Mapping[str, Signature]) -> list[str]:
    """The paths of what was known and is no more, directories after what was in them."""
    return sorted((path for path in known if path not in here), reverse=True)


def ranges(change: Change) -> Iterator[Range]:
    """The parts in which the new content of a file is asked for."""
    size = change.entry.size if change.entry else 0
    for offset in range(change.start, size, CHUNK):
        yield Range(change.tree, change.path, offset, min(CHUNK, size - offset))


@dataclass(frozen=True, slots=True)
class Digests:
    """Of a file's content, and where ``start`` is given of what is before and after it."""

    whole: str
    before: str
    after: str


def digests_of(descriptor: int, size: int, start: int = 0) -> Digests:
    """The digests (SHA-256) of the first bytes of an open file; of fewer where it has been cut."""
    whole, after = hashlib.sha256(), hashlib.sha256()
    before, position = whole.hexdigest(), 0
    while position < size:
        end = start if position < start else size
        content = os.pread(descriptor, min(CHUNK, end - position), position)
        if not content:
            break
        whole.update(content)
        if position >= start:
            after.update(content)
        position += len(content)
        if position == start:
            before = whole.hexdigest()
    return Digests(whole.hexdigest(), before, after.hexdigest())
