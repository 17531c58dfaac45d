"""Records of files: the properties that the store has of a file, and the file for which a record is valid.

A share is a plain directory, and jobs replace, rename and delete files in it without notifying the emulator. So each
record identifies its file by inode and birth time, and is not valid for another file of the same name.

This also keeps records and files consistent if the process is killed. A new record is stored before its file gets the
name, and it contains the record of the file that has the name until then. The file on disk decides which of the two
records is valid.
"""

import os
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.entries import Entry, FileId, State

NO_FILE: FileId = (0, 0)
_SECOND = 1_000_000_000  # ns


class FileRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one file or directory.

    Args:
        file: the file that the record is about.
        state: length and time of change (ns) on disk after the last request that wrote to the file. If the disk shows
            another state, a job has written to the file since then.
        modified: the last-modified time (ns) that clients see as long as ``state`` is that on disk; 0 if they see the
            time on disk. Requests that change no content set it, and requests about a directory do.
        previous: the record that is valid until the disk has changed; None if there was none.
    """

    file: FileId = NO_FILE
    state: State = (0, 0)
    modified: int = 0
    previous: "FileRecord | None" = None


R = TypeVar("R", bound=FileRecord)


def valid_record(record: R | None, entry: Entry) -> R | None:
    """The valid record of a file as it is on disk: ``record``, its previous record, or None."""
    if record is None:
        return None
    before = record.previous
    if record.file == entry.file and (before is None or before.file != entry.file or before.state != entry.state):
        return record
    if isinstance(before, type(record)) and before.file == entry.file:
        return before
    return None


def bind(record: R, entry: Entry, *, previous: R | None = None) -> R:
    """Bind a record to a file as it is on disk.

    Args:
        previous: the record that is valid until the disk has changed.
    """
    before = replace(previous, previous=None) if previous is not None else None
    return replace(record, file=entry.file, state=entry.state, previous=before)


def next_time(now: int, before: int) -> int:
    """The time of a change (ns): now, or just after the previous change if the clock has not advanced since."""
    return before + 1000 if 0 <= before - now < _SECOND else now


def set_time(descriptor: int, now: datetime, before: Entry | None) -> None:
    """Set the time of a new file: now, or just after the time of the file that it replaces."""
    moment = timestamps.nanoseconds(now)
    if before is not None:
        moment = next_time(moment, before.modified_ns)
    os.utime(descriptor, ns=(moment, moment))
