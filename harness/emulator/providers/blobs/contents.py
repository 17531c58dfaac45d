"""Changes of the content of blobs in place. Until a change ends, other requests see the blob as it was before."""

from collections.abc import Sequence

from msgspec.structs import replace

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import leases, timestamps
from harness.emulator.storage_service.content_changes import ContentChanges, Plan
from harness.emulator.storage_service.file_records import later
from harness.emulator.storage_service.intents import Intents


class Contents:
    """Writes to append blobs and page blobs. The caller holds the blob's turn."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers
        store, clock, trash = containers.store, containers.clock, containers.trash
        self._changes = ContentChanges("blob", store, clock, trash, Intents(store))

    def plan(self, found: Found, blob: Blob, *, length: int | None = None) -> Plan[Found]:
        """Plan a change of a blob's content.

        Args:
            blob: the properties of the blob after the change.
            length: the length of the blob after the change; None if it does not change.
        """
        now = self._containers.clock.now()
        time = later(timestamps.nanoseconds(now), found.entry.modified_ns)
        entry = found.entry.written(found.entry.length if length is None else length, time)
        blob = replace(blob, lease=leases.after_write(blob.lease, now), modified=0)
        return Plan(found, Found(found.place, entry, blob))

    async def write(self, plan: Plan[Found], first: int, body: Sequence[bytes]) -> None:
        """Write a body, in the blob or at its end.

        Raises:
            StorageError: another blob has the name by now.
            OSError: the disk refuses; nothing has changed.
        """
        with self._containers.shown_as(plan.before):
            await self._changes.write(plan, first, body)

    async def clear(self, plan: Plan[Found], first: int, end: int) -> None:
        """Make a range of the blob zeros, which take no room.

        Raises:
            StorageError: another blob has the name by now.
            OSError: the disk refuses; nothing has changed.
        """
        with self._containers.shown_as(plan.before):
            await self._changes.clear(plan, first, end)

    def resize(self, plan: Plan[Found]) -> None:
        """Set the length of the blob.

        Raises:
            StorageError: another blob has the name by now.
            OSError: the disk refuses; nothing has changed.
        """
        self._changes.resize(plan)
