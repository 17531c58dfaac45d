"""The records of earlier states of blobs in the store."""

from collections.abc import Iterable, Sequence

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import (
    KINDS,
    SEPARATOR,
    EarlierBlob,
    EarlierState,
    Kind,
    current_state,
    earlier_key,
    files_of,
    is_kept,
)
from harness.emulator.providers.blobs.earlier_files import EarlierFiles
from harness.emulator.providers.blobs.model import blob_key
from harness.emulator.providers.blobs.paths import BlobPath
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.best_effort import best_effort

_EXPIRY_BATCH = 8  # records per change: a change stores one or two, so the check reaches every record

Records = Sequence[tuple[str, EarlierBlob]]  # keys and records


class EarlierRecords:
    """Finds, stores and deletes the records of earlier states."""

    def __init__(self, containers: Containers, files: EarlierFiles) -> None:
        self._containers = containers
        self._store = containers.store
        self._files = files
        self._checked = ""  # the key of the record that ``delete_expired`` checked last

    def states(self, path: BlobPath) -> list[EarlierState]:
        """Return all earlier states of a blob, including deleted ones, in the order of their stamps."""
        return self.current_states(path, self.records_of(path))

    def find(self, path: BlobPath, kind: Kind, stamp: str) -> EarlierState | None:
        """Return the snapshot or version with a stamp, even if it is deleted; None if it does not exist."""
        states = self.current_states(path, self.select(path, [f"{stamp} {kind}"]))
        return next((state for state in states if (state.kind, state.stamp) == (kind, stamp)), None)

    def list_page(
        self, path: BlobPath, since: tuple[str, str], limit: int
    ) -> list[tuple[tuple[str, str], EarlierState | None]]:
        """Return the first states of the blobs whose names begin with a path's, each with its blob's name and its id.

        Args:
            since: the name and the id of the first state to list.
            limit: the number of states to list at most.
        """
        container = blob_key(path.account, path.content, "")
        after = earlier_key(container + since[0], since[1][:-1])
        now, page = self._containers.clock.now(), []
        for key, record in self._store.list(EarlierBlob, path.key, after=after, limit=limit):
            name, _, state = key.removeprefix(container).rpartition(SEPARATOR)
            current = current_state(record, self._containers.entry(path.sibling(name)) if record.turn else None)
            listed = current if current is not None and is_kept(current, now) else None
            page.append(((name, state), listed))
        return page

    def free_stamp(self, path: BlobPath, at: int) -> str:
        """Return the first stamp, at a time (ns) or later, that no earlier state of a blob has."""
        while self.select(path, [f"{(stamp := timestamps.stamp(at))} {kind}" for kind in KINDS]):
            at += 1000
        return stamp

    def records_of(self, path: BlobPath) -> Records:
        """Return all records of a blob, of which there may be thousands."""
        return self._store.list(EarlierBlob, earlier_key(path.key, ""))

    def select(self, path: BlobPath, states: Iterable[str]) -> Records:
        """Return the records of a blob's states by their ids."""
        keys = [earlier_key(path.key, state) for state in states]
        return [(key, record) for key in keys if (record := self._store.get(EarlierBlob, key)) is not None]

    def current_states(self, path: BlobPath, records: Records) -> list[EarlierState]:
        """Return the current states in records of a blob."""
        if not records:
            return []
        entry, now = self._containers.entry(path), self._containers.clock.now()
        states = [current_state(record, entry) for _, record in records]
        return [state for state in states if state is not None and is_kept(state, now)]

    def put(self, path: BlobPath, id_: str, record: EarlierBlob) -> None:
        """Store the record of a state."""
        self._store.put(earlier_key(path.key, id_), record)

    def put_state(self, path: BlobPath, id_: str, state: EarlierState | None) -> None:
        """Store a state, or delete its record for None."""
        self._write(earlier_key(path.key, id_), state)

    def clear(self, path: BlobPath, records: Records) -> None:
        """Finish or undo the pending changes in records of a blob, and delete expired ones.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        entry, now = self._containers.entry(path), self._containers.clock.now()
        unused: set[str] = set()
        with self._store.transaction():
            for key, record in records:
                state = current_state(record, entry)
                if state is None or not is_kept(state, now):
                    self._write(key, None)
                    unused |= files_of(record)
                elif record.turn is not None:
                    self._write(key, state)
        for file in unused:
            self._files.discard(path.account, path.content, file)

    def delete_expired(self) -> None:
        """Delete the expired ones among the next few earlier states of all blobs.

        So they are deleted even if their blob does not change again, and no change reads all states of a blob.
        """
        with best_effort("earlier states of blobs that have expired cannot be deleted yet"):
            records = self._store.list(EarlierBlob, after=self._checked, limit=_EXPIRY_BATCH)
            self._checked = records[-1][0] if len(records) == _EXPIRY_BATCH else ""
            now = self._containers.clock.now()
            expired = [
                (key, record.now.file)
                for key, record in records
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
