"""Deletion of directories that untrusted jobs have written.

Jobs nest directories deeper than the limits of paths and of Python's recursion, remove their own permissions, and mount
file systems. Therefore each subdirectory is first moved up into the root of the tree, so that one level of names
reaches everything. The kernel refuses to move a mount point, so that the files of other file systems are never deleted.
"""

import contextlib
import errno
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_OPENING = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS = 0o700
_FULL = (errno.ENOTEMPTY, errno.EEXIST)


def _never() -> bool:
    """Never stop."""
    return False


def remove_tree(root: Path, *, is_stopped: Callable[[], bool] = _never) -> None:
    """Delete a directory and its content; links are not followed, and file systems mounted in it stay.

    Args:
        root: the directory, which this user owns.
        is_stopped: is called repeatedly; when it returns True, the rest is not deleted.

    Raises:
        OSError: the first of the refusals, when entries could not be deleted; all other entries are deleted.
    """
    refusals: list[OSError] = []
    with _open(str(root)) as top:
        waiting = _empty(top, top, refusals, is_stopped)
        while waiting and not is_stopped():
            name = waiting.pop()
            with _collecting(refusals):
                with _open(name, top) as directory:
                    waiting += _empty(directory, top, refusals, is_stopped)
                os.rmdir(name, dir_fd=top)
    if refusals:
        raise refusals[0]
    if not is_stopped():
        root.rmdir()


def _empty(directory: int, top: int, refusals: list[OSError], is_stopped: Callable[[], bool]) -> list[str]:
    """Delete the content of a directory, except for full directories, which move up; returns their new names."""
    moved: list[str] = []
    with os.scandir(directory) as iterator:
        entries = list(iterator)
    for entry in entries:
        if is_stopped():
            break
        with _collecting(refusals):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=directory)
            elif (new := _remove_or_move(entry.name, directory, top)) is not None:
                moved.append(new)
    return moved


def _remove_or_move(name: str, directory: int, top: int) -> str | None:
    """Delete an empty directory, or move a full one up and return its new name."""
    try:
        os.rmdir(name, dir_fd=directory)
    except OSError as error:
        if error.errno not in _FULL:
            raise
    else:
        return None
    new = uuid.uuid4().hex
    try:
        os.rename(name, new, src_dir_fd=directory, dst_dir_fd=top)
    except PermissionError:  # its ".." changes, so that the directory must be writable
        with _open(name, directory):
            os.rename(name, new, src_dir_fd=directory, dst_dir_fd=top)
    return new


@contextmanager
def _open(name: str, above: int | None = None) -> Iterator[int]:
    """Open a directory without following links, and restore the owner's permissions, which a job may have removed."""
    try:
        descriptor = os.open(name, os.O_RDONLY | _OPENING, dir_fd=above)
    except PermissionError:
        descriptor = _open_unreadable(name, above)
    try:
        if os.fstat(descriptor).st_mode & _OURS != _OURS:
            with contextlib.suppress(PermissionError):  # another user's directory, which may be accessible nevertheless
                os.fchmod(descriptor, _OURS)
        yield descriptor
    finally:
        os.close(descriptor)


def _open_unreadable(name: str, above: int | None) -> int:
    """Open a directory of this user that has no read permission."""
    handle = os.open(name, os.O_PATH | _OPENING, dir_fd=above)
    try:
        path = Path(f"/proc/self/fd/{handle}")
        path.chmod(_OURS)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)


@contextmanager
def _collecting(refusals: list[OSError]) -> Iterator[None]:
    """Collect an error of the block, so that the rest is deleted; a file that no longer exists is not an error."""
    try:
        yield
    except FileNotFoundError:
        pass
    except OSError as error:
        refusals.append(error)
