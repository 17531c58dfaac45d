"""A cache of file contents on a node machine, by their digests, so that each content is sent once."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.compute.ray.trees import CHUNK, Piece

_MOST = 10 << 30  # bytes that are kept between jobs, but at most a tenth of the file system


class Contents:
    """The cache of a machine.

    Args:
        directory: its directory, which all agents of the user share.
        most: the bytes that ``trim`` leaves; default 10 GiB, and at most a tenth of the file system.
    """

    def __init__(self, directory: Path, *, most: int | None = None) -> None:
        self._directory, self._most = directory, most

    def has(self, digest: str) -> bool:
        """Whether the cache has a content."""
        return self._path(digest).exists()

    def put(self, pieces: Sequence[Piece]) -> None:
        """Store parts of contents. A complete content that does not match its digest is deleted."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for piece in pieces:
            beside = self._path(piece.digest).with_suffix(f".{os.getpid()}")
            if piece.offset == 0:
                beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb") as stream:
                stream.seek(piece.offset)
                stream.write(piece.content)
            if piece.offset + len(piece.content) >= piece.size:
                if _digest(beside) == piece.digest:
                    beside.replace(self._path(piece.digest))
                else:
                    beside.unlink()

    def copy(self, digest: str, write: Callable[[bytes], None]) -> bool:
        """Pass a content to a function in parts. Returns False if the cache lacks it, or it is damaged."""
        path, whole = self._path(digest), hashlib.sha256()
        try:
            with path.open("rb") as stream:
                os.utime(stream.fileno())
                while content := stream.read(CHUNK):
                    whole.update(content)
                    write(content)
        except FileNotFoundError:
            return False
        if whole.hexdigest() != digest:
            path.unlink(missing_ok=True)
            return False
        return True

    def trim(self) -> None:
        """Delete the least recently used contents, until the rest fits."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for each in self._directory.iterdir():
                with contextlib.suppress(FileNotFoundError):  # another agent has deleted it
                    status = each.stat()
                    found.append((status.st_mtime_ns, status.st_size, each))
            left = self._most if self._most is not None else min(_MOST, shutil.disk_usage(self._directory).total // 10)
            for _, size, each in sorted(found, reverse=True):
                left -= size
                if left < 0:
                    each.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not digest.isalnum():
            raise ValueError("that is no digest")
        return self._directory / digest


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
