"""What blob storage remembers of a blob beside the file on disk."""

import msgspec

from harness.emulator.providers.storage.model import Lease


class Block(msgspec.Struct, frozen=True, array_like=True):
    """A committed block; ``id`` is base64, as the client named it."""

    id: str
    size: int


class Blob(msgspec.Struct, frozen=True):
    """A blob's properties; ``created`` is in ns.

    ``state`` is length and time (ns) of the file after the last request that changed it: where the disk says
    something else, a job was there, and ``content_md5`` and ``blocks`` hold no longer.
    """

    metadata: dict[str, str] = {}
    content: dict[str, str] = {}
    content_md5: str = ""
    lease: Lease = Lease()
    created: int = 0
    blocks: tuple[Block, ...] = ()
    state: tuple[int, int] = (0, 0)


class Folder(msgspec.Struct, frozen=True):
    """A directory that is there only because blobs are in it: no blob itself, and gone with the last of them.

    Any other directory is shown as a blob of no length with ``hdi_isfolder``, as blobfuse makes them.
    """


def blob_key(account: str, container: str, name: str) -> str:
    """The store's key of a blob."""
    return f"{account}/{container}/{name}"
