"""What Azure Files remembers of an entry beside what is on disk."""

import msgspec

from harness.emulator.storage_service.copying import Copy
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.file_records import FileRecord
from harness.emulator.storage_service.model import Lease


class Smb(msgspec.Struct, frozen=True):
    """What SMB shows of a file or directory; times are as the client wrote them, empty where the disk says."""

    attributes: str = ""
    permission_key: str = ""
    created: str = ""
    written: str = ""
    changed: str = ""


class Nfs(msgspec.Struct, frozen=True):
    """What NFS shows of a file or directory, kept and given back."""

    owner: str = "0"
    group: str = "0"
    mode: str = ""


class Properties(FileRecord, frozen=True, kw_only=True):
    """What a file or directory has that its place on disk cannot hold.

    Once a job has written to a file, ``content_md5``, ``extents`` and the times of ``smb`` hold no longer.
    ``renamed`` is how many snapshots the share had when it was renamed last. ``names`` are paths of a file that has
    several: they find it in a copied data directory.
    """

    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    content: dict[str, str] = msgspec.field(default_factory=dict)
    content_md5: str = ""
    smb: Smb = Smb()
    nfs: Nfs | None = None
    lease: Lease = Lease()
    copy: Copy | None = None
    extents: tuple[Extent, ...] | None = ()
    renamed: int = 0
    names: tuple[str, ...] = ()
    previous: "Properties | None" = None


class Permission(msgspec.Struct, frozen=True):
    """A security descriptor that files of a share name by its key; base64 where its form is ``binary``."""

    key: str
    text: str
    form: str = "sddl"
