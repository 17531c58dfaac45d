"""Accepts the connections of one listening socket, as far as its admission allows.

The server of asyncio accepts up to a whole backlog before it looks at a connection that is open already, and does not
know a connection until its TLS handshake has ended. Here each turn of the event loop accepts one connection, so that a
flood of newcomers delays nobody, and admission counts it before its first byte.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Awaitable, Callable

from harness.emulator.admission import Admission, Visitor

_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_PAUSE_SECONDS = 0.05  # until the next try where the process has no file descriptor left

Serve = Callable[[socket.socket, Visitor], Awaitable[None]]


class Acceptor:
    """Calls ``serve``, in a task of its own, with each connection; an ``OSError`` of it ends that connection alone.

    Args:
        listener: a listening socket; ``close`` closes it.
        admission: who may come in.
        serve: takes the connection over, and closes it.
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
            return  # otherwise the client has left already
        connection.setblocking(False)
        visitor = admitted(connection, address[0], self._admission)
        if visitor is None:
            return
        task = self._loop.create_task(served(connection, visitor, self._serve))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Accept nothing more, and end the connections that are still being served by a task."""
        if self._retry:
            self._retry.cancel()
        self._loop.remove_reader(self._listener)
        self._listener.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def admitted(connection: socket.socket, peer: str, admission: Admission) -> Visitor | None:
    """A connection as its admission knows it; None where it is not admitted, and closed."""
    visitor = admission.enter(peer, lambda: _shut(connection))
    if visitor is None:
        connection.close()
    return visitor


async def served(connection: socket.socket, visitor: Visitor, serve: Serve) -> None:
    """Have an admitted connection served; an ``OSError`` of it, or its being cancelled, ends the connection."""
    try:
        await serve(connection, visitor)
    except (OSError, asyncio.CancelledError):  # asyncio 3.11 reports a task that ends as cancelled as an error
        visitor.leave()
        connection.close()


def _shut(connection: socket.socket) -> None:
    """End a connection whose descriptor belongs to a transport: the transport sees the end, and closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
