"""A report that follows a run: a server for this machine only, at an address that cannot be guessed."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness.report.page import data_text, render_page

Document = Callable[[], Mapping[str, Any]]

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}
_SECONDS = 30.0  # that a client may take to send its request


class ReportServer(ThreadingHTTPServer):
    """Serves the page at ``url`` and its data beside it; refuses any other path and any other host name.

    Args:
        make: returns the current document.
        token: the secret part of the address.
        port: a port on the loopback interface; 0 for any free one.

    Raises:
        OSError: the port is in use.
    """

    daemon_threads = True

    def __init__(self, make: Document, *, token: str, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.make = make
        self.token = token

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer
    timeout = _SECONDS
    server_version = "harness"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer with the page, its data, or 404."""
        self._answer()

    def do_HEAD(self) -> None:
        """Answer like GET, without a body."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Log nothing, since the terminal shows the progress of the run."""

    def _answer(self) -> None:
        _, _, rest = self.path.partition("/")
        token, _, name = rest.partition("/")
        # Another name is refused: a page of another origin may let its name resolve to this machine (DNS rebinding).
        names = [f"{host}:{self.server.server_port}" for host in ("127.0.0.1", "localhost")]
        is_own_name = self.headers.get("Host", "") in names
        if not is_own_name or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
        elif name == "":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", render_page(self.server.make()).encode())
        elif name == "data.json":
            self._send_data()
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")

    def _send_data(self) -> None:
        document = self.server.make()
        content = data_text({**document, "generated": ""}).encode()  # the time alone is no change
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        if self.headers.get("If-None-Match") == tag:
            self._send(HTTPStatus.NOT_MODIFIED, "", b"", tag)
        else:
            self._send(HTTPStatus.OK, "application/json", data_text(document).encode(), tag)

    def _send(self, status: HTTPStatus, kind: str, content: bytes, tag: str = "") -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "ETag": tag}.items():
            if value:
                self.send_header(name, value)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
