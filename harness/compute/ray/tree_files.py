"""Access to the files of a directory tree. No step follows a link, so no path leaves the tree."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.compute.ray.trees import DIRECTORY, Entry, PathRefusedError, Signature, split_path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SAFE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a pipe of a job must not block
_MAX_DEPTH = 200  # levels of directories, each of which takes a descriptor
_MAX_ENTRIES = 2_000_000
_PERMISSIONS = 0o777


class TreeFiles:
    """A directory tree.

    Args:
        anchor: a directory above the tree that no job writes to; links in its own path are followed.
        path: the path of the tree, relative to the anchor.
        only: the names in the tree that may be accessed; empty means all.
        aside: a directory on the same file system in which new contents are written before they are renamed.
    """

    def __init__(self, anchor: Path, path: str, *, only: tuple[str, ...] = (), aside: Path) -> None:
        self._anchor, self._names = anchor, split_path(path) if path else []
        self._only, self._aside = only, aside

    def entries(self) -> dict[str, Entry]:
        """Return all entries of the tree, by path; empty if the tree does not exist.

        Raises:
            OSError: the tree cannot be read.
        """
        entries: dict[str, Entry] = {}
        try:
            with self._folder([]) as root:
                self._scan(root, "", entries, depth=0)
        except FileNotFoundError:
            return {}
        return entries

    def entry(self, path: str) -> Entry | None:
        """Return the entry at a path; None if there is none."""
        try:
            with self._parent(path) as (parent, name):
                return _entry(os.stat(name, dir_fd=parent, follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def make_root(self) -> None:
        """Create the directory of the tree, if it does not exist."""
        with self._folder([], make=True):
            return

    def make_directory(self, path: str) -> None:
        """Create a directory, if it does not exist; a file of that name is deleted."""
        with self._parent(path, make=True) as (parent, name):
            _make(parent, name)

    @contextmanager
    def open_file(self, path: str) -> Iterator[int]:
        """Open a file for reading; yield its descriptor.

        Raises:
            OSError: there is no file.
        """
        with self._parent(path) as (parent, name), _closing(os.open(name, os.O_RDONLY | _SAFE, dir_fd=parent)) as file:
            _check_file(file, path)
            yield file

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Read a part of a file, or less if the file is shorter. Raises OSError if there is no file."""
        with self.open_file(path) as file:
            return os.pread(file, length, offset)

    def append(self, path: str, content: bytes, offset: int) -> None:
        """Write at an offset of a file. Raises OSError if there is no file."""
        with self._parent(path) as (parent, name), _closing(os.open(name, os.O_WRONLY | _SAFE, dir_fd=parent)) as file:
            _check_file(file, path)
            _write(file, content, offset)

    def set_metadata(self, path: str, entry: Entry) -> Signature:
        """Set the permissions and mtime of a written file to those of an entry; return its signature."""
        with self._parent(path) as (parent, name), _closing(os.open(name, os.O_WRONLY | _SAFE, dir_fd=parent)) as file:
            _check_file(file, path)
            return _set_metadata(file, entry)

    @contextmanager
    def replacing(self, path: str, entry: Entry) -> Iterator[tuple[Callable[[bytes], None], Callable[[], Signature]]]:
        """Replace a file, or create it.

        Yields:
            A function that appends to the new content, and a function that moves the new file to its path and returns
            its signature.

        Raises:
            OSError: the file cannot be written.
        """
        self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._aside / secrets.token_hex(12)
        with _closing(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)) as file:

            def write(content: bytes) -> None:
                _write(file, content, None)

            def commit() -> Signature:
                with self._parent(path, make=True) as (parent, name):
                    _set_metadata(file, entry)
                    with contextlib.suppress(OSError):  # there is no empty directory of that name
                        os.rmdir(name, dir_fd=parent)
                    os.replace(temporary, name, dst_dir_fd=parent)
                return _signature(os.fstat(file))

            try:
                yield write, commit
            finally:
                temporary.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        """Delete a file or an empty directory, if it exists."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self._parent(path) as (parent, name):
            if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                with contextlib.suppress(OSError):  # it is not empty
                    os.rmdir(name, dir_fd=parent)
            else:
                os.unlink(name, dir_fd=parent)

    @contextmanager
    def _folder(self, names: list[str], *, make: bool = False) -> Iterator[int]:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(_closing(os.open(self._anchor, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)))
            for depth, name in enumerate([*self._names, *names]):
                if make and depth < len(self._names):  # a job cannot replace the directories above the tree
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, 0o777, dir_fd=folder)
                elif make:
                    _make(folder, name)
                folder = stack.enter_context(_closing(os.open(name, _FOLDER, dir_fd=folder)))
            yield folder

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        *parents, name = names = split_path(path)
        if len(names) > _MAX_DEPTH or (self._only and names[0] not in self._only):
            raise PathRefusedError(f"{path[:200]!r} is no path of this tree")
        with self._folder(parents, make=make) as parent:
            yield parent, name

    def _scan(self, folder: int, prefix: str, entries: dict[str, Entry], *, depth: int) -> None:
        with os.scandir(folder) as items:
            names = [item.name for item in items]
        for name in names:
            if not prefix and self._only and name not in self._only:
                continue
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it was deleted or replaced in between
                entry = _entry(os.stat(name, dir_fd=folder, follow_symlinks=False))
                if entry is None:
                    continue
                entries[prefix + name] = entry
                if len(entries) > _MAX_ENTRIES or depth >= _MAX_DEPTH:
                    raise PathRefusedError(f"{self._names[-1:]} has too many files, or too many levels of directories")
                if entry.is_directory:
                    with _closing(os.open(name, _FOLDER, dir_fd=folder)) as child:
                        self._scan(child, f"{prefix}{name}/", entries, depth=depth + 1)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
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


def _set_metadata(descriptor: int, entry: Entry) -> Signature:
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
