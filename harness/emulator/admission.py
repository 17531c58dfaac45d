"""How many connections a peer may have open, and which of them is closed to make room for the next.

A connection costs memory before its client has shown any credentials. A plain limit would let one client lock out all
others of its address. So a newcomer is admitted as long as another newcomer waits for its client, and the one that has
been silent for longest makes room. Connections that have shown valid credentials have a limit of their own, which a
flood of newcomers does not touch.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from enum import IntEnum

PROVEN_LIMIT = 512  # connections of one peer with valid credentials
UNPROVEN_BYTES = 1 << 20  # that came without valid credentials and can still be in memory, of all peers together


class Activity(IntEnum):
    """What a connection does; the lower, the sooner it makes room for another one."""

    SILENT = 0  # no whole request head has come yet
    IDLE = 1  # all requests so far have been answered
    RECEIVING = 2  # the client has to send the rest of a request, or to read the rest of an answer
    WORKING = 3  # an answer is being made: such a connection is never closed


class Visitor:
    """One admitted connection.

    Attributes:
        peer: the address of the client.
        close: closes the connection at once.
        activity: what the connection does now; it is asked only when room has to be made.
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
        """Note how many bytes the connection may hold that came without valid credentials."""
        self._admission.hold(self, size)

    def prove(self) -> None:
        """Note that the client has shown valid credentials."""
        self._admission.prove(self)

    def leave(self) -> None:
        """Note that the connection has ended, or needs no limit any more."""
        self._admission.leave(self)
        self.close, self.activity = _nothing, _silent  # what they were bound to is not needed any more


Visitors = OrderedDict[Visitor, None]  # the one that has been silent for longest is the first


class _Peer:
    """The connections of one address."""

    __slots__ = ("newcomers", "proven")

    def __init__(self) -> None:
        self.newcomers = Visitors()
        self.proven = Visitors()

    def __len__(self) -> int:
        return len(self.newcomers) + len(self.proven)


class Admission:
    """The open connections of one listening socket.

    Args:
        newcomers_limit: the most connections of one peer without valid credentials.
        proven_limit: the most connections of one peer with valid credentials.
        unproven_bytes: the most bytes that all connections together hold without valid credentials.
    """

    def __init__(
        self, newcomers_limit: int, *, proven_limit: int = PROVEN_LIMIT, unproven_bytes: int = UNPROVEN_BYTES
    ) -> None:
        self._newcomers_limit = newcomers_limit
        self._proven_limit = proven_limit
        self._unproven_bytes = unproven_bytes
        self._peers: dict[str, _Peer] = {}
        self._held: dict[Visitor, int] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def enter(self, peer: str, close: Callable[[], None]) -> Visitor | None:
        """Admit a connection, at the cost of another one where the peer has too many; None if that cannot be.

        Args:
            peer: the address of the client.
            close: closes the connection at once.
        """
        known = self._peers.get(peer)
        if known and len(known.newcomers) >= self._newcomers_limit and not self._make_room(known.newcomers):
            return None
        visitor = Visitor(self, peer, close)
        self._peers.setdefault(peer, _Peer()).newcomers[visitor] = None
        self._empty.clear()
        return visitor

    def make_room(self) -> None:
        """Close a connection of the peer that has the most, because the process has no file descriptor left."""
        if self._peers:
            peer = max(self._peers.values(), key=len)
            self._make_room(peer.newcomers) or self._make_room(peer.proven)

    def touch(self, visitor: Visitor) -> None:
        """Note that a client has sent something."""
        if (visitors := self._visitors_with(visitor)) is not None:
            visitors.move_to_end(visitor)

    def hold(self, visitor: Visitor, size: int) -> None:
        """Note what a connection holds without valid credentials; the largest is closed if it becomes too much.

        A client sends a few kilobytes before it has shown its credentials, so an honest one is the last to be closed.
        """
        if (peer := self._peers.get(visitor.peer)) is None or visitor not in peer.newcomers:
            return
        self._held[visitor] = size
        if sum(self._held.values()) > self._unproven_bytes:
            self._expel(max(self._held, key=self._held.__getitem__))

    def prove(self, visitor: Visitor) -> None:
        """Note that a client has shown valid credentials."""
        if (peer := self._peers.get(visitor.peer)) is None or visitor not in peer.newcomers:
            return
        if len(peer.proven) >= self._proven_limit:
            self._make_room(peer.proven)
        self._held.pop(visitor, None)
        del peer.newcomers[visitor]
        peer.proven[visitor] = None

    def leave(self, visitor: Visitor) -> None:
        """Forget a connection."""
        self._held.pop(visitor, None)
        if (visitors := self._visitors_with(visitor)) is None:
            return
        del visitors[visitor]
        if not self._peers[visitor.peer]:
            del self._peers[visitor.peer]
        if not self._peers:
            self._empty.set()

    async def wait_until_empty(self) -> None:
        """Return when no connection is open."""
        await self._empty.wait()

    def close_all(self) -> None:
        """Close every connection at once."""
        for peer in list(self._peers.values()):
            for visitor in [*peer.newcomers, *peer.proven]:
                self._expel(visitor)

    def _visitors_with(self, visitor: Visitor) -> Visitors | None:
        peer = self._peers.get(visitor.peer)
        if peer is None:
            return None
        if visitor in peer.newcomers:
            return peer.newcomers
        return peer.proven if visitor in peer.proven else None

    def _make_room(self, visitors: Iterable[Visitor]) -> bool:
        """Close the connection that can best be spared; False if none can."""
        visitor = min(visitors, key=_activity, default=None)
        if visitor is None or visitor.activity() is Activity.WORKING:
            return False
        self._expel(visitor)
        return True

    def _expel(self, visitor: Visitor) -> None:
        self.leave(visitor)
        visitor.close()


def _activity(visitor: Visitor) -> Activity:
    return visitor.activity()


def _nothing() -> None:
    """Close a connection that has ended."""


def _silent() -> Activity:
    return Activity.SILENT
