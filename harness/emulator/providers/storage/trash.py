"""Whole directories on their way out: gone from their place at once, deleted in the background."""

import os
import shutil
import threading
import uuid
from pathlib import Path


class Trash:
    """A folder beside what it takes, on the same file system; files are made in it, too, before they are shown.

    What a killed process left in it is deleted by the next one.

    Args:
        folder: made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.iterdir():
            _delete(left)

    def take(self, directory: Path) -> None:
        """Move a directory out of the way and delete it; one that is not there is no matter."""
        aside = self.folder / uuid.uuid4().hex
        try:
            directory.rename(aside)
        except FileNotFoundError:
            return
        _delete(aside)


def _delete(directory: Path) -> None:
    threading.Thread(target=_remove, args=(directory,), name="trash", daemon=True).start()


def _remove(directory: Path) -> None:
    """Delete a tree or a file; folders that a job closed to itself are opened first."""
    if not directory.is_dir() or directory.is_symlink():
        directory.unlink(missing_ok=True)
        return
    for parent, folders, _ in os.walk(directory):
        for folder in folders:
            path = Path(parent, folder)
            if not path.is_symlink() and not os.access(path, os.R_OK | os.W_OK | os.X_OK):
                path.chmod(0o700)
    shutil.rmtree(directory, ignore_errors=True)
