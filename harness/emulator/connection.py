"""uvicorn's side of a connection, open to the application: some answers end it, or carry another date."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Connection(HttpToolsProtocol):  # type: ignore[misc]
    """One connection; applications find it in the scope, as ``scope["state"]["connection"]``."""

    app_state: dict[str, Any]

    def connection_made(self, transport: Any) -> None:
        """A client has come."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "connection": self}

    def abort(self) -> None:
        """Close at once; what was not sent yet is lost."""
        self.transport.abort()

    def close(self) -> None:
        """Close once everything is sent."""
        self.transport.close()

    def leave_date(self) -> None:
        """Let the answer that is being made bring its own date."""
        self.cycle.default_headers = []
