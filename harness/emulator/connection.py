"""One HTTP connection: uvicorn's, with limits on what a client can make it hold before it has shown credentials.

httptools has no limit of its own. It calls back with the whole of a header, however long, and keeps what it has of one
that is not finished; so what is fed to it is counted here. Bytes count as long as they complete neither a request head
nor a piece of a body: that bounds request lines, headers, trailers and the extensions of chunks alike.
"""

import asyncio
import contextlib
import socket
from typing import Any, Literal

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from harness.emulator.admission import Activity, Visitor
from harness.emulator.answer_transport import AnswerTransport

HEAD_LIMIT = 64 << 10  # bytes of a request head
HEADERS_LIMIT = 400  # headers of a request; each costs ten times its size while it is held
HEAD_SECONDS = 20.0  # for a client to send a whole head, from its first bytes
_PIPELINE_LIMIT = 32  # requests that wait for the answer to the one before
_BUFFER = 256 << 10  # bytes; a TLS connection keeps buffers of this size, filled as far as its client has sent at once
_STALL_SECONDS = 120.0  # for a client to read a part of what it was sent
_LINGER_SECONDS = 1.0  # a refused client may still be sending; to close at once would lose it the answer

_METADATA = b"x-ms-meta-"  # how the headers begin whose names are data
_NOBODY = asyncio.Protocol()  # of a transport whose connection has ended


class _TooManyHeadersError(Exception):
    """A request has more headers than the limit allows."""


class SpelledName(bytes):
    """A header name that is sent in its own casing: uvicorn sends every other one in lower case."""

    def lower(self) -> "SpelledName":
        """Itself."""
        return self


