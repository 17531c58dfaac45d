"""Directories that are deleted: moved away at once, and removed in the background."""

import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.system_calls import HERE, rename_to_new

KEPT = ".kept"  # at the end of the names of files that a recovery may still need


class Trash:
    """A folder beside what it takes, on the same file system; files are made in it, too, before they are shown.

    What a killed process left in it is deleted by the next one, what a recovery may need by ``forget_kept``.

    Args:
        folder: made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.iterdir():
            if left.suffix != KEPT:
                _delete(left)

    def forget_kept(self) -> None:
        """Delete what was kept for a recovery: it is over."""
        for left in self.folder.glob(f"*{KEPT}"):
            _delete(left)

    @contextmanager
    def removing(self, directory: Path, aside: Path) -> Iterator[None]:
        """Delete a directory, if it exists; the block deletes the record that says so.

        Args:
            aside: where the directory is in between; if the block raises, it is moved back.

        Raises:
            OSError: the disk refuses; nothing has changed.
        """
        with moved(directory, aside):
            yield
        self.discard(aside)

    def discard(self, directory: Path) -> None:
        """``take`` what nobody asks for any more: where the disk refuses, it stays until the next start."""
        with best_effort(f"{directory} could not be deleted"):
            self.take(directory)

    def take(self, directory: Path) -> None:
        """Move a directory out of the way and delete it; one that does not exist is no error.

        Raises:
            OSError: the disk refuses.
        """
        aside = self.folder / uuid.uuid4().hex
        try:
            directory.rename(aside)
        except FileNotFoundError:
            return
        _delete(aside)


@contextmanager
def moved(directory: Path, target: Path) -> Iterator[None]:
    """Move a directory, if it exists; if the block raises, it is moved back.

    Raises:
        FileExistsError: there is something already.
        OSError: the disk refuses; nothing has changed.
    """
    try:
        rename_to_new(directory, HERE, str(target))
    except FileNotFoundError:
        yield
        return
    try:
        yield
    except BaseException:
        target.rename(directory)
        raise


def _delete(directory: Path) -> None:
    with best_effort(f"{directory} is deleted at the next start"):
        threading.Thread(target=_delete_now, args=(directory,), name="trash", daemon=True).start()


def _delete_now(directory: Path) -> None:
    with best_effort(f"{directory} is deleted at the next start"):
        _remove(directory)


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
