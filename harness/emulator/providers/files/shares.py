"""Shares on disk and their records, as the handlers see them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.providers.files.copying import RunningCopies
from harness.emulator.providers.files.errors import pending_copy, share_not_found
from harness.emulator.providers.files.model import Permission, Properties
from harness.emulator.providers.files.names import check_share, components
from harness.emulator.providers.storage import conditions, errors, headers, leases, moments
from harness.emulator.providers.storage.access import Target
from harness.emulator.providers.storage.accounts import Accounts
from harness.emulator.providers.storage.entries import Entry
from harness.emulator.providers.storage.host import Call
from harness.emulator.providers.storage.model import Lease, Policy, Share, entry_key, share_key
from harness.emulator.providers.storage.names import DirectoryNames
from harness.emulator.providers.storage.trash import Trash
from harness.emulator.providers.storage.tree import Tree
from harness.emulator.store import Store

_TREES = 1000  # remembered: they hold nothing but their address


@dataclass(frozen=True, slots=True)
class Place:
    """A path in a share, whatever is there."""

    target: Target
    share: Share
    tree: Tree
    names: list[str]
    key: str


@dataclass(frozen=True, slots=True)
class Found:
    """A file or directory that is there, and what is remembered of it that still holds."""

    place: Place
    entry: Entry
    properties: Properties


class Shares:
    """All shares of all accounts."""

    def __init__(self, accounts: Accounts, *, store: Store, clock: Clock, trash: Trash) -> None:
        self.store = store
        self.clock = clock
        self.trash = trash
        self._accounts = accounts
        self._names = DirectoryNames(clock)
        self._trees: dict[tuple[str, str], Tree] = {}
        self.copies = RunningCopies()

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

    def tree(self, account: str, place: str) -> Tree:
        """A share's directory."""
        tree = self._trees.get((account, place))
        if tree is None:
            root = self._accounts.directory("file", account, name=place)
            tree = Tree(root, names=self._names, staging=self.trash.folder)
            if len(self._trees) >= _TREES:
                self._trees.clear()
            self._trees[account, place] = tree
        return tree

    def remove(self, account: str, place: str) -> None:
        """Delete a share or snapshot with all that is in it."""
        with self.store.transaction():
            self.store.delete(Share, share_key(account, place))
            for kind in (Properties, Permission):
                self.store.delete_all(kind, entry_key(account, place, [""]))
        self.trash.take(self._accounts.directory("file", account, name=place))

    def copy_records(self, account: str, place: str, to: str) -> None:
        """Remember of another place, where there is nothing, what is remembered of a share's content."""
        for kind in (Properties, Permission):
            self.store.copy_all(kind, entry_key(account, place, [""]), entry_key(account, to, [""]))

    def move_records(self, account: str, place: str, to: str) -> None:
        """Give what is remembered of a share's content another place, where there is nothing."""
        self.copy_records(account, place, to)
        for kind in (Properties, Permission):
            self.store.delete_all(kind, entry_key(account, place, [""]))

    def move_directory(self, account: str, place: str, to: str) -> None:
        """Give a share's content another place. ``repair`` does it if the emulator is killed before."""
        self._accounts.directory("file", account, name=place).rename(self._accounts.directory("file", account, name=to))

    # What is in them

    def place(self, call: Call) -> Place:
        """Where a request points to, in a share that exists.

        Raises:
            StorageError: there is no such share, or the name cannot be.
        """
        return self.place_of(call.target, trailing_dots=headers.flag(call.request, "x-ms-allow-trailing-dot"))

    def place_of(self, target: Target, *, trailing_dots: bool = False) -> Place:
        """Where a target is.

        Raises:
            StorageError: there is no such share, or the name cannot be.
        """
        names = components(target.path, trailing_dots=trailing_dots)
        tree = self.tree(target.account, target.place)
        return Place(target, self.share(target), tree, names, entry_key(target.account, target.place, names))

    def find(self, place: Place) -> Found | None:
        """What is at a place."""
        entry = place.tree.entry(place.names)
        return None if entry is None else self.known(place, entry)

    def known(self, place: Place, entry: Entry) -> Found:
        """An entry with what is remembered of it."""
        entry, properties = remembered(entry, self.store.get(Properties, place.key))
        if properties.copy is not None:
            properties = replace(properties, copy=self.copies.current(properties.copy))
        if place.target.snapshot:
            properties = replace(properties, lease=Lease())  # which holds for what can change
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

    def admit(self, call: Call, found: Found, *, change: bool) -> None:
        """Check a file's conditions, lease, copy and attributes against a request.

        Raises:
            StorageError: one stands in the way.
        """
        request = call.request
        given = request.headers.get("x-ms-lease-id", "")
        leases.check(found.properties.lease, given, call.now, noun="File", change=change)
        tag = moments.etag(found.entry.modified_ns)
        conditions.check(request.headers, etag=tag, modified=found.entry.modified, read=not change)
        if change and found.properties.copy and found.properties.copy.status == "pending":
            raise pending_copy()

    def directory(self, call: Call) -> Found:
        """The directory that a request is about.

        Raises:
            StorageError: there is none; a file of that name is none.
        """
        found = self.find(self.place(call))
        if found is None or not found.entry.is_directory:
            raise errors.not_found()
        return found

    def keep(self, place: Place, properties: Properties) -> None:
        """Keep what is remembered of an entry."""
        self.store.put(place.key, properties)

    def keep_written(self, place: Place, properties: Properties) -> None:
        """Keep what is remembered of a file that a request has written."""
        self.keep(place, replace(properties, lease=leases.after_write(properties.lease, self.clock.now())))

    def forget(self, place: Place) -> None:
        """Forget an entry that is gone."""
        self.store.delete(Properties, place.key)

    def stamp(self, descriptor: int) -> tuple[int, int]:
        """Date a file's change, later than the one before; its new state."""
        status = os.fstat(descriptor)
        now = moments.nanoseconds(self.clock.now())
        if 0 <= status.st_mtime_ns - now < 1_000_000_000:  # two requests in one microsecond
            now = status.st_mtime_ns + 1000
        os.utime(descriptor, ns=(status.st_atime_ns, now))
        return status.st_size, now

    def touch_directory(self, place: Place) -> tuple[int, int]:
        """The state of a directory that a request changes now."""
        entry = place.tree.entry(place.names)
        before = entry.modified_ns if entry else 0
        return 0, max(moments.nanoseconds(self.clock.now()), before + 1000)


def remembered(entry: Entry, properties: Properties | None) -> tuple[Entry, Properties]:
    """An entry and what still holds of its record.

    What goes on in a directory is not its own change: it has the time of the last request that was about it.
    """
    if properties is None:
        return entry, Properties(extents=None)
    if entry.is_directory and properties.state[1]:
        dated = Entry(entry.name, True, 0, properties.state[1], entry.changed_ns, entry.accessed_ns, entry.inode)
        return dated, properties
    if entry.is_directory or properties.state == entry.state:
        return entry, properties
    smb = replace(properties.smb, written="", changed="")
    return entry, replace(properties, content_md5="", extents=None, smb=smb)


def check_target(target: Target) -> None:
    """Refuse a share's name that cannot be.

    Raises:
        StorageError: it is not allowed.
    """
    if target.share:
        check_share(target.share)
