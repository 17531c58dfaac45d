"""The operations of blob storage, one module per resource type."""

from harness.emulator.providers.blobs.handlers.appends import AppendHandlers
from harness.emulator.providers.blobs.handlers.batch import BatchHandlers
from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers
from harness.emulator.providers.blobs.handlers.blocks import BlockHandlers
from harness.emulator.providers.blobs.handlers.containers import ContainerHandlers
from harness.emulator.providers.blobs.handlers.copies import CopyHandlers
from harness.emulator.providers.blobs.handlers.deletions import DeletionHandlers
from harness.emulator.providers.blobs.handlers.from_url import FromUrlHandlers
from harness.emulator.providers.blobs.handlers.listings import ListingHandlers
from harness.emulator.providers.blobs.handlers.page_ranges import PageRangeHandlers
from harness.emulator.providers.blobs.handlers.pages import PageHandlers
from harness.emulator.providers.blobs.handlers.puts import PutHandlers
from harness.emulator.providers.blobs.handlers.service import ServiceHandlers
from harness.emulator.providers.blobs.handlers.snapshots import SnapshotHandlers
from harness.emulator.providers.blobs.handlers.source_reader import SourceReader
from harness.emulator.providers.blobs.handlers.tags import TagHandlers
from harness.emulator.providers.blobs.handlers.tiers import TierHandlers

__all__ = [
    "AppendHandlers",
    "BatchHandlers",
    "BlobHandlers",
    "BlockHandlers",
    "ContainerHandlers",
    "CopyHandlers",
    "DeletionHandlers",
    "FromUrlHandlers",
    "ListingHandlers",
    "PageHandlers",
    "PageRangeHandlers",
    "PutHandlers",
    "ServiceHandlers",
    "SnapshotHandlers",
    "SourceReader",
    "TagHandlers",
    "TierHandlers",
]
