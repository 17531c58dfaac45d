"""Where blobs are in a container, and what is there; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.emulator.providers.blobs.earlier import EarlierState
from harness.emulator.providers.blobs.model import Blob, blob_key
from harness.emulator.storage_service import timestamps
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry

FOLDER = {"hdi_isfolder": "true"}  # the metadata of a blob that is a directory


@dataclass(frozen=True, slots=True)
class Place:
    """A blob's name in a container, whatever is there."""

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
        """The content by which the service finds the container's directory."""
        return self.content

    @property
    def keys(self) -> Sequence[str]:
        """The keys that a change of the blob claims."""
        return (self.key,)

    @property
    def below(self) -> str:
        """Nothing: a change of a blob does not concern the blobs below it."""
        return ""

    def above(self, depth: int) -> "Place":
        """The directory that the first names of the path lead to."""
        names = self.names[:depth]
        return Place(self.account, self.content, "/".join(names), self.tree, names)

    def other(self, name: str) -> "Place":
        """Another name in the same container."""
        return Place(self.account, self.content, name, self.tree, name.split("/"))


@dataclass(frozen=True, slots=True)
class Found:
    """An existing blob, with what is still valid of its record; or, with ``earlier``, an earlier state of a blob."""

    place: Place
    entry: Entry
    blob: Blob
    earlier: EarlierState | None = None

    @property
    def record(self) -> Blob:
        """The record of the blob."""
        return self.blob

    @property
    def etag(self) -> str:
        """The etag, quoted."""
        return timestamps.etag(self.entry.modified_ns)

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata that the client has set, and for a directory, the mark of directories."""
        names = {name.lower() for name in self.blob.metadata}
        if not self.entry.is_directory or names.issuperset(FOLDER):
            return self.blob.metadata
        return FOLDER | self.blob.metadata
