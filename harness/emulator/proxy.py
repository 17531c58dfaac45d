"""The way in: an HTTPS proxy on loopback that connects to the emulator whatever Azure host is asked for.

``CONNECT management.azure.com:443`` is spliced to the TLS listener; every host that the emulator does not
play is refused, so nothing sent here can reach the internet.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

from harness.emulator.acceptor import Acceptor
from harness.emulator.admission import Admission, Visitor

_HEAD_LIMIT = 64 << 10  # bytes of a CONNECT request
_WAITING_LIMIT = 1024  # connections of one peer whose tunnel has not begun: they cost little
_HEAD_SECONDS = 10.0  # for a client to send it
_LINGER_SECONDS = 1.0  # a refused client may still be sending; to close at once would lose it the answer
_STALL_SECONDS = 120.0  # for a client to read what it was sent
_FLUSH_SECONDS = 10.0  # for a client to read the rest once the emulator has closed the connection


class Proxy:
    """Splices tunnels to one TLS listener.

    Admission counts connections until their tunnel begins. From then on the listener counts them: it knows which of
    them can be closed, and a tunnel ends with its connection to the listener.

    Args:
        plays: whether the emulator plays a host (lower case, no port).
        listener: address and port of the TLS listener.
    """

    def __init__(self, plays: Callable[[str], bool], listener: tuple[str, int]) -> None:
        self._plays = plays
        self._listener = listener
        self._acceptor: Acceptor | None = None
        self._clients: set[_Client] = set()

    def start(self, listener: socket.socket) -> int:
        """Accept the connections of a listening socket, which ``stop`` closes; its port."""
        self._acceptor = Acceptor(listener, Admission(_WAITING_LIMIT), self._serve)
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Listen no more, and close every tunnel."""
        if self._acceptor:
            await self._acceptor.close()
        for client in list(self._clients):
            client.abort()

    async def _serve(self, connection: socket.socket, visitor: Visitor) -> None:
        """Read what a client asks for, and connect it to the listener."""
        loop = asyncio.get_running_loop()
        client = _Client(loop, visitor, self._clients)
        await loop.connect_accepted_socket(lambda: client, connection)
        host = _requested_host(await client.head)
        if not host:
            client.refuse("405 Method Not Allowed", "This is an HTTPS proxy: it takes CONNECT only.")
        elif not self._plays(host):
            client.refuse("403 Forbidden", f"The emulator does not play the host {host!r}; nothing was sent to it.")
        else:
            _, emulator = await loop.create_connection(lambda: _Emulator(client), *self._listener)
            client.join(emulator)


class _End(asyncio.Protocol):
    """One end of a tunnel; what arrives here is written to the other end, as fast as that is read."""

    def __init__(self) -> None:
        self.transport = asyncio.Transport()  # until there is one
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none, but for its methods

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        """More is written here than is read: the other end has to wait."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """The other end may go on."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.resume_reading()


class _Emulator(_End):
    """The end at the TLS listener."""

    def __init__(self, client: "_Client") -> None:
        super().__init__()
        self.other = client

    def connection_lost(self, _error: Exception | None) -> None:
        """The emulator has closed the connection: so does the tunnel."""
        if isinstance(self.other, _Client):
            self.other.finish()
        self.other = None


class _Client(_End):
    """The end at the client, which first asks for a tunnel."""

    def __init__(self, loop: asyncio.AbstractEventLoop, visitor: Visitor, clients: "set[_Client]") -> None:
        super().__init__()
        self.head: asyncio.Future[bytes] = loop.create_future()
        self._loop = loop
        self._visitor = visitor
        self._clients = clients
        self._received = bytearray()
        self._timer = loop.call_later(_HEAD_SECONDS, self.abort)
        self._socket: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        super().connection_made(transport)
        self._clients.add(self)
        self._visitor.close = self.abort
        self._socket = transport.get_extra_info("socket")

    def data_received(self, data: bytes) -> None:
        """A part of the request for a tunnel, or of what goes through the tunnel."""
        if self.other:
            # urllib3 leaves Nagle's algorithm on towards a proxy: a delayed acknowledgement costs it 40 ms
            # for every request with a body. The kernel drops the option after each use.
            if self._socket is not None:
                with contextlib.suppress(OSError, AttributeError):
                    self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            super().data_received(data)
            return
        if self.head.done():  # refused: the rest is not kept
            return
        self._received += data
        self._visitor.hold(len(self._received))
        if (end := self._received.find(b"\r\n\r\n", 0, _HEAD_LIMIT)) >= 0:
            self.transport.pause_reading()
            self.head.set_result(bytes(self._received[:end]))
            del self._received[: end + 4]
        elif len(self._received) >= _HEAD_LIMIT:
            self._received.clear()
            self.refuse(
                "431 Request Header Fields Too Large",
                f"The head of the request is longer than {_HEAD_LIMIT >> 10} KiB.",
            )
            self.head.cancel()

    def eof_received(self) -> bool:
        """The client sends nothing more; within a tunnel it may still read."""
        if self.other and not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return self.other is not None

    def pause_writing(self) -> None:
        """The client reads too slowly: that has to end some time."""
        super().pause_writing()
        self._set_timer(_STALL_SECONDS)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._timer.cancel()

    def connection_lost(self, _error: Exception | None) -> None:
        """The client has closed the connection: so does the tunnel."""
        self._timer.cancel()
        self._visitor.leave()
        self._clients.discard(self)
        self.head.cancel()
        if self.other:
            self.other.transport.close()
        self.other = None

    def join(self, emulator: _End) -> None:
        """Begin the tunnel."""
        self._timer.cancel()
        self._visitor.leave()
        if self.transport.is_closing():
            emulator.transport.abort()
            return
        self.transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.other = emulator
        emulator.transport.write(bytes(self._received))
        self._received.clear()
        self.transport.resume_reading()

    def refuse(self, status: str, text: str) -> None:
        """Answer that there is no tunnel."""
        if self.transport.is_closing():
            return
        body = (text + "\n").encode()
        lines = [f"HTTP/1.1 {status}", "Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close"]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.transport.write_eof()
        self._received.clear()
        self.transport.resume_reading()
        self._set_timer(_LINGER_SECONDS)

    def finish(self) -> None:
        """Close the connection once the client has read everything, or has been given the time to."""
        self.other = None
        self.transport.close()
        self._set_timer(_FLUSH_SECONDS)

    def abort(self) -> None:
        """Close the connection at once."""
        self.transport.abort()

    def _set_timer(self, seconds: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self.abort)


def _requested_host(head: bytes) -> str:
    """The host of a ``CONNECT`` request, in lower case and without its port; empty for any other request."""
    words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
    return words[1].rpartition(":")[0].lower() if len(words) == 3 and words[0] == "CONNECT" else ""
