"""Opens what a data directory holds. What cannot be used is one clear sentence; what is damaged is moved aside.

Nothing is deleted: a damaged file keeps its content under another name, and the next start makes a new one. A directory
whose files have the names of ours and are somebody else's is refused: an emulator deletes what it does not know.
"""

import contextlib
import os
import sqlite3
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from harness.disk_errors import is_disk_full
from harness.emulator.identity import Identity, load_identity
from harness.emulator.paths import DataDirectory
from harness.emulator.store import DamagedRecordError, Store, is_full
from harness.emulator.tls import server_context
from harness.errors import EmulatorError
from harness.file_lock import FileLockedError, lock_file

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LONGEST_ID = 20  # bytes of a lock file, which holds a process id
_SQLITE_FILES = ("", "-wal", "-shm")  # the second one holds the newest records


@contextmanager
def opened_directory(directory: Path) -> Iterator[DataDirectory]:
    """A data directory that nobody else serves while the block lasts; it is made when missing.

    Raises:
        EmulatorError: it cannot be used, holds what no emulator made, or another emulator serves it.
    """
    paths = DataDirectory(directory.absolute())
    if paths.root.exists() and not paths.root.is_dir():
        raise EmulatorError(f"{paths.root} is a file, and a data directory is needed; choose another --dir")
    with contextlib.ExitStack() as stack:
        with usable(paths):
            _refuse_others_files(paths)
            paths.prepare()
            descriptor = stack.enter_context(_locked(paths))
            # First of all what an emulator left that was killed: it names a process id that others may have by now.
            paths.endpoint.unlink(missing_ok=True)
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        stack.callback(paths.endpoint.unlink, missing_ok=True)
        yield paths


@contextmanager
def opened_store(paths: DataDirectory) -> Iterator[Store]:
    """The store of a data directory.

    Raises:
        EmulatorError: it cannot be used, or it turns out to be damaged while the block lasts.
    """
    try:
        with usable(paths):
            store = Store(paths.database)
        with contextlib.closing(store):
            yield store
    except DamagedRecordError as error:
        raise EmulatorError(
            f"the store {paths.database} holds {error}; start the version of the harness that wrote it, or choose "
            "another --dir"
        ) from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) not in _DAMAGED:
            remedy = "; make room on its disk, or choose another --dir" if is_full(error) else ""
            raise EmulatorError(f"the store {paths.database} cannot be used: {error}{remedy}") from error
        aside = _set_aside(paths.database, _SQLITE_FILES)
        raise EmulatorError(
            f"the store {paths.database} is damaged ({error}); it was moved to {aside}. Start again to begin with an "
            f"empty store: the files of shares stay in {paths.storage}, but the emulator does not know them any more"
        ) from error


def open_identity(
    paths: DataDirectory, applications: Mapping[str, tuple[str, ...]], tenants: Sequence[str] = ()
) -> Identity:
    """The identity of a data directory, made when missing.

    Args:
        applications: roles by the name of each application that it must have besides the first one.
        tenants: where they can sign in, too.

    Raises:
        EmulatorError: it cannot be used.
    """
    try:
        with usable(paths):
            return replace(load_identity(paths, applications), other_tenants=tuple(tenants))
    except (msgspec.MsgspecError, ValueError) as error:
        aside = _set_aside(paths.identity)
        raise EmulatorError(
            f"the identity {paths.identity} is damaged ({error}); it was moved to {aside}. Start again to make a new "
            "one, with other ids and keys"
        ) from error


def open_tls(paths: DataDirectory, names: Sequence[str] = ()) -> ssl.SSLContext:
    """The listener's side of TLS; certificates are made when missing.

    Args:
        names: of this machine, beside Azure's and those of loopback.

    Raises:
        EmulatorError: they cannot be used.
    """
    try:
        with usable(paths):
            return server_context(paths, names)
    except ValueError as error:
        authority, certificate = _set_aside(paths.authority), _set_aside(paths.server_certificate)
        raise EmulatorError(
            f"the certificates of {paths.root} are damaged ({error}); they were moved to {authority} and "
            f"{certificate}. Start again to make new ones"
        ) from error


def _refuse_others_files(paths: DataDirectory) -> None:
    """Refuse a directory in which files of others would be replaced, or deleted as the rest of a job or a share."""
    links = [folder.name for folder in paths.folders if folder.is_symlink()]
    if links:
        raise EmulatorError(
            f"{', '.join(links)} in {paths.root} is a link, and files elsewhere would be replaced or deleted; link to "
            "a whole data directory instead, or choose another --dir"
        )
    if paths.identity.exists() or any(paths.root.glob(f"{paths.identity.name}.damaged-*")):
        return
    # An emulator that was killed before it had an identity leaves no more than its lock and empty folders.
    files = (paths.endpoint, paths.ports, paths.authority, paths.server_certificate)
    found = [path.name for path in files if path.exists()]
    found += [folder.name for folder in paths.folders if folder.is_dir() and any(folder.iterdir())]
    if paths.lock.is_file() and not _may_be_lock(paths.lock):
        found.append(paths.lock.name)
    if found:
        raise EmulatorError(
            f"{paths.root} holds {', '.join(found)}, and no {paths.identity.name} that says that an emulator made "
            "them; nothing was changed; choose another --dir"
        )


def _may_be_lock(path: Path) -> bool:
    with path.open("rb") as stream:
        content = stream.read(_LONGEST_ID + 1)
    return not content or (content.isdigit() and len(content) <= _LONGEST_ID)


@contextmanager
def _locked(paths: DataDirectory) -> Iterator[int]:
    try:
        with lock_file(paths.lock) as descriptor:
            yield descriptor
    except FileLockedError as error:
        holder = f"the emulator with process id {error.holder}" if error.holder else "another emulator"
        raise EmulatorError(
            f"the data directory {paths.root} is in use by {holder}; stop it with 'harness emulator stop', or choose "
            "another --dir"
        ) from error


@contextmanager
def usable(paths: DataDirectory) -> Iterator[None]:
    """Turns what the operating system refuses into a sentence that names the file.

    Raises:
        EmulatorError: it refuses something.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        name = f" ({error.filename})" if error.filename not in (None, str(paths.root)) else ""
        remedy = "make room on its disk, or choose" if is_disk_full(error) else "choose"
        text = f"the data directory {paths.root} cannot be used: {reason}{name}; {remedy} another --dir"
        raise EmulatorError(text) from error


def _set_aside(path: Path, endings: tuple[str, ...] = ("",)) -> Path:
    """Give a damaged file, and what belongs to it, another name; the name that it got."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for ending in endings:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{aside}{ending}")
    return aside
