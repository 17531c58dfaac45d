"""Page blobs: write and clear pages."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import pages
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.contents import Contents
from harness.emulator.providers.blobs.errors import invalid_blob_type
from harness.emulator.providers.blobs.handlers.pieces import Pieces
from harness.emulator.providers.blobs.handlers.response_headers import Headers, encrypted, stamps
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import bodies, errors, extents
from harness.emulator.storage_service.bodies import Gathered
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.operations import Call

_LIMIT = 4 << 20  # bytes that one request writes


class PageHandlers:
    """Operations on the pages of one blob."""

    def __init__(self, containers: Containers, contents: Contents, pieces: Pieces) -> None:
        self._containers = containers
        self._contents = contents
        self._pieces = pieces

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
        count = self._admitted(call)[2]
        if count > _LIMIT:
            raise errors.too_large(_LIMIT)
        if "x-ms-copy-source" in request.headers:
            if "x-ms-source-range" not in request.headers:
                raise errors.missing_header("x-ms-source-range")
            return await self._write(call, await self._pieces.read(call, limit=_LIMIT, count=count))
        if size != count:
            raise errors.invalid_header("content-length")
        return await self._write(call, await bodies.gather(request, limit=_LIMIT))

    async def _write(self, call: Call, body: Gathered) -> Response:
        async with self._containers.changing(call):
            found, first, count = self._admitted(call)
            if sum(len(part) for part in body.parts) != count:
                raise errors.invalid_header("content-length")
            blob = _noted(found, Extent(first, first + count, found.blob.epoch))
            plan = self._contents.plan(found, blob)
            await self._contents.write(plan, first, body.parts)
        return self._written(call, plan.after, await body.confirmed(call.request))

    async def _clear(self, call: Call) -> Response:
        async with self._containers.changing(call):
            found, first, count = self._admitted(call)
            blob = _noted(found, Extent(first, first + count, found.blob.epoch, cleared=True))
            plan = self._contents.plan(found, blob)
            await self._contents.clear(plan, first, first + count)
        return self._written(call, plan.after, [])

    def _written(self, call: Call, after: Found, checked: Headers) -> Response:
        number = ("x-ms-blob-sequence-number", str(after.blob.sequence))
        return Response(201, headers=[*stamps(after), *checked, number, *encrypted(call)])

    def _admitted(self, call: Call) -> tuple[Found, int, int]:
        """The blob, and first byte and count of the pages that a request may write."""
        found = of_pages(self._containers.blob(call, change=True))
        pages.check_number(call.request, found.blob.sequence)
        return found, *pages.written_range(call.request, found.entry.length)


def of_pages(found: Found) -> Found:
    """A blob, if it is a page blob.

    Raises:
        StorageError: it is not.
    """
    if found.blob.kind != "PageBlob":
        raise invalid_blob_type()
    return found


def _noted(found: Found, new: Extent) -> Blob:
    """The blob's properties after pages of it were written or cleared."""
    return replace(found.blob, extents=extents.noted(found.blob.extents, new), content_md5="")
