"""Earlier states of blobs: snapshots, versions, and soft-deleted states; pure.

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
BETWEEN = "\n"  # between a blob's key and the stamp of a state; sorts before every character of names


class EarlierState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A blob as it was.

    Args:
        kind: whether it is a snapshot or a version; a deleted state becomes that again when it is restored.
        stamp: the time that identifies it: that of the snapshot, of the version, or of the deletion.
        base: whether it was the current blob when it was deleted or overwritten.
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
        """Identifies the state among those of its blob, and sorts them by time."""
        return f"{self.stamp} {self.kind}"


class Turn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of an earlier state that takes effect together with a change on disk.

    Args:
        file: the file that comes to the blob's place, or leaves it.
        disk: that file's state.
        arrives: whether it comes.
        then: the state after the change; None if it is deleted.
    """

    file: FileId
    disk: State
    arrives: bool
    then: EarlierState | None


class EarlierBlob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one earlier state; ``now`` is None if the state does not exist before the change ``turn``."""

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
    """Whether a state has not expired."""
    return state.expires is None or now < state.expires


def earlier_key(key: str, state: str) -> str:
    """The store's key of an earlier state.

    Args:
        key: of its blob.
        state: its id.
    """
    return f"{key}{BETWEEN}{state}"


def version_of(blob: Blob, entry: Entry) -> str:
    """The version of a blob; its last-modified time if it was written while the account kept no versions."""
    return blob.version or timestamps.stamp(entry.modified_ns)


def as_it_was(kind: Kind, stamp: str, blob: Blob, entry: Entry, file: str) -> EarlierState:
    """The current state of a blob, to be kept."""
    kept = replace(blob, lease=Lease(), spent=NO_FILE, previous=None)
    return EarlierState(
        kind=kind, stamp=stamp, blob=kept, length=entry.length, modified=entry.modified_ns, file=file
    )  # fmt: skip


def deleted(state: EarlierState, protection: Protection, now: datetime) -> EarlierState | None:
    """A state after its deletion; None where the account keeps nothing that is deleted."""
    if not protection.days:
        return None
    if state.deleted is not None:
        return state
    return replace(state, deleted=now, expires=now + timedelta(days=protection.days))


def restored(state: EarlierState) -> EarlierState:
    """A state after its restoration; an overwritten blob becomes a snapshot."""
    return replace(state, base=False, deleted=None, expires=None)


def kind_kept(blob: Blob, entry: Entry, protection: Protection) -> Kind | None:
    """How a blob is kept that is about to be replaced or deleted: as a deleted snapshot or as a version; None if not.

    The placeholder of a pending copy is not kept.
    """
    if entry.is_directory or (blob.copy is not None and blob.copy.status == "pending"):
        return None
    if protection.versions or blob.version:
        return "version"
    return "snapshot" if protection.days else None


def root_of(states: Iterable[EarlierState]) -> EarlierState | None:
    """The deleted blob among the states of a blob that does not exist: the last one. The others were overwritten."""
    found = [state for state in states if state.base]
    return found[-1] if found else None
