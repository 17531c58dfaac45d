"""Append blobs: append and seal."""

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import appends
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.contents import Contents
from harness.emulator.providers.blobs.errors import invalid_blob_type
from harness.emulator.providers.blobs.handlers.pieces import Pieces
from harness.emulator.providers.blobs.handlers.response_headers import encrypted, stamps
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import bodies, errors
from harness.emulator.storage_service.bodies import Gathered
from harness.emulator.storage_service.operations import Call


class AppendHandlers:
    """Operations on append blobs."""

    def __init__(self, containers: Containers, contents: Contents, pieces: Pieces) -> None:
        self._containers = containers
        self._contents = contents
        self._pieces = pieces

    async def append(self, call: Call) -> Response:
        """Append Block, or Append Block From URL."""
        request, limit = call.request, appends.block_limit(call.version)
        if "x-ms-copy-source" in request.headers:
            self._admitted(call, 0)
            return await self._append(call, await self._pieces.read(call, limit=limit))
        size = bodies.length(request)
        if size is None:
            raise errors.missing_length()
        if size == 0:
            raise errors.invalid_header("content-length")
        if size > limit:
            raise errors.too_large(limit)
        self._admitted(call, size)
        return await self._append(call, await bodies.gather(request, limit=limit))

    async def _append(self, call: Call, body: Gathered) -> Response:
        size = sum(len(part) for part in body.parts)
        async with self._containers.changing(call):
            found = self._admitted(call, size)
            offset = found.entry.length
            blob = replace(found.blob, appended=found.blob.appended + 1, content_md5="")
            plan = self._contents.plan(found, blob, length=offset + size)
            await self._contents.write(plan, offset, body.parts)
        shown = [
            *stamps(plan.after),
            *await body.confirmed(call.request),
            ("x-ms-blob-append-offset", str(offset)),
            ("x-ms-blob-committed-block-count", str(blob.appended)),
        ]
        return Response(201, headers=[*shown, *encrypted(call)])

    def seal(self, call: Call) -> Response:
        """Append Blob Seal."""
        found = self._append_blob(call)
        appends.check_position(call.request, found.entry.length)
        if not found.blob.sealed:
            found = self._containers.touched(found, replace(found.blob, sealed=True))
            self._containers.keep(found)
        return Response(200, headers=[*stamps(found), ("x-ms-blob-sealed", "true")])

    def _admitted(self, call: Call, size: int) -> Found:
        """The blob, if a block of some bytes may be appended to it."""
        found = self._append_blob(call)
        blob = found.blob
        appends.check(call.request, length=found.entry.length, blocks=blob.appended, sealed=blob.sealed, size=size)
        return found

    def _append_blob(self, call: Call) -> Found:
        found = self._containers.blob(call, change=True)
        if found.blob.kind != "AppendBlob":
            raise invalid_blob_type()
        return found
