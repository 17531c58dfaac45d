"""Containers on disk and their records, as the handlers see them."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.providers.blobs.errors import blob_exists, blob_not_found, container_not_found
from harness.emulator.providers.blobs.model import Blob, Folder, blob_key
from harness.emulator.providers.blobs.names import check_container, components
from harness.emulator.providers.storage import conditions, errors, leases, moments
from harness.emulator.providers.storage.access import Target
from harness.emulator.providers.storage.accounts import Accounts
from harness.emulator.providers.storage.entries import Entry
from harness.emulator.providers.storage.host import Call
from harness.emulator.providers.storage.model import Container, Policy, share_key
from harness.emulator.providers.storage.names import DirectoryNames
from harness.emulator.providers.storage.trash import Trash
from harness.emulator.providers.storage.tree import Tree
from harness.emulator.store import Store

FOLDER = {"hdi_isfolder": "true"}  # the metadata of a blob that is a directory


@dataclass(frozen=True, slots=True)
class Place:
    """A blob's name in a container, whatever is there."""

    account: str
    container: str
    name: str
    tree: Tree
    names: list[str]

    @property
    def key(self) -> str:
        """The store's key of the blob."""
        return blob_key(self.account, self.container, self.name)


@dataclass(frozen=True, slots=True)
class Found:
    """A blob that is there, and what is remembered of it that still holds."""

    place: Place
    entry: Entry
    blob: Blob

    @property
    def etag(self) -> str:
        """Quoted."""
        return moments.etag(self.entry.modified_ns)

    @property
    def metadata(self) -> dict[str, str]:
        """What the client has set; and of a directory, that it is one."""
        names = {name.lower() for name in self.blob.metadata}
        if not self.entry.is_directory or names.issuperset(FOLDER):
            return self.blob.metadata
        return FOLDER | self.blob.metadata


