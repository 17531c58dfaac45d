"""Blobs: write whole, read, delete, properties, metadata, leases."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import pages, tags, tiers
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.contents import Contents
from harness.emulator.providers.blobs.errors import blob_not_found, invalid_blob_type
from harness.emulator.providers.blobs.handlers.response_headers import Headers, encrypted, properties, stamps
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.model import Blob, Folder
from harness.emulator.providers.blobs.places import Found, Place
from harness.emulator.providers.blobs.placing import Placing
from harness.emulator.storage_service import (
    bodies,
    conditions,
    errors,
    extents,
    headers,
    leases,
    ranges,
    structured_body,
    timestamps,
)
from harness.emulator.storage_service.crc64 import crc64_of
from harness.emulator.storage_service.entries import path_entry, staged, staged_directory, to_entry
from harness.emulator.storage_service.file_records import set_time
from harness.emulator.storage_service.file_stream import FileStream
from harness.emulator.storage_service.lease_requests import answer, asked
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.system_calls import status_of

_BLOB_LIMIT = 5000 << 20  # bytes of a Put Blob
_PAGES = {"x-ms-blob-content-length", "x-ms-sequence-number-action", "x-ms-blob-sequence-number"}
_CHECKSUM_LIMIT = 4 << 20  # bytes that the checksum of a range covers
_RANGE_CHECKSUMS = (  # of a checksum of a range: the header that asks for it, and the one that holds it
    ("x-ms-range-get-content-md5", "content-md5", bodies.md5_of),
    ("x-ms-range-get-content-crc64", "x-ms-content-crc64", crc64_of),
)


class BlobHandlers:
    """Operations on one blob."""

    def __init__(self, containers: Containers, placing: Placing, history: History, contents: Contents) -> None:
        self._containers = containers
        self._history = history
        self._placing = placing
        self._contents = contents

    async def put(self, call: Call) -> Response:
        """Put Blob."""
        request = call.request
        place = self._containers.place(call.target)
        self._containers.admit_write(call, self._containers.find(place))
        with staged(self._containers.trash.folder) as (descriptor, beside):
            size, checksums = await bodies.receive(request, descriptor, limit=_BLOB_LIMIT)
            if headers.md5(request, "x-ms-blob-content-md5") not in ("", checksums.md5):
                raise errors.md5_mismatch()
            async with self._containers.changing(call) as place:
                before = self._containers.find(place)
                self._containers.admit_write(call, before)  # again, because receiving the body took time
                blob = self.fresh(call, before, content_md5=checksums.md5)
                if size == 0 and request.headers.get("x-ms-meta-hdi_isfolder", "").lower() == "true":
                    return self._put_folder(call, place, blob)
                shown = self.publish(Written(place, before, blob), descriptor, beside)
        return Response(201, headers=[*shown, *checksums.confirmed(request), *encrypted(call)])

    def publish(self, written: "Written", descriptor: int, beside: Path) -> Headers:
        """Put a file with a whole blob in its place, and discard the blob's uncommitted blocks; returns its stamps.

        Raises:
            StorageError: a blob of another type, or a directory, is in the way.
            OSError: the disk refuses; nothing has changed.
        """
        place, containers = written.place, self._containers
        if written.before is not None and written.before.blob.kind != written.blob.kind:
            raise invalid_blob_type()
        set_time(descriptor, containers.clock.now(), written.before.entry if written.before else None)
        entry = to_entry(place.names[-1], status_of(descriptor))
        blob = replace(written.blob, spent=containers.identity_of_blocks(place))
        new = Found(place, entry, blob)
        new = self._placing.put(new, beside)
        containers.trash.discard(containers.uncommitted(place))
        return stamps(new)

    def fresh(self, call: Call, before: Found | None, *, content_md5: str) -> Blob:
        """The properties of the blob that a request writes, possibly in place of another."""
        request = call.request
        blob = Blob(
            metadata=headers.metadata(request),
            content=headers.content(request, "x-ms-blob-") or _plain_content(call),
            content_md5=content_md5,
            tags=tags.written(call),
            tier=tiers.written(request.headers),
        )
        return self.succeeding(before, blob)

    def succeeding(self, before: Found | None, blob: Blob) -> Blob:
        """The properties of a blob in place of another: it has the other's lease, time of creation and count."""
        now = self._containers.clock.now()
        if before is None:
            return replace(blob, created=timestamps.nanoseconds(now))
        lease, epoch = leases.after_write(before.blob.lease, now), before.blob.epoch
        return replace(blob, created=before.blob.created, lease=lease, epoch=epoch, remade=epoch)

    def _put_folder(self, call: Call, place: Place, blob: Blob) -> Response:
        """Make a directory of a blob that says it is one, as blobfuse writes them."""
        entry = self._containers.entry(place)
        if entry is None:
            with staged_directory(self._containers.trash.folder) as beside:
                found = self._containers.touched(Found(place, path_entry(beside, place.names[-1]), blob), blob)
                self._placing.put(found, beside)
        elif entry.is_directory:
            found = self._containers.touched(Found(place, entry, blob), blob)
            with self._containers.store.transaction():
                self._containers.store.delete(Folder, place.key)
                self._containers.keep(found)
        else:
            raise errors.type_mismatch()
        return Response(201, headers=[*stamps(found), *encrypted(call)])

    def head(self, call: Call) -> Response:
        """Get Blob Properties."""
        found = self._history.blob(call)
        shown = [*properties(found, call), ("content-length", str(found.entry.length)), ("accept-ranges", "bytes")]
        return Response(200, headers=shown)

    async def get(self, call: Call) -> Response:
        """Get Blob, or a range of it."""
        found, request = self._history.blob(call), call.request
        tiers.check_online(found.blob, call.now, access="read")
        asked_range = headers.asked_range(request)
        if found.entry.is_directory:
            content, described = structured_body.answer(request, None, 0)
            return Response(200, content, headers=[*properties(found, call), ("accept-ranges", "bytes"), *described])
        descriptor, length = self._history.files.open(found)
        body = FileStream(descriptor)  # the stream closes the file from here on
        first, count = (0, length) if asked_range is None else ranges.to_read(asked_range, length)
        shown = [*properties(found, call, ranged=asked_range is not None), ("accept-ranges", "bytes")]
        if asked_range is not None:
            shown.append(("content-range", f"bytes {first}-{first + count - 1}/{length}"))
        for option, header, checksum_of in _RANGE_CHECKSUMS:
            if headers.flag(request, option):
                if asked_range is None or count > _CHECKSUM_LIMIT:
                    raise errors.invalid_header(option)
                piece = await asyncio.to_thread(os.pread, descriptor, count, first)
                shown.append((header, checksum_of(piece)))
        body.show(first, count)
        content, described = structured_body.answer(request, body, count)
        return Response(200 if asked_range is None else 206, content, headers=[*shown, *described])

    def get_metadata(self, call: Call) -> Response:
        """Get Blob Metadata."""
        found = self._history.blob(call)
        return Response(200, headers=[*stamps(found), *headers.metadata_headers(found.metadata)])

    async def set_metadata(self, call: Call) -> Response:
        """Set Blob Metadata: where versions are kept, a new one, for which the content is copied."""
        metadata, found = headers.metadata(call.request), self._containers.blob(call, change=True)
        if not self._history.is_version(found):
            return self._change(found, call, replace(found.blob, metadata=metadata))
        tiers.check_online(found.blob, call.now, access="write")
        found, file = await self._history.files.copied(lambda: self._containers.blob(call, change=True))
        with self._history.files.unless_kept(found.place, file):
            after = self._containers.touched(found, replace(found.blob, metadata=metadata))
            after = self._history.as_version(after)
            self._history.succeed(found, after, file)
        return Response(200, headers=[*stamps(after), *encrypted(call)])

    def set_properties(self, call: Call) -> Response:
        """Set Blob Properties: content headers, length, and sequence number.

        Content headers that are not given are cleared, unless the request is about the pages alone.
        """
        found, request = self._containers.blob(call, change=True), call.request
        content_md5 = headers.kept_md5(request, "x-ms-blob-content-md5")
        content = headers.content(request, "x-ms-blob-")
        of_pages = _PAGES & request.headers.keys()
        blob = found.blob
        if content or content_md5 or not of_pages:
            blob = replace(blob, content=content, content_md5=content_md5)
        if not of_pages:
            return self._change(found, call, blob)
        if blob.kind != "PageBlob":
            raise invalid_blob_type()
        blob = replace(blob, sequence=pages.number(request, blob.sequence))
        length = pages.length(request)
        if length is None:
            after = self._containers.touched(found, blob)
            self._containers.keep(after)
        else:
            cut = extents.cut(blob.extents, length, before=found.entry.length)
            plan = self._contents.plan(found, replace(blob, extents=cut, content_md5=content_md5), length=length)
            self._contents.resize(plan)
            after = plan.after
        number = ("x-ms-blob-sequence-number", str(after.blob.sequence))
        return Response(200, headers=[*stamps(after), number, *encrypted(call)])

    def lease(self, call: Call) -> Response:
        """Lease Blob."""
        found = self._containers.find(self._containers.place(call.target))
        if found is None:
            raise blob_not_found()
        tags.check(call.request.headers, found.blob.tags)
        conditions.check(call.request.headers, etag=found.etag, modified=found.entry.modified, read=False)
        action, lease = asked(call, found.blob.lease, endless=False)
        self._containers.keep(Found(found.place, found.entry, replace(found.blob, lease=lease)))
        return answer(action, lease, call.now, stamps(found))

    def _change(self, found: Found, call: Call, blob: Blob) -> Response:
        tiers.check_online(blob, call.now, access="write")
        after = self._containers.touched(found, blob)
        self._containers.keep(after)
        return Response(200, headers=[*stamps(after), *encrypted(call)])


@dataclass(frozen=True, slots=True)
class Written:
    """A blob that is about to be put in its place, and the one that is there until then."""

    place: Place
    before: Found | None
    blob: Blob


def _plain_content(call: Call) -> dict[str, str]:
    """The standard content headers, which Put Blob uses where its own are absent."""
    given = call.request.headers
    return {name: given[name] for name in ("content-type", "content-encoding", "content-language") if name in given}
