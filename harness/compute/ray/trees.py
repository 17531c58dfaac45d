"""Messages about the files of a directory tree, and the comparison of two trees. Pure, except for ``digests_of``.

Paths are relative, with ``/`` between names. Links, pipes and devices are not entries: they are neither followed nor
copied.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

CHUNK = 4 << 20  # the most bytes of one message
PAGE = 500  # the most entries of one message
_LONGEST_PATH = 4096

# Inode, size, mtime and ctime (ns). Every change of a file changes its signature.
Signature = tuple[int, int, int, int]
DIRECTORY: Signature = (0, 0, 0, 0)  # the signature of every directory: only its existence is compared


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
    """A file or directory on the emulator's machine. ``digest`` is empty for a directory."""

    path: str
    entry: Entry
    digest: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a content that has ``size`` bytes in total."""

    digest: str
    size: int
    offset: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a file or directory by a job.

    Attributes:
        tree: the number of its tree.
        entry: None if it was deleted.
        digest: SHA-256 of the content.
        start: the number of first bytes that the emulator already has.
        rest: SHA-256 of the bytes after them.
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
        on_node: the signature on the node machine; None if it was deleted.
        on_emulator: the signature on the emulator's machine.
    """

    tree: int
    path: str
    on_node: Signature | None
    on_emulator: Signature | None
    digest: str


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a file."""

    tree: int
    path: str
    offset: int
    length: int


def split_path(path: str) -> list[str]:
    """Split a path into its names.

    Raises:
        PathRefusedError: the path leads out of its tree, or is invalid.
    """
    names = path.split("/")
    if len(path) > _LONGEST_PATH or "\0" in path or any(name in ("", ".", "..") for name in names):
        raise PathRefusedError(f"{path[:200]!r} names nothing below its directory")
    return names


def changed_paths(entries: Mapping[str, Entry], signatures: Mapping[str, Signature]) -> list[str]:
    """Return the paths of new and changed entries, directories before their content."""
    return sorted(path for path, entry in entries.items() if signatures.get(path) != entry.signature)


def deleted_paths(entries: Mapping[str, Entry], signatures: Mapping[str, Signature]) -> list[str]:
    """Return the paths of deleted entries, directories after their content."""
    return sorted((path for path in signatures if path not in entries), reverse=True)


def ranges(change: Change) -> Iterator[Range]:
    """Yield the parts in which the new content of a file is read."""
    size = change.entry.size if change.entry else 0
    for offset in range(change.start, size, CHUNK):
        yield Range(change.tree, change.path, offset, min(CHUNK, size - offset))


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of a whole content, of the bytes before an offset, and of those after it."""

    whole: str
    before: str
    after: str


def digests_of(descriptor: int, size: int, start: int = 0) -> Digests:
    """Return the SHA-256 digests of the first ``size`` bytes of an open file, or of fewer if it is shorter."""
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