class Containers:
    """All containers of all accounts."""

    def __init__(self, accounts: Accounts, *, store: Store, clock: Clock, trash: Trash) -> None:
        self.store = store
        self.clock = clock
        self.trash = trash
        self._accounts = accounts
        self._names = DirectoryNames(clock)

    def container(self, target: Target) -> Container:
        """The record of a container.

        Raises:
            StorageError: there is none.
        """
        found = self.store.get(Container, share_key(target.account, target.share))
        if found is None:
            raise container_not_found()
        return found

    def keep_container(self, target: Target, container: Container) -> None:
        """Keep a container's record."""
        self.store.put(share_key(target.account, target.share), container)

    def policies(self, target: Target) -> Sequence[Policy]:
        """The stored access policies of a container; none if there is no such container."""
        found = self.store.get(Container, share_key(target.account, target.share))
        return found.policies if found else ()

    def directory(self, account: str, container: str) -> Path:
        """Where a container's blobs are."""
        return self._accounts.directory("blob", account, name=container)

    def blocks(self, account: str, container: str) -> Path:
        """Where the uncommitted blocks of a container's blobs are."""
        return self._accounts.blocks_directory(account, container)

    def uncommitted(self, place: Place) -> Path:
        """Where the uncommitted blocks of one blob are: any blob's name fits as its hash."""
        return self.blocks(place.account, place.container) / hashlib.sha256(place.name.encode()).hexdigest()

    def remove(self, account: str, container: str) -> None:
        """Delete a container with all that is in it."""
        with self.store.transaction():
            self.store.delete(Container, share_key(account, container))
            for kind in (Blob, Folder):
                self.store.delete_all(kind, blob_key(account, container, ""))
        self.trash.take(self.directory(account, container))
        self.trash.take(self.blocks(account, container))

    def place(self, target: Target) -> Place:
        """Where a target is, in a container that exists.

        Raises:
            StorageError: there is no such container, or the name cannot be.
        """
        if target.snapshot:
            raise blob_not_found()  # the emulator takes no snapshots of blobs
        names = components(target.path)
        self.container(target)
        return Place(target.account, target.share, target.path, self.tree(target.account, target.share), names)

    def tree(self, account: str, container: str) -> Tree:
        """A container's directory."""
        root = self.directory(account, container)
        return Tree(root, names=self._names, staging=self.trash.folder, exact=True)

    def find(self, place: Place) -> Found | None:
        """The blob at a place; a directory is one if it has no other reason to be there."""
        try:
            entry = place.tree.entry(place.names)
        except errors.StorageError:
            return None  # the directory above is missing
        return None if entry is None else self.known(place, entry)

    def known(self, place: Place, entry: Entry) -> Found | None:
        """A file or directory as a blob; None if it is none."""
        blob = self.store.get(Blob, place.key)
        if entry.is_directory:
            if self.store.get(Folder, place.key) is not None:
                return None
            blob = blob or Blob(FOLDER)
            modified = blob.state[1] or entry.modified_ns
            return Found(place, Entry(entry.name, True, 0, modified, modified, modified, entry.inode), blob)
        if blob is None:
            return Found(place, entry, Blob(created=entry.modified_ns))
        if blob.state != entry.state:
            lease = leases.after_write(blob.lease, self.clock.now())
            blob = replace(blob, content_md5="", blocks=(), lease=lease)
        return Found(place, entry, blob)

    def blob(self, call: Call, *, change: bool = False) -> Found:
        """The blob that a request is about, once its conditions and lease allow the request.

        Args:
            change: the request writes.

        Raises:
            StorageError: there is none, or it may not be touched.
        """
        found = self.find(self.place(call.target))
        if found is None:
            raise blob_not_found()
        self.admit(call, found, change=change)
        return found

    def admit(self, call: Call, found: Found | None, *, change: bool) -> None:
        """Check the conditions and the lease of what is at a place, nothing included, against a request.

        Raises:
            StorageError: one stands in the way.
        """
        given = call.request.headers
        if found is None:
            conditions.check(given, etag=None, modified=None, read=not change)
            if given.get("x-ms-lease-id"):
                raise errors.lease(412, "LeaseNotPresentWithBlobOperation", "There is currently no lease on the blob.")
            return
        lease_id = given.get("x-ms-lease-id", "")
        leases.check(found.blob.lease, lease_id, call.now, noun="Blob", change=change)
        if change and given.get("if-none-match", "").strip() == "*":
            if not lease_id:
                raise blob_exists()
            # Who holds the lease knows that there is a blob: the service lets it be replaced, as recorded.
            given = {name: value for name, value in given.items() if name != "if-none-match"}
        conditions.check(given, etag=found.etag, modified=found.entry.modified, read=not change)

    def admit_write(self, call: Call, found: Found | None) -> None:
        """Check a request that writes a whole blob, in place of the one that is there, if any.

        Raises:
            StorageError: a condition or a lease stands in the way, or the caller's SAS only creates.
        """
        if found is not None and not call.credential.replaces:
            raise errors.permission_mismatch()
        self.admit(call, found, change=True)

    def make_way(self, place: Place) -> None:
        """Make the directories that a blob's name needs; they are no blobs themselves.

        Raises:
            StorageError: a blob is in the way.
        """
        for depth in range(1, len(place.names)):
            found = place.tree.entry(place.names[:depth])
            if found is None:
                place.tree.make_directory(place.names[:depth])
                self.store.put(blob_key(place.account, place.container, "/".join(place.names[:depth])), Folder())
            elif not found.is_directory:
                raise errors.type_mismatch()

    def clear_way(self, place: Place) -> None:
        """Remove the directories that nothing but a blob that is gone had needed."""
        for depth in range(len(place.names) - 1, 0, -1):
            key = blob_key(place.account, place.container, "/".join(place.names[:depth]))
            if self.store.get(Folder, key) is None:
                return
            try:
                place.tree.remove_directory(place.names[:depth])
            except errors.StorageError:
                return  # something is in it
            self.store.delete(Folder, key)

    def stamp(self, descriptor: int) -> tuple[int, int]:
        """Date a file's change; its new state."""
        status = os.fstat(descriptor)
        now = moments.nanoseconds(self.clock.now())
        if 0 <= status.st_mtime_ns - now < 1_000_000_000:  # two requests in one microsecond
            now = status.st_mtime_ns + 1000
        os.utime(descriptor, ns=(status.st_atime_ns, now))
        return status.st_size, now


def check_target(target: Target) -> None:
    """Refuse a container's name that cannot be.

    Raises:
        StorageError: it is not allowed.
    """
    if target.share:
        check_container(target.share)
