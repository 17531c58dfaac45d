"""Rebinding: bind the records of a copied data directory to the files with the same paths in the copy.

A copy has other inodes and birth times, so without rebinding no record would be valid. The same applies to the data
directory of an older emulator, whose records do not identify their files.
"""

from collections.abc import Callable, Container
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from harness.emulator.storage_service.entries import Entry, FileId
from harness.emulator.storage_service.file_records import NO_FILE, FileRecord
from harness.emulator.store import Store

_BATCH = 500  # records bound in one transaction
_SECOND = 1_000_000_000  # ns

R = TypeVar("R", bound=FileRecord)
Content = tuple[str, str]  # account and content, with which the keys of records begin


class Home(msgspec.Struct, frozen=True):
    """The storage directory to which the records of a service are bound."""

    directory: FileId


def rebind(store: Store, kind: type[R], find: Callable[[str], Entry | None]) -> None:
    """Bind every record of a kind to the file at its path.

    Args:
        find: finds the file of a record by the record's key.
    """
    after = ""
    while records := store.list(kind, after=after, limit=_BATCH):
        with store.transaction():
            for key, record in records:
                if (entry := find(key)) is not None:
                    store.put(key, _bind(record, entry))
        after = records[-1][0]


def _bind(record: R, entry: Entry) -> R:
    before = record.previous
    if not _is_same(record, entry) and isinstance(before, type(record)) and _is_same(before, entry):
        record = before
    state, modified = record.state, record.modified
    if entry.is_directory:
        # Earlier emulators stored the time of a directory in the state.
        modified = state[1] if record.file == NO_FILE else modified
    elif _is_same(record, entry):
        state, modified = entry.state, modified or state[1]
    return replace(record, file=entry.file, state=state, modified=modified, previous=None)


def _is_same(record: FileRecord, entry: Entry) -> bool:
    """Whether a file is in the recorded state. Some copy programs preserve times only in whole seconds."""
    length, time = record.state
    return entry.length == length and entry.written_ns in (time, time // _SECOND * _SECOND)


def lost_contents(store: Store, kind: type[msgspec.Struct], existing: Container[Content]) -> set[Content]:
    """Account and content of the records of a kind whose share or container no longer exists.

    Args:
        existing: account and content of every share or container.
    """
    lost, after = set(), ""
    while records := store.list(kind, after=after, limit=1):
        account, content, *_ = records[0][0].split("/")
        if (account, content) not in existing:
            lost.add((account, content))
        after = f"{account}/{content}/\U0010ffff"
    return lost
