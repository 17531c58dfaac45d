"""Containers on disk and their records, as the handlers see them."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace as with_fields
from pathlib import Path

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.providers.blobs import tags
from harness.emulator.providers.blobs.earlier import EarlierBlob
from harness.emulator.providers.blobs.errors import blob_exists, blob_not_found, container_not_found
from harness.emulator.providers.blobs.model import Blob, Folder, blob_key
from harness.emulator.providers.blobs.names import check_container, components
from harness.emulator.providers.blobs.places import FOLDER, Found, Place
from harness.emulator.storage_service import conditions, errors, leases, timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.copying import RunningCopies
from harness.emulator.storage_service.directory_names import DirectoryNames
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry, FileId
from harness.emulator.storage_service.extents import PAGE
from harness.emulator.storage_service.file_records import NO_FILE, holding, later, of_file
from harness.emulator.storage_service.model import Container, Policy, share_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.roots import Roots, identify
from harness.emulator.storage_service.trash import Trash
from harness.emulator.storage_service.turns import Turn, Turns
from harness.emulator.store import Store


class Containers:
    """All containers of all accounts."""

    def __init__(self, accounts: Accounts, *, store: Store, clock: Clock, trash: Trash) -> None:
        self.store = store
        self.clock = clock
        self.trash = trash
        self.roots = Roots("blob", accounts, trash)
        self.turns = Turns()
        self.copies = RunningCopies()
        self.accounts = accounts
        self._names = DirectoryNames(clock)
        self._shown: dict[str, Found] = {}  # blobs whose content is being changed, in their states before the change

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
        """Store a container's record."""
        self.store.put(share_key(target.account, target.share), container)

    def policies(self, target: Target) -> Sequence[Policy]:
        """The stored access policies of a container; none if there is no such container."""
        found = self.store.get(Container, share_key(target.account, target.share))
        return found.policies if found else ()

    def uncommitted(self, place: Place) -> Path:
        """The directory of a blob's uncommitted blocks, called by a hash of the blob's name, which may be too long."""
        folder = self.accounts.blocks_directory(place.account, place.content)
        return folder / hashlib.sha256(place.name.encode()).hexdigest()

    def earlier_files(self, account: str, content: str) -> Path:
        """The directory of the contents of earlier states of a container's blobs."""
        return self.accounts.earlier_directory(account, content)

    def staged_blocks(self, place: Place, found: Found | None) -> Path:
        """Like ``uncommitted``, but first deletes blocks that the blob has used and a killed process has left there.

        Raises:
            OSError: the disk refuses to delete them.
        """
        folder = self.uncommitted(place)
        if found is not None and found.blob.spent != NO_FILE and _identity(folder) == found.blob.spent:
            self.trash.take(folder)
        return folder

    def remove(self, account: str, name: str, container: Container) -> None:
        """Delete a container with all that is in it.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        with self.roots.removing(account, name):
            self.store.delete(Container, share_key(account, name))
        self.forget_content(account, container.content)

    def forget_content(self, account: str, content: str) -> None:
        """Delete all that a deleted container leaves behind. If the disk refuses, the next start deletes it."""
        self.trash.discard(self.accounts.blocks_directory(account, content))
        self.trash.discard(self.earlier_files(account, content))
        with best_effort("the records of a deleted container cannot be deleted yet"), self.store.transaction():
            for kind in (Blob, Folder, EarlierBlob):
                self.store.delete_all(kind, blob_key(account, content, ""))

    def place(self, target: Target) -> Place:
        """The place of a target in an existing container. The target must not be an earlier state.

        Raises:
            StorageError: there is no such container, or the name is invalid.
        """
        if target.snapshot or target.version:
            raise errors.invalid_query("snapshot" if target.snapshot else "versionid")
        names, content = components(target.path), self.container(target).content
        return Place(target.account, content, target.path, self.tree(target.account, target.share), names)

    def changing(self, call: Call) -> Turn[Place]:
        """The turn of a request to change the blob that it names, or an earlier state of that blob.

        Raises:
            StorageError: there is no such container, or the name is invalid.
        """
        target = with_fields(call.target, snapshot="", version="")
        return self.turns.take(lambda: self.place(target))

    @contextmanager
    def shown_as(self, found: Found) -> Iterator[None]:
        """A block that changes the content of a blob. Until it ends, other requests see the blob as it was before."""
        self._shown[found.place.key] = found
        try:
            yield
        finally:
            del self._shown[found.place.key]

    async def all_over(self, target: Target) -> None:
        """Wait until no request changes anything in a container.

        Raises:
            StorageError: there is no such container.
        """
        await self.turns.all_over(blob_key(target.account, self.container(target).content, ""))

    def tree(self, account: str, name: str) -> Tree:
        """A container's directory."""
        return Tree(self.roots.path(account, name), names=self._names, exact=True)

    def identity_of_blocks(self, place: Place) -> FileId:
        """The identity of the directory of a blob's uncommitted blocks, if it exists."""
        return _identity(self.uncommitted(place))

    def entry(self, place: Place) -> Entry | None:
        """The entry at a place, whether it is a blob or not; None if there is none."""
        try:
            return place.tree.entry(place.names)
        except errors.StorageError:
            return None  # the directory above is missing

    def find(self, place: Place) -> Found | None:
        """The blob at a place; None if there is none. A directory is a blob unless it only holds other blobs."""
        entry = self.entry(place)
        return None if entry is None else self.known(place, entry)

    def known(self, place: Place, entry: Entry) -> Found | None:
        """A file or directory as a blob; None if it is not a blob."""
        if not entry.is_directory:
            return self.file(place, entry)
        if self.is_folder(place, entry):
            return None
        blob = holding(self.store.get(Blob, place.key), entry) or Blob(metadata=FOLDER)
        return Found(place, entry.dated(blob.modified or entry.modified_ns), blob)

    def file(self, place: Place, entry: Entry) -> Found:
        """A file as a blob."""
        before = self._shown.get(place.key)
        if before is not None and before.entry.file == entry.file:
            return before
        blob = holding(self.store.get(Blob, place.key), entry)
        if blob is None:
            return Found(place, entry, Blob(created=entry.modified_ns))
        if blob.copy is not None:
            blob = replace(blob, copy=self.copies.current(blob.copy))
        if blob.state == entry.state:
            return Found(place, entry.dated(blob.modified) if blob.modified else entry, blob)
        lease = leases.after_write(blob.lease, self.clock.now())
        kind = "BlockBlob" if blob.kind == "PageBlob" and entry.length % PAGE else blob.kind
        blob = replace(blob, kind=kind, content_md5="", blocks=(), extents=None, lease=lease, modified=0)
        return Found(place, entry, blob)

    def open(self, found: Found) -> tuple[int, int]:
        """A descriptor of a blob's file, and the length that the blob has in it.

        Raises:
            OSError: the disk refuses, or a job has deleted the file.
        """
        descriptor = found.place.tree.descriptor(found.place.names, os.O_RDONLY)
        length = os.fstat(descriptor).st_size
        return descriptor, min(length, found.entry.length) if found.place.key in self._shown else length

    def is_folder(self, place: Place, entry: Entry) -> bool:
        """Whether a directory exists only because blobs are in it."""
        return holding(self.store.get(Folder, place.key), entry) is not None

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
        """Check a request against the conditions and the lease of the blob at a place, if there is one.

        Raises:
            StorageError: one stands in the way.
        """
        given = call.request.headers
        tags.check(given, found.blob.tags if found else None)
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
            # The holder of the lease knows that the blob exists; as recorded, the service lets it replace the blob.
            given = {name: value for name, value in given.items() if name != "if-none-match"}
        conditions.check(given, etag=found.etag, modified=found.entry.modified, read=not change)
        if change and found.blob.copy is not None and found.blob.copy.status == "pending":
            raise errors.pending_copy()

    def admit_write(self, call: Call, found: Found | None) -> None:
        """Check a request that writes a whole blob, possibly in place of another.

        Raises:
            StorageError: a condition or a lease forbids it, or the caller's SAS only creates.
        """
        if found is not None and not call.credential.replaces:
            raise errors.permission_mismatch()
        self.admit(call, found, change=True)

    def touched(self, found: Found, blob: Blob) -> Found:
        """A blob after a request that changes its properties and not its content."""
        now = self.clock.now()
        entry = found.entry.dated(later(timestamps.nanoseconds(now), found.entry.modified_ns))
        lease = leases.after_write(blob.lease, now)
        return Found(found.place, entry, replace(blob, modified=entry.modified_ns, lease=lease))

    def keep(self, found: Found) -> None:
        """Store the properties of a blob."""
        self.store.put(found.place.key, of_file(found.blob, found.entry))


def _identity(folder: Path) -> FileId:
    try:
        return identify(folder)
    except OSError:
        return NO_FILE


def check_target(target: Target) -> None:
    """Refuse an invalid name of a container, and a request for two states of a blob at once.

    Raises:
        StorageError: it is not allowed.
    """
    if target.share:
        check_container(target.share)
    if target.snapshot and target.version:  # a SAS covers only one of them
        raise errors.invalid_query("versionid")
