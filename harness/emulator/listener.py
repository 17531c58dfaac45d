"""An HTTP server on one listening socket, or on connections that a proxy hands over."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

import uvicorn
from uvicorn.server import ServerState

from harness.clock import SystemClock
from harness.emulator.acceptor import Acceptor, admit, serve_connection
from harness.emulator.admission import Admission, ConnectionSlot
from harness.emulator.client_hello import check_client_hello
from harness.emulator.connection import HEAD_SECONDS, Connection
from harness.emulator.wire import http_date

Application = Callable[..., Awaitable[None]]  # an ASGI application

# Longer than clients keep an idle connection, so that none is closed while a client is about to use it.
_IDLE_SECONDS = 65
_GRACE_SECONDS = 5  # for responses in progress when the server stops
_SHUTDOWN_SECONDS = 2.0  # for a client to confirm the end of TLS
_TUNNEL_SHUTDOWN_SECONDS = 10.0  # the same through the proxy, whose clients read received data late

# The most connections of one peer without valid credentials. One with TLS takes 50 kB, and uvloop gives it a buffer of
# 256 KiB, of which only the pages take memory that hold data that arrived at once, or that were in use before.
_TLS_UNAUTHENTICATED, _PLAIN_UNAUTHENTICATED = 112, 512  # aiohttp opens 100 at once

_log = logging.getLogger(__name__)


async def serve_http(
    app: Application, listener: socket.socket, stopping: asyncio.Event, context: ssl.SSLContext | None = None
) -> None:
    """Serve until ``stopping`` is set and the responses in progress are complete.

    Args:
        app: the emulator, or another ASGI application.
        listener: a listening socket; it is closed at the end.
        stopping: shared by all listeners of a process, so that none waits for another.
        context: the TLS context; by default plain HTTP.
    """
    server = HttpServer(app, context)
    acceptor = Acceptor(listener, server.admission, server.connect)
    await server.run(stopping)
    await acceptor.close()
    await server.finish()


class HttpServer:
    """The state that the connections of one port share.

    uvicorn's server handles signals, polls ten times a second, and learns of a connection only when the TLS handshake
    has ended; so only uvicorn's connections are used here.

    Args:
        app: the ASGI application that answers.
        context: the TLS context; by default plain HTTP.
    """

    def __init__(self, app: Application, context: ssl.SSLContext | None) -> None:
        self.admission = Admission(_TLS_UNAUTHENTICATED if context else _PLAIN_UNAUTHENTICATED)
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            http=Connection,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            proxy_headers=False,  # True would let any client claim another address and scheme
            ws="none",
            timeout_keep_alive=_IDLE_SECONDS,
        )
        self._config.load()
        self._context = context

    async def run(self, stopping: asyncio.Event) -> None:
        """Renew the ``Date`` header every second until ``stopping`` is set."""
        while not stopping.is_set():
            self.renew_date()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await stopping.wait()

    async def take(self, connection: socket.socket, peer: str) -> None:
        """Serve a connection that the proxy has accepted, and whose tunnel begins."""
        if (slot := admit(connection, peer, self.admission)) is not None:
            await serve_connection(connection, slot, self._tunnel)

    async def connect(self, connection: socket.socket, slot: ConnectionSlot) -> None:
        """Serve HTTP on an accepted socket.

        Raises:
            OSError: the TLS handshake failed, or did not end in time.
        """
        await self._connect(connection, lambda: Connection(self._config, self._state, slot), _SHUTDOWN_SECONDS)

    async def _tunnel(self, connection: socket.socket, slot: ConnectionSlot) -> None:
        def make() -> Connection:
            return Connection(self._config, self._state, slot, tunnel=connection)

        await self._connect(connection, make, _TUNNEL_SHUTDOWN_SECONDS)

    async def _connect(
        self, connection: socket.socket, make: Callable[[], Connection], shutdown_seconds: float
    ) -> None:
        if self._context:
            async with asyncio.timeout(HEAD_SECONDS):
                await check_client_hello(connection)
        await asyncio.get_running_loop().connect_accepted_socket(
            make,
            connection,
            ssl=self._context,
            ssl_handshake_timeout=HEAD_SECONDS if self._context else None,
            ssl_shutdown_timeout=shutdown_seconds if self._context else None,
        )

    def renew_date(self) -> None:
        """Set the ``Date`` header of the following responses."""
        self._state.default_headers = [(b"date", http_date(SystemClock().now()).encode())]

    async def finish(self) -> None:
        """Close idle connections now, and the others when they have been answered or the grace period is over."""
        for connection in list(self._state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self.admission.wait_until_empty()
        except TimeoutError:
            _log.warning("%d connections were still open when the emulator stopped", len(self._state.connections))
            for task in self._state.tasks:
                task.cancel()
            self.admission.close_all()
