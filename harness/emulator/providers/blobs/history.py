"""The earlier states of blobs on disk and in the store: they appear and disappear together with what is there."""

import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace as with_fields
from pathlib import Path
from types import MappingProxyType

from msgspec.structs import replace

from harness.emulator.providers.blobs.containers import Containers, Found, Place
from harness.emulator.providers.blobs.earlier import (
    BETWEEN,
    KINDS,
    EarlierBlob,
    EarlierState,
    Kind,
    Turn,
    as_it_was,
    deleted,
    earlier_key,
    files_of,
    is_kept,
    kind_kept,
    root_of,
    standing,
    version_of,
)
from harness.emulator.providers.blobs.errors import blob_not_found
from harness.emulator.providers.blobs.model import blob_key
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.entries import SAFE, Entry, close
from harness.emulator.storage_service.host import Call
from harness.emulator.storage_service.links import copy_to, link_or_copy
from harness.emulator.storage_service.protection import Protection, protection_of
from harness.emulator.storage_service.threads import in_thread
from harness.emulator.store import Store

_UNFINISHED = "the file of an earlier state of a blob, which is there no longer, cannot be deleted"
Records = Sequence[tuple[str, EarlierBlob]]  # with their keys
Outcomes = Mapping[str, EarlierState | None]  # by its id, what becomes of an earlier state
NOTHING: Outcomes = MappingProxyType({})


