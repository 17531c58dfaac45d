"""The HTTP request that a handler gets, and the response that it returns."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, MutableMapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

from harness.emulator.host_names import host_of
from harness.emulator.text_cache import text_cache

_STALL_SECONDS = 30.0  # without a byte of an expected body
_NOTHING = timedelta()
_NO_NAMES: Mapping[bytes, bytes] = {}
BODY_LIMIT = 4 << 20  # bytes; Resource Manager's own limit for a request body


class Receive(Protocol):
    """ASGI's source of request events."""

    async def __call__(self) -> MutableMapping[str, Any]:
        """The next event."""


class Connection(Protocol):
    """The connection of a request, as far as the request needs it."""

    def trust(self) -> None:
        """Note that a request on this connection had valid credentials."""


class MalformedRequestError(Exception):
    """The request line, a header or the encoding of the path is malformed; the text says which."""


class ClientDisconnectedError(Exception):
    """The client disconnected in the middle of its request, so no response is needed."""


class BodyTooLargeError(Exception):
    """The request body is longer than the limit of the operation, which is ``limit`` bytes."""

    def __init__(self, limit: int = BODY_LIMIT) -> None:
        super().__init__(f"the body is longer than {limit} bytes")
        self.limit = limit


class BodyStalledError(MalformedRequestError):
    """The client stopped sending in the middle of a body."""


class BrokenAnswerError(Exception):
    """A response body cannot be sent to its announced end; the connection is dropped instead."""


class DroppedRequestError(Exception):
    """A request gets no response; the connection is dropped instead."""


class Request:
    """One HTTP request.

    ``host`` is in lower case and without port (``host_of``); ``path`` is percent-decoded; ``raw_target`` is path and
    query exactly as sent; names in ``query`` and ``headers`` are in lower case; ``params`` holds the values that the
    template of the route matched, in the caller's casing. ``casings`` maps names of metadata headers in lower case to
    the client's casing. ``ahead`` is how far the clock that the request is checked by is ahead of ours. ``content`` is
    the body, once ``read`` has returned it.

    Raises:
        MalformedRequestError: the path is not UTF-8 or holds a NUL.
    """

    __slots__ = (
        "_connection",
        "_receive",
        "ahead",
        "casings",
        "client",
        "content",
        "headers",
        "host",
        "method",
        "params",
        "path",
        "query",
        "raw_target",
        "scheme",
    )

    def __init__(self, scope: Mapping[str, Any], receive: Receive) -> None:
        self._receive = receive
        self._connection: Connection = scope["state"]["connection"]
        self.ahead = _NOTHING
        self.content = b""
        self.method: str = scope["method"]
        self.scheme: str = scope["scheme"]
        self.client: str = scope["client"][0] if scope.get("client") else ""
        self.headers: dict[str, str] = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        casings: Mapping[bytes, bytes] = scope.get("state", {}).get("casings", _NO_NAMES)
        self.casings = {lowered.decode("latin-1"): name.decode("latin-1") for lowered, name in casings.items()}
        self.host = host_of(self.headers.get("host", ""))
        raw_path: bytes = scope["raw_path"].partition(b"?")[0]
        query: bytes = scope["query_string"]
        self.raw_target = raw_path + b"?" + query if query else raw_path
        try:
            self.path = _decoded(raw_path)
            self.query = _parsed(query)
        except ValueError as error:
            raise MalformedRequestError("The request URI is not valid.") from error
        self.params: Mapping[str, str] = {}

    def trust(self) -> None:
        """Mark the connection as authenticated, before the body is read."""
        self._connection.trust()

    def part(self, method: str, target: bytes, headers: Mapping[str, str]) -> "Request":
        """A request without a body that is a part of this request's body, as a request by itself.

        Args:
            target: path and query as sent.
            headers: the headers, with names in lower case.

        Raises:
            MalformedRequestError: the target is malformed.
        """
        path, _, query = target.partition(b"?")
        scope = {
            "state": {"connection": self._connection},
            "method": method,
            "scheme": self.scheme,
            "client": (self.client, 0),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            "raw_path": path,
            "query_string": query,
        }
        request = Request(scope, _nothing)
        request.host, request.ahead = self.host, self.ahead
        return request

    async def read(self, limit: int = BODY_LIMIT) -> bytes:
        """The whole body.

        Raises:
            BodyTooLargeError: it is longer than ``limit`` bytes.
            BodyStalledError: the client stopped sending it.
        """
        parts: list[bytes] = []
        size = 0
        async for part in self.stream():
            size += len(part)
            if size > limit:
                raise BodyTooLargeError(limit)
            parts.append(part)
        self.content = b"".join(parts)
        return self.content

    async def stream(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it arrives.

        Raises:
            ClientDisconnectedError: the client disconnected before the end.
            BodyStalledError: nothing arrived for half a minute.
        """
        more = True
        while more:
            event = await self._next()
            if event["type"] == "http.disconnect":
                raise ClientDisconnectedError
            more = event.get("more_body", False)
            if body := event.get("body"):
                yield body

    async def _next(self) -> MutableMapping[str, Any]:
        try:
            async with asyncio.timeout(_STALL_SECONDS):
                return await self._receive()
        except TimeoutError:
            raise BodyStalledError from None


async def _nothing() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


@text_cache
def _decoded(raw_path: bytes) -> str:
    path = unquote_to_bytes(raw_path).decode("utf-8")
    if "\0" in path:
        raise ValueError("the path holds a NUL")
    return path


@text_cache
def _parsed(query: bytes) -> Mapping[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=100, errors="strict"):
        parameters.setdefault(name.lower(), value)
    return MappingProxyType(parameters)


class Response:
    """One HTTP response.

    A body of bytes gets a ``content-length``; a streamed body is chunked unless ``headers`` has that header. ``reason``
    is the reason phrase of the status line; if it is empty, the standard phrase is used.
    """

    __slots__ = ("body", "headers", "reason", "status")

    def __init__(
        self,
        status: int,
        body: bytes | AsyncIterable[bytes] = b"",
        *,
        headers: list[tuple[str, str]] | None = None,
        reason: str = "",
    ) -> None:
        self.status = status
        self.reason = reason
        self.body = body
        self.headers = headers if headers is not None else []
