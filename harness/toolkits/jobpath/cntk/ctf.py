"""Reads CNTK's text format: ``|name value value ...`` or ``|name index:value ...``, one sample a line.

Where every line has the same fields, dense and in the same order, numpy parses blocks of lines; fastest where all
values are whole numbers of up to three digits. A block that is not so laid out is read line by line.
"""

import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

_BLOCK: Final = 1 << 20
_NEWLINE, _PIPE, _BLANK = b"\n|\x20"
_BLANKS: Final = b" \t\r\n"


def read_ctf(path: Path, widths: Mapping[str, int]) -> dict[str, Any]:
    """The fields of a file as float32 arrays, ``(samples, width)``.

    Args:
        path: the file.
        widths: the fields to read, and how many values each has.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line lacks a field, has one of another width, or is no CTF; the message gives file and line.
    """
    workers = len(os.sched_getaffinity(0))  # numpy lets go of Python's lock, so that blocks are parsed side by side
    parts: list[dict[str, Any]] = []
    waiting: deque[Future[dict[str, Any]]] = deque()
    line = 1
    with path.open("rb") as stream, ThreadPoolExecutor(workers) as pool:
        for block in _blocks(stream):
            waiting.append(pool.submit(_parsed, block, widths, path, line))
            line += block.count(b"\n")
            if len(waiting) > 2 * workers:
                parts.append(waiting.popleft().result())
        parts += [each.result() for each in waiting]
    if not any(len(next(iter(part.values()))) for part in parts):
        raise ValueError(f"{path} holds no sample")
    return {name: np.concatenate([part[name] for part in parts]) for name in widths}


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The file in pieces that end with a line's end."""
    rest = b""
    while block := stream.read(_BLOCK):
        whole, newline, tail = block.rpartition(b"\n")
        if newline:
            yield rest + whole + newline
            rest = tail
        else:
            rest += block
    if rest:
        yield rest + b"\n"


def _parsed(block: bytes, widths: Mapping[str, int], path: Path, line: int) -> dict[str, Any]:
    return _aligned(block, widths) or _by_line(block, widths, path, line)


def _aligned(block: bytes, widths: Mapping[str, int]) -> dict[str, Any] | None:
    """The fields of a block whose lines all look like its first; ``None`` where that does not hold."""
    names = [part.split(maxsplit=1)[0] for part in block[: block.find(b"\n")].split(b"|")[1:] if part.strip()]
    wanted = {name.encode() for name in widths}
    if set(names) != wanted or len(names) != len(wanted):
        return None
    text = np.frombuffer(block, np.uint8).copy()
    newlines, found = np.flatnonzero(text == _NEWLINE), np.flatnonzero(text == _PIPE)
    if len(found) != len(newlines) * len(names):
        return None
    pipes = found.reshape(len(newlines), len(names))
    starts = np.concatenate(([0], newlines[:-1] + 1))
    if (pipes[:, 0] != starts).any() or (pipes[:, -1] > newlines).any() or not _named(text, pipes, names):
        return None
    ends, values = _numbers(text)
    if values is None:
        return None
    sizes = [widths[name.decode()] for name in names]
    offsets = np.cumsum([0, *sizes])
    expected = np.arange(len(newlines))[:, None] * offsets[-1] + offsets[:-1]
    if len(values) != len(newlines) * offsets[-1] or (np.searchsorted(ends, pipes) != expected).any():
        return None
    table = values.reshape(len(newlines), offsets[-1])
    return {
        name.decode(): table[:, start:stop] for name, start, stop in zip(names, offsets[:-1], offsets[1:], strict=True)
    }


def _named(text: Any, pipes: Any, names: list[bytes]) -> bool:
    """Whether each column of pipes is followed by its name and a blank; blanks both out."""
    for column, name in zip(pipes.T, names, strict=True):
        if column[-1] + len(name) + 1 >= len(text):
            return False
        for place, letter in enumerate(name, 1):
            if (text[column + place] != letter).any():
                return False
        if not np.isin(text[column + len(name) + 1], list(_BLANKS)).all():
            return False
        for place in range(len(name) + 1):
            text[column + place] = _BLANK
    return True


def _numbers(text: Any) -> tuple[Any, Any]:
    """Where each number ends, and the numbers; the latter ``None`` where some text is none.

    A digit weighs ten more for each digit that follows at once; the sum stands at the number's last.
    """
    digits = text - 48  # wraps round, so that all but digits are 10 or more
    digit = digits < 10
    long = digit[3:] & digit[2:-1]
    long &= digit[1:-2]
    long &= digit[:-3]
    if (digit | (text == _BLANK) | (text == _NEWLINE)).all() and not long.any():
        digits *= digit
        sums = digits.astype(np.uint16)
        sums[1:] += digits[:-1] * np.uint16(10)
        sums[2:] += digits[:-2] * digit[1:-1] * np.uint16(100)
        ends = np.flatnonzero(digit[:-1] & ~digit[1:])
        return ends, sums.take(ends).astype(np.float32)
    blank = np.isin(text, np.frombuffer(_BLANKS, np.uint8))
    ends = np.flatnonzero(~blank[:-1] & blank[1:])
    try:
        return ends, np.array(text.tobytes().split(), dtype=np.bytes_).astype(np.float32)
    except ValueError:
        return ends, None


def _by_line(block: bytes, widths: Mapping[str, int], path: Path, first: int) -> dict[str, Any]:
    rows: dict[str, list[Any]] = {name: [] for name in widths}
    previous = b""
    for number, line in enumerate(block.split(b"\n"), first):
        if not line.strip():
            continue
        sequence, *fields = line.split(b"|")
        if sequence.strip() and sequence.strip() == previous:
            raise ValueError(f"{path}:{number}: CNTK on PyTorch reads sequences of one sample, this one goes on")
        previous = sequence.strip()
        try:
            found = dict(_field(field, widths) for field in fields if field.strip() and field[:1] != b"#")
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
        for name in widths:
            if name not in found:
                raise ValueError(f"{path}:{number}: there is no field {name!r}")
            rows[name].append(found[name])
    return {name: np.array(row, np.float32).reshape(len(row), widths[name]) for name, row in rows.items()}


def _field(field: bytes, widths: Mapping[str, int]) -> tuple[str, Any]:
    name, *tokens = field.split()
    key = name.decode("utf-8", "replace")
    if key not in widths:
        return key, None
    width = widths[key]
    if not any(b":" in token for token in tokens):
        if len(tokens) != width:
            raise ValueError(f"field {key!r} has {len(tokens)} values, not {width}")
        return key, [float(token) for token in tokens]
    values = np.zeros(width, np.float32)
    for token in tokens:
        index, _, value = token.partition(b":")
        if not index.isdigit() or int(index) >= width:
            raise ValueError(f"field {key!r} has no index {index.decode('utf-8', 'replace')!r}; its width is {width}")
        values[int(index)] = float(value)
    return key, values
