"""The way in: an HTTPS proxy on loopback that connects to the emulator whatever Azure host is asked for.

``CONNECT management.azure.com:443`` is spliced to the TLS listener; every host that the emulator does not
play is refused, so nothing sent here can reach the internet.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable

_HEAD_LIMIT = 16 << 10  # bytes of a CONNECT request
_HEAD_SECONDS = 10.0  # for a client to send it
_PIECE = 1 << 18  # bytes moved at a time


class Proxy:
    """Splices tunnels to one TLS listener.

    Args:
        plays: whether the emulator plays a host (lower case, no port).
        listener: address and port of the TLS listener.
    """

    def __init__(self, plays: Callable[[str], bool], listener: tuple[str, int]) -> None:
        self._plays = plays
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._tunnels: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen on loopback; the port that was taken (``0`` asks for a free one)."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port, limit=_PIECE)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the door and every tunnel."""
        if self._server:
            self._server.close()
        for tunnel in self._tunnels:
            tunnel.cancel()
        await asyncio.gather(*self._tunnels, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tunnels.add(task)
            task.add_done_callback(self._tunnels.discard)
        # ``stop`` cancels what is open; asyncio 3.11 logs a connection that ends as cancelled as an error.
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, asyncio.CancelledError
        ):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(head) > _HEAD_LIMIT or len(words) != 3 or words[0] != "CONNECT":
            await _refuse(writer, "405 Method Not Allowed", "This is an HTTPS proxy: it takes CONNECT only.")
            return
        host = words[1].rpartition(":")[0].lower()
        if not self._plays(host):
            text = f"The emulator does not play the host {host!r}; nothing was sent to it."
            await _refuse(writer, "403 Forbidden", text)
            return
        far_reader, far_writer = await asyncio.open_connection(*self._listener, limit=_PIECE)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_move(reader, far_writer, quick=writer))
                both.create_task(_move(far_reader, writer))
        except* OSError:
            pass
        finally:
            far_writer.close()


async def _refuse(writer: asyncio.StreamWriter, status: str, text: str) -> None:
    body = (text + "\n").encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _move(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, quick: asyncio.StreamWriter | None = None
) -> None:
    """Copy until the source ends, then pass the end on."""
    sock = quick.get_extra_info("socket") if quick else None
    while piece := await source.read(_PIECE):
        if sock is not None:
            # urllib3 leaves Nagle's algorithm on towards a proxy: a delayed acknowledgement costs it 40 ms
            # for every request with a body. The kernel drops the option after each use.
            with contextlib.suppress(OSError, AttributeError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        target.write(piece)
        await target.drain()
    if target.can_write_eof() and not target.is_closing():
        target.write_eof()
