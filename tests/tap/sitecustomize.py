"""On the path of a command under test: writes down every token, signature and key that goes over its wire.

The file that ``SECRETS_TAP`` names gets one JSON text a line. Nothing of the harness knows of this.
"""

import json
import os
import re
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_PATTERNS = (
    re.compile(r"(?:Bearer |SharedKey [^:]+:)([A-Za-z0-9._~+/=-]{16,})"),
    re.compile(r"[?&]sig=([^&\"\s]+)"),
    re.compile(r'"access_token": ?"([^"]+)"'),
)


def _tap(path: str) -> None:
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    @wraps(send)
    def tapped(self: HTTPAdapter, request: Any, *args: Any, **options: Any) -> Any:
        answer = send(self, request, *args, **options)
        texts = [request.url, *map(str, request.headers.values())]
        if "json" in answer.headers.get("content-type", "") and not options.get("stream"):
            texts.append(answer.text)
        secrets = {unquote(secret) for pattern in _PATTERNS for text in texts for secret in pattern.findall(text)}
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.writelines(f"{json.dumps(secret)}\n" for secret in secrets)
        return answer

    HTTPAdapter.send = tapped  # type: ignore[method-assign]


if os.environ.get("SECRETS_TAP"):
    _tap(os.environ["SECRETS_TAP"])
