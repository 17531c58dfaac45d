import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from harness.recording import open_session

Open = Callable[..., AbstractContextManager[requests.Session]]


class RecordedHandler(BaseHTTPRequestHandler):
    """Responds: /poll counts, /bytes is binary, /range shows the range, other paths are echoed, PUT echoes a byte."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        kind = "application/json"
        if path == "/poll":
            self.server.polls += 1
            body = b'{"state": "%s"}' % (b"running" if self.server.polls < 3 else b"done")
        elif path == "/bytes":
            body, kind = bytes(range(256)) * 64, "application/octet-stream"
        elif path == "/range":
            body, kind = f"part {self.headers['x-ms-range']}".encode(), "text/plain"
        elif path == "/login/oauth2/token":
            body = b'{"access_token": "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"}'
        else:
            body = b'{"path": "%s"}' % path.encode()
        self.respond(body, kind)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.respond(b"put " + body[:1], "text/plain")

    def do_HEAD(self) -> None:
        self.respond(b"x" * 12345, "application/octet-stream")

    def respond(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), RecordedHandler) as listening:
        listening.polls = 0
        thread = threading.Thread(target=partial(listening.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "recorded.json"


@pytest.fixture
def open_recorded(cassette: Path) -> Open:
    def open_in_mode(mode: str, **replacements: str) -> AbstractContextManager[requests.Session]:
        return open_session(
            cassette,
            mode,
            replacements=replacements,
            base=requests.Session,
            provenance={"cloud": "a local server"},
        )

    return open_in_mode
