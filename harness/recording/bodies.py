"""When two request bodies ask the same: JSON by its values, anything else byte by byte."""

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
_LABELS = "tags"  # say who made a thing and when, and not what is asked for
_NOTHING = object()
_BYTES_LITERAL = re.compile(rb"b'(?:[^'\\\n]|\\.)*+'|b\"(?:[^\"\\\n]|\\.)*+\"")


def upload_marker(uri: str, body: bytes) -> bytes:
    """What stands for a sent body in a cassette: itself, or length and SHA-256 for uploads that are large or binary."""
    is_json = body[:1] in _OPENING and not is_a_file(uri)
    if readable_text(body) is not None and (is_json or len(body) <= LARGE_UPLOAD):
        return body
    return f"<{len(body)} bytes, sha256:{hashlib.sha256(body).hexdigest()}>".encode()


def is_a_file(uri: str) -> bool:
    """Whether a URL's body belongs to the user, byte for byte: a file or a blob."""
    return ".core." in (urlsplit(uri).hostname or "")


def unwrapped(body: bytes) -> bytes:
    """A body as it was sent: Azure's development tools wrote ``b'{...}'``, once or again and again."""
    while _BYTES_LITERAL.fullmatch(body):
        try:
            body = ast.literal_eval(body.decode())
        except (ValueError, SyntaxError):
            break
    return body


def json_value(body: bytes) -> Any:
    """The JSON value of a body, without nulls; None when it holds no object or array, or is nested very deep."""
    body = unwrapped(body)
    if body.lstrip()[:1] not in _OPENING:
        return None
    try:
        return _without_nulls(json.loads(body))
    except (ValueError, RecursionError):
        return None


def canonical(body: bytes) -> bytes:
    """Equal for bodies that mean the same."""
    value = json_value(body)
    return body if value is None else json.dumps(value, sort_keys=True).encode()


def differences(asked: Any, recorded: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ, as sentences.

    Tags do not count, and where a secret was, anything may be.
    """
    if isinstance(asked, dict) and isinstance(recorded, dict):
        for name in sorted(asked.keys() | recorded.keys()):
            if name != _LABELS:
                yield from differences(
                    asked.get(name, _NOTHING), recorded.get(name, _NOTHING), f"{path}.{name}" if path else name
                )
    elif isinstance(asked, list) and isinstance(recorded, list) and len(asked) == len(recorded):
        for at, pair in enumerate(zip(asked, recorded, strict=True)):
            yield from differences(*pair, f"{path}[{at}]")
    elif asked != recorded and not (isinstance(recorded, str) and _stands_for(recorded, asked)):
        yield f"body path {path or '(whole)'}: {_shown(asked)} was asked, {_shown(recorded)} recorded"


def _stands_for(recorded: str, asked: Any) -> bool:
    """Whether a recorded text, with placeholders, may have been another one."""
    if is_placeholder(recorded):
        return True
    return WORD in recorded and isinstance(asked, str) and _holds_in_order(asked, recorded.split(WORD))


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


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
