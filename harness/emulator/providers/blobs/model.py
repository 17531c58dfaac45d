"""Records of blobs: the properties that the file on disk does not hold."""

from typing import Literal

import msgspec

from harness.emulator.storage_service.copying import Copy
from harness.emulator.storage_service.entries import FileId
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.file_records import NO_FILE, FileRecord
from harness.emulator.storage_service.model import Lease

BlobType = Literal["BlockBlob", "AppendBlob", "PageBlob"]


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A committed block; ``id`` is the base64 text that the client chose."""

    id: str
    size: int


class Blob(FileRecord, frozen=True, kw_only=True):
    """A blob's properties.

    ``kind`` is its type, ``created`` is in ns, and ``version`` is empty in an account without versioning. Once a job
    has written to the blob's file, ``content_md5``, ``blocks`` and ``extents`` are obsolete. ``spent`` is the directory
    of uncommitted blocks that this blob has committed or discarded.

    ``appended`` counts the blocks of an append blob; nothing can be appended to it when it is ``sealed``. ``sequence``
    is the sequence number of a page blob, and ``extents`` are its written pages; None if only the file system can tell.
    ``epoch`` counts the blob's snapshots, and ``remade`` those that are older than its last write as a whole.

    ``tier`` is empty until a request sets it. ``tier_next`` is the tier to which an archived blob is being rehydrated,
    since ``tier_changed`` (ns).
    """

    kind: BlobType = "BlockBlob"
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    content: dict[str, str] = msgspec.field(default_factory=dict)
    content_md5: str = ""
    lease: Lease = Lease()
    created: int = 0
    blocks: tuple[Block, ...] = ()
    spent: FileId = NO_FILE
    version: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    appended: int = 0
    sealed: bool = False
    sequence: int = 0
    extents: tuple[Extent, ...] | None = ()
    copy: Copy | None = None
    epoch: int = 0
    remade: int = 0
    tier: str = ""
    tier_changed: int = 0
    tier_next: str = ""
    tier_priority: str = ""
    previous: "Blob | None" = None


class Folder(FileRecord, frozen=True):
    """A directory that exists only because it contains blobs. It is not a blob, and is deleted with the last of them.

    Any other directory is shown as an empty blob with ``hdi_isfolder``, as blobfuse makes them.
    """


def blob_key(account: str, content: str, name: str) -> str:
    """Return the store's key of a blob.

    Args:
        content: the id of its container's content.
    """
    return f"{account}/{content}/{name}"
