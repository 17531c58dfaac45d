"""The listeners of the emulator's process: the proxy with TLS behind it, and a port for each storage service."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

from harness.emulator.app import Emulator
from harness.emulator.listener import HttpServer, serve_http
from harness.emulator.proxy import Proxy


@contextlib.asynccontextmanager
async def serve_proxied(
    emulator: Emulator, entrance: socket.socket, context: ssl.SSLContext, stopping: asyncio.Event
) -> AsyncIterator[int]:
    """Serve the proxy on a listening socket, and TLS behind it; yields the port."""
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
async def serve_directly(
    emulator: Emulator, listener: socket.socket, context: ssl.SSLContext | None, stopping: asyncio.Event
) -> AsyncIterator[int]:
    """Serve hosts on a listening socket, with TLS or without; yields the port."""
    port = int(listener.getsockname()[1])
    serving = asyncio.create_task(serve_http(emulator, listener, stopping, context))
    try:
        yield port
    finally:
        stopping.set()
        await serving
