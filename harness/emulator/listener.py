"""An HTTP server, on one open socket or on connections that it is given, which stops as soon as it is asked to."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

import uvicorn
from uvicorn.server import ServerState

from harness.clock import SystemClock
from harness.emulator.acceptor import Acceptor, admitted, served
from harness.emulator.admission import Admission, Visitor
from harness.emulator.client_hello import check_client_hello
from harness.emulator.connection import HEAD_SECONDS, Connection
from harness.emulator.wire import http_date

Application = Callable[..., Awaitable[None]]  # of ASGI

# A connection may be silent for longer than clients keep it, so that none is closed in their hand.
_IDLE_SECONDS = 65
_GRACE_SECONDS = 5  # for answers that are under way when it stops
_GOODBYE_SECONDS = 2.0  # for a client to confirm the end of TLS
_TUNNEL_GOODBYE_SECONDS = 10.0  # the same through a proxy, whose clients read late what it has sent them

# Connections of one peer without valid credentials. One with TLS costs 50 kB, and uvloop gives it a buffer of 256 KiB,
# which costs as much of it as the client has sent at once, or as was in use before.
_TLS_NEWCOMERS, _PLAIN_NEWCOMERS = 112, 512  # aiohttp opens 100 at once

_log = logging.getLogger(__name__)


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
    server = HttpServer(app, context)
    acceptor = Acceptor(listener, server.admission, server.connect)
    await server.run(stopping)
    await acceptor.close()
    await server.finish()


class HttpServer:
    """What the connections of one entrance share.

    uvicorn's own server catches signals, polls ten times a second, and learns of a connection only when its TLS
    handshake has ended; only its connections are used here.

    Args:
        app: answers.
        context: of TLS; default plain HTTP.
    """

    def __init__(self, app: Application, context: ssl.SSLContext | None) -> None:
        self.admission = Admission(_TLS_NEWCOMERS if context else _PLAIN_NEWCOMERS)
        self._state = ServerState()
        self._config = uvicorn.Config(
            app,
            http=Connection,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="warning",
            proxy_headers=False,  # which would let any client name its own address and scheme
            ws="none",
            timeout_keep_alive=_IDLE_SECONDS,
        )
        self._config.load()
        self._context = context

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the date of the answers right until ``stopping`` is set."""
        while not stopping.is_set():
            self.renew_date()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await stopping.wait()

    async def take(self, connection: socket.socket, peer: str) -> None:
        """Serve a connection that a proxy has accepted, and whose tunnel begins."""
        if (visitor := admitted(connection, peer, self.admission)) is not None:
            await served(connection, visitor, self._tunnel)

    async def connect(self, connection: socket.socket, visitor: Visitor) -> None:
        """Make a connection of an accepted socket.

        Raises:
            OSError: the TLS handshake failed, or did not end in time.
        """
        await self._make(connection, lambda: Connection(self._config, self._state, visitor), _GOODBYE_SECONDS)

    async def _tunnel(self, connection: socket.socket, visitor: Visitor) -> None:
        def make() -> Connection:
            return Connection(self._config, self._state, visitor, tunnel=connection)

        await self._make(connection, make, _TUNNEL_GOODBYE_SECONDS)

    async def _make(self, connection: socket.socket, make: Callable[[], Connection], goodbye: float) -> None:
        if self._context:
            async with asyncio.timeout(HEAD_SECONDS):
                await check_client_hello(connection)
        await asyncio.get_running_loop().connect_accepted_socket(
            make,
            connection,
            ssl=self._context,
            ssl_handshake_timeout=HEAD_SECONDS if self._context else None,
            ssl_shutdown_timeout=goodbye if self._context else None,
        )

    def renew_date(self) -> None:
        """Set the header ``Date`` of the answers to come."""
        self._state.default_headers = [(b"date", http_date(SystemClock().now()).encode())]

    async def finish(self) -> None:
        """Close the idle connections, and the others as soon as they are answered or the grace is over."""
        for connection in list(self._state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self.admission.wait_until_empty()
        except TimeoutError:
            _log.warning("%d connections were not finished when the emulator stopped", len(self._state.connections))
            for task in self._state.tasks:
                task.cancel()
            self.admission.close_all()
