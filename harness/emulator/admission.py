"""Limits the open connections of each peer, and chooses which one is closed to make room for the next.

A connection costs memory before its client has shown credentials. With a plain limit one client could lock out all
others of its address. So when an address reaches the limit of connections without credentials, the one among them that
has been silent for longest is closed for the new one. Connections that have shown valid credentials count towards a
separate limit, which a flood of new connections does not affect.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import IntEnum

AUTHENTICATED_LIMIT = 512  # connections of one peer with valid credentials
UNAUTHENTICATED_BYTES = 1 << 20  # received without valid credentials and perhaps still in memory; of all peers


class Activity(IntEnum):
    """What a connection does; one with a lower value is closed sooner to make room for another."""

    SILENT = 0  # it has not received a whole request head yet
    IDLE = 1  # it has answered all requests so far
    RECEIVING = 2  # the client has to send the rest of a request, or read the rest of a response
    WORKING = 3  # the emulator computes a response: such a connection is never closed


class ConnectionSlot:
    """The place of one admitted connection.

    Attributes:
        peer: the address of the client.
        close: closes the connection at once.
        activity: returns what the connection does now; called only when room has to be made.
    """

    __slots__ = ("_admission", "activity", "close", "peer")

    def __init__(self, admission: "Admission", peer: str, close: Callable[[], None]) -> None:
        self._admission = admission
        self.peer = peer
        self.close = close
        self.activity: Callable[[], Activity] = _silent

    def touch(self) -> None:
        """Note that the client has sent something."""
        self._admission.touch(self)

    def hold(self, size: int) -> None:
        """Note how many bytes the connection may hold that it received without valid credentials."""
        self._admission.hold(self, size)

    def mark_authenticated(self) -> None:
        """Note that the client has shown valid credentials."""
        self._admission.mark_authenticated(self)

    def leave(self) -> None:
        """Note that the connection has ended, or that no limit applies to it any more."""
        self._admission.leave(self)
        self.close, self.activity = _nothing, _silent  # releases the objects that both were bound to


ConnectionSlots = OrderedDict[ConnectionSlot, None]  # the one that has been silent for longest is the first


class _Peer:
    """The connections of one address."""

    __slots__ = ("authenticated", "unauthenticated")

    def __init__(self) -> None:
        self.unauthenticated = ConnectionSlots()
        self.authenticated = ConnectionSlots()

    def __len__(self) -> int:
        return len(self.unauthenticated) + len(self.authenticated)


class Admission:
    """The open connections of one listening socket.

    Args:
        unauthenticated_limit: the most connections of one peer without valid credentials.
        authenticated_limit: the most connections of one peer with valid credentials.
        unauthenticated_bytes: the most bytes that all connections together hold without valid credentials.
    """

    def __init__(
        self,
        unauthenticated_limit: int,
        *,
        authenticated_limit: int = AUTHENTICATED_LIMIT,
        unauthenticated_bytes: int = UNAUTHENTICATED_BYTES,
    ) -> None:
        self._unauthenticated_limit = unauthenticated_limit
        self._authenticated_limit = authenticated_limit
        self._unauthenticated_bytes = unauthenticated_bytes
        self._peers: dict[str, _Peer] = {}
        self._held: dict[ConnectionSlot, int] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def enter(self, peer: str, close: Callable[[], None]) -> ConnectionSlot | None:
        """Admit a connection, and close another one if the peer has too many; None if none can be closed.

        Args:
            peer: the address of the client.
            close: closes the connection at once.
        """
        if (known_peer := self._peers.get(peer)) is not None:
            slots = known_peer.unauthenticated
            if len(slots) >= self._unauthenticated_limit and not self._make_room(slots):
                return None
        slot = ConnectionSlot(self, peer, close)
        self._peers.setdefault(peer, _Peer()).unauthenticated[slot] = None
        self._empty.clear()
        return slot

    def make_room(self) -> None:
        """Close a connection of the peer that has the most, because the process has no file descriptor left."""
        if self._peers:
            peer = max(self._peers.values(), key=len)
            self._make_room(peer.unauthenticated) or self._make_room(peer.authenticated)

    def touch(self, slot: ConnectionSlot) -> None:
        """Note that a client has sent something."""
        if (slots := self._slots_with(slot)) is not None:
            slots.move_to_end(slot)

    def hold(self, slot: ConnectionSlot, size: int) -> None:
        """Note how many bytes a connection holds without valid credentials; the largest is closed above the limit.

        An honest client sends only a few kilobytes before it has shown its credentials, so it is the last to be closed.
        """
        if (peer := self._peers.get(slot.peer)) is None or slot not in peer.unauthenticated:
            return
        self._held[slot] = size
        if sum(self._held.values()) > self._unauthenticated_bytes:
            self._expel(max(self._held, key=self._held.__getitem__))

    def mark_authenticated(self, slot: ConnectionSlot) -> None:
        """Note that a client has shown valid credentials."""
        if (peer := self._peers.get(slot.peer)) is None or slot not in peer.unauthenticated:
            return
        if len(peer.authenticated) >= self._authenticated_limit:
            self._make_room(peer.authenticated)
        self._held.pop(slot, None)
        del peer.unauthenticated[slot]
        peer.authenticated[slot] = None

    def leave(self, slot: ConnectionSlot) -> None:
        """Forget a connection."""
        self._held.pop(slot, None)
        if (slots := self._slots_with(slot)) is None:
            return
        del slots[slot]
        if not self._peers[slot.peer]:
            del self._peers[slot.peer]
        if not self._peers:
            self._empty.set()

    async def wait_until_empty(self) -> None:
        """Return when no connection is open."""
        await self._empty.wait()

    def close_all(self) -> None:
        """Close every connection at once."""
        for peer in list(self._peers.values()):
            for slot in [*peer.unauthenticated, *peer.authenticated]:
                self._expel(slot)

    def _slots_with(self, slot: ConnectionSlot) -> ConnectionSlots | None:
        peer = self._peers.get(slot.peer)
        if peer is None:
            return None
        if slot in peer.unauthenticated:
            return peer.unauthenticated
        return peer.authenticated if slot in peer.authenticated else None

    def _make_room(self, slots: Iterable[ConnectionSlot]) -> bool:
        """Close the least active connection; False if all are working."""
        slot = min(slots, key=_activity, default=None)
        if slot is None or slot.activity() is Activity.WORKING:
            return False
        self._expel(slot)
        return True

    def _expel(self, slot: ConnectionSlot) -> None:
        self.leave(slot)
        slot.close()


def _activity(slot: ConnectionSlot) -> Activity:
    return slot.activity()


def _nothing() -> None:
    """Close a connection that has ended."""


def _silent() -> Activity:
    return Activity.SILENT
