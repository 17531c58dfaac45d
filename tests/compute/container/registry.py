"""A fake registry of container images that requires a password; it serves a folder written by ``podman push``."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

MANIFEST = "manifest.json"


@contextmanager
def registry(folder: Path, user: str, password: str) -> Iterator[str]:
    """Serve the image in the folder under every name for the duration of the block; yield the address."""
    credentials = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != credentials:
                self._respond(HTTPStatus.UNAUTHORIZED, b"", ("WWW-Authenticate", 'Basic realm="registry"'))
            elif "/manifests/" in self.path:
                kind = "application/vnd.oci.image.manifest.v1+json"
                self._respond(HTTPStatus.OK, (folder / MANIFEST).read_bytes(), ("Content-Type", kind))
            elif "/blobs/" in self.path:
                self._respond(HTTPStatus.OK, (folder / self.path.rpartition(":")[2]).read_bytes())
            else:
                self._respond(HTTPStatus.OK, b"{}")

        def _respond(self, status: HTTPStatus, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (("Content-Length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the inherited name
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
