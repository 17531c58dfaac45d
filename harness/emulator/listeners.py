"""What a process listens with: the proxy, TLS behind it, and a port for each storage service."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

from harness.emulator.app import Emulator
from harness.emulator.listener import HttpServer, serve_http
from harness.emulator.proxy import Proxy


@contextlib.asynccontextmanager
async def proxied(
    emulator: Emulator, entrance: socket.socket, context: ssl.SSLContext, stopping: asyncio.Event
) -> AsyncIterator[int]:
    """The proxy at its entrance, and the TLS server behind it; the proxy's port."""
    server = HttpServer(emulator, context)
    proxy = Proxy(emulator.plays, server.take)
    number = proxy.start(entrance)
    serving = asyncio.create_task(server.run(stopping))
    try:
        yield number
    finally:
        stopping.set()
        await proxy.stop()
        await serving
        server.admission.close_all()
        await server.finish()


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
