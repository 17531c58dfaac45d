"""Rebinding: the records of a copied data directory are bound to the files that have the same paths in the copy.

A copy has other inodes and times of birth, so without this no record would hold. The same applies to a data directory
of an emulator whose records did not name their files yet.
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
Content = tuple[str, str]  # account and content, as the keys of records begin


class Home(msgspec.Struct, frozen=True):
    """The storage directory to which the records of a service are bound."""

    directory: FileId


def rebind(store: Store, kind: type[R], find: Callable[[str], Entry | None]) -> None:
    """Bind every record of a kind to the file at its path.

    Args:
        find: finds the file of a record by the record's key.
    """
    after = ""
    while found := store.list(kind, after=after, limit=_BATCH):
        with store.transaction():
            for key, record in found:
                if (entry := find(key)) is not None:
                    store.put(key, _bound(record, entry))
        after = found[-1][0]


def _bound(record: R, entry: Entry) -> R:
    before = record.previous
    if not _is_same(record, entry) and isinstance(before, type(record)) and _is_same(before, entry):
        record = before
    state, modified = record.state, record.modified
    if entry.is_directory:
        # Earlier emulators kept the time of a directory in the state.
        modified = state[1] if record.file == NO_FILE else modified
    elif _is_same(record, entry):
        state, modified = entry.state, modified or state[1]
    return replace(record, file=entry.file, state=state, modified=modified, previous=None)


def _is_same(record: FileRecord, entry: Entry) -> bool:
    """Whether a file is in the recorded state. Some programs that copy files keep times in whole seconds only."""
    length, time = record.state
    return entry.length == length and entry.written_ns in (time, time // _SECOND * _SECOND)


def lost_contents(store: Store, kind: type[msgspec.Struct], known: Container[Content]) -> set[Content]:
    """Account and content of records of a kind that belong to no share or container any more.

    Args:
        known: account and content of every share or container.
    """
    lost, after = set(), ""
    while found := store.list(kind, after=after, limit=1):
        account, content, *_ = found[0][0].split("/")
        if (account, content) not in known:
            lost.add((account, content))
        after = f"{account}/{content}/\U0010ffff"
    return lost
