"""The files of a directory tree. Every step down is opened without following links: no path leaves the tree."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.compute.ray.trees import DIRECTORY, Entry, PathRefusedError, Signature, names_of

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe that a job left must not stop us
_DEEPEST = 200  # directories in each other, each of which takes a descriptor
_MOST = 2_000_000  # entries of a tree
_PERMISSIONS = 0o777


class TreeFiles:
    """A tree.

    Args:
        anchor: a directory above it, which no job writes to; links up to there are followed.
        path: the tree, relative to the anchor.
        only: the names to which the tree is restricted; all where there are none.
        aside: a directory on the same file system, in which a new content is written before it takes its place.
    """

    def __init__(self, anchor: Path, path: str, *, only: tuple[str, ...] = (), aside: Path) -> None:
        self._anchor, self._names = anchor, names_of(path) if path else []
        self._only, self._aside = only, aside

    def entries(self) -> dict[str, Entry]:
        """All that is in the tree, by path; none where it does not exist.

        Raises:
            OSError: it cannot be read.
        """
        found: dict[str, Entry] = {}
        try:
            with self._folder([]) as root:
                self._scan(root, "", found, depth=0)
        except FileNotFoundError:
            return {}
        return found

    def entry(self, path: str) -> Entry | None:
        """What is at a path; None for nothing, and for what is no entry."""
        try:
            with self._parent(path) as (parent, name):
                return _entry(os.stat(name, dir_fd=parent, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def make_root(self) -> None:
        """Have the tree's directory."""
        with self._folder([], make=True):
            return

    def make_directory(self, path: str) -> None:
        """Have a directory; what stands in its way and is none is removed."""
        with self._parent(path, make=True) as (parent, name):
            _make(parent, name)

    @contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """A descriptor to read a file.

        Raises:
            OSError: there is no file.
        """
        with self._parent(path) as (parent, name), _kept(os.open(name, os.O_RDONLY | _SAFE, dir_fd=parent)) as file:
            _check_file(file, path)
            yield file

    def read(self, path: str, offset: int, length: int) -> bytes:
        """A part of a file; less where it is shorter. Raises OSError where there is no file."""
        with self.opened(path) as file:
            return os.pread(file, length, offset)

    def append(self, path: str, content: bytes, offset: int) -> None:
        """Write at a place in a file. Raises OSError where there is no file."""
        with self._parent(path) as (parent, name), _kept(os.open(name, os.O_WRONLY | _SAFE, dir_fd=parent)) as file:
            _check_file(file, path)
            _write(file, content, offset)

    def settle(self, path: str, entry: Entry) -> Signature:
        """Give a file that was written the other one's permissions and time. Its signature."""
        with self._parent(path) as (parent, name), _kept(os.open(name, os.O_WRONLY | _SAFE, dir_fd=parent)) as file:
            _check_file(file, path)
            return _dressed(file, entry)

    @contextmanager
    def replacing(self, path: str, entry: Entry) -> Iterator[tuple[Callable[[bytes], None], Callable[[], Signature]]]:
        """Write a new content of a file: what writes, and what puts it in its place and tells its signature.

        Raises:
            OSError: it cannot be written.
        """
        self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._aside / secrets.token_hex(12)
        with _kept(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)) as file:

            def write(content: bytes) -> None:
                _write(file, content, None)

            def place() -> Signature:
                with self._parent(path, make=True) as (parent, name):
                    _dressed(file, entry)
                    with contextlib.suppress(OSError):  # a file, or nothing
                        os.rmdir(name, dir_fd=parent)
                    os.replace(beside, name, dst_dir_fd=parent)
                return _signature(os.fstat(file))

            try:
                yield write, place
            finally:
                beside.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        """Remove a file, or a directory if it is empty; nothing happens where there is none."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self._parent(path) as (parent, name):
            if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                with contextlib.suppress(OSError):  # there is something in it again
                    os.rmdir(name, dir_fd=parent)
            else:
                os.unlink(name, dir_fd=parent)

    @contextmanager
    def _folder(self, names: list[str], *, make: bool = False) -> Iterator[int]:
        with contextlib.ExitStack() as stack:
            here = stack.enter_context(_kept(os.open(self._anchor, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)))
            for depth, name in enumerate([*self._names, *names]):
                if make and depth < len(self._names):  # what is above the tree is not a job's to replace
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, 0o777, dir_fd=here)
                elif make:
                    _make(here, name)
                here = stack.enter_context(_kept(os.open(name, _FOLDER, dir_fd=here)))
            yield here

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        *above, name = names = names_of(path)
        if len(names) > _DEEPEST or (self._only and names[0] not in self._only):
            raise PathRefusedError(f"{path[:200]!r} is no path of this tree")
        with self._folder(above, make=make) as parent:
            yield parent, name

    def _scan(self, folder: int, prefix: str, found: dict[str, Entry], *, depth: int) -> None:
        with os.scandir(folder) as listed:
            names = [each.name for each in listed]
        for name in names:
            if not prefix and self._only and name not in self._only:
                continue
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it has gone or changed meanwhile
                entry = _entry(os.stat(name, dir_fd=folder, follow_symlinks=False))
                if entry is None:
                    continue
                found[prefix + name] = entry
                if len(found) > _MOST or depth >= _DEEPEST:
                    raise PathRefusedError(f"{self._names[-1:]} has too many files, or directories in each other")
                if entry.is_directory:
                    with _kept(os.open(name, _FOLDER, dir_fd=folder)) as below:
                        self._scan(below, f"{prefix}{name}/", found, depth=depth + 1)


@contextmanager
def _kept(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _make(parent: int, name: str) -> None:
    try:
        os.mkdir(name, 0o777, dir_fd=parent)
    except FileExistsError:
        if not stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)
            os.mkdir(name, 0o777, dir_fd=parent)


def _check_file(descriptor: int, path: str) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise PathRefusedError(f"{path[:200]!r} is no file")


def _write(descriptor: int, content: bytes, offset: int | None) -> None:
    view = memoryview(content)
    while view:
        written = os.write(descriptor, view) if offset is None else os.pwrite(descriptor, view, offset)
        view, offset = view[written:], None if offset is None else offset + written


def _dressed(descriptor: int, entry: Entry) -> Signature:
    os.fchmod(descriptor, entry.mode & _PERMISSIONS | stat.S_IRUSR | stat.S_IWUSR)
    os.utime(descriptor, ns=(entry.modified, entry.modified))
    return _signature(os.fstat(descriptor))


def _entry(status: os.stat_result) -> Entry | None:
    if stat.S_ISDIR(status.st_mode):
        return Entry(True, 0, status.st_mode & _PERMISSIONS, status.st_mtime_ns, DIRECTORY)
    if stat.S_ISREG(status.st_mode):
        return Entry(False, status.st_size, status.st_mode & _PERMISSIONS, status.st_mtime_ns, _signature(status))
    return None


def _signature(status: os.stat_result) -> Signature:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
