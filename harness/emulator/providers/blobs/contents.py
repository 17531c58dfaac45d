"""In-place changes of the content of blobs. Until a change ends, other requests see the blob as it was before."""

from collections.abc import Sequence

from msgspec.structs import replace

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.paths import StoredBlob
from harness.emulator.storage_service import leases, timestamps
from harness.emulator.storage_service.content_changes import ContentChanges, Plan
from harness.emulator.storage_service.file_records import next_time
from harness.emulator.storage_service.intents import Intents


class Contents:
    """Writes to append blobs and page blobs. The caller holds the blob's turn."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        store, clock, trash = containers.store, containers.clock, containers.trash
        self._changes = ContentChanges("blob", store, clock, trash, Intents(store))

    def plan(self, blob: StoredBlob, record: Blob, *, length: int | None = None) -> Plan[StoredBlob]:
        """Plan a change of a blob's content.

        Args:
            blob: the properties of the blob after the change.
            length: the length of the blob after the change; None if it does not change.
        """
        now = self._containers.clock.now()
        time = next_time(timestamps.nanoseconds(now), blob.entry.modified_ns)
        entry = blob.entry.after_write(blob.entry.length if length is None else length, time)
        record = replace(record, lease=leases.after_write(record.lease, now), modified=0)
        return Plan(blob, StoredBlob(blob.path, entry, record))

    async def write(self, plan: Plan[StoredBlob], first: int, body: Sequence[bytes]) -> None:
        """Write a body into the blob or at its end.

        Raises:
            StorageError: another blob has taken the name.
            OSError: the disk refuses; nothing has changed.
        """
        with self._containers.show_unchanged(plan.before):
            await self._changes.write(plan, first, body)

    async def clear(self, plan: Plan[StoredBlob], first: int, end: int) -> None:
        """Replace a range of the blob by zeros, which take no space on disk.

        Raises:
            StorageError: another blob has taken the name.
            OSError: the disk refuses; nothing has changed.
        """
        with self._containers.show_unchanged(plan.before):
            await self._changes.clear(plan, first, end)

    def resize(self, plan: Plan[StoredBlob]) -> None:
        """Set the length of the blob.

        Raises:
            StorageError: another blob has taken the name.
            OSError: the disk refuses; nothing has changed.
        """
        self._changes.resize(plan)
