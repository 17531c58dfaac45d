"""The HTTPS proxy by which clients reach the emulator under Azure's host names.

A connection that requests ``CONNECT management.azure.com:443`` is handed over to the TLS server; hosts that the
emulator does not play are refused, so nothing sent here can reach the internet. A connection that begins with TLS is
handed over, too: its client uses no proxy, and resolves Azure's host names to this address.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from harness.emulator.acceptor import Acceptor
from harness.emulator.admission import Admission, ConnectionSlot
from harness.emulator.client_hello import HANDSHAKE, wait_until_readable

_HEAD_LIMIT = 64 << 10  # bytes of a CONNECT request
_WAITING_LIMIT = 1024  # connections of one peer whose tunnel has not begun: they cost little
_HEAD_SECONDS = 10.0  # for a client to send a CONNECT request
_LINGER_SECONDS = 1.0  # a refused client may still be sending; an immediate close would lose the response
_PIECE = 64 << 10  # bytes

_END = b"\r\n\r\n"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class _HeadTooLongError(Exception):
    """A request for a tunnel is longer than the limit allows."""


class Proxy:
    """Hands connections over to a TLS server once they have requested a tunnel, or have begun with TLS.

    Until then the proxy's admission counts them; afterwards the server does, which knows which of them can be closed.

    Args:
        plays: whether the emulator plays a host (lower case, no port).
        take: serves a connection; gets the client's address as well.
    """

    def __init__(self, plays: Callable[[str], bool], take: Callable[[socket.socket, str], Awaitable[None]]) -> None:
        self._plays = plays
        self._take = take
        self._acceptor: Acceptor | None = None

    def start(self, listener: socket.socket) -> int:
        """Accept the connections of a listening socket, which ``stop`` closes; returns its port."""
        self._acceptor = Acceptor(listener, Admission(_WAITING_LIMIT), self._serve)
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, and close every connection whose tunnel has not begun."""
        if self._acceptor:
            await self._acceptor.close()

    async def _serve(self, connection: socket.socket, slot: ConnectionSlot) -> None:
        """Read the request of a client, and hand the connection over or refuse it.

        Raises:
            OSError: the connection has ended, or the request did not arrive in time.
        """
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                await wait_until_readable(connection)
                is_tls = connection.recv(1, socket.MSG_PEEK) == bytes([HANDSHAKE])
                host = "" if is_tls else _requested_host(await _read_head(connection, slot.hold))
        except _HeadTooLongError:
            text = f"The head of the request is longer than {_HEAD_LIMIT >> 10} KiB."
            await _refuse(connection, slot, "431 Request Header Fields Too Large", text)
            return
        if is_tls:
            await self._hand_over(connection, slot)
        elif not host:
            text = "This is an HTTPS proxy: it accepts only CONNECT."
            await _refuse(connection, slot, "405 Method Not Allowed", text)
        elif not self._plays(host):
            text = f"The emulator does not play the host {host!r}; nothing was sent to it."
            await _refuse(connection, slot, "403 Forbidden", text)
        else:
            await asyncio.get_running_loop().sock_sendall(connection, _ESTABLISHED)
            await self._hand_over(connection, slot)

    async def _hand_over(self, connection: socket.socket, slot: ConnectionSlot) -> None:
        slot.leave()
        await self._take(connection, slot.peer)


async def _read_head(connection: socket.socket, hold: Callable[[int], None]) -> bytes:
    """Read the head of a request, without its final empty line; what follows stays unread.

    Args:
        connection: the connection of the client.
        hold: called with the number of bytes received so far.

    Raises:
        OSError: the connection has ended.
        _HeadTooLongError: the head is longer than the limit.
    """
    head = bytearray()
    while len(head) < _HEAD_LIMIT:
        await wait_until_readable(connection)
        length, piece = len(head), connection.recv(_PIECE, socket.MSG_PEEK)
        if not piece:
            raise ConnectionResetError("the client has closed the connection")
        head += piece
        end = head.find(_END, max(length - len(_END), 0), _HEAD_LIMIT)
        connection.recv(len(piece) if end < 0 else end + len(_END) - length)
        if end >= 0:
            return bytes(head[:end])
        hold(len(head))
    raise _HeadTooLongError


async def _refuse(connection: socket.socket, slot: ConnectionSlot, status: str, text: str) -> None:
    """Refuse a tunnel, and close the connection once the client has had time to read the response.

    Raises:
        OSError: the client has disconnected, or keeps sending for too long.
    """
    loop, body = asyncio.get_running_loop(), (text + "\n").encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close"]
    async with asyncio.timeout(_LINGER_SECONDS):
        await loop.sock_sendall(connection, "\r\n".join([*lines, "", ""]).encode() + body)
        connection.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(connection, _PIECE):
            pass
    slot.leave()
    connection.close()


def _requested_host(head: bytes) -> str:
    """The host of a ``CONNECT`` request, in lower case and without its port; empty for any other request."""
    parts = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return parts[1].rpartition(":")[0].lower() if len(parts) == 3 and parts[0] == "CONNECT" else ""
