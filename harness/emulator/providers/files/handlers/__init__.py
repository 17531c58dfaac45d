"""The operations of Azure Files, one module for each resource type."""

from harness.emulator.providers.files.handlers.copies import CopyHandlers
from harness.emulator.providers.files.handlers.directories import DirectoryHandlers
from harness.emulator.providers.files.handlers.files import FileHandlers
from harness.emulator.providers.files.handlers.handles import HandleHandlers
from harness.emulator.providers.files.handlers.leases import LeaseHandlers
from harness.emulator.providers.files.handlers.links import LinkHandlers
from harness.emulator.providers.files.handlers.ranges import RangeHandlers
from harness.emulator.providers.files.handlers.renames import RenameHandlers
from harness.emulator.providers.files.handlers.service import ServiceHandlers
from harness.emulator.providers.files.handlers.shares import ShareHandlers
from harness.emulator.providers.files.handlers.snapshots import SnapshotHandlers

__all__ = [
    "CopyHandlers",
    "DirectoryHandlers",
    "FileHandlers",
    "HandleHandlers",
    "LeaseHandlers",
    "LinkHandlers",
    "RangeHandlers",
    "RenameHandlers",
    "ServiceHandlers",
    "ShareHandlers",
    "SnapshotHandlers",
]
