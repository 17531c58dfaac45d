"""Handles of clients that mount a share. The emulator has no SMB, so an extra REST request opens them.

They exist in memory only: like SMB sessions, they end with the server.
"""

import itertools
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from harness.emulator.providers.files.errors import sharing_violation, too_many_handles
from harness.emulator.storage_service.model import entry_key

MAX_HANDLES = 10_000  # in one account, so that its clients take no room from those of others


@dataclass(frozen=True, slots=True)
class Opener:
    """The client that opened a handle, and its access rights."""

    address: str
    name: str
    rights: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Handle:
    """An open file or directory.

    Args:
        key: the key of its path, see ``entry_key``.
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
    def position(self) -> str:
        """The sort key in a list: first the path, then the handle."""
        return f"{self.key}\n{self.id:020}"


class OpenHandles:
    """The handles of all shares and snapshots."""

    def __init__(self) -> None:
        self._open: defaultdict[str, dict[int, Handle]] = defaultdict(dict)  # by account and id
        self._ids = itertools.count(secrets.randbits(40) + 1)  # no id of an earlier process is used again
        self._sessions = secrets.randbits(40) << 20

    def open(self, key: str, path: str, *, inode: int, parent: int, opened: datetime, opener: Opener) -> Handle:
        """Open the entry at a path. Each client, identified by name and address, has one session.

        Raises:
            StorageError: too many handles are open in the account.
        """
        handles = self._open[_account(key)]
        if len(handles) >= MAX_HANDLES:
            raise too_many_handles(MAX_HANDLES)
        session = self._session(handles, opener)
        handle = Handle(next(self._ids), key, path, inode, parent, session, opened, opener)
        handles[handle.id] = handle
        return handle

    def on(self, key: str, *, recursive: bool) -> list[Handle]:
        """The handles on a path, and with ``recursive`` on everything below it, in order."""
        return sorted(self._on(key, recursive=recursive), key=lambda handle: handle.position)

    def close(self, handle: Handle) -> None:
        """Close a handle."""
        account = _account(handle.key)
        self._open[account].pop(handle.id, None)
        if not self._open[account]:
            del self._open[account]

    def check_closed(self, key: str) -> None:
        """Check that neither an entry nor anything in it is open, so that it can be deleted or renamed.

        Raises:
            StorageError: something is open.
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
