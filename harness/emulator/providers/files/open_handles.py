"""Handles of clients that mount a share. The emulator has no SMB, so a request of its own opens them.

They are kept in memory only: like sessions of SMB, they end with the server.
"""

import itertools
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from harness.emulator.providers.files.errors import sharing_violation, too_many_handles
from harness.emulator.storage_service.model import entry_key

MOST = 10_000  # open at a time in one account: its clients take no room from those of others


@dataclass(frozen=True, slots=True)
class Opener:
    """Who opened a handle, and for what."""

    address: str
    name: str
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handle:
    """An open file or directory.

    Args:
        key: of its path, see ``entry_key``.
        path: the path in the share, empty for the root.
        inode: the inode of the file; 0 for the root.
        parent: the inode of the directory that it is in; 0 for the root.
    """

    id: int
    key: str
    path: str
    inode: int
    parent: int
    session: int
    opened: datetime
    opener: Opener

    @property
    def place(self) -> str:
        """Its position in a list: first by path, then by handle."""
        return f"{self.key}\n{self.id:020}"


class OpenHandles:
    """The handles of all shares and snapshots."""

    def __init__(self) -> None:
        self._open: defaultdict[str, dict[int, Handle]] = defaultdict(dict)  # by account and id
        self._ids = itertools.count(secrets.randbits(40) + 1)  # an id of an earlier emulator is none of this one's
        self._sessions = secrets.randbits(40) << 20

    def open(self, key: str, path: str, *, inode: int, parent: int, opened: datetime, opener: Opener) -> Handle:
        """Open the entry at a path; each caller, by name and address, has a session.

        Raises:
            StorageError: too many handles are open in the account.
        """
        handles = self._open[_account(key)]
        if len(handles) >= MOST:
            raise too_many_handles(MOST)
        session = self._session(handles, opener)
        handle = Handle(next(self._ids), key, path, inode, parent, session, opened, opener)
        handles[handle.id] = handle
        return handle

    def on(self, key: str, *, recursive: bool) -> list[Handle]:
        """The handles on a path, and with ``recursive`` on everything below it, in order."""
        return sorted(self._on(key, recursive=recursive), key=lambda handle: handle.place)

    def close(self, handle: Handle) -> None:
        """Close a handle."""
        account = _account(handle.key)
        self._open[account].pop(handle.id, None)
        if not self._open[account]:
            del self._open[account]

    def refuse(self, key: str) -> None:
        """Refuse to delete or rename an entry that is open, or that contains an open one.

        Raises:
            StorageError: it is.
        """
        if next(self._on(key, recursive=True), None) is not None:
            raise sharing_violation()

    def forget(self, account: str, content: str) -> None:
        """Close the handles of a deleted share; with an empty ``content``, those of all shares of a deleted account."""
        for handle in self.on(entry_key(account, content, []).rstrip("/"), recursive=True):
            self.close(handle)

    def _on(self, key: str, *, recursive: bool) -> Iterator[Handle]:
        below = f"{key}/"
        return (
            handle
            for handle in self._open.get(_account(key), {}).values()
            if handle.key == key or (recursive and handle.key.startswith(below))
        )

    def _session(self, handles: Mapping[int, Handle], opener: Opener) -> int:
        same = (
            handle.session
            for handle in handles.values()
            if (handle.opener.address, handle.opener.name) == (opener.address, opener.name)
        )
        session = next(same, None)
        if session is None:
            self._sessions += 1
            session = self._sessions
        return session


def _account(key: str) -> str:
    return key.partition("/")[0]
