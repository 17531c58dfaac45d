"""Deletion of directories: they are moved away at once, and removed in the background."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.system_calls import HERE, rename_to_new
from harness.tree_removal import remove_tree

KEPT = ".kept"  # at the end of the names of files that a recovery may still need


class Trash:
    """A folder on the file system of the storage. New files are made in it, too, before they get their names.

    The next process deletes what a killed one has left in it; what recovery may need is deleted by ``forget_kept``.

    Args:
        folder: made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in list(folder.iterdir()):
            if left.suffix != KEPT:
                _delete(left)

    def forget_kept(self) -> None:
        """Delete the files that were kept for recovery, which has ended."""
        for left in self.folder.glob(f"*{KEPT}"):
            _delete(left)

    @contextmanager
    def removing(self, directory: Path, aside: Path) -> Iterator[None]:
        """Delete a directory, if it exists; the block deletes its record.

        Args:
            aside: where the directory is in between; if the block raises, it is moved back.

        Raises:
            OSError: the disk refuses; nothing has changed.
        """
        with moved(directory, aside):
            yield
        self.discard(aside)

    def discard(self, directory: Path) -> None:
        """Like ``take``, but if the disk refuses, the directory stays until the next start."""
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


def _delete(path: Path) -> None:
    with best_effort(f"{path} is deleted at the next start"):
        threading.Thread(target=_delete_now, args=(path,), name="trash", daemon=True).start()


def _delete_now(path: Path) -> None:
    with best_effort(f"{path} is deleted at the next start"):
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
