"""Earlier states of blobs: snapshots, versions, and what was deleted and can be restored; pure.

A blob's file changes in one step on disk (``placing``), and often an earlier state has to appear or disappear with it.
So a record can hold two states, and the file that is at the blob's place decides which of them is there. This keeps
both together when the process is killed between the two.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from harness.emulator.providers.blobs.model import Blob
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.entries import Entry, FileId, State
from harness.emulator.storage_service.file_records import NO_FILE
from harness.emulator.storage_service.model import Lease
from harness.emulator.storage_service.protection import Protection

Kind = Literal["snapshot", "version"]
KINDS: tuple[Kind, ...] = get_args(Kind)
BETWEEN = "\n"  # between a blob's key and the stamp of a state: no name has it, and it sorts before all that names have


class EarlierState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A blob as it was.

    Args:
        kind: what it is if it is not deleted.
        stamp: the time that names it: of the snapshot, of the version, or of the deletion.
        base: it was the blob itself when it was deleted or overwritten.
        blob: its properties then.
        length: bytes.
        modified: its last-modified time (ns).
        file: the name of the file with its content, among those of its container.
        deleted: when it was deleted; None if it was not.
        expires: when it can no longer be restored.
    """

    kind: Kind
    stamp: str
    blob: Blob
    length: int
    modified: int
    file: str
    base: bool = False
    deleted: datetime | None = None
    expires: datetime | None = None

    @property
    def id(self) -> str:
        """What tells it from the other states of its blob, which sort by it in the order of their times."""
        return f"{self.stamp} {self.kind}"


class Turn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operation makes of an earlier state, once the disk has changed.

    Args:
        file: which file comes to the blob's place, or leaves it.
        disk: that file's state.
        arrives: it comes.
        then: the state from there on; None if there is none any more.
    """

    file: FileId
    disk: State
    arrives: bool
    then: EarlierState | None


class EarlierBlob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one earlier state; ``now`` is None before it is there."""

    now: EarlierState | None
    turn: Turn | None = None


def standing(record: EarlierBlob, entry: Entry | None, *, copied: bool = False) -> EarlierState | None:
    """The state that a record holds.

    Args:
        entry: what is at the blob's place.
        copied: the data directory was copied, so that files have other identities.
    """
    turn = record.turn
    if turn is None:
        return record.now
    is_there = entry is not None and (entry.file == turn.file or (copied and entry.state == turn.disk))
    return turn.then if is_there == turn.arrives else record.now


def files_of(record: EarlierBlob) -> set[str]:
    """The names of the files that a record may need."""
    states = (record.now, record.turn.then if record.turn else None)
    return {state.file for state in states if state is not None}


def is_kept(state: EarlierState, now: datetime) -> bool:
    """Whether a state is still there: what was deleted is not for ever."""
    return state.expires is None or now < state.expires


def earlier_key(key: str, state: str) -> str:
    """The store's key of an earlier state.

    Args:
        key: of its blob.
        state: its id.
    """
    return f"{key}{BETWEEN}{state}"


def version_of(blob: Blob, entry: Entry) -> str:
    """The version that a blob is; of one that was written while none were kept, its last-modified time."""
    return blob.version or timestamps.stamp(entry.modified_ns)


def as_it_was(kind: Kind, stamp: str, blob: Blob, entry: Entry, file: str) -> EarlierState:
    """A blob as it is, to be kept."""
    kept = replace(blob, lease=Lease(), spent=NO_FILE, previous=None)
    return EarlierState(
        kind=kind, stamp=stamp, blob=kept, length=entry.length, modified=entry.modified_ns, file=file
    )  # fmt: skip


def deleted(state: EarlierState, protection: Protection, now: datetime) -> EarlierState | None:
    """A state that is deleted; None where nothing deleted is kept."""
    if not protection.days:
        return None
    if state.deleted is not None:
        return state
    return replace(state, deleted=now, expires=now + timedelta(days=protection.days))


def restored(state: EarlierState) -> EarlierState:
    """A state that is not deleted any more; what was overwritten is a snapshot then."""
    return replace(state, base=False, deleted=None, expires=None)


def kind_kept(blob: Blob, entry: Entry, protection: Protection) -> Kind | None:
    """As what a blob is kept that is about to be replaced or deleted, a deleted snapshot or a version; None if not.

    What stands in the place of a copy that is pending is nothing to keep.
    """
    if entry.is_directory or (blob.copy is not None and blob.copy.status == "pending"):
        return None
    if protection.versions or blob.version:
        return "version"
    return "snapshot" if protection.days else None


def root_of(states: Iterable[EarlierState]) -> EarlierState | None:
    """The deleted blob among the states of one that is not there: what was deleted last. Others were overwritten."""
    found = [state for state in states if state.base]
    return found[-1] if found else None
