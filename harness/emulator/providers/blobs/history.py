"""The history of blobs: snapshots, versions, and deleted states that can be restored.

An earlier state appears or disappears in the same step on disk as the change of its blob; see ``earlier``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace as with_fields
from types import MappingProxyType

from msgspec.structs import replace

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import (
    EarlierBlob,
    EarlierState,
    Kind,
    PendingChange,
    after_deletion,
    earlier_state,
    kind_to_keep,
    root_of,
    version_of,
)
from harness.emulator.providers.blobs.earlier_files import EarlierFiles
from harness.emulator.providers.blobs.earlier_records import EarlierRecords
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.paths import BlobPath, StoredBlob
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.protection import Protection, protection_of

Outcomes = Mapping[str, EarlierState | None]  # new states by the ids of earlier states; None deletes a state
NO_OUTCOMES: Outcomes = MappingProxyType({})


class History:
    """Stores, finds and deletes earlier states of blobs.

    Attributes:
        files: the contents of earlier states.
        records: the records of earlier states.
    """

    def __init__(self, containers: Containers) -> None:
        self.files = EarlierFiles(containers)
        self.records = EarlierRecords(containers, self.files)
        self._containers = containers
        self._pending: set[str] = set()  # keys of blobs whose records may hold pending changes

    def protection(self, account: str) -> Protection:
        """Return an account's versioning and its retention of deleted blobs."""
        return protection_of(self._containers.accounts.settings("blob", account))

    # Finding

    def find(self, target: Target) -> StoredBlob | None:
        """Return the blob or the earlier state that a target names; None if it does not exist."""
        if not (target.snapshot or target.version):
            return self._containers.find(self._containers.path(target))
        path = self._containers.path(with_fields(target, snapshot="", version=""))
        if target.version and (current := self._containers.find(path)) and current.record.version == target.version:
            return current
        blob = self.find_earlier(target)
        return None if blob is None or (blob.earlier and blob.earlier.deleted) else blob

    def find_earlier(self, target: Target) -> StoredBlob | None:
        """Return the snapshot or version that a target names, even if it is deleted; None if it does not exist."""
        path = self._containers.path(with_fields(target, snapshot="", version=""))
        kind: Kind = "snapshot" if target.snapshot else "version"
        state = self.records.find(path, kind, target.snapshot or target.version)
        return None if state is None else blob_of_state(path, state)

    def deleted_states(self, path: BlobPath) -> tuple[EarlierState | None, EarlierState | None]:
        """Return the deleted base state and the last version of a deleted blob; None for both if the blob exists."""
        if self._containers.find(path) is not None:
            return None, None
        states = self.records.states(path)
        versions = [state for state in states if state.kind == "version" and state.deleted is None]
        return root_of(states), versions[-1] if versions else None

    def blob(self, call: Call) -> StoredBlob:
        """Return the blob or the earlier state that a request reads, if its conditions and lease allow the request.

        Raises:
            StorageError: it does not exist, or the request is refused.
        """
        blob = self.find(call.target)
        if blob is None:
            raise blob_not_found()
        self._containers.admit(call, blob, change=False)
        return blob

    # Changing

    def as_version(self, new: StoredBlob) -> StoredBlob:
        """Return a blob that is about to be written, with a new version if the account keeps versions."""
        is_versioned = self.protection(new.path.account).versions and not new.entry.is_directory
        version = timestamps.stamp(new.entry.modified_ns) if is_versioned else ""
        return StoredBlob(new.path, new.entry, replace(new.record, version=version))

    def is_version(self, blob: StoredBlob) -> bool:
        """Return whether a blob becomes a version when it changes."""
        return kind_to_keep(blob.record, blob.entry, self.protection(blob.path.account)) == "version"

    def add_version(self, before: StoredBlob, after: StoredBlob, file: str, *additional: EarlierState) -> None:
        """Store a blob with new properties and the same content as a new version, and its previous version.

        Args:
            file: the name of a file with a copy of the content.
            additional: other states to store in the same transaction.

        Raises:
            sqlite3.Error: the disk refuses; nothing has changed.
        """
        state = earlier_state("version", version_of(before.record, before.entry), before.record, before.entry, file)
        with self._containers.store.transaction():
            self.put_states(before.path, {item.id: item for item in (state, *additional)})
            self._containers.put_record(after)

    def put_states(self, path: BlobPath, outcomes: Outcomes) -> None:
        """Store new states of a blob's earlier states in one transaction; the blob's file does not change.

        Raises:
            sqlite3.Error: the disk refuses; nothing has changed.
        """
        before = self.records.current_states(path, self.records.select(path, outcomes))
        with self._containers.store.transaction():
            for name, state in outcomes.items():
                self.records.put_state(path, name, state)
        for state in before:
            if outcomes[state.id] is None:
                self.files.discard(path.account, path.content, state.file)

    @contextmanager
    def preserving(self, blob: StoredBlob, outcomes: Outcomes = NO_OUTCOMES) -> Iterator[None]:
        """Keep a blob that the block replaces or deletes as an earlier state, if its account keeps such states.

        Args:
            outcomes: the new states of its earlier states, which take effect in the same step.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        kind = kind_to_keep(blob.record, blob.entry, self.protection(blob.path.account))
        if kind is not None:
            state = self._preserved_state(blob, kind)
            outcomes = {**outcomes, state.id: state}
        with self.changing_file(blob.path, blob.entry, outcomes, arrives=False):
            yield

    @contextmanager
    def changing_file(self, path: BlobPath, file: Entry, outcomes: Outcomes, *, arrives: bool) -> Iterator[None]:
        """Change earlier states in the same step in which the block moves a file to a blob's path, or away from it.

        Reads only the records of the states that change, because a blob may have thousands.

        Args:
            file: the file that is moved.
            outcomes: the new states of earlier states.
            arrives: whether the file is moved to the blob's path.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        if not outcomes:
            yield
            return
        if path.key in self._pending:  # another file at the path would change what those records mean
            self.records.clear(path, self.records.records_of(path))
        self._pending.add(path.key)
        before = {state.id: state for state in self.records.current_states(path, self.records.select(path, outcomes))}
        try:
            with self._containers.store.transaction():
                for name, state in outcomes.items():
                    change = PendingChange(file=file.file, disk=file.state, arrives=arrives, then=state)
                    self.records.put(path, name, EarlierBlob(now=before.get(name), turn=change))
            yield
        finally:
            with best_effort("a change of earlier states of a blob remains pending until the next change"):
                self.records.clear(path, self.records.select(path, outcomes))
                self._pending.discard(path.key)
        self.records.delete_expired()

    def _preserved_state(self, blob: StoredBlob, kind: Kind) -> EarlierState:
        """Return the current state of a blob as an earlier state, with a link to its file."""
        path, now = blob.path, self._containers.clock.now()
        name = self.files.link_current(path)
        if kind == "version":
            return earlier_state(kind, version_of(blob.record, blob.entry), blob.record, blob.entry, name)
        stamp = self.records.free_stamp(path, timestamps.nanoseconds(now))
        state = replace(earlier_state(kind, stamp, blob.record, blob.entry, name), base=True)
        return after_deletion(state, self.protection(path.account), now) or state


def blob_of_state(path: BlobPath, state: EarlierState) -> StoredBlob:
    """Return an earlier state as a blob."""
    record = replace(state.blob, version=state.stamp if state.kind == "version" else "")
    entry = Entry(
        path.names[-1], is_directory=False, length=state.length, modified_ns=state.modified, written_ns=state.modified,
        changed_ns=state.modified, accessed_ns=state.modified, inode=0, birth_ns=0,
    )  # fmt: skip
    return StoredBlob(path, entry, record, state)
