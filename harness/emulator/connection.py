"""One HTTP connection: uvicorn's, with limits on what a client can make it buffer before it has shown credentials.

httptools has no limit. It reports a header only when the header is complete, and buffers an unfinished one of any
length; so this module counts the bytes that it feeds to httptools. Bytes count as long as they complete neither a
request head nor a piece of a body: that bounds request lines, headers, trailers and the extensions of chunks alike.
"""

import asyncio
import contextlib
import socket
from typing import Any, Literal

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from harness.emulator.admission import Activity, ConnectionSlot
from harness.emulator.answer_transport import AnswerTransport

HEAD_LIMIT = 64 << 10  # bytes of a request head
HEADERS_LIMIT = 400  # headers of a request; each takes ten times its size in memory
HEAD_SECONDS = 20.0  # for a client to send a whole head, from its first bytes
_PIPELINE_LIMIT = 32  # pipelined requests that wait for the response to an earlier one
_BUFFER = 256 << 10  # bytes; a TLS connection keeps buffers of this size, filled as far as its client has sent at once
_STALL_SECONDS = 120.0  # for a client to read a part of a response
_LINGER_SECONDS = 1.0  # a refused client may still be sending; an immediate close would lose the response

_METADATA = b"x-ms-meta-"  # the prefix of headers whose names are data
_NO_PROTOCOL = asyncio.Protocol()  # the protocol of a transport whose connection has ended


class _TooManyHeadersError(Exception):
    """A request has more headers than the limit allows."""


class CasedName(bytes):
    """A header name that keeps its casing; uvicorn sends every other name in lower case."""

    def lower(self) -> "CasedName":
        """Return the name unchanged."""
        return self


