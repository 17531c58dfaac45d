"""Block blobs whose content is at a URL: Put Blob From URL, and Copy Blob From URL, which ends before its response."""

import uuid

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import tags
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.copied import copied, replaced
from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers, Written
from harness.emulator.providers.blobs.handlers.pieces import Pieces
from harness.emulator.providers.blobs.handlers.response_headers import encrypted
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import errors, headers
from harness.emulator.storage_service.copy_sources import Source, without_signature
from harness.emulator.storage_service.copying import Copy
from harness.emulator.storage_service.entries import staged
from harness.emulator.storage_service.operations import Call

_TAG_OPTION = "x-ms-copy-source-tag-option"
_PUT_LIMIT, _COPY_LIMIT = 5000 << 20, 256 << 20  # bytes


class FromUrlHandlers:
    """Operations that read another blob or file as a whole."""

    def __init__(self, containers: Containers, blobs: BlobHandlers, pieces: Pieces) -> None:
        self._containers = containers
        self._blobs = blobs
        self._pieces = pieces

    async def put(self, call: Call) -> Response:
        """Put Blob From URL."""
        place = self._containers.place(call.target)
        self._containers.admit_write(call, self._containers.find(place))
        with self._pieces.open(call) as source, staged(self._containers.trash.folder) as (descriptor, beside):
            checksums = await self._pieces.receive(call, source, descriptor, limit=_PUT_LIMIT)
            async with self._containers.changing(call) as place:
                before = self._containers.find(place)
                self._containers.admit_write(call, before)  # again, because reading the content took time
                blob = self._put(call, before, source, checksums.md5)
                shown = self._blobs.publish(Written(place, before, blob), descriptor, beside)
        return Response(201, headers=[*shown, *checksums.confirmed(call.request), *encrypted(call)])

    def _put(self, call: Call, before: Found | None, source: Source, md5: str) -> Blob:
        """The properties of the blob: those of the source, unless the request sets them."""
        blob = self._blobs.fresh(call, before, content_md5=md5)
        content = headers.content(call.request, "x-ms-blob-")
        if headers.flag(call.request, "x-ms-copy-source-blob-properties", default=True):
            content = dict(source.content) | content
        return replace(blob, content=content, tags=_tags(call, source, blob))

    async def copy(self, call: Call) -> Response:
        """Copy Blob From URL."""
        place = self._containers.place(call.target)
        replaced(self._containers, call, place)
        with self._pieces.open(call) as source, staged(self._containers.trash.folder) as (descriptor, beside):
            checksums = await self._pieces.receive(call, source, descriptor, limit=_COPY_LIMIT)
            url = without_signature(call.request.headers["x-ms-copy-source"])
            length = source.length
            copy = Copy(str(uuid.uuid4()), url, "success", length, done=length, completed=call.now)
            async with self._containers.changing(call) as place:
                before = replaced(self._containers, call, place)
                blob = copied(call, source)
                blob = replace(blob, kind="BlockBlob", content_md5=checksums.md5, copy=copy, extents=())
                blob = replace(blob, tags=_tags(call, source, blob))
                written = Written(place, before, self._blobs.succeeding(before, blob))
                shown = self._blobs.publish(written, descriptor, beside)
        copied_as = [("x-ms-copy-id", copy.id), ("x-ms-copy-status", copy.status)]
        return Response(202, headers=[*shown, *checksums.confirmed(call.request), *copied_as])


def _tags(call: Call, source: Source, blob: Blob) -> dict[str, str]:
    """The tags of a blob: those of the request, or the source's where the request wants them.

    Raises:
        StorageError: the request has both, or the caller may not read the one's or write the other's.
    """
    option = call.request.headers.get(_TAG_OPTION, "").lower()
    if option in ("", "replace"):
        return blob.tags
    if option != "copy" or blob.tags:
        raise errors.invalid_header(_TAG_OPTION)
    tags.check_permitted(call)
    if not source.shows_tags:
        refusal = errors.permission_mismatch()
        raise errors.copy_source(refusal.status, str(refusal), source=refusal)
    return source.blob.tags if isinstance(source.blob, Blob) else {}
