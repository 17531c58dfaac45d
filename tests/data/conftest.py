"""A real HTTP server whose mirrors behave as their first path segment says."""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Mirrors:
    """``good``, ``cut`` (breaks off once), ``broken`` (always), ``dull`` (no ranges), ``wrong`` bytes, ``none``."""

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def url(self, behaviour: str) -> str:
        return f"http://127.0.0.1:{self.port}/{behaviour}/"


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    served = Mirrors()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, behaviour, name = self.path.split("/")
            first = not any(kind == behaviour for kind, _ in served.requests)
            served.requests.append((behaviour, self.headers.get("Range", "")))
            content = served.files.get(name)
            if content is None or behaviour == "none":
                self.send_error(404)
                return
            content = content[::-1] if behaviour == "wrong" else content
            start = 0
            if behaviour != "dull" and (match := re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))):
                start = int(match[1])
                if start >= len(content):
                    self.send_error(416)
                    return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            breaks_off = behaviour == "broken" or (behaviour == "cut" and first)
            self.wfile.write(content[start : start + (len(content) - start) // 2] if breaks_off else content[start:])

        def log_message(self, *_arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        server.shutdown()
        thread.join()
