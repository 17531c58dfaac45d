"""Deletion of directories: they are moved away immediately, and deleted in the background."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.system_calls import HERE, rename_to_new
from harness.tree_removal import remove_tree

RECOVERY_SUFFIX = ".kept"  # the suffix of files that recovery may still need


class Trash:
    """A folder on the file system of the storage. New files are created in it, too, before they get their names.

    At the next start, files that a killed process left in it are deleted; ``delete_kept`` deletes those for recovery.

    Args:
        folder: created if missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in list(folder.iterdir()):
            if path.suffix != RECOVERY_SUFFIX:
                _delete(path)

    def delete_kept(self) -> None:
        """Delete the files for recovery, after it has ended."""
        for path in self.folder.glob(f"*{RECOVERY_SUFFIX}"):
            _delete(path)

    @contextmanager
    def removing(self, directory: Path, new_path: Path) -> Iterator[None]:
        """Delete a directory, if it exists; the block deletes its record.

        Args:
            new_path: the path of the directory in between; if the block raises, it is moved back.

        Raises:
            OSError: the disk refuses; nothing has changed.
        """
        with moving(directory, new_path):
            yield
        self.discard(new_path)

    def discard(self, directory: Path) -> None:
        """Like ``take``, but if the disk refuses, the directory stays until the next start."""
        with best_effort(f"{directory} could not be deleted"):
            self.take(directory)

    def take(self, directory: Path) -> None:
        """Move a directory to the trash and delete it; a missing directory is no error.

        Raises:
            OSError: the disk refuses.
        """
        new_path = self.folder / uuid.uuid4().hex
        try:
            directory.rename(new_path)
        except FileNotFoundError:
            return
        _delete(new_path)


@contextmanager
def moving(directory: Path, target: Path) -> Iterator[None]:
    """Move a directory, if it exists; if the block raises, it is moved back.

    Raises:
        FileExistsError: the target exists already.
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
