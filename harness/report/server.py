"""A report that follows a run: served to this machine alone, at an address that cannot be guessed."""

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
_SECONDS = 30.0  # that a client may take to say what it wants


class ReportServer(ThreadingHTTPServer):
    """Serves the page at ``url`` and its data beside it; nothing else, and nobody who comes by another name.

    Args:
        make: the document as it is now.
        token: the part of the address that only the reader knows.
        port: of loopback; 0 for any that is free.

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
        """What to open."""
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
        """The same without a body."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Nothing: the terminal shows what the run does."""

    def _answer(self) -> None:
        _, _, rest = self.path.partition("/")
        token, _, name = rest.partition("/")
        # A page of another origin that has a name of its own resolve to this machine is no reader (DNS rebinding).
        names = [f"{host}:{self.server.server_port}" for host in ("127.0.0.1", "localhost")]
        is_mine = self.headers.get("Host", "") in names
        if not is_mine or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
        elif name == "":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", render_page(self.server.make()).encode())
        elif name == "data.json":
            self._send_data()
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")

    def _send_data(self) -> None:
        document = self.server.make()
        same = data_text({**document, "generated": ""}).encode()  # the time alone is no news
        tag = f'"{hashlib.sha256(same).hexdigest()[:32]}"'
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
