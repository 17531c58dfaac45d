"""A cache of file contents on a node machine, by their digests, so that each content is sent once."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.compute.ray.trees import CHUNK, Piece

_DEFAULT_BYTES = 10 << 30  # the size of the cache between jobs, but at most a tenth of the file system


class Contents:
    """The cache of a machine.

    Args:
        directory: its directory, which all agents of the user share.
        max_bytes: the bytes that ``trim`` leaves; default 10 GiB, and at most a tenth of the file system.
    """

    def __init__(self, directory: Path, *, max_bytes: int | None = None) -> None:
        self._directory, self._max_bytes = directory, max_bytes

    def has(self, digest: str) -> bool:
        """Whether the cache has a content."""
        return self._path(digest).exists()

    def put(self, pieces: Sequence[Piece]) -> None:
        """Store parts of contents. A complete content that does not match its digest is deleted."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for piece in pieces:
            temporary = self._path(piece.digest).with_suffix(f".{os.getpid()}")
            if piece.offset == 0:
                temporary.unlink(missing_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb") as stream:
                stream.seek(piece.offset)
                stream.write(piece.content)
            if piece.offset + len(piece.content) >= piece.size:
                if _digest(temporary) == piece.digest:
                    temporary.replace(self._path(piece.digest))
                else:
                    temporary.unlink()

    def copy(self, digest: str, write: Callable[[bytes], None]) -> bool:
        """Pass a content to a function in parts. Return False if the cache lacks it, or it is damaged."""
        path, digest_so_far = self._path(digest), hashlib.sha256()
        try:
            with path.open("rb") as stream:
                os.utime(stream.fileno())
                while content := stream.read(CHUNK):
                    digest_so_far.update(content)
                    write(content)
        except FileNotFoundError:
            return False
        if digest_so_far.hexdigest() != digest:
            path.unlink(missing_ok=True)
            return False
        return True

    def trim(self) -> None:
        """Delete the least recently used contents, until the rest fits."""
        contents = []
        with contextlib.suppress(FileNotFoundError):
            for path in self._directory.iterdir():
                with contextlib.suppress(FileNotFoundError):  # another agent has deleted it
                    status = path.stat()
                    contents.append((status.st_mtime_ns, status.st_size, path))
            remaining = (
                self._max_bytes
                if self._max_bytes is not None
                else min(_DEFAULT_BYTES, shutil.disk_usage(self._directory).total // 10)
            )
            for _, size, path in sorted(contents, reverse=True):
                remaining -= size
                if remaining < 0:
                    path.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        if len(digest) != 64 or not digest.isalnum():
            raise ValueError("that is no digest")
        return self._directory / digest


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
