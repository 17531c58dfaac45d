"""Scalars of TensorBoard's event files, which are TFRecords of ``Event`` messages. Pure, except for reading the file.

The format is small and stable, so this module parses it: TensorBoard itself would bring 40 packages. Sources, below
tensorflow/core: lib/io/record_writer.h, util/event.proto, framework/summary.proto, framework/tensor.proto.
Checksums are not verified. Reading stops at an incomplete record, as in a file that is still being written.
"""

import errno
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from harness.experiments.metric_points import Point

_LONGEST_RECORD = 16 << 20  # bytes of a record that is read; scalars have tens, images and graphs have more
_HEADER, _FOOTER = 12, 4  # length and its checksum, the record's checksum
_MOST_FIELDS = 10_000_000  # fields of a file, records included: a million values, which take some seconds
_FEW_FIELDS = 100  # fields of a message other than a summary; such messages have up to ten
_LONGEST_TAG = 100  # bytes that are shown
_FLOAT, _DOUBLE = 1, 2  # of tensor.proto's DataType

Field = tuple[int, int | bytes]


class TooLargeError(OSError):
    """The file has more fields than the parser reads."""

    def __init__(self) -> None:
        super().__init__(errno.EFBIG, f"it has more than {_MOST_FIELDS:,} fields")


def scalar_points(path: Path, tag: str) -> Iterator[Point]:
    """The scalars of a tag, in the order in which they were written.

    Args:
        path: the event file.
        tag: the name of the scalar.

    Raises:
        OSError: the file cannot be read, or is so large that its last values remain unknown.
    """
    name, parser = tag.encode(), _Parser()
    with path.open("rb") as stream:
        for record in parser.records(stream):
            if name in record:
                yield from _scalars(record, name, parser)


def tags_in(path: Path, most: int) -> list[str]:
    """At most ``most`` tags of the scalars in a file, without duplicates; long tags are cut."""
    tags: dict[bytes, None] = {}
    parser = _Parser()
    with path.open("rb") as stream, suppress(TooLargeError):
        for record in parser.records(stream):
            for _, summary in _bytes_fields(parser.fields(record), 5):
                for _, value in _bytes_fields(parser.fields(summary), 1):
                    tags |= dict.fromkeys(tag[:_LONGEST_TAG] for _, tag in _bytes_fields(parser.few_fields(value), 1))
                    if len(tags) >= most:
                        return _texts(tags)
    return _texts(tags)


def _texts(tags: Iterable[bytes]) -> list[str]:
    return [tag.decode("utf-8", "replace") for tag in tags]


class _Parser:
    """Parses at most ``_MOST_FIELDS`` fields of a file: the file is untrusted, and parsing must end."""

    def __init__(self) -> None:
        self._remaining = _MOST_FIELDS

    def records(self, stream: BinaryIO) -> Iterator[bytes]:
        """Each complete record. Raises TooLargeError."""
        while len(header := stream.read(_HEADER)) == _HEADER:
            (length,) = struct.unpack_from("<Q", header)
            if length > _LONGEST_RECORD:
                return
            record = stream.read(length)
            if len(record) < length or len(stream.read(_FOOTER)) < _FOOTER:
                return
            self._count()
            yield record

    def fields(self, message: bytes) -> Iterator[Field]:
        """Each field of a message. Raises TooLargeError."""
        for field in _fields(message):
            self._count()
            yield field

    def few_fields(self, message: bytes) -> list[Field]:
        """The fields of a message that has few. Raises TooLargeError."""
        return list(islice(self.fields(message), _FEW_FIELDS))

    def _count(self) -> None:
        self._remaining -= 1
        if self._remaining < 0:
            raise TooLargeError


def _scalars(record: bytes, tag: bytes, parser: _Parser) -> Iterator[Point]:
    fields = parser.few_fields(record)
    step = next((value for number, value in fields if number == 2 and isinstance(value, int)), 0)
    step = step - (1 << 64) if step >= 1 << 63 else step
    for _, summary in _bytes_fields(fields, 5):
        for _, value in _bytes_fields(parser.fields(summary), 1):
            parts = parser.few_fields(value)
            if (1, tag) in parts and (number := _number(parts, parser)) is not None:
                yield Point(number, step)


def _number(parts: list[Field], parser: _Parser) -> float | None:
    """The scalar of a ``Summary.Value``: ``simple_value``, or a tensor of one element, as TensorFlow 2 writes it."""
    for number, part in parts:
        if number == 2 and isinstance(part, bytes) and len(part) == 4:
            return float(struct.unpack("<f", part)[0])
        if number == 8 and isinstance(part, bytes):
            return _tensor_scalar(parser.few_fields(part))
    return None


def _tensor_scalar(fields: list[Field]) -> float | None:
    kind = next((value for number, value in fields if number == 1), 0)
    content = next((value for number, value in fields if number in (4, 5, 6) and isinstance(value, bytes)), b"")
    if kind == _FLOAT and len(content) == 4:
        return float(struct.unpack("<f", content)[0])
    if kind == _DOUBLE and len(content) == 8:
        return float(struct.unpack("<d", content)[0])
    return None


def _bytes_fields(fields: "Iterator[Field] | list[Field]", field_number: int) -> Iterator[tuple[int, bytes]]:
    """The fields of one number whose values are bytes."""
    for number, value in fields:
        if number == field_number and isinstance(value, bytes):
            yield number, value


def _fields(message: bytes) -> Iterator[Field]:
    """Number and value of each field of a protobuf message; everything after a damaged field is ignored."""
    offset = 0
    while offset < len(message):
        key, offset = _varint(message, offset)
        kind = key & 7
        if kind == 0:
            value, offset = _varint(message, offset)
            yield key >> 3, value
            continue
        if kind == 2:
            size, offset = _varint(message, offset)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            return
        if offset + size > len(message):
            return
        yield key >> 3, message[offset : offset + size]
        offset += size


def _varint(message: bytes, offset: int) -> tuple[int, int]:
    """A number and the offset of its end; an incomplete or too long number ends the message."""
    value = 0
    for shift in range(0, 70, 7):
        if offset >= len(message):
            break
        byte = message[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
    return 0, len(message)
