"""Encoding of secrets, and a search for them in files that is independent of the tested code."""

import base64
import contextlib
import gzip
import html
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote_to_bytes

Encode = Callable[[str], str]

# The encodings in which ordinary programs write text.
ENCODINGS: dict[str, Encode] = {
    "as it is": str,
    "a URL": lambda text: quote(text, safe=""),
    "a URL, in lower case": lambda text: re.sub("%..", lambda match: match.group().lower(), quote(text, safe="")),
    "a URL in a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "a form": quote_plus,
    "percent-encoding of every byte": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent-encoding of every byte, in lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON with escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON, all of it escaped": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
    "Python": lambda text: repr(text)[1:-1],
    "Python, every byte": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "HTML": html.escape,
    "HTML in JSON": lambda text: json.dumps(html.escape(text))[1:-1],
    "HTML in HTML": lambda text: html.escape(html.escape(text)),
    "numeric entities": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(letter):X};" for letter in text),
    "hexadecimal digits": lambda text: text.encode().hex(),
    "hexadecimal digits, in upper case": lambda text: text.encode().hex().upper(),
    "hexadecimal digits in pairs": lambda text: text.encode().hex(" "),
    "hexadecimal digits with colons": lambda text: text.encode().hex(":").upper(),
    "hexadecimal digits of UTF-16": lambda text: text.encode("utf-16-le").hex(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without its end": lambda text: base64.b64encode(text.encode()).decode().rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in a URL": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 with text before it": lambda text: base64.b64encode(f"a{text}bc".encode()).decode(),
    "base64 with one byte before it": lambda text: base64.b64encode(b"\xff" + text.encode() + b"\xfe").decode(),
    "base64 with two bytes before it": lambda text: base64.b64encode(b"\0\xff" + text.encode() + b"\xfe").decode(),
    "base64 with bytes around it": lambda text: base64.b64encode(b"\xff" * 99 + text.encode() + b"\xfe" * 9).decode(),
    "base64 in lines": lambda text: base64.encodebytes(b"x " * 50 + text.encode()).decode(),
    "base64 in short lines": lambda text: lines(base64.b64encode(b"x " * 5 + text.encode()).decode(), 20),
    "base64 in lines, with bytes around it": lambda text: base64.encodebytes(b"\xff" * 70 + text.encode()).decode(),
    "base64 in lines, in JSON": lambda text: json.dumps(base64.encodebytes(b"x " * 50 + text.encode()).decode())[1:-1],
    "base64 of base64": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 of gzip": lambda text: base64.b64encode(gzip.compress(text.encode())).decode(),
    "base64 of hexadecimal digits": lambda text: base64.b64encode(text.encode().hex().encode()).decode(),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps({"text": text}).encode()).decode(),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "base64 of a form": lambda text: base64.b64encode(quote_plus(text).encode()).decode(),
    "hexadecimal digits of base64": lambda text: base64.b64encode(text.encode()).hex(),
}  # fmt: skip
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "UTF-16, little-endian, without a mark": lambda data: data.decode().encode("utf-16-le"),
    "UTF-16, big-endian, without a mark": lambda data: data.decode().encode("utf-16-be"),
    "UTF-16 among other bytes": lambda data: b"\xff\xfe\xff" + data.decode().encode("utf-16-le") + b"\xff\x01",
    "other bytes": lambda data: b"\xff\xfe\xfd" + data + b"\x80\0\x81",
    "gzip": gzip.compress,
    "gzip of UTF-16": lambda data: gzip.compress(data.decode().encode("utf-16")),
    "gzip of gzip": lambda data: gzip.compress(gzip.compress(data)),
}

_DEPTH = 4  # levels of nested encodings
_BASE64 = (
    re.compile(rb"[A-Za-z0-9+/_-]{16,}"),
    re.compile(rb"(?:[A-Za-z0-9+/]{16,80}(?:\s|\\n)+)+[A-Za-z0-9+/]+"),
)
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}[: ]?){8,}")
_BETWEEN_LINES = re.compile(rb"\s|\\n")
_BACKSLASHED = re.compile(r"\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)")


def lines(text: str, width: int) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


def contents(data: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """Yield the content of a file and, recursively, of gzip, zip, base64 and hexadecimal digits in it."""
    yield data
    if depth:
        for inner in (*_unpacked(data), *_decoded(data)):
            yield from contents(inner, depth - 1)


def _unpacked(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"\x1f\x8b"):
        with contextlib.suppress(OSError, EOFError, zlib.error):
            yield gzip.decompress(data)
    if data.startswith(b"PK\3\4") and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def _decoded(data: bytes) -> Iterator[bytes]:
    for pattern in _BASE64:
        for digits in pattern.findall(data):
            letters = _BETWEEN_LINES.sub(b"", digits).translate(bytes.maketrans(b"-_", b"+/"))
            valid = letters[: len(letters) // 4 * 4 + (0 if len(letters) % 4 == 1 else len(letters) % 4)]
            yield base64.b64decode(valid + b"=" * (-len(valid) % 4))
    for digits in _HEX.findall(data):
        yield bytes.fromhex(re.sub(rb"[: ]", b"", digits).decode())


def readings(content: bytes) -> Iterator[str]:
    """The possible texts of bytes: unchanged, with escapes of each kind undone once and twice, and as UTF-16."""
    text = content.decode("utf-8", "surrogateescape")
    yield text
    for read in (_percent_decoded, html.unescape, _backslashes_undone):
        once = read(text)
        if once != text:
            yield once
            yield from (again(once) for again in (_percent_decoded, html.unescape, _backslashes_undone))
    if b"\0" in content:
        yield from (
            content[start:].decode(codec, "replace") for start in (0, 1) for codec in ("utf-16-le", "utf-16-be")
        )


def _percent_decoded(text: str) -> str:
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _backslashes_undone(text: str) -> str:
    def undone(match: re.Match[str]) -> str:
        escape = match.group()
        return chr(int(f"0x{escape[2:]}", 0)) if len(escape) > 2 else escape[1]

    return _BACKSLASHED.sub(undone, text)


class Search:
    """Searches for secrets in every encoding.

    Args:
        secrets: pairs of a name, by which findings are reported, and a secret.
    """

    def __init__(self, secrets: Iterable[tuple[str, str]]) -> None:
        self._words = [(name, {secret, secret.replace(" ", "+")}) for name, secret in secrets if secret]

    def in_data(self, data: bytes) -> set[str]:
        """The names of the secrets in some data."""
        names: set[str] = set()
        for content in contents(data):
            for text in readings(content):
                names |= {name for name, words in self._words if any(word in text for word in words)}
        return names

    def in_files(self, directory: Path, *, but: Iterable[Path] = ()) -> dict[str, set[str]]:
        """The names of the secrets in each file below a directory, or in its path; other files are omitted.

        Args:
            directory: the directory to read.
            but: subdirectories to skip.
        """
        skipped = tuple(but)
        files = [
            path
            for path in directory.rglob("*")
            if path.is_file() and not any(path.is_relative_to(other) for other in skipped)
        ]
        findings = {str(path.relative_to(directory)): self.in_data(path.read_bytes()) for path in files}
        return {name: inside for name, names in findings.items() if (inside := names | self.in_data(name.encode()))}
