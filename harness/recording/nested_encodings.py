"""Decoding of base64, hexadecimal digits and UTF-16 inside a text, and of gzip."""

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.errors import CassetteError
from harness.recording.limits import LARGEST_CONTENT

# One run of letters, or several lines of them, as mail, PEM and `base64` write them.
_LINE_BREAK = re.compile(r"(?:\r?\n|\\r\\n|\\n)[ \t]*")
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{16,}}(?:{_LINE_BREAK.pattern}[A-Za-z0-9+/_-]+)*={{0,2}}")
_HEX = re.compile(r"[0-9A-Fa-f]{16,}")
_WORD = re.compile(r"[A-Za-z0-9+/_-]")
# The lookbehind follows the separator, because a search for a literal is faster.
_HEX_PAIRS = re.compile(
    r"(?P<separator>[: -])(?<=(?<![0-9A-Za-z])[0-9A-Fa-f]{2}[: -])[0-9A-Fa-f]{2}(?:(?P=separator)[0-9A-Fa-f]{2}){6,}"
    r"(?![0-9A-Za-z])"
)
# Latin letters; bytes that are no UTF-8 are decoded as surrogates (see `secrets.Content`).
_LATIN = "[\t\n\r -~\udca0-\udcff]"
_LATIN_LETTER = re.compile(_LATIN)
_UTF_16 = re.compile(f"\0{_LATIN}\0{_LATIN}\0{_LATIN}\0(?:{_LATIN}\0)*")
_GZIP = b"\x1f\x8b"
_FIRST_STEP = 512  # bytes, doubled at each step, because a file may consist of many short members


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a text that encodes bytes.

    Attributes:
        start: the offset of its first character.
        end: the offset after its last character.
        data: the decoded bytes.
        encode: encodes other bytes in the same way.
    """

    start: int
    end: int
    data: bytes
    encode: Callable[[bytes], str]


def runs(text: str) -> Iterator[Run]:
    """Every piece of a text that may be an encoding of at least eight bytes; pieces may overlap."""
    for match in _BASE64.finditer(text):
        yield from _base64_runs(match)
    for match in _HEX.finditer(text):
        if _is_a_whole_word(text, *match.span()):
            yield _hex_run(match.start(), match.group(), "")
    for match in _HEX_PAIRS.finditer(text):
        yield _hex_run(match.start() - 2, text[match.start() - 2 : match.end()], match["separator"])
    yield from utf_16_runs(text)


def utf_16_runs(text: str) -> Iterator[Run]:
    """Every piece of a text that is UTF-16, for Latin letters."""
    if "\0" in text:
        yield from (_utf_16_run(text, *match.span()) for match in _UTF_16.finditer(text))


def _is_a_whole_word(text: str, start: int, end: int) -> bool:
    """Whether digits are not merely a part of a longer word; a preceding ``0x`` is ignored."""
    before = "" if text[max(0, start - 2) : start] in ("0x", "0X") else text[max(0, start - 1) : start]
    return not _WORD.match(before) and not _WORD.match(text, end)


def _base64_runs(match: re.Match[str]) -> Iterator[Run]:
    """Split base64 into runs: lines of the same length and a shorter one after them are one run."""
    start, encoded = match.start(), match.group()
    has_lines = "\n" in encoded or "\\" in encoded
    block: list[tuple[int, int]] = []
    for begin, end in _lines(encoded) if has_lines else [(0, len(encoded))]:
        width = block[0][1] - block[0][0] if block else end - begin
        is_last = end - begin < width
        if end - begin <= width:
            block.append((begin, end))
        if end - begin != width:
            yield from _base64_run(start, encoded, block)
            block = [] if is_last else [(begin, end)]
    yield from _base64_run(start, encoded, block)


def _lines(encoded: str) -> Iterator[tuple[int, int]]:
    begin = 0
    for line_break in _LINE_BREAK.finditer(encoded):
        yield begin, line_break.start()
        begin = line_break.end()
    yield begin, len(encoded)


def _base64_run(start: int, encoded: str, lines: list[tuple[int, int]]) -> Iterator[Run]:
    """The bytes of a block of lines, if it is base64."""
    letters = "".join(encoded[slice(*line)] for line in lines)
    standard = letters.rstrip("=").replace("-", "+").replace("_", "/")
    if len(standard) < 16:
        return
    try:
        data = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        return
    width = lines[0][1] - lines[0][0]
    line_break = encoded[lines[0][1] : lines[1][0]] if len(lines) > 1 else ""

    def encode(changed: bytes) -> str:
        text = base64.b64encode(changed).decode()
        if "-" in letters or "_" in letters:
            text = text.replace("+", "-").replace("/", "_")
        if not letters.endswith("=") and len(letters) % 4:
            text = text.rstrip("=")
        return line_break.join(text[at : at + width] for at in range(0, len(text), width)) if line_break else text

    yield Run(start + lines[0][0], start + lines[-1][1], data, encode)


def _hex_run(start: int, text: str, separator: str) -> Run:
    digits = text.replace(separator, "") if separator else text
    digits = digits[: len(digits) // 2 * 2]

    def encode(changed: bytes) -> str:
        encoded = changed.hex(separator) if separator else changed.hex()
        return encoded.upper() if digits.upper() == digits else encoded

    return Run(start, start + (len(text) if separator else len(digits)), bytes.fromhex(digits), encode)


def _utf_16_run(text: str, start: int, end: int) -> Run:
    """A run of alternating letters and zeros, with a letter before it if the UTF-16 is little-endian."""
    is_little_endian = start > 0 and _LATIN_LETTER.match(text, start - 1) is not None
    last_of_big_endian = end + 1 if _LATIN_LETTER.match(text, end) else end - 1
    first, last = (start - 1, end) if is_little_endian else (start, last_of_big_endian)
    codec = "utf-16-le" if is_little_endian else "utf-16-be"

    def encode(changed: bytes) -> str:
        return changed.decode("utf-8", "replace").encode(codec).decode("utf-8", "surrogateescape")

    data = text[first:last].encode("utf-8", "surrogateescape")
    return Run(first, last, data.decode(codec).encode(), encode)


class Unpacker:
    """Unpacks gzip files, up to a limit for all of them together, because a few bytes can expand to gigabytes.

    Args:
        limit: bytes; a file that is unpacked again does not count again.

    Attributes:
        remaining: bytes that may still be unpacked.
    """

    def __init__(self, limit: int = LARGEST_CONTENT) -> None:
        self.remaining = limit
        self._unpacked: dict[bytes, bytes | None] = {}

    def unzip(self, data: bytes) -> bytes | None:
        """Return the content of a gzip file; None for anything else, including a damaged file.

        Raises:
            CassetteError: the content would exceed the limit.
        """
        if not data.startswith(_GZIP):
            return None
        if data not in self._unpacked:
            self._unpacked[data] = self._unzipped(data)
        return self._unpacked[data]

    def _unzipped(self, data: bytes) -> bytes | None:
        pieces: list[bytes] = []
        at = 0
        try:
            while data.startswith(_GZIP, at):
                at = self._add_member(data, at, pieces)
        except (zlib.error, EOFError):
            return None
        return b"".join(pieces) if not data[at:].strip(b"\0") else None

    def _add_member(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        """Unpack one member of a file, and return the offset of the next one."""
        member, step = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), _FIRST_STEP
        while not member.eof:
            if at >= len(data):
                raise EOFError
            pieces.append(member.decompress(data[at : at + step], self.remaining + 1))
            self.remaining -= len(pieces[-1])
            if self.remaining < 0:
                raise CassetteError(
                    f"gzip files unpack to more than {LARGEST_CONTENT >> 20} MiB, too much to look through for secrets"
                )
            at = min(at + step, len(data))
            step *= 2
        return at - len(member.unused_data)
