"""An HTTP server on one open socket, which stops as soon as it is asked to."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator

import uvicorn

from harness.emulator.connection import Connection

Application = Callable[..., Awaitable[None]]  # of ASGI

# A connection may be silent for longer than clients keep it, so that none is closed in their hand.
_IDLE_SECONDS = 65
_GRACE_SECONDS = 5  # for answers that are under way when it stops


async def serve_http(
    app: Application, listener: socket.socket, stopping: asyncio.Event, context: ssl.SSLContext | None = None
) -> None:
    """Serve until ``stopping`` is set and the answers under way have been given.

    Args:
        app: the emulator, or another application on the same set-up.
        listener: a listening socket; it is closed at the end.
        stopping: shared by all listeners of a process, so that none waits for another.
        context: of TLS; default plain HTTP.
    """
    config = uvicorn.Config(
        app,
        http=Connection,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # which would let any client name its own address and scheme
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=_IDLE_SECONDS,
    )
    config.load()
    config.ssl = context
    await _Server(config, stopping).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Stops with the event; uvicorn's own catches signals and looks ten times a second whether one came."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def main_loop(self) -> None:
        """Renew the header ``Date`` every second until the stop."""
        while not self._stopping.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._stopping.wait()
