"""Deletes the data directory of an emulator, and no other directory."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.emulator import temporary_directory
from harness.emulator.identity import load_identity
from harness.emulator.launch import stop
from harness.emulator.orphans import end_jobs
from harness.emulator.paths import DataDirectory
from harness.emulator.removal import holds_mounts, remove
from harness.emulator.store import APPLICATION_ID
from harness.errors import EmulatorError
from harness.file_lock import FileLockedError, lock_file

_LOCK_SECONDS = 5.0  # for a stopped emulator to release its lock
_HEADER = 100  # bytes of a database header
_SHOWN = 5  # entries that a message names


def reset(directory: Path) -> None:
    """Stop the emulator of a data directory, end its jobs, and delete the directory.

    Raises:
        EmulatorError: nothing proves that the directory and everything in it is an emulator's, and then nothing is
            deleted; or another emulator was started there; or an entry cannot be deleted.
    """
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    paths = DataDirectory(Path(os.path.realpath(directory)))
    _check(paths)
    stop(paths.root)
    try:
        with lock_file(paths.lock, wait=_LOCK_SECONDS, create=False):
            _check(paths)
            end_jobs(paths.root)  # a job outlives its emulator, but its files are deleted next
            # Entries that other processes have added since the check stay.
            entries = [entry for entry in paths.root.iterdir() if entry != paths.lock]
            undeleted = [entry.name for entry in entries if not (paths.is_own_entry(entry) and remove(entry))]
            if undeleted:
                raise EmulatorError(f"these could not be deleted from {paths.root}: {_summary(undeleted)}")
            paths.lock.unlink()
    except FileLockedError as error:
        raise EmulatorError(f"another emulator was started in {paths.root}; nothing was deleted") from error
    except OSError as error:
        raise EmulatorError(f"{paths.root} could not be emptied: {error.strerror} ({error.filename})") from error
    with contextlib.suppress(OSError):  # another process has added an entry since
        paths.root.rmdir()


def _check(paths: DataDirectory) -> None:
    """Raise ``EmulatorError`` unless an emulator of this user created everything in a directory."""
    refusal = _refusal(paths)
    if refusal:
        raise EmulatorError(f"{paths.root} {refusal}; nothing was deleted")


def _refusal(paths: DataDirectory) -> str:
    """Why a directory must not be deleted; empty if it may be."""
    if not paths.root.is_dir() or paths.root.stat().st_uid != os.getuid():
        return "is not a directory of yours"
    if not _has_identity(paths) or not _has_store(paths):
        return "is not an emulator's data directory: it has no identity and no store that an emulator wrote"
    if foreign := sorted(_foreign_entries(paths)):
        return f"holds entries that no emulator created: {_summary(foreign)}"
    if temporary_directory.state_of(paths.root) == "owned":
        return "belongs to a run that has not ended"
    if holds_mounts(paths.root):
        return "has a file system mounted in it"
    return ""


def _foreign_entries(paths: DataDirectory) -> Iterator[str]:
    """The names of entries that no emulator creates; the folders of accounts, nodes and jobs hold only directories."""
    yield from (entry.name for entry in paths.root.iterdir() if not paths.is_own_entry(entry))
    for folder in (paths.storage, paths.nodes, paths.jobs):
        if folder.is_dir():
            entries = (entry for entry in folder.iterdir() if entry.is_symlink() or not entry.is_dir())
            yield from (f"{folder.name}/{entry.name}" for entry in entries)


def _has_identity(paths: DataDirectory) -> bool:
    try:
        return paths.identity.exists() and bool(load_identity(paths).tenant_id)
    except (OSError, ValueError, msgspec.MsgspecError):
        return False


def _has_store(paths: DataDirectory) -> bool:
    try:
        with paths.database.open("rb") as stream:
            header = stream.read(_HEADER)
    except OSError:
        return False
    # The file format of SQLite, section 1.3: https://www.sqlite.org/fileformat.html
    return header.startswith(b"SQLite format 3\0") and header[68:72] == APPLICATION_ID.to_bytes(4)


def _summary(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
