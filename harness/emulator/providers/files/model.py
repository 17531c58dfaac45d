"""Records of files and directories: the properties that the file system cannot hold."""

import msgspec

from harness.emulator.storage_service.copying import Copy
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.file_records import FileRecord
from harness.emulator.storage_service.model import Lease


class Smb(msgspec.Struct, frozen=True):
    """SMB properties of a file or directory. Times are as the client wrote them; empty means the time on disk."""

    attributes: str = ""
    permission_key: str = ""
    created: str = ""
    written: str = ""
    changed: str = ""


class Nfs(msgspec.Struct, frozen=True):
    """NFS properties of a file or directory. The emulator stores and returns them, but does not enforce them."""

    owner: str = "0"
    group: str = "0"
    mode: str = ""


class Properties(FileRecord, frozen=True, kw_only=True):
    """The properties of a file or directory that the file system cannot hold.

    Once a job has written to a file, ``content_md5``, ``extents`` and the times of ``smb`` are obsolete.
    ``renamed`` is the number of snapshots that the share had at the last rename. ``names`` are paths of a file with
    several names; recovery finds the file by them in a copied data directory.
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
    """A security descriptor that files of a share refer to by its key; base64 if its form is ``binary``."""

    key: str
    text: str
    form: str = "sddl"
