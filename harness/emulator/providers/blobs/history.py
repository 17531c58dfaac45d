"""The history of blobs: their snapshots and versions, and what was deleted and can be restored.

An earlier state appears or disappears in the same step as the change of its blob on disk, see ``earlier``.
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
    Turn,
    as_it_was,
    deleted,
    kind_kept,
    root_of,
    version_of,
)
from harness.emulator.providers.blobs.earlier_files import EarlierFiles
from harness.emulator.providers.blobs.earlier_records import EarlierRecords
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.places import Found, Place
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.protection import Protection, protection_of

Outcomes = Mapping[str, EarlierState | None]  # by the id of an earlier state, what it becomes; None if it is deleted
NOTHING: Outcomes = MappingProxyType({})


class History:
    """Keeps, finds and deletes earlier states of blobs.

    Attributes:
        files: their contents.
        records: what the store knows of them.
    """

    def __init__(self, containers: Containers) -> None:
        self.files = EarlierFiles(containers)
        self.records = EarlierRecords(containers, self.files)
        self._containers = containers
        self._unsettled: set[str] = set()  # keys of blobs whose records may hold changes that are not settled

    def protection(self, account: str) -> Protection:
        """What an account keeps."""
        return protection_of(self._containers.accounts.settings("blob", account))

    # What is there

    def find(self, target: Target) -> Found | None:
        """The blob, or the earlier state of one, that a target names; None if there is none."""
        if not (target.snapshot or target.version):
            return self._containers.find(self._containers.place(target))
        place = self._containers.place(with_fields(target, snapshot="", version=""))
        if target.version and (current := self._containers.find(place)) and current.blob.version == target.version:
            return current
        found = self.find_earlier(target)
        return None if found is None or (found.earlier and found.earlier.deleted) else found

    def find_earlier(self, target: Target) -> Found | None:
        """The snapshot or version that a target names, also if it is deleted; None if there is none."""
        place = self._containers.place(with_fields(target, snapshot="", version=""))
        kind: Kind = "snapshot" if target.snapshot else "version"
        state = self.records.find(place, kind, target.snapshot or target.version)
        return None if state is None else shown(place, state)

    def left(self, place: Place) -> tuple[EarlierState | None, EarlierState | None]:
        """What is left of a deleted blob: the blob as it was deleted, and the version that it was; else nothing."""
        if self._containers.find(place) is not None:
            return None, None
        states = self.records.states(place)
        versions = [state for state in states if state.kind == "version" and state.deleted is None]
        return root_of(states), versions[-1] if versions else None

    def blob(self, call: Call) -> Found:
        """The blob, or the earlier state of one, that a request reads, once its conditions and lease allow that.

        Raises:
            StorageError: there is none, or it may not be read.
        """
        found = self.find(call.target)
        if found is None:
            raise blob_not_found()
        self._containers.admit(call, found, change=False)
        return found

    # What changes

    def as_version(self, new: Found) -> Found:
        """A blob that is about to be written, as a new version where the account keeps them."""
        is_kept_so = self.protection(new.place.account).versions and not new.entry.is_directory
        version = timestamps.stamp(new.entry.modified_ns) if is_kept_so else ""
        return Found(new.place, new.entry, replace(new.blob, version=version))

    def is_version(self, found: Found) -> bool:
        """Whether a blob is kept as a version when it changes."""
        return kind_kept(found.blob, found.entry, self.protection(found.place.account)) == "version"

    def succeed(self, before: Found, after: Found, file: str, *others: EarlierState) -> None:
        """Store other properties of a blob whose content stays as a new version, and the version that it was.

        Args:
            file: the name of a file with a copy of the content.
            others: states that appear at the same time.

        Raises:
            sqlite3.Error: the disk refuses; nothing has changed.
        """
        state = as_it_was("version", version_of(before.blob, before.entry), before.blob, before.entry, file)
        with self._containers.store.transaction():
            self.settle(before.place, {each.id: each for each in (state, *others)})
            self._containers.keep(after)

    def settle(self, place: Place, outcomes: Outcomes) -> None:
        """Store what earlier states of a blob become, all at once, while its file stays.

        Raises:
            sqlite3.Error: the disk refuses; nothing has changed.
        """
        before = self.records.standing(place, self.records.of(place, outcomes))
        with self._containers.store.transaction():
            for name, state in outcomes.items():
                self.records.put_state(place, name, state)
        for state in before:
            if outcomes[state.id] is None:
                self.files.discard(place.account, place.content, state.file)

    @contextmanager
    def parting(self, found: Found, outcomes: Outcomes = NOTHING) -> Iterator[None]:
        """In the block a blob is replaced or deleted; what is kept of it appears in the same step on disk.

        Args:
            outcomes: what becomes of its earlier states in that step.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        kind = kind_kept(found.blob, found.entry, self.protection(found.place.account))
        if kind is not None:
            state = self._parted(found, kind)
            outcomes = {**outcomes, state.id: state}
        with self.turning(found.place, found.entry, outcomes, arrives=False):
            yield

    @contextmanager
    def turning(self, place: Place, file: Entry, outcomes: Outcomes, *, arrives: bool) -> Iterator[None]:
        """In the block a file comes to a blob's place, or leaves it; earlier states change in the same step on disk.

        Only the records of the states that change are read: a blob may have thousands of others.

        Args:
            file: the file that comes or leaves.
            outcomes: what becomes of earlier states.
            arrives: whether the file comes.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        if not outcomes:
            yield
            return
        if place.key in self._unsettled:  # another file at the place would change what those records mean
            self.records.clear(place, self.records.all_of(place))
        self._unsettled.add(place.key)
        before = {state.id: state for state in self.records.standing(place, self.records.of(place, outcomes))}
        try:
            with self._containers.store.transaction():
                for name, state in outcomes.items():
                    turn = Turn(file=file.file, disk=file.state, arrives=arrives, then=state)
                    self.records.put(place, name, EarlierBlob(now=before.get(name), turn=turn))
            yield
        finally:
            with best_effort("a change of earlier states of a blob is settled at the next one"):
                self.records.clear(place, self.records.of(place, outcomes))
                self._unsettled.discard(place.key)
        self.records.delete_expired()

    def _parted(self, found: Found, kind: Kind) -> EarlierState:
        """A blob as it is, with a second name for its file."""
        place, now = found.place, self._containers.clock.now()
        name = self.files.kept(place)
        if kind == "version":
            return as_it_was(kind, version_of(found.blob, found.entry), found.blob, found.entry, name)
        stamp = self.records.free_stamp(place, timestamps.nanoseconds(now))
        state = replace(as_it_was(kind, stamp, found.blob, found.entry, name), base=True)
        return deleted(state, self.protection(place.account), now) or state


def shown(place: Place, state: EarlierState) -> Found:
    """An earlier state as a blob."""
    blob = replace(state.blob, version=state.stamp if state.kind == "version" else "")
    entry = Entry(
        place.names[-1], is_directory=False, length=state.length, modified_ns=state.modified, written_ns=state.modified,
        changed_ns=state.modified, accessed_ns=state.modified, inode=0, birth_ns=0,
    )  # fmt: skip
    return Found(place, entry, blob, state)
