"""Containers on disk, and the blobs in them with their records."""

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
from harness.emulator.providers.blobs.paths import FOLDER, BlobPath, StoredBlob
from harness.emulator.storage_service import conditions, errors, leases, timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.copying import RunningCopies
from harness.emulator.storage_service.directory_names import DirectoryNames
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry, FileId
from harness.emulator.storage_service.extents import PAGE
from harness.emulator.storage_service.file_records import NO_FILE, bind, next_time, valid_record
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
        self._unchanged: dict[str, StoredBlob] = {}  # the previous states of blobs whose content is changing

    def container(self, target: Target) -> Container:
        """Return the record of a container.

        Raises:
            StorageError: the container does not exist.
        """
        container = self.store.get(Container, share_key(target.account, target.share))
        if container is None:
            raise container_not_found()
        return container

    def put_container(self, target: Target, container: Container) -> None:
        """Store a container's record."""
        self.store.put(share_key(target.account, target.share), container)

    def policies(self, target: Target) -> Sequence[Policy]:
        """Return the stored access policies of a container; none if the container does not exist."""
        container = self.store.get(Container, share_key(target.account, target.share))
        return container.policies if container else ()

    def blocks_directory(self, path: BlobPath) -> Path:
        """Return the directory of a blob's uncommitted blocks, named by a hash, since a blob's name may be too long."""
        folder = self.accounts.blocks_directory(path.account, path.content)
        return folder / hashlib.sha256(path.name.encode()).hexdigest()

    def earlier_files(self, account: str, content: str) -> Path:
        """Return the directory with the contents of earlier states of a container's blobs."""
        return self.accounts.earlier_directory(account, content)

    def clean_blocks_directory(self, path: BlobPath, blob: StoredBlob | None) -> Path:
        """Return ``blocks_directory`` after deleting blocks that are committed and that a killed process left there.

        Raises:
            OSError: the disk refuses to delete them.
        """
        folder = self.blocks_directory(path)
        if blob is not None and blob.record.spent != NO_FILE and _identity(folder) == blob.record.spent:
            self.trash.take(folder)
        return folder

    def remove(self, account: str, name: str, container: Container) -> None:
        """Delete a container and its blobs.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        with self.roots.removing(account, name):
            self.store.delete(Container, share_key(account, name))
        self.delete_content(account, container.content)

    def delete_content(self, account: str, content: str) -> None:
        """Delete the blocks, earlier states and records of a deleted container, or leave them to the next start."""
        self.trash.discard(self.accounts.blocks_directory(account, content))
        self.trash.discard(self.earlier_files(account, content))
        with best_effort("the records of a deleted container cannot be deleted yet"), self.store.transaction():
            for kind in (Blob, Folder, EarlierBlob):
                self.store.delete_all(kind, blob_key(account, content, ""))

    def path(self, target: Target) -> BlobPath:
        """Return the path of a target in an existing container. The target must not be an earlier state.

        Raises:
            StorageError: the container does not exist, or the name is invalid.
        """
        if target.snapshot or target.version:
            raise errors.invalid_query("snapshot" if target.snapshot else "versionid")
        names, content = components(target.path), self.container(target).content
        return BlobPath(target.account, content, target.path, self.tree(target.account, target.share), names)

    def changing(self, call: Call) -> Turn[BlobPath]:
        """Return the turn of a request to change the blob that it names, or an earlier state of that blob.

        Raises:
            StorageError: the container does not exist, or the name is invalid.
        """
        target = with_fields(call.target, snapshot="", version="")
        return self.turns.take(lambda: self.path(target))

    @contextmanager
    def show_unchanged(self, blob: StoredBlob) -> Iterator[None]:
        """Show other requests the blob as it is before the change of its content in the block, until the block ends."""
        self._unchanged[blob.path.key] = blob
        try:
            yield
        finally:
            del self._unchanged[blob.path.key]

    async def wait_for_changes(self, target: Target) -> None:
        """Wait until no request is changing a blob of a container.

        Raises:
            StorageError: the container does not exist.
        """
        await self.turns.wait_for_changes(blob_key(target.account, self.container(target).content, ""))

    def tree(self, account: str, name: str) -> Tree:
        """Return a container's directory."""
        return Tree(self.roots.path(account, name), names=self._names, exact=True)

    def blocks_identity(self, path: BlobPath) -> FileId:
        """Return the identity of the directory of a blob's uncommitted blocks; ``NO_FILE`` if it does not exist."""
        return _identity(self.blocks_directory(path))

    def entry(self, path: BlobPath) -> Entry | None:
        """Return the directory entry at a path, whether it is a blob or not; None if it does not exist."""
        try:
            return path.tree.entry(path.names)
        except errors.StorageError:
            return None  # the parent directory does not exist

    def find(self, path: BlobPath) -> StoredBlob | None:
        """Return the blob at a path; None if there is none. A directory is a blob unless it only holds other blobs."""
        entry = self.entry(path)
        return None if entry is None else self.blob_of_entry(path, entry)

    def blob_of_entry(self, path: BlobPath, entry: Entry) -> StoredBlob | None:
        """Return a file or directory as a blob; None if it is not a blob."""
        if not entry.is_directory:
            return self.blob_of_file(path, entry)
        if self.is_folder(path, entry):
            return None
        record = valid_record(self.store.get(Blob, path.key), entry) or Blob(metadata=FOLDER)
        return StoredBlob(path, entry.with_modified(record.modified or entry.modified_ns), record)

    def blob_of_file(self, path: BlobPath, entry: Entry) -> StoredBlob:
        """Return a file as a blob."""
        before = self._unchanged.get(path.key)
        if before is not None and before.entry.file == entry.file:
            return before
        record = valid_record(self.store.get(Blob, path.key), entry)
        if record is None:
            return StoredBlob(path, entry, Blob(created=entry.modified_ns))
        if record.copy is not None:
            record = replace(record, copy=self.copies.current(record.copy))
        if record.state == entry.state:
            return StoredBlob(path, entry.with_modified(record.modified) if record.modified else entry, record)
        lease = leases.after_write(record.lease, self.clock.now())
        kind = "BlockBlob" if record.kind == "PageBlob" and entry.length % PAGE else record.kind
        record = replace(record, kind=kind, content_md5="", blocks=(), extents=None, lease=lease, modified=0)
        return StoredBlob(path, entry, record)

    def open(self, blob: StoredBlob) -> tuple[int, int]:
        """Return a descriptor of a blob's file, and the length of the blob in it.

        Raises:
            OSError: the disk refuses, or a job has deleted the file.
        """
        descriptor = blob.path.tree.descriptor(blob.path.names, os.O_RDONLY)
        length = os.fstat(descriptor).st_size
        return descriptor, min(length, blob.entry.length) if blob.path.key in self._unchanged else length

    def is_folder(self, path: BlobPath, entry: Entry) -> bool:
        """Return whether a directory exists only because it contains blobs."""
        return valid_record(self.store.get(Folder, path.key), entry) is not None

    def blob(self, call: Call, *, change: bool = False) -> StoredBlob:
        """Return the blob that a request names, if its conditions and lease allow the request.

        Args:
            change: whether the request writes.

        Raises:
            StorageError: the blob does not exist, or the request is refused.
        """
        blob = self.find(self.path(call.target))
        if blob is None:
            raise blob_not_found()
        self.admit(call, blob, change=change)
        return blob

    def admit(self, call: Call, blob: StoredBlob | None, *, change: bool) -> None:
        """Check the conditions of a request, and its lease id, against a blob; None if there is no blob.

        Raises:
            StorageError: a condition does not hold, the lease id does not match, or a copy to the blob is pending.
        """
        request_headers = call.request.headers
        tags.check(request_headers, blob.record.tags if blob else None)
        if blob is None:
            conditions.check(request_headers, etag=None, modified=None, read=not change)
            if request_headers.get("x-ms-lease-id"):
                raise errors.lease(412, "LeaseNotPresentWithBlobOperation", "There is currently no lease on the blob.")
            return
        lease_id = request_headers.get("x-ms-lease-id", "")
        leases.check(blob.record.lease, lease_id, call.now, noun="Blob", change=change)
        if change and request_headers.get("if-none-match", "").strip() == "*":
            if not lease_id:
                raise blob_exists()
            # As recorded, Azure lets the holder of the lease replace the blob, since the holder knows that it exists.
            request_headers = {name: value for name, value in request_headers.items() if name != "if-none-match"}
        conditions.check(request_headers, etag=blob.etag, modified=blob.entry.modified, read=not change)
        if change and blob.record.copy is not None and blob.record.copy.status == "pending":
            raise errors.pending_copy()

    def admit_write(self, call: Call, blob: StoredBlob | None) -> None:
        """Check a request that writes a whole blob, which may replace another.

        Raises:
            StorageError: a condition or a lease forbids it, or the caller's SAS only allows new blobs.
        """
        if blob is not None and not call.credential.replaces:
            raise errors.permission_mismatch()
        self.admit(call, blob, change=True)

    def with_record(self, blob: StoredBlob, record: Blob) -> StoredBlob:
        """Return a blob with a new record and time, as after a request that changes its properties only."""
        now = self.clock.now()
        entry = blob.entry.with_modified(next_time(timestamps.nanoseconds(now), blob.entry.modified_ns))
        lease = leases.after_write(record.lease, now)
        return StoredBlob(blob.path, entry, replace(record, modified=entry.modified_ns, lease=lease))

    def put_record(self, blob: StoredBlob) -> None:
        """Store the record of a blob."""
        self.store.put(blob.path.key, bind(blob.record, blob.entry))


def _identity(folder: Path) -> FileId:
    try:
        return identify(folder)
    except OSError:
        return NO_FILE


def check_target(target: Target) -> None:
    """Refuse an invalid name of a container, and a request that names both a snapshot and a version.

    Raises:
        StorageError: the target is invalid.
    """
    if target.share:
        check_container(target.share)
    if target.snapshot and target.version:  # a SAS covers only one of them
        raise errors.invalid_query("versionid")
