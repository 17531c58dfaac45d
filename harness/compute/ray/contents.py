"""Contents of files on a node's machine, by their digests: what was sent once is not sent again."""

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.compute.ray.trees import CHUNK, Piece

_MOST = 10 << 30  # bytes that are kept between jobs, and no more than a tenth of the file system


class Contents:
    """The contents that a machine has.

    Args:
        directory: holds them; agents of the same user share it.
        most: bytes that are kept when it is trimmed; default as above.
    """

    def __init__(self, directory: Path, *, most: int | None = None) -> None:
        self._directory, self._most = directory, most

    def has(self, digest: str) -> bool:
        """Whether a content is here."""
        return self._path(digest).exists()

    def put(self, pieces: Sequence[Piece]) -> None:
        """Take parts of contents. A whole one that is not what its digest says is thrown away."""
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
        """Give a content to who writes it, part by part. False where it is not here, or not what it was."""
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
        """Remove what was used longest ago, until the rest may stay."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for each in self._directory.iterdir():
                with contextlib.suppress(FileNotFoundError):  # another agent trims, too
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
