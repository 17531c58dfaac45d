"""Page blobs: write and clear pages, list them."""

from collections.abc import Sequence

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import pages
from harness.emulator.providers.blobs.containers import Containers, Found
from harness.emulator.providers.blobs.contents import Contents
from harness.emulator.providers.blobs.errors import invalid_blob_type
from harness.emulator.providers.blobs.handlers.pieces import Pieces
from harness.emulator.providers.blobs.handlers.response_headers import Headers, encrypted, stamps
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.storage_service import bodies, documents, errors, extents, headers, sparse
from harness.emulator.storage_service.bodies import Checksums
from harness.emulator.storage_service.entries import close
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.host import Call
from harness.emulator.storage_service.threads import in_thread

_LIMIT = 4 << 20  # bytes that one request writes


class PageHandlers:
    """Operations on the pages of one blob."""

    def __init__(self, containers: Containers, contents: Contents, history: History, pieces: Pieces) -> None:
        self._containers = containers
        self._contents = contents
        self._history = history
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
            return await self._write(call, *await self._pieces.read(call, limit=_LIMIT, count=count))
        if size != count:
            raise errors.invalid_header("content-length")
        return await self._write(call, *await bodies.gather(request, limit=_LIMIT))

    async def _write(self, call: Call, parts: Sequence[bytes], checksums: Checksums) -> Response:
        async with self._containers.changing(call):
            found, first, count = self._admitted(call)
            if sum(len(part) for part in parts) != count:
                raise errors.invalid_header("content-length")
            blob = _noted(found, Extent(first, first + count, 0))
            plan = self._contents.plan(found, blob)
            await self._contents.write(plan, first, parts)
        return self._written(call, plan.after, checksums.confirmed(call.request))

    async def _clear(self, call: Call) -> Response:
        async with self._containers.changing(call):
            found, first, count = self._admitted(call)
            blob = _noted(found, Extent(first, first + count, 0, cleared=True))
            plan = self._contents.plan(found, blob)
            await self._contents.clear(plan, first, first + count)
        return self._written(call, plan.after, [])

    def _written(self, call: Call, after: Found, checked: Headers) -> Response:
        number = ("x-ms-blob-sequence-number", str(after.blob.sequence))
        return Response(201, headers=[*stamps(after), *checked, number, *encrypted(call)])

    def _admitted(self, call: Call) -> tuple[Found, int, int]:
        """The blob, and first byte and count of the pages that a request writes, if it may."""
        found = _of_pages(self._containers.blob(call, change=True))
        pages.check_number(call.request, found.blob.sequence)
        return found, *pages.written_range(call.request, found.entry.length)

    async def list_pages(self, call: Call) -> Response:
        """Get Page Ranges: those that hold data."""
        found = _of_pages(self._history.blob(call))
        first, end = pages.read_range(call.request, found.entry.length)
        shown: Headers = [*stamps(found), ("x-ms-blob-content-length", str(found.entry.length))]
        return documents.answer(_document(call, await self._held(found, first, end)), headers=shown)

    async def _held(self, found: Found, first: int, end: int) -> extents.Ranges:
        if found.blob.extents is not None:
            return extents.written(found.blob.extents, first, end)
        descriptor, _ = self._history.open(found)
        try:
            parts = await in_thread(lambda: list(sparse.segments(descriptor, first, end)))
        finally:
            close(descriptor)
        return [(part, stop - 1) for part, stop in parts]


def _of_pages(found: Found) -> Found:
    """A blob, if it is a page blob.

    Raises:
        StorageError: it is not.
    """
    if found.blob.kind != "PageBlob":
        raise invalid_blob_type()
    return found


def _noted(found: Found, new: Extent) -> Blob:
    """The blob's properties once pages of it are written or cleared."""
    return replace(found.blob, extents=extents.noted(found.blob.extents, new), content_md5="")


def _document(call: Call, held: extents.Ranges) -> str:
    """The ranges in order, a page of them where the request asks for pages."""
    marker = call.request.query.get("marker", "")
    if marker:
        if not (marker.isascii() and marker.isdigit() and len(marker) < 20):
            raise errors.invalid_query("marker")
        held = [each for each in held if each[0] >= int(marker)]
    paged = "maxresults" in call.request.query
    size = headers.page_size(call.request) if paged else len(held)
    more = str(held[size][0]) if len(held) > size else ""
    items = "".join(f"<PageRange><Start>{first}</Start><End>{last}</End></PageRange>" for first, last in held[:size])
    return f"<PageList>{items}{documents.next_marker(more) if paged or marker else ''}</PageList>"
