"""Where a machine that does not see the emulator's data directory keeps files of its own for nodes and jobs.

All is below one directory of the user's, which has the same path on every machine: a folder for each node and for each
job, and the contents that were sent (``contents.py``). A folder is locked for as long as one of the agents that use it
lives; one without a lock is nobody's, and the next agent on the machine removes it. Agents find out by a marker, a file
of random content, whether they share a folder: machines may have this directory in common, too.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.atomic_file import write_file

_FOLDERS = ("job-", "node-")


def staging_directory() -> Path:
    """The directory of this user's."""
    return Path(f"/var/tmp/batchai-harness-{os.getuid()}")  # noqa: S108 - owner and mode are checked


class Place:
    """A folder that is held.

    Attributes:
        marker: what is in it alone.
    """

    def __init__(self, path: Path, descriptor: int, marker: str) -> None:
        self.path, self.marker = path, marker
        self._descriptor = descriptor

    @property
    def files(self) -> Path:
        """What stands for a directory of the emulator's machine."""
        return self.path / "files"

    @property
    def aside(self) -> Path:
        """Where files are written before they take their places."""
        return self.path / "aside"

    def remove(self) -> None:
        """Remove it; what other agents hold of it is gone, too."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Hold it no longer."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Places:
    """The folders of a machine.

    Args:
        root: the directory that they are in.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, name: str) -> Path:
        """Where the folder of a node or job is, which has a name of its own."""
        return self.root / f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:20]}"

    def hold(self, kind: str, name: str) -> Place:
        """Have a folder.

        Raises:
            OSError: the directory is not this user's alone, or cannot be written.
        """
        with self._locked():
            path = self.path(kind, name)
            path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            marker = path / "marker"
            if not marker.exists():
                write_file(marker, secrets.token_hex(16).encode())
            return Place(path, descriptor, marker.read_text(encoding="ascii"))

    def sweep(self) -> None:
        """Remove the folders that nobody holds."""
        with self._locked():
            for path in [each for each in self.root.iterdir() if each.name.startswith(_FOLDERS)]:
                if not _is_held(path):
                    shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with contextlib.suppress(FileExistsError):
            self.root.mkdir(mode=0o700)
        status = self.root.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise PermissionError(f"{self.root} has to be a directory of this user's alone (mode 0700); remove it")
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
