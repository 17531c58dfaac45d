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
        """What the container's directory is found by."""
        return self.content

    @property
    def keys(self) -> Sequence[str]:
        """The key of the blob, as of something that is changed."""
        return (self.key,)

    @property
    def below(self) -> str:
        """Nothing: whoever changes a blob leaves alone those below it."""
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
    """A blob that is there, and what is remembered of it that still holds; or ``earlier``, an earlier state of one."""

    place: Place
    entry: Entry
    blob: Blob
    earlier: EarlierState | None = None

    @property
    def record(self) -> Blob:
        """What is remembered of it."""
        return self.blob

    @property
    def etag(self) -> str:
        """Quoted."""
        return timestamps.etag(self.entry.modified_ns)

    @property
    def metadata(self) -> dict[str, str]:
        """What the client has set; and of a directory, that it is one."""
        names = {name.lower() for name in self.blob.metadata}
        if not self.entry.is_directory or names.issuperset(FOLDER):
            return self.blob.metadata
        return FOLDER | self.blob.metadata
