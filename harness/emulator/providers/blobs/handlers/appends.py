"""Append blobs: append and seal."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import appends
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.contents import Contents
from harness.emulator.providers.blobs.errors import invalid_blob_type
from harness.emulator.providers.blobs.handlers.response_headers import encrypted, stamps
from harness.emulator.providers.blobs.handlers.source_reader import SourceReader
from harness.emulator.providers.blobs.paths import StoredBlob
from harness.emulator.storage_service import bodies, errors
from harness.emulator.storage_service.bodies import BufferedBody
from harness.emulator.storage_service.operations import Call


class AppendHandlers:
    """Operations on append blobs."""

    def __init__(self, containers: Containers, contents: Contents, source_reader: SourceReader) -> None:
        self._containers = containers
        self._contents = contents
        self._source_reader = source_reader

    async def append(self, call: Call) -> Response:
        """Append Block, or Append Block From URL."""
        request, limit = call.request, appends.block_limit(call.version)
        if "x-ms-copy-source" in request.headers:
            self._blob_to_append(call, 0)
            return await self._append(call, await self._source_reader.read(call, limit=limit))
        size = bodies.length(request)
        if size is None:
            raise errors.missing_length()
        if size == 0:
            raise errors.invalid_header("content-length")
        if size > limit:
            raise errors.too_large(limit)
        self._blob_to_append(call, size)
        return await self._append(call, await bodies.gather(request, limit=limit))

    async def _append(self, call: Call, body: BufferedBody) -> Response:
        size = sum(len(part) for part in body.parts)
        async with self._containers.changing(call):
            blob = self._blob_to_append(call, size)
            offset = blob.entry.length
            record = replace(blob.record, appended=blob.record.appended + 1, content_md5="")
            plan = self._contents.plan(blob, record, length=offset + size)
            await self._contents.write(plan, offset, body.parts)
        fields = [
            *stamps(plan.after),
            *await body.checksum_headers(call.request),
            ("x-ms-blob-append-offset", str(offset)),
            ("x-ms-blob-committed-block-count", str(record.appended)),
        ]
        return Response(201, headers=[*fields, *encrypted(call)])

    def seal(self, call: Call) -> Response:
        """Append Blob Seal."""
        blob = self._append_blob(call)
        appends.check_position(call.request, blob.entry.length)
        if not blob.record.sealed:
            blob = self._containers.with_record(blob, replace(blob.record, sealed=True))
            self._containers.put_record(blob)
        return Response(200, headers=[*stamps(blob), ("x-ms-blob-sealed", "true")])

    def _blob_to_append(self, call: Call, size: int) -> StoredBlob:
        """Return the blob, if a block of ``size`` bytes may be appended to it."""
        blob = self._append_blob(call)
        record = blob.record
        appends.check(call.request, length=blob.entry.length, blocks=record.appended, sealed=record.sealed, size=size)
        return blob

    def _append_blob(self, call: Call) -> StoredBlob:
        blob = self._containers.blob(call, change=True)
        if blob.record.kind != "AppendBlob":
            raise invalid_blob_type()
        return blob
