"""Accepts the connections of one listening socket, as far as its admission allows.

The server of asyncio accepts up to a whole backlog before it serves a connection that is already open, and it learns of
a connection only when the TLS handshake has ended. Here each turn of the event loop accepts one connection, so a flood
of new connections delays no other, and admission counts a connection before its first byte.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable

from harness.emulator.admission import Admission, ConnectionSlot

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_SECONDS = 0.05  # until the next attempt when the process has no file descriptor left

Serve = Callable[[socket.socket, ConnectionSlot], Awaitable[None]]


class Acceptor:
    """Calls ``serve`` with each connection, in a separate task; an ``OSError`` in it ends that connection alone.

    Args:
        listener: a listening socket; ``close`` closes it.
        admission: decides which connections are admitted.
        serve: takes over the connection, and closes it.
    """

    def __init__(self, listener: socket.socket, admission: Admission, serve: Serve) -> None:
        self._listener = listener
        self._admission = admission
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._listen()

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                self._loop.remove_reader(self._listener)
                self._admission.make_room()
                self._retry = self._loop.call_later(_PAUSE_SECONDS, self._listen)
            return  # otherwise the client has already closed the connection
        connection.setblocking(False)
        slot = admit(connection, address[0], self._admission)
        if slot is None:
            return
        task = self._loop.create_task(serve_connection(connection, slot, self._serve))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop accepting, and end the connections that a task still serves."""
        if self._retry:
            self._retry.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def admit(connection: socket.socket, peer: str, admission: Admission) -> ConnectionSlot | None:
    """Admit a connection; None if it is not admitted, in which case it is closed."""
    slot = admission.enter(peer, lambda: _shut(connection))
    if slot is None:
        connection.close()
    return slot


async def serve_connection(connection: socket.socket, slot: ConnectionSlot, serve: Serve) -> None:
    """Serve an admitted connection; an ``OSError`` or a cancellation ends the connection."""
    try:
        await serve(connection, slot)
    except (OSError, asyncio.CancelledError):  # asyncio 3.11 reports a task that ends cancelled as an error
        slot.leave()
        connection.close()


def _shut(connection: socket.socket) -> None:
    """Shut down a connection whose descriptor belongs to a transport, which sees the end and closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
