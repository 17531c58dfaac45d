"""Earlier states of blobs: snapshots, versions, and soft-deleted states; pure.

A blob's file changes in one step on disk (``blob_files``), and often an earlier state must appear or disappear in the
same step. So a record can hold two states, and the file at the blob's path decides which of them is current. File and
record agree even if the process is killed between the change of the record and that of the file.
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
SEPARATOR = "\n"  # between a blob's key and the id of a state; sorts before every character of names


class EarlierState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A snapshot, version or deleted state of a blob.

    Args:
        kind: whether it is a snapshot or a version, also when a deleted state is restored.
        stamp: the time of the snapshot, of the version, or of the deletion, which identifies the state.
        base: whether it was the current blob when it was deleted or overwritten.
        blob: the record of the blob in this state.
        length: bytes.
        modified: its last-modified time (ns).
        file: the name of the file with its content in the container's directory of earlier states.
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
        """The id of the state among those of its blob; ids sort by time."""
        return f"{self.stamp} {self.kind}"


class PendingChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of an earlier state that takes effect together with a change on disk.

    Args:
        file: the file that is moved to the blob's path, or away from it.
        disk: that file's state.
        arrives: whether the file is moved to the blob's path.
        then: the state after the change; None if it is deleted.
    """

    file: FileId
    disk: State
    arrives: bool
    then: EarlierState | None


class EarlierBlob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The record of one earlier state; ``now`` is None if the state does not exist before the change ``turn``."""

    now: EarlierState | None
    turn: PendingChange | None = None


def current_state(record: EarlierBlob, entry: Entry | None, *, copied: bool = False) -> EarlierState | None:
    """Return the state that a record holds; None if it does not exist.

    Args:
        entry: the directory entry at the blob's path.
        copied: whether the data directory was copied, so that its files have other identities.
    """
    change = record.turn
    if change is None:
        return record.now
    is_at_path = entry is not None and (entry.file == change.file or (copied and entry.state == change.disk))
    return change.then if is_at_path == change.arrives else record.now


def files_of(record: EarlierBlob) -> set[str]:
    """Return the names of the files that a record may need."""
    states = (record.now, record.turn.then if record.turn else None)
    return {state.file for state in states if state is not None}


def is_kept(state: EarlierState, now: datetime) -> bool:
    """Return whether a state has not expired."""
    return state.expires is None or now < state.expires


def earlier_key(key: str, state: str) -> str:
    """Return the store's key of an earlier state.

    Args:
        key: the key of its blob.
        state: the id of the state.
    """
    return f"{key}{SEPARATOR}{state}"


def version_of(record: Blob, entry: Entry) -> str:
    """Return the version of a blob; its last-modified time if it was written while versioning was off."""
    return record.version or timestamps.stamp(entry.modified_ns)


def earlier_state(kind: Kind, stamp: str, record: Blob, entry: Entry, file: str) -> EarlierState:
    """Return the current state of a blob as an earlier state, without its lease."""
    blob = replace(record, lease=Lease(), spent=NO_FILE, previous=None)
    return EarlierState(
        kind=kind, stamp=stamp, blob=blob, length=entry.length, modified=entry.modified_ns, file=file
    )  # fmt: skip


def after_deletion(state: EarlierState, protection: Protection, now: datetime) -> EarlierState | None:
    """Return a state after its deletion; None if the account does not retain deleted states."""
    if not protection.days:
        return None
    if state.deleted is not None:
        return state
    return replace(state, deleted=now, expires=now + timedelta(days=protection.days))


def after_restoration(state: EarlierState) -> EarlierState:
    """Return a state after its restoration; an overwritten blob becomes a snapshot."""
    return replace(state, base=False, deleted=None, expires=None)


def kind_to_keep(record: Blob, entry: Entry, protection: Protection) -> Kind | None:
    """Return the kind of earlier state that a replaced or deleted blob becomes; None if it is not kept.

    A kept snapshot counts as deleted. The placeholder of a pending copy is not kept.
    """
    if entry.is_directory or (record.copy is not None and record.copy.status == "pending"):
        return None
    if protection.versions or record.version:
        return "version"
    return "snapshot" if protection.days else None


def root_of(states: Iterable[EarlierState]) -> EarlierState | None:
    """Return the last of the deleted base states of a blob that does not exist; the others were overwritten."""
    base_states = [state for state in states if state.base]
    return base_states[-1] if base_states else None