class History:
    """Keeps, finds and forgets earlier states of blobs."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        self._store = containers.store

    def protection(self, account: str) -> Protection:
        """What an account keeps."""
        return protection_of(self._containers.accounts.settings("blob", account))

    # What is there

    def states(self, place: Place) -> list[EarlierState]:
        """All earlier states of the blob at a place, deleted ones too, in the order of their stamps."""
        return self._standing(place, self._records(place))

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
        wanted = ("snapshot", target.snapshot) if target.snapshot else ("version", target.version)
        state = next((each for each in self.states(place) if (each.kind, each.stamp) == wanted), None)
        return None if state is None else shown(place, state)

    def listed(
        self, place: Place, since: tuple[str, str], most: int
    ) -> list[tuple[tuple[str, str], EarlierState | None]]:
        """The first states of blobs whose names begin as a place's does, each with its blob's name and its id.

        Args:
            since: name and id to begin with.
        """
        container = blob_key(place.account, place.content, "")
        after = earlier_key(container + since[0], since[1][:-1])
        now, found = self._containers.clock.now(), []
        for key, record in self._store.list(EarlierBlob, place.key, after=after, limit=most):
            name, _, state = key.removeprefix(container).rpartition(BETWEEN)
            standing_now = standing(record, self._containers.entry(place.other(name)) if record.turn else None)
            kept = standing_now if standing_now is not None and is_kept(standing_now, now) else None
            found.append(((name, state), kept))
        return found

    def left(self, place: Place) -> tuple[EarlierState | None, EarlierState | None]:
        """Of a blob that is not there, itself as it was deleted, and the version that it was then; else nothing."""
        if self._containers.find(place) is not None:
            return None, None
        states = self.states(place)
        versions = [each for each in states if each.kind == "version" and each.deleted is None]
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

    def descriptor(self, found: Found) -> int:
        """A descriptor to read the content, which the caller closes.

        Raises:
            StorageError: there is no such file any more.
        """
        if found.earlier is None:
            return found.place.tree.descriptor(found.place.names, os.O_RDONLY)
        return os.open(self._file(found), os.O_RDONLY | SAFE)

    def open(self, found: Found) -> tuple[int, int]:
        """``descriptor``, and the length of the content."""
        if found.earlier is None:
            return self._containers.open(found)
        descriptor = self.descriptor(found)
        return descriptor, os.fstat(descriptor).st_size

    def free_stamp(self, place: Place, at: int) -> str:
        """The first stamp at or behind a time (ns) that no earlier state of a blob has."""
        while self._records_of(place, [f"{(stamp := timestamps.stamp(at))} {kind}" for kind in KINDS]):
            at += 1000
        return stamp

    # What changes

    async def copied(self, current: Callable[[], Found]) -> tuple[Found, str]:
        """Copy a blob's content to a file for an earlier state, which has no record yet; the blob, and the file's name.

        Args:
            current: the blob, if the request may still do so; called again once the copying has taken its time.
        """
        found = current()
        name, descriptor = self._new_name(found.place), self.descriptor(found)
        try:
            with self.unless_kept(found.place, name):
                await in_thread(copy_to, descriptor, self._folder(found.place) / name)
                current()
        finally:
            close(descriptor)
        return found, name

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
            file: has a copy of the content.
            others: states that appear with it.

        Raises:
            sqlite3.Error: the disk refuses; nothing has changed.
        """
        state = as_it_was("version", version_of(before.blob, before.entry), before.blob, before.entry, file)
        with self._store.transaction():
            self.settle(before.place, {each.id: each for each in (state, *others)})
            self._containers.keep(after)

    @contextmanager
    def unless_kept(self, place: Place, name: str) -> Iterator[None]:
        """Delete the file for an earlier state if the block fails to store that."""
        try:
            yield
        except BaseException:
            self.discard(place, name)
            raise

    def linked(self, place: Place, name: str) -> str:
        """Another name for the content of an earlier state, so that another state can have it, too."""
        other = self._new_name(place)
        link_or_copy(str(self._folder(place) / name), self._folder(place) / other)
        return other

    @contextmanager
    def beside(self, found: Found) -> Iterator[Path]:
        """The content of an earlier state as a file to be put in its blob's place; deleted unless it was renamed."""
        beside = self._containers.trash.folder / uuid.uuid4().hex
        try:
            link_or_copy(str(self._file(found)), beside)
            yield beside
        finally:
            with suppress(OSError):  # the next start of the emulator deletes it
                beside.unlink(missing_ok=True)

    def discard(self, place: Place, name: str) -> None:
        """Delete the file of an earlier state that has no record."""
        with best_effort(_UNFINISHED):
            (self._folder(place) / name).unlink(missing_ok=True)

    def settle(self, place: Place, outcomes: Outcomes) -> None:
        """Make of earlier states what they become, all at once."""
        before = self._standing(place, self._records_of(place, outcomes))
        gone = [state for state in before if outcomes[state.id] is None]
        with self._store.transaction():
            for name, state in outcomes.items():
                write(self._store, earlier_key(place.key, name), state)
        for state in gone:
            self.discard(place, state.file)

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

        Args:
            file: that comes or leaves.
            outcomes: what becomes of them.
            arrives: it comes.
        """
        if not outcomes:
            yield
            return
        self._clear(place, self._records(place))
        before = {state.id: state for state in self._standing(place, self._records_of(place, outcomes))}
        try:
            with self._store.transaction():
                for name, state in outcomes.items():
                    turn = Turn(file=file.file, disk=file.state, arrives=arrives, then=state)
                    record = EarlierBlob(now=before.get(name), turn=turn)
                    self._store.put(earlier_key(place.key, name), record)
            yield
        finally:
            with best_effort("what a blob has been cannot be settled yet"):
                self._clear(place, self._records_of(place, outcomes))

    def _standing(self, place: Place, records: Records) -> list[EarlierState]:
        """The states that some records of a blob hold."""
        if not records:
            return []
        entry, now = self._containers.entry(place), self._containers.clock.now()
        found = [standing(record, entry) for _, record in records]
        return [state for state in found if state is not None and is_kept(state, now)]

    def _clear(self, place: Place, records: Records) -> None:
        """Finish or undo the changes that are in some records of a blob, and forget what has expired."""
        entry, now = self._containers.entry(place), self._containers.clock.now()
        gone: set[str] = set()
        with self._store.transaction():
            for key, record in records:
                state = standing(record, entry)
                if state is None or not is_kept(state, now):
                    write(self._store, key, None)
                    gone |= files_of(record)
                elif record.turn is not None:
                    write(self._store, key, state)
        for file in gone:
            self.discard(place, file)

    def _parted(self, found: Found, kind: Kind) -> EarlierState:
        """A blob as it is, and its file under another name, too."""
        place, now = found.place, self._containers.clock.now()
        name = self._new_name(place)
        with place.tree.slot(place.names) as slot:
            slot.require(directory=False)
            link_or_copy(slot.name, self._folder(place) / name, parent=slot.parent)
        if kind == "version":
            return as_it_was(kind, version_of(found.blob, found.entry), found.blob, found.entry, name)
        state = replace(
            as_it_was(kind, self.free_stamp(place, timestamps.nanoseconds(now)), found.blob, found.entry, name),
            base=True,
        )
        return deleted(state, self.protection(place.account), now) or state

    def _records(self, place: Place) -> Records:
        return self._store.list(EarlierBlob, earlier_key(place.key, ""))

    def _records_of(self, place: Place, states: Iterable[str]) -> Records:
        """The records of some states, by their ids: a blob may have thousands of others."""
        keys = [earlier_key(place.key, each) for each in states]
        return [(key, record) for key in keys if (record := self._store.get(EarlierBlob, key)) is not None]

    def _folder(self, place: Place) -> Path:
        return self._containers.earlier_files(place.account, place.content)

    def _file(self, found: Found) -> Path:
        return self._folder(found.place) / (found.earlier.file if found.earlier else "")

    def _new_name(self, place: Place) -> str:
        self._folder(place).mkdir(mode=0o700, parents=True, exist_ok=True)
        return uuid.uuid4().hex


def write(store: Store, key: str, state: EarlierState | None) -> None:
    """Store an earlier state, or delete its record."""
    if state is None:
        store.delete(EarlierBlob, key)
    else:
        store.put(key, EarlierBlob(now=state))


def shown(place: Place, state: EarlierState) -> Found:
    """An earlier state as a blob."""
    blob = replace(state.blob, version=state.stamp if state.kind == "version" else "")
    entry = Entry(
        place.names[-1], is_directory=False, length=state.length, modified_ns=state.modified, written_ns=state.modified,
        changed_ns=state.modified, accessed_ns=state.modified, inode=0, birth_ns=0,
    )  # fmt: skip
    return Found(place, entry, blob, state)