class Connection(HttpToolsProtocol):  # type: ignore[misc]
    """One connection; applications find it in the scope, as ``scope["state"]["connection"]``.

    ``scope["state"]["answer"]`` sets the reason phrase of the response, and ``scope["state"]["casings"]`` holds the
    names of metadata headers in the casing in which the client sent them, by their names in lower case.

    Args:
        config: the configuration of uvicorn.
        state: the state that the connections of one server share.
        slot: the admission of the connection.
        tunnel: the socket, if the connection comes through the proxy.
    """

    transport: asyncio.Transport
    url: bytes
    headers: list[tuple[bytes, bytes]]
    scope: dict[str, Any]
    parser: Any
    cycle: Any
    app_state: dict[str, Any]
    timeout_keep_alive_task: asyncio.TimerHandle | None

    def __init__(
        self, config: uvicorn.Config, state: ServerState, slot: ConnectionSlot, *, tunnel: socket.socket | None = None
    ) -> None:
        super().__init__(config=config, server_state=state, app_state={"connection": self})
        self._slot = slot
        self._tunnel = tunnel
        self._stall: asyncio.TimerHandle | None = None
        self._unfinished = 0  # bytes received since the last complete head, piece of a body or request
        self._in_body = False
        self._body_left: int | None = 0  # bytes of the body still to come by its length; None until its first piece
        self._unauthenticated_bytes: int | None = 0  # received before valid credentials; None once there were some
        self._is_refused = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Handle a new connection, whose TLS handshake has ended."""
        super().connection_made(transport)
        self._slot.close = transport.abort
        self._slot.activity = self._activity
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Handle the end of the connection."""
        self._slot.leave()
        self._tunnel = None
        self._cancel_deadline()
        self._cancel_stall()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        # Reference cycles would keep the buffers of the connection alive until the next garbage collection.
        self.transport.set_protocol(_NO_PROTOCOL)
        self.app_state, self.scope, self.cycle = {}, {}, None
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        """Handle received bytes."""
        if self._tunnel is not None:
            # urllib3 leaves Nagle's algorithm on towards a proxy, so a delayed acknowledgement costs it 40 ms
            # for every request with a body. The kernel resets the option after each use.
            with contextlib.suppress(OSError):
                self._tunnel.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if self._unauthenticated_bytes is not None:
            self._unauthenticated_bytes += len(data)
            self.loop.call_soon(self._report)  # after the task of a request in these data has checked its credentials
        if self._is_refused:
            return
        self._slot.touch()
        if not self._discards:  # the time-out of an idle connection also bounds a body that is not read
            self._unset_keepalive_if_required()
        rest = memoryview(data)
        while rest:
            if self._in_body and self._body_left:
                piece, rest = rest[: self._body_left], rest[self._body_left :]
                self._receive(data if len(piece) == len(data) else bytes(piece))
                continue
            size = HEAD_LIMIT - self._unfinished
            piece, rest = rest[:size], rest[size:]
            if not self._feed(piece):
                return
        if self._unfinished and not self._in_body:
            self._deadline = self._deadline or self.loop.call_later(HEAD_SECONDS, self._time_out)

    def pause_writing(self) -> None:
        """The client reads too slowly: abort the connection unless it resumes in time."""
        super().pause_writing()
        self._cancel_stall()
        self._stall = self.loop.call_later(_STALL_SECONDS, self.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._cancel_stall()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Handle a header, or a trailer after a body."""
        if len(self.headers) >= HEADERS_LIMIT:
            raise _TooManyHeadersError
        super().on_header(name, value)
        lowered = name.lower()
        if lowered.startswith(_METADATA):
            self.scope["state"].setdefault("casings", {})[lowered] = name

    def on_headers_complete(self) -> None:
        """Handle the end of a request head."""
        if len(self.pipeline) >= _PIPELINE_LIMIT:
            raise OverflowError
        self._unfinished, self._in_body, self._body_left = 0, True, None
        self._cancel_deadline()
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        self.cycle.transport = self.scope["state"]["answer"] = AnswerTransport(self.transport)

    def on_body(self, body: bytes) -> None:
        """Handle a piece of a request body."""
        self._unfinished = 0
        if self._body_left is None:
            self._body_left = _content_length(self.headers)
        self._body_left = max(self._body_left - len(body), 0)
        # uvicorn appends the piece to the data that the application has not read yet, and would copy these if they are
        # bytes. So the buffer is a bytearray unless it is empty; a piece that is appended to empty bytes is not copied.
        if not self.cycle.body:
            self.cycle.body = b""
        elif isinstance(self.cycle.body, bytes):
            self.cycle.body = bytearray(self.cycle.body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Handle the end of a request."""
        self._unfinished, self._in_body = 0, False
        super().on_message_complete()

    def trust(self) -> None:
        """Note that a request on this connection had valid credentials."""
        if self._unauthenticated_bytes is not None:
            self._unauthenticated_bytes = None
            self._slot.mark_authenticated()

    def abort(self) -> None:
        """Close at once; unsent data are lost."""
        self.transport.abort()

    def close(self) -> None:
        """Close once everything is sent."""
        self.transport.close()

    @property
    def is_closed(self) -> bool:
        """Whether the connection is closed or closing, so that sent data no longer arrive."""
        return bool(self.transport.is_closing())

    def leave_date(self) -> None:
        """Let the current response set its own ``Date`` header."""
        if self.cycle is not None:
            self.cycle.default_headers = []

    @property
    def _discards(self) -> bool:
        """Whether the connection receives the rest of a body after the request was answered."""
        return self._in_body and self.cycle.response_complete

    def _report(self) -> None:
        if self._unauthenticated_bytes:
            self._slot.hold(min(self._unauthenticated_bytes, _BUFFER))

    def _receive(self, piece: bytes) -> None:
        """Handle a piece of a body of known length without the parser, which would copy it."""
        self.on_body(piece)
        if self._body_left == 0:
            self.parser = httptools.HttpRequestParser(self)  # the parser of the head would still expect the body
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's, for pipelined requests
            self.on_message_complete()

    def _feed(self, piece: memoryview) -> bool:
        """Parse received bytes; False if the request was refused."""
        self._unfinished += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as if it had not asked for a protocol upgrade
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _TooManyHeadersError):
                return self._refuse(431, f"The request has more than {HEADERS_LIMIT} headers.")
            return self._refuse(400, "Invalid HTTP request received.")
        if self._unfinished >= HEAD_LIMIT:
            return self._refuse(431, f"The head of the request is longer than {HEAD_LIMIT >> 10} KiB.")
        return True

    def _refuse(self, status: int, text: str) -> Literal[False]:
        """Answer a request that cannot be read, and read nothing more from this client."""
        self._is_refused = True
        self._cancel_deadline()
        self.url, self.headers, self.scope, self.parser = b"", [], {}, None  # frees the request
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # a response is in progress, and an error cannot be sent within it
            return False
        head = f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + (head + text).encode())
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(_LINGER_SECONDS, self.abort)
        return False

    def _time_out(self) -> None:
        """Refuse a head that takes too long."""
        self._deadline = None
        self._refuse(408, f"The head of the request did not arrive within {HEAD_SECONDS:.0f} seconds.")

    def _cancel_deadline(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_stall(self) -> None:
        if self._stall:
            self._stall.cancel()
            self._stall = None

    def _activity(self) -> Activity:
        if self.cycle is None:
            return Activity.SILENT
        if self.cycle.response_complete:
            return Activity.IDLE
        if self.flow.write_paused or (self.cycle.more_body and not self.flow.read_paused):
            return Activity.RECEIVING
        return Activity.WORKING


def _content_length(headers: list[tuple[bytes, bytes]]) -> int:
    """The ``Content-Length`` of a request; 0 if the body is chunked."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)
