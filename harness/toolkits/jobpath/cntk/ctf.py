"""Reads CNTK's text format: ``|name value value ...`` or ``|name index:value ...``, one sample a line.

If every line has the same fields, dense and in the same order, numpy parses blocks of lines; it is fastest if all
values are whole numbers of up to three digits. A block with another layout is read line by line.

This module refuses what the reader of CNTK 2.7 refuses with ``max_errors=0`` (tested with that version): blank lines, a
field that occurs twice in a line, a blank after ``|``, numbers such as ``nan`` and ``.5``. A dense field with too few
values is filled with zeros, and a sparse field may be empty.
"""

import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Set
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

_BLOCK: Final = 1 << 20
_NEWLINE, _PIPE, _BLANK = b"\n|\x20"
_DOT, _RETURN = b".\r"
_BLANKS: Final = b" \t\r\n"
_LETTERS: Final = b"0123456789+-.eE" + _BLANKS  # the characters of numbers and their separators
_EXPONENTS: Final = b"eE"
_NUMBER: Final = re.compile(rb"[+-]?\d+(?:\.(?:\d+(?:[eE][+-]?\d+)?)?|[eE][+-]?\d+)?")
_SEQUENCE: Final = re.compile(rb"^[ \t]*(\d*)[ \t]*\|", re.MULTILINE)
_MARK: Final = b"\xef\xbb\xbf"  # UTF-8's byte order mark, which some editors write first
_LARGEST_ID: Final = (1 << 64) - 1


def read_ctf(path: Path, widths: Mapping[str, int], sparse: Set[str] = frozenset()) -> dict[str, Any]:
    """The fields of a file as float32 arrays, ``(samples, width)``.

    Args:
        path: the file.
        widths: the fields to read, and how many values each has.
        sparse: the fields that are written as ``index:value``; default none.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line lacks a field, has a field that is too wide, or is no CTF; the message has file and line.
    """
    workers = len(os.sched_getaffinity(0))  # numpy releases the GIL, so that blocks are parsed in parallel
    parts: list[dict[str, Any]] = []
    futures: deque[Future[dict[str, Any]]] = deque()
    line = 1
    with path.open("rb") as stream, ThreadPoolExecutor(workers) as pool:
        for block in _blocks(stream):
            futures.append(pool.submit(_parse, block, widths, sparse, path, line))
            line += block.count(b"\n")
            if len(futures) > 2 * workers:
                parts.append(futures.popleft().result())
        parts += [future.result() for future in futures]
    if not any(len(next(iter(part.values()))) for part in parts):
        raise ValueError(f"{path} holds no sample")
    return {name: np.concatenate([part[name] for part in parts]) for name in widths}


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The file in blocks of whole lines."""
    rest = stream.read(len(_MARK)).removeprefix(_MARK)
    while block := stream.read(_BLOCK):
        whole, newline, tail = block.rpartition(b"\n")
        if newline:
            yield rest + whole + newline
            rest = tail
        else:
            rest += block
    if rest:
        yield rest + b"\n"


def sequence_ids(path: Path) -> list[int]:
    """The id of each line's sequence: the number before its first ``|``, or the line's number if the first has none.

    Raises:
        OSError: the file cannot be read.
    """
    texts = _SEQUENCE.findall(path.read_bytes().removeprefix(_MARK))
    has_ids = bool(texts and texts[0])
    return [int(text) if has_ids and text else line for line, text in enumerate(texts)]


def _parse(block: bytes, widths: Mapping[str, int], sparse: Set[str], path: Path, line: int) -> dict[str, Any]:
    arrays = None if sparse else _parse_aligned(block, widths)
    return arrays or _parse_lines(block, widths, sparse, path, line)


def _parse_aligned(block: bytes, widths: Mapping[str, int]) -> dict[str, Any] | None:
    """The fields of a block whose lines all have the layout of the first; None for any other block."""
    names = [part.split(maxsplit=1)[0] for part in block[: block.find(b"\n")].split(b"|")[1:] if part.strip()]
    fields = {name.encode() for name in widths}
    if set(names) != fields or len(names) != len(fields):
        return None
    text = np.frombuffer(block, np.uint8).copy()
    newlines, pipe_positions = np.flatnonzero(text == _NEWLINE), np.flatnonzero(text == _PIPE)
    if len(pipe_positions) != len(newlines) * len(names):
        return None
    pipes = pipe_positions.reshape(len(newlines), len(names))
    starts = np.concatenate(([0], newlines[:-1] + 1))
    if (pipes[:, 0] != starts).any() or (pipes[:, -1] > newlines).any() or not _remove_names(text, pipes, names):
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


def _remove_names(text: Any, pipes: Any, names: list[bytes]) -> bool:
    """Whether each column of pipes is followed by its name and a blank; replaces pipes and names by blanks."""
    for column, name in zip(pipes.T, names, strict=True):
        if column[-1] + len(name) + 1 >= len(text):
            return False
        for offset, letter in enumerate(name, 1):
            if (text[column + offset] != letter).any():
                return False
        if not np.isin(text[column + len(name) + 1], list(_BLANKS)).all():
            return False
        for offset in range(len(name) + 1):
            text[column + offset] = _BLANK
    return True


def _numbers(text: Any) -> tuple[Any, Any]:
    """The end of each number, and the numbers; the latter are None if some text is no number.

    Each digit is multiplied by ten for each digit that follows; the sum is at the number's last digit.
    """
    digits = text - 48  # unsigned, so that all characters but digits give 10 or more
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
    if not _is_numeric(text, digit):
        return None, None
    blank = np.isin(text, np.frombuffer(_BLANKS, np.uint8))
    ends = np.flatnonzero(~blank[:-1] & blank[1:])
    try:
        return ends, np.array(text.tobytes().split(), dtype=np.bytes_).astype(np.float32)
    except ValueError:
        return ends, None


def _is_numeric(text: Any, digit: Any) -> bool:
    """Whether a text has only characters of CNTK's numbers, a digit before each point, and no exponent after one."""
    if not np.isin(text, np.frombuffer(_LETTERS, np.uint8)).all():
        return False
    points = np.flatnonzero(text == _DOT)
    if points.size and (
        points[0] == 0 or not digit[points - 1].all() or np.isin(text[points + 1], list(_EXPONENTS)).any()
    ):
        return False
    returns = np.flatnonzero(text == _RETURN)
    return bool((text[returns + 1] == _NEWLINE).all())


