"""Changes of the content of files."""

from msgspec.structs import replace

from harness.emulator.providers.files.model import Properties
from harness.emulator.providers.files.paths import ShareItem
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import leases, timestamps
from harness.emulator.storage_service.content_changes import ContentChanges, Plan
from harness.emulator.storage_service.file_records import next_time
from harness.emulator.storage_service.intents import Intents


class Contents(ContentChanges):
    """Writes to files. The caller holds the file's turn."""

    def __init__(self, shares: Shares, intents: Intents) -> None:
        super().__init__("file", shares.store, shares.clock, shares.trash, intents)

    def plan(self, file: ShareItem, properties: Properties, *, length: int | None = None) -> Plan[ShareItem]:
        """Plan a change of a file's content.

        Args:
            properties: the properties of the file after the change.
            length: the length of the file after the change; None if it does not change.
        """
        now = self._clock.now()
        time = next_time(timestamps.nanoseconds(now), file.entry.modified_ns)
        entry = file.entry.after_write(file.entry.length if length is None else length, time)
        properties = replace(properties, lease=leases.after_write(properties.lease, now), modified=0)
        return Plan(file, ShareItem(file.path, entry, properties))
