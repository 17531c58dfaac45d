"""PUT of a blob: creates a blob of one of three types, a copy, or a blob with content from a URL."""

import os

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import pages
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers, BlobWrite
from harness.emulator.providers.blobs.handlers.copies import CopyHandlers
from harness.emulator.providers.blobs.handlers.from_url import FromUrlHandlers
from harness.emulator.providers.blobs.handlers.response_headers import encrypted
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.storage_service import bodies, errors, headers
from harness.emulator.storage_service.entries import staged
from harness.emulator.storage_service.operations import Call


class PutHandlers:
    """Put Blob, Put Blob From URL, Copy Blob and Copy Blob From URL, which share one address."""

    def __init__(
        self, containers: Containers, blobs: BlobHandlers, copies: CopyHandlers, from_url: FromUrlHandlers
    ) -> None:
        self._containers = containers
        self._blobs = blobs
        self._copies = copies
        self._from_url = from_url

    async def put(self, call: Call) -> Response:
        """Create or replace a blob."""
        request_headers = call.request.headers
        kind = request_headers.get("x-ms-blob-type", "").lower()
        if "x-ms-copy-source" in request_headers:
            if kind == "blockblob":
                return await self._from_url.put(call)
            if headers.flag(call.request, "x-ms-requires-sync"):
                return await self._from_url.copy(call)
            return await self._copies.start(call)
        if not kind:
            raise errors.missing_header("x-ms-blob-type")
        if kind == "blockblob":
            return await self._blobs.put(call)
        if kind == "appendblob":
            return await self._create(call, 0, Blob(kind="AppendBlob"))
        if kind == "pageblob":
            length = pages.length(call.request)
            if length is None:
                raise errors.missing_header("x-ms-blob-content-length")
            return await self._create(call, length, Blob(kind="PageBlob", sequence=pages.first_number(call.request)))
        raise errors.invalid_header("x-ms-blob-type")

    async def _create(self, call: Call, length: int, record: Blob) -> Response:
        """Create an append blob without blocks, or a page blob of zeros."""
        size = bodies.length(call.request)
        if size is None:
            raise errors.missing_length()
        if size:
            raise errors.invalid_header("content-length")
        content_md5 = headers.stored_md5(call.request, "x-ms-blob-content-md5")
        async with self._containers.changing(call) as path:
            before = self._containers.find(path)
            self._containers.admit_write(call, before)
            new_record = self._blobs.new_record(call, before, content_md5=content_md5)
            with staged(self._containers.trash.folder) as (descriptor, temporary):
                os.truncate(descriptor, length)
                write = BlobWrite(path, before, replace(new_record, kind=record.kind, sequence=record.sequence))
                fields = self._blobs.publish(write, descriptor, temporary)
        return Response(201, headers=[*fields, *encrypted(call)])
