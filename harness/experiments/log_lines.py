"""Lines of logs, whatever their encoding, line ends and length."""

import heapq
import re
from pathlib import Path

LONGEST = 4096  # bytes of a line that are kept
_LONGEST_TAIL = 1024  # those of them that are from the end of the line
_MOST_SEARCHED = 1 << 20  # bytes at the end of a log that are searched for nearest lines
_ESCAPE = re.compile(r"\\.|\[[^\]]*\]")
_WORD = re.compile(r"[^\W\d_]{2,}")


class LineSplitter:
    r"""Splits a log that grows into lines, of which it keeps a bounded part.

    A line ends with a newline. Where a carriage return lets a later part overwrite an earlier one, as progress bars
    do, the last part is the line. Of a long line the two ends are kept. Bytes that are not UTF-8 become escapes, such
    as ``\xe4``.
    """

    def __init__(self) -> None:
        self._head = self._tail = b""
        self._size = 0
        self._is_inside = False

    def feed(self, content: bytes, *, most: int | None = None) -> list[str]:
        """The lines that ``content`` completes.

        Args:
            content: the next bytes of the log.
            most: how many lines to return; of more, the last ones. Default: all.
        """
        if self._is_inside:
            _, newline, content = content.partition(b"\n")
            self._is_inside = not newline
        if most is not None and content.count(b"\n") > most:
            self.restart()
            content = _last_lines(content, most)
        *ended, rest = content.split(b"\n")
        lines = []
        for piece in ended:
            self._add(piece)
            lines.append(self._take())
        self._add(rest)
        return lines

    def end(self) -> list[str]:
        """The last line, where it has no newline."""
        return [self._take()] if self._size else []

    def restart(self, *, inside: bool = False) -> None:
        """Drop the line that has begun, because the next bytes do not continue it.

        Args:
            inside: what follows begins in the middle of another line, the rest of which is left out.
        """
        self._head = self._tail = b""
        self._size, self._is_inside = 0, inside

    def _add(self, piece: bytes) -> None:
        if (at := piece.rstrip(b"\r").rfind(b"\r")) >= 0:
            piece = piece[at + 1 :]
            self.restart()
        elif piece.rstrip(b"\r") and (self._tail or self._head).endswith(b"\r"):
            self.restart()
        self._size += len(piece)
        room = LONGEST - _LONGEST_TAIL - len(self._head)
        self._head += piece[:room]
        self._tail = (self._tail + piece[room:])[-_LONGEST_TAIL:]

    def _take(self) -> str:
        left_out = self._size - len(self._head) - len(self._tail)
        gap = f" ... ({left_out} bytes) ... ".encode() if left_out else b""
        line = (self._head + gap + self._tail).rstrip(b"\r").decode("utf-8", "backslashreplace")
        self.restart()
        return line


def last_lines(path: Path, most: int) -> list[str]:
    """The end of a log, at most so many lines; an empty list where it cannot be read."""
    try:
        return _end_of(path, most * LONGEST)[-most:]
    except OSError:
        return []


def nearest_lines(path: Path, name: str, pattern: str, most: int) -> list[str]:
    """The lines of a log that share most words with a pattern that matched nothing, or with a metric's name.

    Args:
        path: of the log, of which the end is searched.
        name: of the metric.
        pattern: its regular expression.
        most: how many lines.
    """
    words = {word.lower() for word in _WORD.findall(f"{name.replace('_', ' ')} {_ESCAPE.sub(' ', pattern)}")}
    scored: list[tuple[int, int, str]] = []
    for number, line in enumerate(_end_of(path, _MOST_SEARCHED)):
        shared = len(words & {word.lower() for word in _WORD.findall(line)})
        if shared:
            heapq.heappush(scored, (shared, number, line.strip()[:200]))
            if len(scored) > most:
                heapq.heappop(scored)
    return [line for _, _, line in sorted(scored, key=lambda entry: entry[1])]


def _end_of(path: Path, most: int) -> list[str]:
    splitter = LineSplitter()
    with path.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, 2) - most))
        return [*splitter.feed(stream.read(most)), *splitter.end()]


def _last_lines(content: bytes, most: int) -> bytes:
    """What follows the newline before the last ``most`` newlines."""
    at = len(content)
    for _ in range(most + 1):
        at = content.rfind(b"\n", 0, at)
    return content[at + 1 :]
