"""Shares on disk and their records, as the handlers see them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace as replace_place
from pathlib import Path

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.providers.files.errors import share_not_found
from harness.emulator.providers.files.linked_records import forget_replaced, links_key
from harness.emulator.providers.files.model import Permission, Properties
from harness.emulator.providers.files.names import check_share, components
from harness.emulator.providers.files.open_handles import OpenHandles
from harness.emulator.providers.files.places import Found, Place, remembered
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.storage_service import conditions, errors, headers, leases, timestamps
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.copying import RunningCopies
from harness.emulator.storage_service.directory_names import DirectoryNames
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.file_records import holding, later, of_file
from harness.emulator.storage_service.model import Lease, Policy, Share, entry_key, share_key
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.roots import Roots
from harness.emulator.storage_service.trash import Trash
from harness.emulator.storage_service.turns import Turn, Turns
from harness.emulator.store import Store

_TREES = 1000  # cached; they hold only paths


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
            StorageError: there is none.
        """
        share = self.store.get(Share, share_key(target.account, target.place))
        if share is None:
            raise share_not_found()
        return share

    def keep_share(self, target: Target, share: Share) -> None:
        """Keep a share's record."""
        self.store.put(share_key(target.account, target.place), share)

    def policies(self, target: Target) -> Sequence[Policy]:
        """The stored access policies of a share; none if there is no such share."""
        share = self.store.get(Share, share_key(target.account, target.share))
        return share.policies if share else ()

    def tree(self, account: str, place: str, *, links: bool) -> Tree:
        """A share's directory.

        Args:
            links: it shows symbolic links.
        """
        tree = self._trees.get((account, place, links))
        if tree is None:
            tree = Tree(self.roots.path(account, place), names=self._names, links=links)
            if len(self._trees) >= _TREES:
                self._trees.clear()
            self._trees[account, place, links] = tree
        return tree

    def remove(self, account: str, *shares: Share) -> None:
        """Delete shares and snapshots with all that is in them, as a whole.

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
            self.forget_content(account, share.content)

    async def all_over(self, target: Target) -> None:
        """Wait until no request changes anything in a share.

        Raises:
            StorageError: there is no such share.
        """
        await self.turns.all_over(entry_key(target.account, self.share(target).content, [""]))

    def forget_content(self, account: str, content: str) -> None:
        """Delete the records of files in a deleted share. If the store refuses, the next start deletes them."""
        self.handles.forget(account, content)
        with best_effort("the records of a deleted share cannot be deleted yet"), self.store.transaction():
            for kind in (Properties, Permission):
                self.store.delete(kind, entry_key(account, content, []))
                self.store.delete_all(kind, entry_key(account, content, [""]))

    # What is in them

    def place(self, call: Call) -> Place:
        """The place that a request names, in an existing share.

        Raises:
            StorageError: there is no such share, or the name cannot be.
        """
        return self.place_of(call.target, trailing_dots=headers.flag(call.request, "x-ms-allow-trailing-dot"))

    def changing(self, call: Call) -> Turn[Place]:
        """The turn of a request to change the entry that it names.

        Raises:
            StorageError: there is no such share, or the name cannot be.
        """
        return self.turns.take(lambda: self.place(call))

    def place_of(self, target: Target, *, trailing_dots: bool = False) -> Place:
        """The place of a target.

        Raises:
            StorageError: there is no such share, or the name cannot be.
        """
        names = components(target.path, trailing_dots=trailing_dots)
        share = self.share(target)
        tree = self.tree(target.account, target.place, links=is_nfs(share))
        place = Place(target, share, tree, names, entry_key(target.account, share.content, names))
        if not (names and is_nfs(share)):
            return place
        try:
            entry = tree.entry(names)
        except errors.StorageError:  # the directory above is missing, which the caller finds out if it matters
            return place
        return place if entry is None else self.linked(place, entry)

    def linked(self, place: Place, entry: Entry) -> Place:
        """A place with the key of the record of the entry that is there."""
        if not is_nfs(place.share):
            return place
        return replace_place(place, key=self.record_key(place.target.account, place.share, place.names, entry))

    def record_key(self, account: str, share: Share, names: list[str], entry: Entry) -> str:
        """The key of the record of an entry: that of its path, or of the file itself where all its names share one."""
        if is_nfs(share):
            key = links_key(account, share.content, entry.file)
            if self.store.get(Properties, key):
                return key
        return entry_key(account, share.content, names)

    def find(self, place: Place) -> Found | None:
        """The entry at a place; None if there is none."""
        entry = place.tree.entry(place.names)
        return None if entry is None else self.known(place, entry)

    def known(self, place: Place, entry: Entry) -> Found:
        """An entry with its record."""
        entry, properties = remembered(entry, self.store.get(Properties, place.key))
        if properties.copy is not None:
            properties = replace(properties, copy=self.copies.current(properties.copy))
        if place.target.snapshot:
            properties = replace(properties, lease=Lease())  # a snapshot does not change, so it needs no lease
        return Found(place, entry, properties)

    def file(self, call: Call, *, change: bool = False) -> Found:
        """The file that a request is about, once its conditions and lease allow the request.

        Args:
            change: the request writes.

        Raises:
            StorageError: there is none, or it may not be touched.
        """
        found = self.find(self.place(call))
        if found is None or found.entry.is_directory:
            raise errors.not_found()
        self.admit(call, found, change=change)
        return found

    def content(self, call: Call, *, change: bool = False) -> Found:
        """The file whose content a request is about; a symbolic link has none.

        Raises:
            StorageError: as ``file``, or it is a link.
        """
        found = self.file(call, change=change)
        if found.entry.is_link:
            raise errors.type_mismatch()
        return found

    def admit(self, call: Call, found: Found, *, change: bool) -> None:
        """Check a file's conditions, lease, copy and attributes against a request.

        Raises:
            StorageError: one stands in the way.
        """
        request = call.request
        given = request.headers.get("x-ms-lease-id", "")
        leases.check(found.properties.lease, given, call.now, noun="File", change=change)
        tag = timestamps.etag(found.entry.modified_ns)
        conditions.check(request.headers, etag=tag, modified=found.entry.modified, read=not change)
        if change and found.properties.copy and found.properties.copy.status == "pending":
            raise errors.pending_copy()

    def directory(self, call: Call) -> Found:
        """The directory that a request is about.

        Raises:
            StorageError: there is none; a file of that name is none.
        """
        found = self.find(self.place(call))
        if found is None or not found.entry.is_directory:
            raise errors.not_found()
        return found

    def touched(self, found: Found, properties: Properties) -> Found:
        """An entry after a request that changes its properties and not its content."""
        now = self.clock.now()
        entry = found.entry.dated(later(timestamps.nanoseconds(now), found.entry.modified_ns))
        lease = leases.after_write(properties.lease, now)
        return Found(found.place, entry, replace(properties, modified=entry.modified_ns, lease=lease))

    def keep(self, found: Found) -> None:
        """Store the properties of an entry."""
        self.store.put(found.place.key, of_file(found.properties, found.entry))

    def put_in_place(self, new: Found, beside: Path) -> None:
        """Rename a file or directory elsewhere on this file system to its place, and store its properties.

        A file replaces the one that is there; a directory replaces nothing.

        Raises:
            StorageError: the name is taken.
            OSError: the disk refuses; nothing has changed.
        """
        with new.place.tree.slot(new.place.names) as slot:
            if slot.taken and new.entry.is_directory:
                raise errors.exists()
            before = slot.require(directory=False) if slot.taken else None
            key = new.place.path_key
            over = holding(self.store.get(Properties, key), before) if before is not None else None
            self.store.put(key, of_file(new.properties, new.entry, over=over))
            if before is not None:
                slot.replace(beside)
                forget_replaced(self.store, new.place, before)
            else:
                slot.fill(beside)

    def forget(self, found: Found) -> None:
        """Delete the record of a deleted entry. If the store refuses, the record stays, and holds for no file."""
        place = found.place
        if place.key != place.path_key and found.entry.links > 1:
            return  # other names have the same record
        with best_effort("the record of a deleted file cannot be deleted"):
            self.store.delete(Properties, place.key)


def check_target(target: Target) -> None:
    """Refuse an invalid name of a share.

    Raises:
        StorageError: it is not allowed.
    """
    if target.share:
        check_share(target.share)
