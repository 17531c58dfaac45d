"""Content that a request names by a URL instead of sending it: reads it, and checks it as the request demands."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from harness.emulator.providers.blobs import tags
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.storage_service import bodies, conditions, errors, ranges
from harness.emulator.storage_service.bodies import BufferedBody, Checksums
from harness.emulator.storage_service.copy_sources import CopySources, Source
from harness.emulator.storage_service.file_stream import FileStream
from harness.emulator.storage_service.operations import Call

_URL = "x-ms-copy-source"


class SourceReader:
    """Reads the source in ``x-ms-copy-source``, or the range of it in ``x-ms-source-range``."""

    def __init__(self, sources: CopySources) -> None:
        self._sources = sources

    @contextmanager
    def open(self, call: Call) -> Iterator[Source]:
        """Yield the source, if the request's conditions on it hold.

        Raises:
            StorageError: a condition does not hold, or the caller may not read the source.
        """
        if bodies.length(call.request) not in (None, 0):
            raise errors.invalid_header("content-length")
        with self._sources.open(call, call.request.headers[_URL], signed=True) as source:
            try:
                conditions.check_source(call.request.headers, etag=source.etag, modified=source.modified)
            except errors.StorageError as error:  # the service only learns the source's state when it reads it
                raise errors.copy_source(error.status, str(error), source=errors.condition_not_met()) from error
            if isinstance(source.blob, Blob):
                tags.check(call.request.headers, source.blob.tags, header=tags.SOURCE_CONDITION)
            yield source

    async def read(self, call: Call, *, limit: int, count: int | None = None) -> BufferedBody:
        """Read the content into memory; returns it with its checksums.

        Args:
            limit: the most bytes that it may have.
            count: the bytes that it must have; None for any number.

        Raises:
            StorageError: the caller may not read it, or its length or checksum is not that of the request.
        """
        with self.open(call) as source:
            stream, size = _part(call, source)
            if count not in (None, size):
                raise errors.invalid_header("x-ms-source-range")
            if size > limit:
                raise errors.too_large(limit)
            return await bodies.gather_copied(call.request, stream, limit=limit)

    async def receive(self, call: Call, source: Source, descriptor: int, *, limit: int) -> Checksums:
        """Write the content of an open source to a file; returns its checksums.

        Args:
            limit: the most bytes that it may have.

        Raises:
            StorageError: its length or checksum is not that of the request.
        """
        stream, size = _part(call, source)
        if size > limit:
            raise errors.too_large(limit)
        return (await bodies.receive_copied(call.request, stream, descriptor, limit=limit))[1]


def _part(call: Call, source: Source) -> tuple[FileStream, int]:
    source_range = call.request.headers.get("x-ms-source-range")
    first, size = (0, source.length) if source_range is None else ranges.to_read(source_range, source.length)
    stream = FileStream(os.dup(source.descriptor))  # the stream closes this descriptor
    stream.set_range(first, size)
    return stream, size
