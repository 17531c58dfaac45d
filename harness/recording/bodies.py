"""Comparison of request bodies: JSON by its values, anything else byte by byte."""

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from harness.recording.cassette_format import readable_text
from harness.recording.placeholders import WORD, is_placeholder

LARGE_UPLOAD = 1024  # bytes; longer ones are kept as length and digest
_OPENING = (b"{", b"[")
_LABELS = "tags"  # they name the creator of a resource and the time; both differ in every recording
_NOTHING = object()
_BYTES_LITERAL = re.compile(rb"b'(?:[^'\\\n]|\\.)*+'|b\"(?:[^\"\\\n]|\\.)*+\"")


def upload_marker(uri: str, body: bytes) -> bytes:
    """Return a sent body as a cassette holds it: unchanged, or its length and SHA-256 for a large or binary upload."""
    is_json = body[:1] in _OPENING and not is_file_url(uri)
    if readable_text(body) is not None and (is_json or len(body) <= LARGE_UPLOAD):
        return body
    return f"<{len(body)} bytes, sha256:{hashlib.sha256(body).hexdigest()}>".encode()


def is_file_url(uri: str) -> bool:
    """Whether a URL names a file or a blob, so that the body is the user's content."""
    return ".core." in (urlsplit(uri).hostname or "")


def unwrap_literals(body: bytes) -> bytes:
    """Return a body as it was sent: Azure's development tools wrapped it in ``b'{...}'``, once or several times."""
    while _BYTES_LITERAL.fullmatch(body):
        try:
            body = ast.literal_eval(body.decode())
        except (ValueError, SyntaxError):
            break
    return body


def json_value(body: bytes) -> Any:
    """The JSON value of a body, without nulls; None if the body holds no object or array, or is nested too deep."""
    body = unwrap_literals(body)
    if body.lstrip()[:1] not in _OPENING:
        return None
    try:
        return _without_nulls(json.loads(body))
    except (ValueError, RecursionError):
        return None


def canonical_body(body: bytes) -> bytes:
    """Return a form of a body that is equal for equal JSON values."""
    value = json_value(body)
    return body if value is None else json.dumps(value, sort_keys=True).encode()


def differences(requested: Any, recorded: Any, path: str = "") -> Iterator[str]:
    """Describe each difference between two JSON values.

    Tags are ignored, and a placeholder of a secret equals any text.
    """
    if isinstance(requested, dict) and isinstance(recorded, dict):
        for name in sorted(requested.keys() | recorded.keys()):
            if name != _LABELS:
                yield from differences(
                    requested.get(name, _NOTHING), recorded.get(name, _NOTHING), f"{path}.{name}" if path else name
                )
    elif isinstance(requested, list) and isinstance(recorded, list) and len(requested) == len(recorded):
        for at, pair in enumerate(zip(requested, recorded, strict=True)):
            yield from differences(*pair, f"{path}[{at}]")
    elif requested != recorded and not (isinstance(recorded, str) and _stands_for(recorded, requested)):
        values = f"{_abbreviated(requested)} was requested, {_abbreviated(recorded)} recorded"
        yield f"body path {path or '(whole)'}: {values}"


def _stands_for(recorded: str, requested: Any) -> bool:
    """Whether a sent value may be the original of a recorded text with placeholders."""
    if is_placeholder(recorded):
        return True
    return WORD in recorded and isinstance(requested, str) and _holds_in_order(requested, recorded.split(WORD))


def _holds_in_order(text: str, pieces: Sequence[str]) -> bool:
    """Whether a text begins with the first piece, ends with the last one, and holds the others in between, in order."""
    first, *middle, last = pieces
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _abbreviated(value: Any) -> str:
    if value is _NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