def _parse_lines(block: bytes, widths: Mapping[str, int], sparse: Set[str], path: Path, first: int) -> dict[str, Any]:
    rows: dict[str, list[Any]] = {name: [] for name in widths}
    previous = b""
    for number, line in enumerate(block.removesuffix(b"\n").split(b"\n"), first):
        try:
            sequence, values = _sample(line.rstrip(_BLANKS), widths, sparse)
            if sequence and sequence == previous:
                raise ValueError("CNTK on PyTorch reads sequences of one sample; this line continues the one before")
            for name in widths:
                if name not in values:
                    raise ValueError(f"there is no field {name!r}")
                rows[name].append(values[name])
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
        previous = sequence
    return {name: np.array(row, np.float32).reshape(len(row), widths[name]) for name, row in rows.items()}


def _sample(line: bytes, widths: Mapping[str, int], sparse: Set[str]) -> tuple[bytes, dict[str, Any]]:
    """The id of a line's sequence, which may be empty, and the values of the requested fields."""
    head, *fields = line.split(b"|")
    sequence = head.strip(b" \t")
    if not fields:
        raise ValueError("there is no field in this line, and CNTK reads no blank lines")
    if sequence and not (sequence.isdigit() and int(sequence) <= _LARGEST_ID):
        raise ValueError(f"{_quote(sequence)} before the first field is no sequence id, a whole number below 2**64")
    values: dict[str, Any] = {}
    for field in fields:
        if field[:1] == b"#":
            continue
        name, *tokens = [token for token in field.replace(b"\t", b" ").split(b" ") if token] or [b""]
        if not name or not field.startswith(name):
            raise ValueError("a field's name has to follow its '|' at once")
        key = name.decode("utf-8", "replace")
        if key in values:
            raise ValueError(f"field {key!r} occurs twice")
        if key in widths:
            values[key] = (_sparse if key in sparse else _dense)(key, tokens, widths[key])
    return sequence, values


def _dense(key: str, tokens: list[bytes], width: int) -> Any:
    if len(tokens) > width:
        raise ValueError(f"field {key!r} has {len(tokens)} values, more than {width}")
    values = np.zeros(width, np.float32)
    values[: len(tokens)] = [_number(token) for token in tokens]
    return values


def _sparse(key: str, tokens: list[bytes], width: int) -> Any:
    values = np.zeros(width, np.float32)
    for token in tokens:
        index, colon, value = token.partition(b":")
        if not colon:
            raise ValueError(f"{_quote(token)} in the sparse field {key!r} is not of the form index:value")
        if not index.isdigit() or int(index) >= width:
            raise ValueError(f"field {key!r} has no index {_quote(index)}; its width is {width}")
        values[int(index)] += _number(value)
    return values


def _number(token: bytes) -> Any:
    if not _NUMBER.fullmatch(token):
        raise ValueError(f"{_quote(token)} is no number as CNTK reads them: digits before a point, no nan, no inf")
    with np.errstate(over="ignore"):
        return np.float32(token)


def _quote(text: bytes) -> str:
    return repr(text[:40].decode("utf-8", "replace"))
