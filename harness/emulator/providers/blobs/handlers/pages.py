"""Page blobs: write and clear pages."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import pages
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.contents import Contents
from harness.emulator.providers.blobs.errors import invalid_blob_type
from harness.emulator.providers.blobs.handlers.response_headers import Headers, encrypted, stamps
from harness.emulator.providers.blobs.handlers.source_reader import SourceReader
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.paths import StoredBlob
from harness.emulator.storage_service import bodies, errors, extents
from harness.emulator.storage_service.bodies import BufferedBody
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.operations import Call

_LIMIT = 4 << 20  # bytes that one request writes


class PageHandlers:
    """Operations on the pages of one blob."""

    def __init__(self, containers: Containers, contents: Contents, source_reader: SourceReader) -> None:
        self._containers = containers
        self._contents = contents
        self._source_reader = source_reader

    async def put(self, call: Call) -> Response:
        """Put Page: update or clear; or Put Page From URL."""
        request = call.request
        write = request.headers.get("x-ms-page-write", "").lower()
        if write not in ("update", "clear"):
            raise (errors.invalid_header if write else errors.missing_header)("x-ms-page-write")
        size = bodies.length(request)
        if size is None:
            raise errors.missing_length()
        if write == "clear":
            if size:
                raise errors.invalid_header("content-length")
            return await self._clear(call)
        count = self._pages_to_write(call)[2]
        if count > _LIMIT:
            raise errors.too_large(_LIMIT)
        if "x-ms-copy-source" in request.headers:
            if "x-ms-source-range" not in request.headers:
                raise errors.missing_header("x-ms-source-range")
            return await self._write(call, await self._source_reader.read(call, limit=_LIMIT, count=count))
        if size != count:
            raise errors.invalid_header("content-length")
        return await self._write(call, await bodies.gather(request, limit=_LIMIT))

    async def _write(self, call: Call, body: BufferedBody) -> Response:
        async with self._containers.changing(call):
            blob, first, count = self._pages_to_write(call)
            if sum(len(part) for part in body.parts) != count:
                raise errors.invalid_header("content-length")
            record = _with_extent(blob, Extent(first, first + count, blob.record.epoch))
            plan = self._contents.plan(blob, record)
            await self._contents.write(plan, first, body.parts)
        return self._response(call, plan.after, await body.checksum_headers(call.request))

    async def _clear(self, call: Call) -> Response:
        async with self._containers.changing(call):
            blob, first, count = self._pages_to_write(call)
            record = _with_extent(blob, Extent(first, first + count, blob.record.epoch, cleared=True))
            plan = self._contents.plan(blob, record)
            await self._contents.clear(plan, first, first + count)
        return self._response(call, plan.after, [])

    def _response(self, call: Call, after: StoredBlob, checksums: Headers) -> Response:
        number = ("x-ms-blob-sequence-number", str(after.record.sequence))
        return Response(201, headers=[*stamps(after), *checksums, number, *encrypted(call)])

    def _pages_to_write(self, call: Call) -> tuple[StoredBlob, int, int]:
        """Return the blob, and first byte and size of the pages that a request may write."""
        blob = require_page_blob(self._containers.blob(call, change=True))
        pages.check_number(call.request, blob.record.sequence)
        return blob, *pages.written_range(call.request, blob.entry.length)


def require_page_blob(blob: StoredBlob) -> StoredBlob:
    """Return a blob, if it is a page blob.

    Raises:
        StorageError: the blob has another type.
    """
    if blob.record.kind != "PageBlob":
        raise invalid_blob_type()
    return blob


def _with_extent(blob: StoredBlob, extent: Extent) -> Blob:
    """Return the blob's record after a write to its pages, or after clearing them."""
    return replace(blob.record, extents=extents.add(blob.record.extents, extent), content_md5="")
