"""Lines of logs in any encoding, with any line ends, of any length."""

import heapq
import re
from pathlib import Path

LONGEST = 4096  # bytes of a line that are kept
_LONGEST_TAIL = 1024  # bytes of these that come from the end of the line
_MOST_SEARCHED = 1 << 20  # bytes at the end of a log in which nearest_lines searches
_ESCAPE = re.compile(r"\\.|\[[^\]]*\]")
_WORD = re.compile(r"[^\W\d_]{2,}")


class LineSplitter:
    r"""Splits a growing log into lines of bounded length.

    A line ends with a newline. If a carriage return lets a later part overwrite an earlier one, as in a progress bar,
    the last part is the line. A long line loses its middle. Bytes that are not UTF-8 become escapes such as ``\xe4``.
    """

    def __init__(self) -> None:
        self._head = self._tail = b""
        self._size = 0
        self._is_inside = False

    def feed(self, content: bytes, *, most: int | None = None) -> list[str]:
        """The lines that ``content`` completes.

        Args:
            content: the next bytes of the log.
            most: the maximum number of lines, counted from the end; default all.
        """
        if self._is_inside:
            _, newline, content = content.partition(b"\n")
            self._is_inside = not newline
        if most is not None and content.count(b"\n") > most:
            self.restart()
            content = _last_lines(content, most)
        *pieces, rest = content.split(b"\n")
        lines = []
        for piece in pieces:
            self._add(piece)
            lines.append(self._complete_line())
        self._add(rest)
        return lines

    def end(self) -> list[str]:
        """The last line if it has no newline; else an empty list."""
        return [self._complete_line()] if self._size else []

    def restart(self, *, inside: bool = False) -> None:
        """Drop the incomplete line, because the next bytes do not continue it.

        Args:
            inside: whether the next bytes begin in the middle of a line; the rest of that line is skipped.
        """
        self._head = self._tail = b""
        self._size, self._is_inside = 0, inside

    def _add(self, piece: bytes) -> None:
        if (position := piece.rstrip(b"\r").rfind(b"\r")) >= 0:
            piece = piece[position + 1 :]
            self.restart()
        elif piece.rstrip(b"\r") and (self._tail or self._head).endswith(b"\r"):
            self.restart()
        self._size += len(piece)
        room = LONGEST - _LONGEST_TAIL - len(self._head)
        self._head += piece[:room]
        self._tail = (self._tail + piece[room:])[-_LONGEST_TAIL:]

    def _complete_line(self) -> str:
        gap_size = self._size - len(self._head) - len(self._tail)
        gap = f" ... ({gap_size} bytes) ... ".encode() if gap_size else b""
        line = (self._head + gap + self._tail).rstrip(b"\r").decode("utf-8", "backslashreplace")
        self.restart()
        return line


def last_lines(path: Path, most: int) -> list[str]:
    """The last lines of a log, at most ``most``; an empty list if the log cannot be read."""
    try:
        return _end_of(path, most * LONGEST)[-most:]
    except OSError:
        return []


def nearest_lines(path: Path, name: str, pattern: str, most: int) -> list[str]:
    """The lines of a log that share most words with a pattern that matched nothing, or with a metric's name.

    Args:
        path: the log; only its end is searched.
        name: the name of the metric.
        pattern: the regular expression of the metric.
        most: the maximum number of lines.
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
    """The bytes after the newline that precedes the last ``most`` newlines."""
    position = len(content)
    for _ in range(most + 1):
        position = content.rfind(b"\n", 0, position)
    return content[position + 1 :]
