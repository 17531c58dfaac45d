"""A registry of container images that asks for a user and a password: a folder, as ``podman push`` fills one."""

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
    """Its address for as long as the block lasts. Whatever image is asked for, it has the one in the folder."""
    wanted = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self._answer(HTTPStatus.UNAUTHORIZED, b"", ("WWW-Authenticate", 'Basic realm="registry"'))
            elif "/manifests/" in self.path:
                kind = "application/vnd.oci.image.manifest.v1+json"
                self._answer(HTTPStatus.OK, (folder / MANIFEST).read_bytes(), ("Content-Type", kind))
            elif "/blobs/" in self.path:
                self._answer(HTTPStatus.OK, (folder / self.path.rpartition(":")[2]).read_bytes())
            else:
                self._answer(HTTPStatus.OK, b"{}")

        def _answer(self, status: HTTPStatus, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (("Content-Length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
