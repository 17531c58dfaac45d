"""Paths of blobs in containers, and the blobs that exist there; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.emulator.providers.blobs.earlier import EarlierState
from harness.emulator.providers.blobs.model import Blob, blob_key
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry

FOLDER = {"hdi_isfolder": "true"}  # the metadata that marks a blob as a directory


@dataclass(frozen=True, slots=True)
class BlobPath:
    """A blob's path in a container, whether the blob exists or not; ``names`` are its segments."""

    account: str
    content: str
    name: str
    tree: Tree
    names: list[str]

    @property
    def key(self) -> str:
        """The store's key of the blob."""
        return blob_key(self.account, self.content, self.name)

    @property
    def root(self) -> str:
        """The id of the content, by which the service finds the container's directory."""
        return self.content

    @property
    def keys(self) -> Sequence[str]:
        """The keys that a change of the blob locks."""
        return (self.key,)

    @property
    def below(self) -> str:
        """Empty, because a change of a blob does not lock the blobs below it."""
        return ""

    def directory(self, depth: int) -> "BlobPath":
        """Return the path of the directory that the first names of this path lead to."""
        names = self.names[:depth]
        return BlobPath(self.account, self.content, "/".join(names), self.tree, names)

    def sibling(self, name: str) -> "BlobPath":
        """Return another path in the same container."""
        return BlobPath(self.account, self.content, name, self.tree, name.split("/"))


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """An existing blob and the valid fields of its record; with ``earlier``, an earlier state of a blob."""

    path: BlobPath
    entry: Entry
    record: Blob
    earlier: EarlierState | None = None

    @property
    def etag(self) -> str:
        """The ETag, quoted."""
        return timestamps.etag(self.entry.modified_ns)

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata that the client has set, and for a directory also ``hdi_isfolder``."""
        names = {name.lower() for name in self.record.metadata}
        if not self.entry.is_directory or names.issuperset(FOLDER):
            return self.record.metadata
        return FOLDER | self.record.metadata
