"""The records of earlier states of blobs in the store."""

from collections.abc import Iterable, Sequence

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import (
    BETWEEN,
    KINDS,
    EarlierBlob,
    EarlierState,
    Kind,
    earlier_key,
    files_of,
    is_kept,
    standing,
)
from harness.emulator.providers.blobs.earlier_files import EarlierFiles
from harness.emulator.providers.blobs.model import blob_key
from harness.emulator.providers.blobs.places import Place
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.best_effort import best_effort

_CHECKED = 8  # records at each change: each change stores one or two, so the check gets through all of them

Records = Sequence[tuple[str, EarlierBlob]]  # with their keys


class EarlierRecords:
    """Finds, stores and deletes the records of earlier states."""

    def __init__(self, containers: Containers, files: EarlierFiles) -> None:
        self._containers = containers
        self._store = containers.store
        self._files = files
        self._checked = ""  # the key of the record that ``delete_expired`` checked last

    def states(self, place: Place) -> list[EarlierState]:
        """All earlier states of the blob at a place, deleted ones too, in the order of their stamps."""
        return self.standing(place, self.all_of(place))

    def find(self, place: Place, kind: Kind, stamp: str) -> EarlierState | None:
        """The snapshot or version with a stamp, also if it is deleted; None if there is none."""
        found = self.standing(place, self.of(place, [f"{stamp} {kind}"]))
        return next((state for state in found if (state.kind, state.stamp) == (kind, stamp)), None)

    def listed(
        self, place: Place, since: tuple[str, str], most: int
    ) -> list[tuple[tuple[str, str], EarlierState | None]]:
        """The first states of the blobs whose names begin like a place's, each with its blob's name and its id.

        Args:
            since: name and id of the first state to list.
            most: how many states to list at most.
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

    def free_stamp(self, place: Place, at: int) -> str:
        """The first stamp from a time (ns) on that no earlier state of a blob has."""
        while self.of(place, [f"{(stamp := timestamps.stamp(at))} {kind}" for kind in KINDS]):
            at += 1000
        return stamp

    def all_of(self, place: Place) -> Records:
        """All records of a blob, of which there may be thousands."""
        return self._store.list(EarlierBlob, earlier_key(place.key, ""))

    def of(self, place: Place, states: Iterable[str]) -> Records:
        """The records of some states of a blob, by their ids."""
        keys = [earlier_key(place.key, state) for state in states]
        return [(key, record) for key in keys if (record := self._store.get(EarlierBlob, key)) is not None]

    def standing(self, place: Place, records: Records) -> list[EarlierState]:
        """The states that some records of a blob hold."""
        if not records:
            return []
        entry, now = self._containers.entry(place), self._containers.clock.now()
        found = [standing(record, entry) for _, record in records]
        return [state for state in found if state is not None and is_kept(state, now)]

    def put(self, place: Place, id_: str, record: EarlierBlob) -> None:
        """Store the record of a state."""
        self._store.put(earlier_key(place.key, id_), record)

    def put_state(self, place: Place, id_: str, state: EarlierState | None) -> None:
        """Store a state as it is from now on; for None its record is deleted."""
        self._write(earlier_key(place.key, id_), state)

    def clear(self, place: Place, records: Records) -> None:
        """Finish or undo the changes in some records of a blob, and delete those of them that have expired.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        entry, now = self._containers.entry(place), self._containers.clock.now()
        unused: set[str] = set()
        with self._store.transaction():
            for key, record in records:
                state = standing(record, entry)
                if state is None or not is_kept(state, now):
                    self._write(key, None)
                    unused |= files_of(record)
                elif record.turn is not None:
                    self._write(key, state)
        for file in unused:
            self._files.discard(place.account, place.content, file)

    def delete_expired(self) -> None:
        """Delete earlier states that can no longer be restored among the next few of all blobs, in turn.

        So they go even if nobody changes their blob again, and a blob with many states is not read at each change.
        """
        with best_effort("earlier states of blobs that have expired cannot be deleted yet"):
            found = self._store.list(EarlierBlob, after=self._checked, limit=_CHECKED)
            self._checked = found[-1][0] if len(found) == _CHECKED else ""
            now = self._containers.clock.now()
            expired = [
                (key, record.now.file)
                for key, record in found
                if record.turn is None and record.now is not None and not is_kept(record.now, now)
            ]
            if not expired:
                return
            with self._store.transaction():
                for key, _ in expired:
                    self._store.delete(EarlierBlob, key)
            for key, file in expired:
                account, content, _ = key.split("/", 2)
                self._files.discard(account, content, file)

    def _write(self, key: str, state: EarlierState | None) -> None:
        if state is None:
            self._store.delete(EarlierBlob, key)
        else:
            self._store.put(key, EarlierBlob(now=state))
