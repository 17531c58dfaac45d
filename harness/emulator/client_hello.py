"""Checks the first bytes of a TLS connection before OpenSSL reads them.

OpenSSL accepts a ClientHello of up to 128 KiB and buffers an unfinished one. Real ones have less than 2 KiB, and
announce their length in their first bytes (RFC 8446, sections 4 and 5.1).
"""

import asyncio
import socket

_LIMIT = 16 << 10  # bytes
_HEADER = 9  # bytes: content type, version and length of the record; type and length of the message
HANDSHAKE, _CLIENT_HELLO = 22, 1


async def check_client_hello(connection: socket.socket) -> None:
    """Wait for the first bytes of a connection and check them without consuming them.

    Raises:
        OSError: the connection ended, or does not begin with a ClientHello of at most 16 KiB.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, _HEADER)
    await wait_until_readable(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    header = connection.recv(_HEADER, socket.MSG_PEEK)
    is_hello = len(header) == _HEADER and (header[0], header[5]) == (HANDSHAKE, _CLIENT_HELLO)
    if not is_hello or int.from_bytes(header[6:]) > _LIMIT:
        raise ConnectionAbortedError("the connection does not begin with a TLS ClientHello")


async def wait_until_readable(connection: socket.socket) -> None:
    """Return when a connection without a transport has data to read, or has ended."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()

    def note() -> None:
        loop.remove_reader(connection)
        readable.set()

    loop.add_reader(connection, note)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
