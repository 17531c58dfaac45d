"""uvicorn's side of a connection, open to the application: some answers end it, or carry another date."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_METADATA = b"x-ms-meta-"  # how the headers begin whose names are data


class SpelledName(bytes):
    """A header name that is sent in its own casing: uvicorn sends every other one in lower case."""

    def lower(self) -> "SpelledName":
        """Itself."""
        return self


class Connection(HttpToolsProtocol):  # type: ignore[misc]
    """One connection; applications find it in the scope, as ``scope["state"]["connection"]``.

    ``scope["state"]["spelled"]`` holds the headers of metadata in the casing in which the client sent them, by their
    names in lower case.
    """

    app_state: dict[str, Any]
    scope: dict[str, Any]

    def connection_made(self, transport: Any) -> None:
        """A client has come."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "connection": self}

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header of a request."""
        super().on_header(name, value)
        lowered = name.lower()
        if lowered.startswith(_METADATA):
            self.scope["state"].setdefault("spelled", {})[lowered] = name

    def abort(self) -> None:
        """Close at once; what was not sent yet is lost."""
        self.transport.abort()

    def close(self) -> None:
        """Close once everything is sent."""
        self.transport.close()

    def leave_date(self) -> None:
        """Let the answer that is being made bring its own date."""
        self.cycle.default_headers = []
