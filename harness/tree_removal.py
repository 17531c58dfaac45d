"""Deletion of directories in which a job could do what it liked.

Jobs nest directories deeper than a path can name and than Python calls functions, close directories to themselves, and
mount file systems. So each directory is first moved up to the one that is deleted: the kernel refuses that where
another file system is mounted, whose files are nobody's to delete, and one level of names reaches everything.
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
    """Go on to the end."""
    return False


def remove_tree(root: Path, *, is_stopped: Callable[[], bool] = _never) -> None:
    """Delete a directory with all that is in it; links are not followed, and file systems mounted in it stay.

    Args:
        root: the directory, which we own.
        is_stopped: asked again and again; the rest stays once it says so.

    Raises:
        OSError: the disk refused something, the first thing of what is left; the others are deleted.
    """
    refusals: list[OSError] = []
    with _opened(str(root)) as top:
        waiting = _emptied(top, top, refusals, is_stopped)
        while waiting and not is_stopped():
            name = waiting.pop()
            with _noted(refusals):
                with _opened(name, top) as directory:
                    waiting += _emptied(directory, top, refusals, is_stopped)
                os.rmdir(name, dir_fd=top)
    if refusals:
        raise refusals[0]
    if not is_stopped():
        root.rmdir()


def _emptied(directory: int, top: int, refusals: list[OSError], is_stopped: Callable[[], bool]) -> list[str]:
    """Delete what is in a directory, but for full directories, which are moved up; their new names."""
    moved: list[str] = []
    with os.scandir(directory) as found:
        entries = list(found)
    for entry in entries:
        if is_stopped():
            break
        with _noted(refusals):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=directory)
            elif (new := _removed_or_moved(entry.name, directory, top)) is not None:
                moved.append(new)
    return moved


def _removed_or_moved(name: str, directory: int, top: int) -> str | None:
    """Delete a directory that is empty, and move up one that is not; its new name."""
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
    except PermissionError:  # a directory that gets another one above it has to be ours to write
        with _opened(name, directory):
            os.rename(name, new, src_dir_fd=directory, dst_dir_fd=top)
    return new


@contextmanager
def _opened(name: str, above: int | None = None) -> Iterator[int]:
    """A descriptor of a directory, never of what a link leads to; what a job closed to itself is opened to us."""
    try:
        descriptor = os.open(name, os.O_RDONLY | _OPENING, dir_fd=above)
    except PermissionError:
        descriptor = _unlocked(name, above)
    try:
        if os.fstat(descriptor).st_mode & _OURS != _OURS:
            with contextlib.suppress(PermissionError):  # it is another user's, who may let us in nevertheless
                os.fchmod(descriptor, _OURS)
        yield descriptor
    finally:
        os.close(descriptor)


def _unlocked(name: str, above: int | None) -> int:
    """A descriptor of a directory of ours that nobody may read."""
    handle = os.open(name, os.O_PATH | _OPENING, dir_fd=above)
    try:
        place = Path(f"/proc/self/fd/{handle}")
        place.chmod(_OURS)
        return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)


@contextmanager
def _noted(refusals: list[OSError]) -> Iterator[None]:
    """Note an error of a block, so that the rest is deleted; a file that is gone already is no error."""
    try:
        yield
    except FileNotFoundError:
        pass
    except OSError as error:
        refusals.append(error)
