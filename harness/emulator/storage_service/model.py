"""Records of storage: accounts, and the shares and containers in them.

The name of an account is unique in all of Azure, so it is the key in the store, and host names contain it.
"""

import uuid
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from harness.emulator.storage_service.entries import FileId

Service = Literal["file", "blob"]

DEFAULT_QUOTA = 5120  # GiB; for shares that older versions of the REST API create


class StorageAccount(msgspec.Struct, frozen=True):
    """A storage account; ``id`` is empty if it is in no resource group, as with ``--only storage``.

    ``keys`` are key1 and key2, base64 of 64 bytes. ``public_blobs`` is whether containers may have public
    access; None, which allows it, if it was never set.
    """

    name: str
    location: str
    keys: tuple[str, str]
    created: datetime
    id: str = ""
    sku: str = "Standard_LRS"
    kind: str = "Storage"
    tags: dict[str, str] = {}
    https_only: bool = False
    public_blobs: bool | None = None

    def __repr__(self) -> str:
        return f"StorageAccount(name={self.name!r}, id={self.id!r})"


class Policy(msgspec.Struct, frozen=True):
    """A stored access policy: fields that a service SAS may omit. Times are as the client wrote them."""

    id: str
    start: str = ""
    expiry: str = ""
    permission: str = ""


class Lease(msgspec.Struct, frozen=True):
    """A lock on a share, file, container or blob; see ``leases``.

    ``duration`` is in seconds, -1 for infinite; ``until`` is when it expires, or if ``breaking`` when it is broken.
    """

    id: str = ""
    duration: int = 0
    until: datetime | None = None
    breaking: bool = False


class Root(msgspec.Struct, frozen=True, kw_only=True):
    """A share or container: a directory, and records of its files and directories.

    ``directory`` identifies the directory, even after a rename. ``content`` begins the keys of those records; a later
    share of the same name has another.
    """

    directory: FileId = (0, 0)
    content: str = ""


class Share(Root, frozen=True):
    """A share of Azure Files, or a snapshot of one. ``changed`` is when its metadata or quota (GiB) last changed.

    ``epoch`` counts the snapshots taken before it; ``settings`` are headers that are stored and returned;
    ``downgradable`` is the time from which a premium share may get a smaller quota.
    """

    name: str
    changed: datetime
    quota: int = DEFAULT_QUOTA
    metadata: dict[str, str] = {}
    policies: tuple[Policy, ...] = ()
    lease: Lease = Lease()
    tier: str = "TransactionOptimized"
    tier_changed: datetime | None = None
    settings: dict[str, str] = {}
    snapshot: str = ""
    epoch: int = 0
    downgradable: datetime | None = None


class DeletedShare(msgspec.Struct, frozen=True):
    """A share that can still be restored, for ``days``; its directory is called ``{name}!{version}``."""

    share: Share
    version: str
    deleted: datetime
    days: int = 7

    def days_left(self, now: datetime) -> int:
        """The days for which it can still be restored; a part of a day counts as 1, and 0 means that it cannot."""
        remaining = self.deleted + timedelta(days=self.days) - now
        return max(-(-remaining // timedelta(days=1)), 0)


class Container(Root, frozen=True):
    """A container of blobs.

    ``changed`` is when its metadata last changed; ``access`` is ``blob``, ``container`` or empty.
    """

    name: str
    changed: datetime
    metadata: dict[str, str] = {}
    policies: tuple[Policy, ...] = ()
    lease: Lease = Lease()
    access: str = ""


class ServiceSettings(msgspec.Struct, frozen=True):
    """The settings of a service; ``elements`` are those of Set Service Properties, by name, as compact XML.

    Only Resource Manager sets the others: ``versions`` is whether each state of a blob is kept; ``share_retention`` is
    the number of days for which a share that is deleted now can be restored, 0 for none.
    """

    elements: dict[str, str] = {}
    versions: bool = False
    share_retention: int = 7


def share_key(account: str, name: str) -> str:
    """The key of a share or container in the store."""
    return f"{account}/{name}"


def new_content() -> str:
    """The beginning of the keys of all records in a new share or container."""
    return uuid.uuid4().hex[:16]


def entry_key(account: str, content: str, names: list[str]) -> str:
    """The key of a file or directory in the store: its casefolded path."""
    return "/".join([account, content, *names]).casefold()
