"""Records of blobs: what the file on disk does not hold."""

from typing import Literal

import msgspec

from harness.emulator.storage_service.copying import Copy
from harness.emulator.storage_service.entries import FileId
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.file_records import NO_FILE, FileRecord
from harness.emulator.storage_service.model import Lease

BlobType = Literal["BlockBlob", "AppendBlob", "PageBlob"]


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A committed block; ``id`` is base64, as the client named it."""

    id: str
    size: int


class Blob(FileRecord, frozen=True, kw_only=True):
    """A blob's properties; ``kind`` is its type, ``created`` is in ns; ``version`` is empty where no versions are kept.

    Once a job has written to its file, ``content_md5``, ``blocks`` and ``extents`` are obsolete. ``spent`` is the
    directory of uncommitted blocks that this blob has used up, or discarded. ``appended`` counts the blocks of an
    append blob, which is ``sealed`` once nothing may be appended. ``sequence`` is the number of a page blob,
    ``extents`` are the pages of it that were written; None where only the disk knows. ``epoch`` counts its snapshots,
    ``remade`` those before it was last written as a whole.
    ``tier`` is empty until it was named; ``tier_next`` is where a blob goes from the archive, since ``tier_changed``
    (ns).
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
    """A directory that exists only because blobs are in it. It is not a blob, and is deleted with the last of them.

    Any other directory is shown as an empty blob with ``hdi_isfolder``, as blobfuse makes them.
    """


def blob_key(account: str, content: str, name: str) -> str:
    """The store's key of a blob.

    Args:
        content: the content of its container.
    """
    return f"{account}/{content}/{name}"
