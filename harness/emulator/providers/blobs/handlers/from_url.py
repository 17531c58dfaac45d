"""Block blobs with content from a URL: Put Blob From URL, and Copy Blob From URL, which is synchronous."""

import uuid

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tags
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.copy_rules import blob_to_replace, copy_record
from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers, BlobWrite
from harness.emulator.providers.blobs.handlers.response_headers import encrypted
from harness.emulator.providers.blobs.handlers.source_reader import SourceReader
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.paths import StoredBlob
from harness.emulator.storage_service import errors, headers
from harness.emulator.storage_service.copy_sources import Source, without_signature
from harness.emulator.storage_service.copying import Copy
from harness.emulator.storage_service.entries import staged
from harness.emulator.storage_service.operations import Call

_TAG_OPTION = "x-ms-copy-source-tag-option"
_PUT_LIMIT, _COPY_LIMIT = 5000 << 20, 256 << 20  # bytes


class FromUrlHandlers:
    """Operations that read another blob or file as a whole."""

    def __init__(self, containers: Containers, blobs: BlobHandlers, source_reader: SourceReader) -> None:
        self._containers = containers
        self._blobs = blobs
        self._source_reader = source_reader

    async def put(self, call: Call) -> Response:
        """Put Blob From URL."""
        path = self._containers.path(call.target)
        self._containers.admit_write(call, self._containers.find(path))
        with self._source_reader.open(call) as source, staged(self._containers.trash.folder) as (descriptor, temporary):
            checksums = await self._source_reader.receive(call, source, descriptor, limit=_PUT_LIMIT)
            async with self._containers.changing(call) as path:
                before = self._containers.find(path)
                self._containers.admit_write(call, before)  # again, because reading the content took time
                record = self._record(call, before, source, checksums.md5)
                fields = self._blobs.publish(BlobWrite(path, before, record), descriptor, temporary)
        return Response(201, headers=[*fields, *checksums.checksum_headers(call.request), *encrypted(call)])

    def _record(self, call: Call, before: StoredBlob | None, source: Source, md5: str) -> Blob:
        """Return the record of the blob: with the properties of the source, unless the request sets them."""
        record = self._blobs.new_record(call, before, content_md5=md5)
        content = headers.content(call.request, "x-ms-blob-")
        if headers.flag(call.request, "x-ms-copy-source-blob-properties", default=True):
            content = dict(source.content) | content
        return replace(record, content=content, tags=_tags(call, source, record))

    async def copy(self, call: Call) -> Response:
        """Copy Blob From URL."""
        path = self._containers.path(call.target)
        blob_to_replace(self._containers, call, path)
        with self._source_reader.open(call) as source, staged(self._containers.trash.folder) as (descriptor, temporary):
            checksums = await self._source_reader.receive(call, source, descriptor, limit=_COPY_LIMIT)
            url = without_signature(call.request.headers["x-ms-copy-source"])
            length = source.length
            copy = Copy(str(uuid.uuid4()), url, "success", length, done=length, completed=call.now)
            async with self._containers.changing(call) as path:
                before = blob_to_replace(self._containers, call, path)
                record = copy_record(call, source)
                record = replace(record, kind="BlockBlob", content_md5=checksums.md5, copy=copy, extents=())
                record = replace(record, tags=_tags(call, source, record))
                write = BlobWrite(path, before, self._blobs.successor_record(before, record))
                fields = self._blobs.publish(write, descriptor, temporary)
        copy_fields = [("x-ms-copy-id", copy.id), ("x-ms-copy-status", copy.status)]
        return Response(202, headers=[*fields, *checksums.checksum_headers(call.request), *copy_fields])


def _tags(call: Call, source: Source, record: Blob) -> dict[str, str]:
    """Return the tags of a blob: those of the request, or those of the source if the request asks for them.

    Raises:
        StorageError: the request asks for both, or the caller may not read the source's tags or write tags.
    """
    option = call.request.headers.get(_TAG_OPTION, "").lower()
    if option in ("", "replace"):
        return record.tags
    if option != "copy" or record.tags:
        raise errors.invalid_header(_TAG_OPTION)
    tags.check_permitted(call)
    if not source.shows_tags:
        refusal = errors.permission_mismatch()
        raise errors.copy_source(refusal.status, str(refusal), source=refusal)
    return source.blob.tags if isinstance(source.blob, Blob) else {}
