"""The way in: an HTTPS proxy that is the emulator whatever Azure host is asked for.

A connection that asks for ``CONNECT management.azure.com:443`` becomes one of the TLS server; every host that the
emulator does not play is refused, so nothing sent here can reach the internet. A connection that begins with TLS
becomes one, too: its client takes no proxy, and has this address for that of Azure.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from harness.emulator.acceptor import Acceptor
from harness.emulator.admission import Admission, Visitor
from harness.emulator.client_hello import HANDSHAKE, wait_until_readable

_HEAD_LIMIT = 64 << 10  # bytes of a CONNECT request
_WAITING_LIMIT = 1024  # connections of one peer whose tunnel has not begun: they cost little
_HEAD_SECONDS = 10.0  # for a client to send it
_LINGER_SECONDS = 1.0  # a refused client may still be sending; to close at once would lose it the answer
_PIECE = 64 << 10  # bytes

_END = b"\r\n\r\n"
_BEGUN = b"HTTP/1.1 200 Connection established\r\n\r\n"


class _HeadTooLongError(Exception):
    """A request for a tunnel is longer than the limit allows."""


class Proxy:
    """Gives connections to a TLS server once they have asked for a tunnel, or have begun with TLS.

    Admission counts connections until then. From then on the server counts them: it knows which of them can be closed.

    Args:
        plays: whether the emulator plays a host (lower case, no port).
        take: serves a connection, whose client has the address that is given too.
    """

    def __init__(self, plays: Callable[[str], bool], take: Callable[[socket.socket, str], Awaitable[None]]) -> None:
        self._plays = plays
        self._take = take
        self._acceptor: Acceptor | None = None

    def start(self, listener: socket.socket) -> int:
        """Accept the connections of a listening socket, which ``stop`` closes; its port."""
        self._acceptor = Acceptor(listener, Admission(_WAITING_LIMIT), self._serve)
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Listen no more, and close every connection whose tunnel has not begun."""
        if self._acceptor:
            await self._acceptor.close()

    async def _serve(self, connection: socket.socket, visitor: Visitor) -> None:
        """Read what a client asks for, and have it served.

        Raises:
            OSError: the connection has ended, or the client has not sent its request in time.
        """
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                await wait_until_readable(connection)
                is_tls = connection.recv(1, socket.MSG_PEEK) == bytes([HANDSHAKE])
                host = "" if is_tls else _requested_host(await _read_head(connection, visitor.hold))
        except _HeadTooLongError:
            text = f"The head of the request is longer than {_HEAD_LIMIT >> 10} KiB."
            await _refuse(connection, visitor, "431 Request Header Fields Too Large", text)
            return
        if is_tls:
            await self._hand_over(connection, visitor)
        elif not host:
            text = "This is an HTTPS proxy: it takes CONNECT only."
            await _refuse(connection, visitor, "405 Method Not Allowed", text)
        elif not self._plays(host):
            text = f"The emulator does not play the host {host!r}; nothing was sent to it."
            await _refuse(connection, visitor, "403 Forbidden", text)
        else:
            await asyncio.get_running_loop().sock_sendall(connection, _BEGUN)
            await self._hand_over(connection, visitor)

    async def _hand_over(self, connection: socket.socket, visitor: Visitor) -> None:
        visitor.leave()
        await self._take(connection, visitor.peer)


async def _read_head(connection: socket.socket, hold: Callable[[int], None]) -> bytes:
    """The head of a request, without its end; what follows it is left to be read.

    Args:
        connection: of the client.
        hold: is told how many bytes have come.

    Raises:
        OSError: the connection has ended.
        _HeadTooLongError: the head does not end.
    """
    head = bytearray()
    while len(head) < _HEAD_LIMIT:
        await wait_until_readable(connection)
        known, piece = len(head), connection.recv(_PIECE, socket.MSG_PEEK)
        if not piece:
            raise ConnectionResetError("the client has closed the connection")
        head += piece
        end = head.find(_END, max(known - len(_END), 0), _HEAD_LIMIT)
        connection.recv(len(piece) if end < 0 else end + len(_END) - known)
        if end >= 0:
            return bytes(head[:end])
        hold(len(head))
    raise _HeadTooLongError


async def _refuse(connection: socket.socket, visitor: Visitor, status: str, text: str) -> None:
    """Answer that there is no tunnel, and close the connection once the client has had the time to read that.

    Raises:
        OSError: the client has gone, or has sent more for too long.
    """
    loop, body = asyncio.get_running_loop(), (text + "\n").encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close"]
    async with asyncio.timeout(_LINGER_SECONDS):
        await loop.sock_sendall(connection, "\r\n".join([*lines, "", ""]).encode() + body)
        connection.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(connection, _PIECE):
            pass
    visitor.leave()
    connection.close()


def _requested_host(head: bytes) -> str:
    """The host of a ``CONNECT`` request, in lower case and without its port; empty for any other request."""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return words[1].rpartition(":")[0].lower() if len(words) == 3 and words[0] == "CONNECT" else ""
