"""Folders for staged files on a machine that does not see the emulator's data directory.

A directory of the user, with the same path on every machine, has a folder for each node and each job, and the cache of
contents (``contents.py``). Each agent locks the folders that it uses while it runs; the next agent on the machine
deletes the folders without a lock. Several machines may share the directory through a network file system, so each
folder has a marker, a file with random content, that shows the driver which agents share it.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.atomic_file import write_file
from harness.tree_removal import remove_tree

_FOLDERS = ("job-", "node-")


def staging_directory() -> Path:
    """Return the staging directory of this user."""
    return Path(f"/var/tmp/batchai-harness-{os.getuid()}")  # noqa: S108 - owner and mode are checked


class StagingFolder:
    """A folder that this process has locked.

    Attributes:
        marker: the random text that identifies it.
    """

    def __init__(self, path: Path, descriptor: int, marker: str) -> None:
        self.path, self.marker = path, marker
        self._descriptor = descriptor

    @property
    def files(self) -> Path:
        """The copy of a directory of the emulator's machine."""
        return self.path / "files"

    @property
    def aside(self) -> Path:
        """The directory in which files are written before they are renamed."""
        return self.path / "aside"

    def remove(self) -> None:
        """Delete the folder, for the other agents that use it too."""
        _remove(self.path)
        self.close()

    def close(self) -> None:
        """Release the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class StagingFolders:
    """The staging folders of a machine.

    Args:
        root: the directory of the folders.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, kind: str, name: str) -> Path:
        """Return the path of the folder of a node or job, which depends on its name only."""
        return self.root / f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:20]}"

    def hold(self, kind: str, name: str) -> StagingFolder:
        """Lock a folder, which is created if it does not exist.

        Raises:
            OSError: other users have access to the directory, or it cannot be written.
        """
        with self._locked():
            path = self.path(kind, name)
            path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            marker = path / "marker"
            if not marker.exists():
                write_file(marker, secrets.token_hex(16).encode())
            return StagingFolder(path, descriptor, marker.read_text(encoding="ascii"))

    def release(self, folder: StagingFolder) -> None:
        """Release a folder, and delete it if no process has locked it any more."""
        folder.close()
        with self._locked():
            if not _is_locked(folder.path):
                _remove(folder.path)

    def sweep(self) -> None:
        """Delete the folders that no process has locked."""
        with self._locked():
            for path in [item for item in self.root.iterdir() if item.name.startswith(_FOLDERS)]:
                if not _is_locked(path):
                    _remove(path)

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


def _remove(path: Path) -> None:
    """Delete a folder as far as the disk allows; the next agent tries the rest."""
    with contextlib.suppress(OSError):
        remove_tree(path)


def _is_locked(path: Path) -> bool:
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
