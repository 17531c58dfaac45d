"""Opens the files of a data directory. An unusable file is reported in one sentence; a damaged file is moved aside.

Nothing is deleted: a damaged file keeps its content under another name, and the next start creates a new one. A
directory with files of another program under an emulator's names is refused, because an emulator deletes files that it
has no record of.
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
def open_directory(directory: Path) -> Iterator[DataDirectory]:
    """Lock a data directory for the duration of the block; it is created if it is missing.

    Raises:
        EmulatorError: the directory cannot be used, holds files of another program, or is served by another emulator.
    """
    paths = DataDirectory(directory.absolute())
    if paths.root.exists() and not paths.root.is_dir():
        raise EmulatorError(f"{paths.root} is a file, not a data directory; choose another --dir")
    with contextlib.ExitStack() as stack:
        with translate_os_errors(paths):
            _refuse_foreign_files(paths)
            paths.prepare()
            descriptor = stack.enter_context(_lock_directory(paths))
            # A killed emulator has left its endpoint, whose process id may belong to another process by now.
            paths.endpoint.unlink(missing_ok=True)
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        stack.callback(paths.endpoint.unlink, missing_ok=True)
        yield paths


@contextmanager
def open_store(paths: DataDirectory) -> Iterator[Store]:
    """Open the store of a data directory.

    Raises:
        EmulatorError: the store cannot be used, or proves to be damaged during the block.
    """
    try:
        with translate_os_errors(paths):
            store = Store(paths.database)
        with contextlib.closing(store):
            yield store
    except DamagedRecordError as error:
        raise EmulatorError(
            f"the store {paths.database} holds {error}; use the version of the harness that wrote it, or choose "
            "another --dir"
        ) from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) not in _DAMAGED:
            remedy = "; make room on its disk, or choose another --dir" if is_full(error) else ""
            raise EmulatorError(f"the store {paths.database} cannot be used: {error}{remedy}") from error
        aside = _set_aside(paths.database, _SQLITE_FILES)
        raise EmulatorError(
            f"the store {paths.database} is damaged ({error}); it was moved to {aside}. Start again to begin with an "
            f"empty store: the files of shares stay in {paths.storage}, but the emulator has no record of them any more"
        ) from error


def open_identity(
    paths: DataDirectory, applications: Mapping[str, tuple[str, ...]], tenants: Sequence[str] = ()
) -> Identity:
    """Open the identity of a data directory; it is created if it is missing.

    Args:
        applications: the roles of each additional application, by name.
        tenants: ids of additional tenants that applications can sign in to.

    Raises:
        EmulatorError: the identity cannot be used.
    """
    try:
        with translate_os_errors(paths):
            return replace(load_identity(paths, applications), other_tenants=tuple(tenants))
    except (msgspec.MsgspecError, ValueError) as error:
        aside = _set_aside(paths.identity)
        raise EmulatorError(
            f"the identity {paths.identity} is damaged ({error}); it was moved to {aside}. Start again to create a new "
            "one, with other ids and keys"
        ) from error


def open_tls(paths: DataDirectory, names: Sequence[str] = ()) -> ssl.SSLContext:
    """Open the TLS context of the listeners; certificates are created if they are missing.

    Args:
        names: names of this machine, in addition to Azure's and those of loopback.

    Raises:
        EmulatorError: the certificates cannot be used.
    """
    try:
        with translate_os_errors(paths):
            return server_context(paths, names)
    except ValueError as error:
        authority, certificate = _set_aside(paths.authority), _set_aside(paths.server_certificate)
        raise EmulatorError(
            f"the certificates of {paths.root} are damaged ({error}); they were moved to {authority} and "
            f"{certificate}. Start again to create new ones"
        ) from error


def _refuse_foreign_files(paths: DataDirectory) -> None:
    """Refuse a directory in which an emulator would replace or delete files of other programs."""
    links = [folder.name for folder in paths.folders if folder.is_symlink()]
    if links:
        raise EmulatorError(
            f"{', '.join(links)} in {paths.root} is a link, so files elsewhere would be replaced or deleted; link to a "
            "whole data directory instead, or choose another --dir"
        )
    if paths.identity.exists() or any(paths.root.glob(f"{paths.identity.name}.damaged-*")):
        return
    # An emulator that was killed before it had an identity leaves only its lock and empty folders.
    files = (paths.endpoint, paths.ports, paths.authority, paths.server_certificate)
    entries = [path.name for path in files if path.exists()]
    entries += [folder.name for folder in paths.folders if folder.is_dir() and any(folder.iterdir())]
    if paths.lock.is_file() and not _may_be_lock(paths.lock):
        entries.append(paths.lock.name)
    if entries:
        raise EmulatorError(
            f"{paths.root} holds {', '.join(entries)}, but no {paths.identity.name} to prove that an emulator created "
            "them; nothing was changed; choose another --dir"
        )


def _may_be_lock(path: Path) -> bool:
    with path.open("rb") as stream:
        content = stream.read(_LONGEST_ID + 1)
    return not content or (content.isdigit() and len(content) <= _LONGEST_ID)


@contextmanager
def _lock_directory(paths: DataDirectory) -> Iterator[int]:
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
def translate_os_errors(paths: DataDirectory) -> Iterator[None]:
    """Turn errors of the operating system into an ``EmulatorError`` that names the file.

    Raises:
        EmulatorError: the operating system reported an error.
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
    """Rename a damaged file and the files that belong to it; returns the new name."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for ending in endings:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{aside}{ending}")
    return aside
