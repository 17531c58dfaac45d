"""Text that is wrapped in base64, in gzip, or in both: taken out, changed, and put back."""

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Callable, Iterator

Change = Callable[[str], str]

# Lines of base64, as mail, PEM and `base64` write them, or a piece of some length whose first letter can begin UTF-8.
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{32,80}(?:\r?\n|\\r\\n|\\n)[ \t]*)+[A-Za-z0-9+/]+={0,2}"
    r"|(?<![A-Za-z0-9+/_-])(?=[A-Za-fw-z0-9])[A-Za-z0-9+/_-]{16,}={0,2}"
)
_LINE_BREAK = re.compile(r"(?:\r?\n|\\r\\n|\\n)[ \t]*")
_READABLE = re.compile(rb"(?:[\t\n\r -~]|[\xc2-\xf4][\x80-\xbf]*)*")
_GZIP = b"\x1f\x8b"


def change_within(text: str, change: Change) -> str:
    """The text, with what is wrapped in its base64 changed."""
    return _BASE64.sub(lambda match: _changed(match.group(), change), text)


def texts_within(text: str) -> Iterator[tuple[int, str]]:
    """Where each piece of base64 begins that holds text, and that text."""
    for match in _BASE64.finditer(text):
        inner = _unwrap(_LINE_BREAK.sub("", match.group()))
        if inner is not None:
            yield match.start(), inner


def unzip(body: bytes) -> bytes | None:
    """What a gzip file holds; None when it is none."""
    if not body.startswith(_GZIP):
        return None
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return None


def _changed(encoded: str, change: Change) -> str:
    line_break = _LINE_BREAK.search(encoded)
    joined = _LINE_BREAK.sub("", encoded)
    inner = _unwrap(joined)
    if inner is None:
        return encoded
    changed = change(inner)
    if changed == inner:
        return encoded
    again = _wrap(changed, like=joined)
    if line_break is None:
        return again
    width = line_break.start()
    return line_break.group().join(again[at : at + width] for at in range(0, len(again), width))


def _unwrap(encoded: str) -> str | None:
    standard = encoded.rstrip("=").replace("-", "+").replace("_", "/")
    beginning = base64.b64decode(standard[:8])
    if not _READABLE.fullmatch(beginning) and not beginning.startswith(_GZIP):
        return None  # most pieces are paths and names: this saves the most time
    try:
        data = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        text = (unzip(data) or data).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text if all(letter.isprintable() or letter in "\r\n\t" for letter in text) else None


def _wrap(text: str, *, like: str) -> str:
    data = text.encode()
    original = like.rstrip("=").replace("-", "+").replace("_", "/")
    if base64.b64decode(original + "=" * (-len(original) % 4)).startswith(_GZIP):
        data = gzip.compress(data, mtime=0)
    encoded = base64.b64encode(data).decode()
    if "-" in like or "_" in like:
        encoded = encoded.replace("+", "-").replace("/", "_")
    return encoded if like.endswith("=") or len(like) % 4 == 0 else encoded.rstrip("=")
