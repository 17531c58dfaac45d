"""The operations of blob storage, one module a resource type."""

from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers
from harness.emulator.providers.blobs.handlers.blocks import BlockHandlers
from harness.emulator.providers.blobs.handlers.containers import ContainerHandlers
from harness.emulator.providers.blobs.handlers.deletions import DeletionHandlers
from harness.emulator.providers.blobs.handlers.listings import ListingHandlers
from harness.emulator.providers.blobs.handlers.service import ServiceHandlers
from harness.emulator.providers.blobs.handlers.snapshots import SnapshotHandlers
from harness.emulator.providers.blobs.handlers.tags import TagHandlers

__all__ = [
    "BlobHandlers",
    "BlockHandlers",
    "ContainerHandlers",
    "DeletionHandlers",
    "ListingHandlers",
    "ServiceHandlers",
    "SnapshotHandlers",
    "TagHandlers",
]
