"""What a process listens with: the proxy, TLS behind it, and a port for each storage service."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

from harness.emulator.app import Emulator
from harness.emulator.listener import serve_http
from harness.emulator.options import LOOPBACK
from harness.emulator.ports import listening_socket
from harness.emulator.proxy import Proxy


@contextlib.asynccontextmanager
async def proxied(
    emulator: Emulator, entrance: socket.socket, context: ssl.SSLContext, stopping: asyncio.Event
) -> AsyncIterator[int]:
    """The TLS listener, which is on loopback alone, and the proxy before it at its entrance; the proxy's port."""
    listener = listening_socket(LOOPBACK, 0)
    proxy = Proxy(emulator.plays, listener.getsockname())
    number = proxy.start(entrance)
    serving = asyncio.create_task(serve_http(emulator, listener, stopping, context))
    try:
        yield number
    finally:
        stopping.set()
        await proxy.stop()  # the listener waits for its open connections, and all of them come through here
        await serving


@contextlib.asynccontextmanager
async def direct(
    emulator: Emulator, listener: socket.socket, context: ssl.SSLContext | None, stopping: asyncio.Event
) -> AsyncIterator[int]:
    """A service at a port of its own, with TLS or without; its port."""
    port = int(listener.getsockname()[1])
    serving = asyncio.create_task(serve_http(emulator, listener, stopping, context))
    try:
        yield port
    finally:
        stopping.set()
        await serving
