"""Shares: their directories on disk, and the records of shares and files."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace as replace_path
from pathlib import Path

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.providers.files.errors import share_not_found
from harness.emulator.providers.files.linked_records import forget_replaced, links_key
from harness.emulator.providers.files.model import Permission, Properties
from harness.emulator.providers.files.names import check_share, components
from harness.emulator.providers.files.open_handles import OpenHandles
from harness.emulator.providers.files.paths import ShareItem, SharePath, apply_record
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.storage_service import conditions, errors, headers, leases, timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.copying import RunningCopies
from harness.emulator.storage_service.directory_names import DirectoryNames
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.file_records import bind, next_time, valid_record
from harness.emulator.storage_service.model import Lease, Policy, Share, entry_key, share_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.roots import Roots
from harness.emulator.storage_service.trash import Trash
from harness.emulator.storage_service.turns import Turn, Turns
from harness.emulator.store import Store

_MAX_TREES = 1000  # cached; they hold only paths


class Shares:
    """All shares of all accounts."""

    def __init__(self, accounts: Accounts, *, store: Store, clock: Clock, trash: Trash) -> None:
        self.store = store
        self.clock = clock
        self.trash = trash
        self.roots = Roots("file", accounts, trash)
        self.turns = Turns()
        self._names = DirectoryNames(clock)
        self._trees: dict[tuple[str, str, bool], Tree] = {}
        self.copies = RunningCopies()
        self.handles = OpenHandles()

    # Shares

    def share(self, target: Target) -> Share:
        """The record of a share or snapshot.

        Raises:
            StorageError: the share does not exist.
        """
        share = self.store.get(Share, share_key(target.account, target.directory_name))
        if share is None:
            raise share_not_found()
        return share

    def put_share(self, target: Target, share: Share) -> None:
        """Store the record of a share."""
        self.store.put(share_key(target.account, target.directory_name), share)

    def policies(self, target: Target) -> Sequence[Policy]:
        """The stored access policies of a share; empty if it does not exist."""
        share = self.store.get(Share, share_key(target.account, target.share))
        return share.policies if share else ()

    def tree(self, account: str, name: str, *, links: bool) -> Tree:
        """The directory of a share.

        Args:
            links: whether it shows symbolic links.
        """
        tree = self._trees.get((account, name, links))
        if tree is None:
            tree = Tree(self.roots.path(account, name), names=self._names, links=links)
            if len(self._trees) >= _MAX_TREES:
                self._trees.clear()
            self._trees[account, name, links] = tree
        return tree

    def remove(self, account: str, *shares: Share) -> None:
        """Delete shares and snapshots with everything in them: all of them or none.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        names = [f"{share.name}@{share.snapshot}" if share.snapshot else share.name for share in shares]
        with ExitStack() as removed:
            for name in names:
                removed.enter_context(self.roots.removing(account, name))
            with self.store.transaction():
                for name in names:
                    self.store.delete(Share, share_key(account, name))
        for share in shares:
            self.delete_content(account, share.content)

    async def wait_for_changes(self, target: Target) -> None:
        """Wait until no request changes anything in a share.

        Raises:
            StorageError: the share does not exist.
        """
        await self.turns.wait_for_changes(entry_key(target.account, self.share(target).content, [""]))

    def delete_content(self, account: str, content: str) -> None:
        """Delete the records of files in a deleted share. If the store refuses, the next start deletes them."""
        self.handles.forget(account, content)
        with best_effort("the records of a deleted share cannot be deleted yet"), self.store.transaction():
            for kind in (Properties, Permission):
                self.store.delete(kind, entry_key(account, content, []))
                self.store.delete_all(kind, entry_key(account, content, [""]))

    # Files and directories

    def path(self, call: Call) -> SharePath:
        """The path that a request names, in an existing share.

        Raises:
            StorageError: the share does not exist, or the name is not valid.
        """
        return self.path_of(call.target, trailing_dots=headers.flag(call.request, "x-ms-allow-trailing-dot"))

    def changing(self, call: Call) -> Turn[SharePath]:
        """The turn of a request that changes the file or directory at its path.

        Raises:
            StorageError: the share does not exist, or the name is not valid.
        """
        return self.turns.take(lambda: self.path(call))

    def path_of(self, target: Target, *, trailing_dots: bool = False) -> SharePath:
        """The path of a target.

        Raises:
            StorageError: the share does not exist, or the name is not valid.
        """
        names = components(target.path, trailing_dots=trailing_dots)
        share = self.share(target)
        tree = self.tree(target.account, target.directory_name, links=is_nfs(share))
        path = SharePath(target, share, tree, names, entry_key(target.account, share.content, names))
        if not (names and is_nfs(share)):
            return path
        try:
            entry = tree.entry(names)
        except errors.StorageError:  # the parent directory is missing; the caller notices if that matters
            return path
        return path if entry is None else self.with_record_key(path, entry)

    def with_record_key(self, path: SharePath, entry: Entry) -> SharePath:
        """A path with the key of the record that the entry at this path has."""
        if not is_nfs(path.share):
            return path
        return replace_path(path, key=self.record_key(path.target.account, path.share, path.names, entry))

    def record_key(self, account: str, share: Share, names: list[str], entry: Entry) -> str:
        """The key of the record of an entry: that of its path, or of the file itself if all its names share one."""
        if is_nfs(share):
            key = links_key(account, share.content, entry.file)
            if self.store.get(Properties, key):
                return key
        return entry_key(account, share.content, names)

    def find(self, path: SharePath) -> ShareItem | None:
        """The file or directory at a path; None if there is none."""
        entry = path.tree.entry(path.names)
        return None if entry is None else self.item(path, entry)

    def item(self, path: SharePath, entry: Entry) -> ShareItem:
        """The file or directory of an entry, with its record."""
        entry, properties = apply_record(entry, self.store.get(Properties, path.key))
        if properties.copy is not None:
            properties = replace(properties, copy=self.copies.current(properties.copy))
        if path.target.snapshot:
            properties = replace(properties, lease=Lease())  # a snapshot does not change, so it needs no lease
        return ShareItem(path, entry, properties)

    def file(self, call: Call, *, change: bool = False) -> ShareItem:
        """The file that a request names, if its lease and the request's conditions allow the request.

        Args:
            change: whether the request writes.

        Raises:
            StorageError: the file does not exist, or the request is not allowed.
        """
        file = self.find(self.path(call))
        if file is None or file.entry.is_directory:
            raise errors.not_found()
        self.check_preconditions(call, file, change=change)
        return file

    def content(self, call: Call, *, change: bool = False) -> ShareItem:
        """The file whose content a request reads or writes; a symbolic link has none.

        Raises:
            StorageError: as ``file`` raises it, or the file is a symbolic link.
        """
        file = self.file(call, change=change)
        if file.entry.is_link:
            raise errors.type_mismatch()
        return file

    def check_preconditions(self, call: Call, file: ShareItem, *, change: bool) -> None:
        """Check that a file's lease, the conditions of a request, and a pending copy allow the request.

        Raises:
            StorageError: one of them does not.
        """
        request = call.request
        lease_id = request.headers.get("x-ms-lease-id", "")
        leases.check(file.properties.lease, lease_id, call.now, noun="File", change=change)
        tag = timestamps.etag(file.entry.modified_ns)
        conditions.check(request.headers, etag=tag, modified=file.entry.modified, read=not change)
        if change and file.properties.copy and file.properties.copy.status == "pending":
            raise errors.pending_copy()

    def directory(self, call: Call) -> ShareItem:
        """The directory that a request names.

        Raises:
            StorageError: there is no such directory.
        """
        directory = self.find(self.path(call))
        if directory is None or not directory.entry.is_directory:
            raise errors.not_found()
        return directory

    def with_properties(self, item: ShareItem, properties: Properties) -> ShareItem:
        """A file or directory after a request that changes its properties but not its content."""
        now = self.clock.now()
        entry = item.entry.with_modified(next_time(timestamps.nanoseconds(now), item.entry.modified_ns))
        lease = leases.after_write(properties.lease, now)
        return ShareItem(item.path, entry, replace(properties, modified=entry.modified_ns, lease=lease))

    def put_record(self, item: ShareItem) -> None:
        """Store the properties of a file or directory."""
        self.store.put(item.path.key, bind(item.properties, item.entry))

    def put_in_place(self, new: ShareItem, staged_path: Path) -> None:
        """Move a staged file or directory to its path, and store its properties.

        A file replaces an existing file; a directory replaces nothing.

        Raises:
            StorageError: the name exists already.
            OSError: the disk refuses; nothing has changed.
        """
        with new.path.tree.slot(new.path.names) as slot:
            if slot.taken and new.entry.is_directory:
                raise errors.exists()
            before = slot.require(directory=False) if slot.taken else None
            key = new.path.path_key
            previous = valid_record(self.store.get(Properties, key), before) if before is not None else None
            self.store.put(key, bind(new.properties, new.entry, previous=previous))
            if before is not None:
                slot.replace(staged_path)
                forget_replaced(self.store, new.path, before)
            else:
                slot.fill(staged_path)

    def delete_record(self, item: ShareItem) -> None:
        """Delete the record of a deleted entry. If the store refuses, the record stays, but is valid for no file."""
        path = item.path
        if path.key != path.path_key and item.entry.links > 1:
            return  # other names have the same record
        with best_effort("the record of a deleted file cannot be deleted"):
            self.store.delete(Properties, path.key)


def check_target(target: Target) -> None:
    """Check the name of a target's share.

    Raises:
        StorageError: the name is not valid.
    """
    if target.share:
        check_share(target.share)
