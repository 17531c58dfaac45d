"""Looking for secrets in files, whatever they are packed in."""

import base64
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.recording.encodings import Vocabulary
from harness.recording.nested_encodings import unzip
from harness.recording.placeholders import WORD

_DEPTH = 4  # how often something may be packed
_BASE64 = (
    re.compile(rb"[A-Za-z0-9+/_-]{16,}"),
    re.compile(rb"(?:[A-Za-z0-9+/]{32,80}(?:\s|\\n)+)+[A-Za-z0-9+/]+"),
)
_BETWEEN_LINES = re.compile(rb"\s|\\n")


def contents(data: bytes, depth: int = _DEPTH) -> Iterator[bytes]:
    """What a file holds: as it is, and all that is packed in it in gzip, zip or base64, once or again and again."""
    yield data
    if depth:
        for inner in (*_unpacked(data), *_decoded(data)):
            yield from contents(inner, depth - 1)


def _unpacked(data: bytes) -> Iterator[bytes]:
    packed = unzip(data)
    if packed is not None:
        yield packed
    if data.startswith(b"PK\3\4") and zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def _decoded(data: bytes) -> Iterator[bytes]:
    for pattern in _BASE64:
        for found in pattern.findall(data):
            letters = _BETWEEN_LINES.sub(b"", found).translate(bytes.maketrans(b"-_", b"+/"))
            whole = letters[: len(letters) // 4 * 4 + (0 if len(letters) % 4 == 1 else len(letters) % 4)]
            yield base64.b64decode(whole + b"=" * (-len(whole) % 4))


class Search:
    """Looks for secrets in every spelling.

    Args:
        secrets: by name, which is what a finding tells.
    """

    def __init__(self, secrets: Iterable[tuple[str, str]]) -> None:
        self._words = [(name, Vocabulary({secret: WORD})) for name, secret in secrets if secret]

    def in_data(self, data: bytes) -> set[str]:
        """The names of those that are in it."""
        found: set[str] = set()
        for content in contents(data):
            text = content.decode("utf-8", "surrogateescape")
            texts = (text, content.decode("utf-16-le", "replace")) if b"\0" in content else (text,)
            found |= {name for name, word in self._words if any(any(word.find(one)) for one in texts)}
        return found

    def in_files(self, directory: Path, *, but: Iterable[Path] = ()) -> dict[str, set[str]]:
        """The names of those that are in each file below a directory, or in its path; other files are left out.

        Args:
            directory: all of it is read.
            but: directories in it that are passed over.
        """
        passed = tuple(but)
        files = [
            path
            for path in directory.rglob("*")
            if path.is_file() and not any(path.is_relative_to(other) for other in passed)
        ]
        found = {str(path.relative_to(directory)): self.in_data(path.read_bytes()) for path in files}
        return {name: inside for name, told in found.items() if (inside := told | self.in_data(name.encode()))}