class Connection(HttpToolsProtocol):  # type: ignore[misc]
    """One connection; applications find it in the scope, as ``scope["state"]["connection"]``.

    ``scope["state"]["answer"]`` takes the reason phrase of the answer, and ``scope["state"]["spelled"]`` holds the
    headers of metadata in the casing in which the client sent them, by their names in lower case.

    Args:
        config: of uvicorn.
        state: what the connections of one server share.
        visitor: the admission of the connection.
        tunnel: the socket of a connection through a proxy.
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
        self, config: uvicorn.Config, state: ServerState, visitor: Visitor, *, tunnel: socket.socket | None = None
    ) -> None:
        super().__init__(config=config, server_state=state, app_state={"connection": self})
        self._visitor = visitor
        self._tunnel = tunnel
        self._stall: asyncio.TimerHandle | None = None
        self._unfinished = 0  # bytes that were taken since a head, a piece of a body or a request was complete
        self._in_body = False
        self._body_left: int | None = 0  # bytes of the body that its length announces; None until its first piece
        self._unproven: int | None = 0  # bytes that came before valid credentials; None once there were some
        self._is_refused = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client has connected, and its TLS handshake has ended."""
        super().connection_made(transport)
        self._visitor.close = transport.abort
        self._visitor.activity = self._activity
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended."""
        self._visitor.leave()
        self._tunnel = None
        self._cancel_deadline()
        self._cancel_stall()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        # Reference cycles would keep the buffers of the connection until the garbage collector looks for them.
        self.transport.set_protocol(_NOBODY)
        self.app_state, self.scope, self.cycle = {}, {}, None
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        if self._tunnel is not None:
            # urllib3 leaves Nagle's algorithm on towards a proxy: a delayed acknowledgement costs it 40 ms
            # for every request with a body. The kernel drops the option after each use.
            with contextlib.suppress(OSError):
                self._tunnel.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        if self._unproven is not None:
            self._unproven += len(data)
            self.loop.call_soon(self._report)  # after the task of a request in these data has looked at its credentials
        if self._is_refused:
            return
        self._visitor.touch()
        if not self._discards:  # a body that nobody reads must not come for ever
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
        """The client reads too slowly: that has to end some time."""
        super().pause_writing()
        self._cancel_stall()
        self._stall = self.loop.call_later(_STALL_SECONDS, self.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self._cancel_stall()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer after a body."""
        if len(self.headers) >= HEADERS_LIMIT:
            raise _TooManyHeadersError
        super().on_header(name, value)
        lowered = name.lower()
        if lowered.startswith(_METADATA):
            self.scope["state"].setdefault("spelled", {})[lowered] = name

    def on_headers_complete(self) -> None:
        """The end of a request head."""
        if len(self.pipeline) >= _PIPELINE_LIMIT:
            raise OverflowError
        self._unfinished, self._in_body, self._body_left = 0, True, None
        self._cancel_deadline()
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        self.cycle.transport = self.scope["state"]["answer"] = AnswerTransport(self.transport)

    def on_body(self, body: bytes) -> None:
        """A piece of a request's body."""
        self._unfinished = 0
        if self._body_left is None:
            self._body_left = _announced(self.headers)
        self._body_left = max(self._body_left - len(body), 0)
        # uvicorn adds the piece to what the application has not taken yet, and copies that as bytes. A piece that is
        # added to no bytes stays as it is; one that is added to others needs a bytearray, which need not copy those.
        if not self.cycle.body:
            self.cycle.body = b""
        elif isinstance(self.cycle.body, bytes):
            self.cycle.body = bytearray(self.cycle.body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._unfinished, self._in_body = 0, False
        super().on_message_complete()

    def trust(self) -> None:
        """Note that a request on this connection had valid credentials."""
        if self._unproven is not None:
            self._unproven = None
            self._visitor.prove()

    def abort(self) -> None:
        """Close at once; what was not sent yet is lost."""
        self.transport.abort()

    def close(self) -> None:
        """Close once everything is sent."""
        self.transport.close()

    @property
    def is_closed(self) -> bool:
        """Whether nothing that is sent arrives any more."""
        return bool(self.transport.is_closing())

    def leave_date(self) -> None:
        """Let the answer that is being made bring its own date."""
        if self.cycle is not None:
            self.cycle.default_headers = []

    @property
    def _discards(self) -> bool:
        """Whether the rest of a body comes whose request was answered without it."""
        return self._in_body and self.cycle.response_complete

    def _report(self) -> None:
        if self._unproven:
            self._visitor.hold(min(self._unproven, _BUFFER))

    def _receive(self, piece: bytes) -> None:
        """Take a piece of a body of known length: there is nothing in it to parse, and the parser would copy it."""
        self.on_body(piece)
        if self._body_left == 0:
            self.parser = httptools.HttpRequestParser(self)  # the one that knows the head would wait for the body
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's, for pipelined requests
            self.on_message_complete()

    def _feed(self, piece: memoryview) -> bool:
        """Parse a piece of what has come; False if it was refused."""
        self._unfinished += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as if it had not asked for another protocol
        except httptools.HttpParserError as error:
            if isinstance(error.__context__, _TooManyHeadersError):
                return self._refuse(431, f"The request has more than {HEADERS_LIMIT} headers.")
            return self._refuse(400, "Invalid HTTP request received.")
        if self._unfinished >= HEAD_LIMIT:
            return self._refuse(431, f"The head of the request is longer than {HEAD_LIMIT >> 10} KiB.")
        return True

    def _refuse(self, status: int, text: str) -> Literal[False]:
        """Answer a request that cannot be read, and read nothing more of this client."""
        self._is_refused = True
        self._cancel_deadline()
        self.url, self.headers, self.scope, self.parser = b"", [], {}, None  # what was held of the request
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # an answer is being made: another one cannot come in between
            return False
        head = f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + (head + text).encode())
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.call_later(_LINGER_SECONDS, self.abort)
        return False

    def _time_out(self) -> None:
        """Refuse a head that does not end."""
        self._deadline = None
        self._refuse(408, f"The head of the request did not come within {HEAD_SECONDS:.0f} seconds.")

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


def _announced(headers: list[tuple[bytes, bytes]]) -> int:
    """The length of a body that the head of its request says; 0 where it comes in chunks."""
    return next((int(value) for name, value in headers if name == b"content-length"), 0)
