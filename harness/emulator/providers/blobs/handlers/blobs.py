"""Blobs: write as a whole, read, properties, metadata, leases."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs import pages, tags, tiers
from harness.emulator.providers.blobs.blob_files import BlobFiles
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.contents import Contents
from harness.emulator.providers.blobs.errors import blob_not_found, invalid_blob_type
from harness.emulator.providers.blobs.handlers.response_headers import Headers, encrypted, properties, stamps
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.model import Blob, Folder
from harness.emulator.providers.blobs.paths import BlobPath, StoredBlob
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
from harness.emulator.storage_service.lease_requests import apply_request, lease_response
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.system_calls import status_of

_BLOB_LIMIT = 5000 << 20  # bytes of a Put Blob
_PAGES = {"x-ms-blob-content-length", "x-ms-sequence-number-action", "x-ms-blob-sequence-number"}
_CHECKSUM_LIMIT = 4 << 20  # the most bytes in a range for a checksum
_RANGE_CHECKSUMS = (  # of a range: the request header, the response header, the function
    ("x-ms-range-get-content-md5", "content-md5", bodies.md5_of),
    ("x-ms-range-get-content-crc64", "x-ms-content-crc64", crc64_of),
)


class BlobHandlers:
    """Operations on one blob."""

    def __init__(self, containers: Containers, blob_files: BlobFiles, history: History, contents: Contents) -> None:
        self._containers = containers
        self._history = history
        self._blob_files = blob_files
        self._contents = contents

    async def put(self, call: Call) -> Response:
        """Put Blob."""
        request = call.request
        path = self._containers.path(call.target)
        self._containers.admit_write(call, self._containers.find(path))
        with staged(self._containers.trash.folder) as (descriptor, temporary):
            size, checksums = await bodies.receive(request, descriptor, limit=_BLOB_LIMIT)
            if headers.md5(request, "x-ms-blob-content-md5") not in ("", checksums.md5):
                raise errors.md5_mismatch()
            async with self._containers.changing(call) as path:
                before = self._containers.find(path)
                self._containers.admit_write(call, before)  # again, because receiving the body took time
                record = self.new_record(call, before, content_md5=checksums.md5)
                if size == 0 and request.headers.get("x-ms-meta-hdi_isfolder", "").lower() == "true":
                    return self._put_folder(call, path, record)
                fields = self.publish(BlobWrite(path, before, record), descriptor, temporary)
        return Response(201, headers=[*fields, *checksums.checksum_headers(request), *encrypted(call)])

    def publish(self, write: "BlobWrite", descriptor: int, temporary: Path) -> Headers:
        """Move a file to the path of its blob, and discard the blob's uncommitted blocks; returns the blob's stamps.

        Raises:
            StorageError: a blob of another type, or a directory, has the name.
            OSError: the disk refuses; nothing has changed.
        """
        path, containers = write.path, self._containers
        if write.before is not None and write.before.record.kind != write.record.kind:
            raise invalid_blob_type()
        set_time(descriptor, containers.clock.now(), write.before.entry if write.before else None)
        entry = to_entry(path.names[-1], status_of(descriptor))
        record = replace(write.record, spent=containers.blocks_identity(path))
        new = StoredBlob(path, entry, record)
        new = self._blob_files.put(new, temporary)
        containers.trash.discard(containers.blocks_directory(path))
        return stamps(new)

    def new_record(self, call: Call, before: StoredBlob | None, *, content_md5: str) -> Blob:
        """Return the record of the blob that a request writes, which may replace another."""
        request = call.request
        record = Blob(
            metadata=headers.metadata(request),
            content=headers.content(request, "x-ms-blob-") or _plain_content(call),
            content_md5=content_md5,
            tags=tags.request_tags(call),
            tier=tiers.requested_tier(request.headers),
        )
        return self.successor_record(before, record)

    def successor_record(self, before: StoredBlob | None, record: Blob) -> Blob:
        """Return a record that replaces another: it keeps the lease, the time of creation and the epoch."""
        now = self._containers.clock.now()
        if before is None:
            return replace(record, created=timestamps.nanoseconds(now))
        lease, epoch = leases.after_write(before.record.lease, now), before.record.epoch
        return replace(record, created=before.record.created, lease=lease, epoch=epoch, remade=epoch)

    def _put_folder(self, call: Call, path: BlobPath, record: Blob) -> Response:
        """Create a directory for a blob with ``hdi_isfolder``, as blobfuse writes it."""
        entry = self._containers.entry(path)
        if entry is None:
            with staged_directory(self._containers.trash.folder) as temporary:
                blob = self._containers.with_record(
                    StoredBlob(path, path_entry(temporary, path.names[-1]), record), record
                )
                self._blob_files.put(blob, temporary)
        elif entry.is_directory:
            blob = self._containers.with_record(StoredBlob(path, entry, record), record)
            with self._containers.store.transaction():
                self._containers.store.delete(Folder, path.key)
                self._containers.put_record(blob)
        else:
            raise errors.type_mismatch()
        return Response(201, headers=[*stamps(blob), *encrypted(call)])

    def head(self, call: Call) -> Response:
        """Get Blob Properties."""
        blob = self._history.blob(call)
        fields = [*properties(blob, call), ("content-length", str(blob.entry.length)), ("accept-ranges", "bytes")]
        return Response(200, headers=fields)

    async def get(self, call: Call) -> Response:
        """Get Blob, or a range of it."""
        blob, request = self._history.blob(call), call.request
        tiers.check_online(blob.record, call.now, access="read")
        byte_range = headers.requested_range(request)
        if blob.entry.is_directory:
            content, body_fields = structured_body.response(request, None, 0)
            return Response(200, content, headers=[*properties(blob, call), ("accept-ranges", "bytes"), *body_fields])
        descriptor, length = self._history.files.open(blob)
        body = FileStream(descriptor)  # from here on, the stream closes the file
        first, count = (0, length) if byte_range is None else ranges.to_read(byte_range, length)
        fields = [*properties(blob, call, ranged=byte_range is not None), ("accept-ranges", "bytes")]
        if byte_range is not None:
            fields.append(("content-range", f"bytes {first}-{first + count - 1}/{length}"))
        for option, header, checksum_of in _RANGE_CHECKSUMS:
            if headers.flag(request, option):
                if byte_range is None or count > _CHECKSUM_LIMIT:
                    raise errors.invalid_header(option)
                content_range = await asyncio.to_thread(os.pread, descriptor, count, first)
                fields.append((header, checksum_of(content_range)))
        body.set_range(first, count)
        content, body_fields = structured_body.response(request, body, count)
        return Response(200 if byte_range is None else 206, content, headers=[*fields, *body_fields])

    def get_metadata(self, call: Call) -> Response:
        """Get Blob Metadata."""
        blob = self._history.blob(call)
        return Response(200, headers=[*stamps(blob), *headers.metadata_headers(blob.metadata)])

    async def set_metadata(self, call: Call) -> Response:
        """Set Blob Metadata; with versioning it creates a version, for which the content is copied."""
        metadata, blob = headers.metadata(call.request), self._containers.blob(call, change=True)
        if not self._history.is_version(blob):
            return self._change(blob, call, replace(blob.record, metadata=metadata))
        tiers.check_online(blob.record, call.now, access="write")
        blob, file = await self._history.files.copy_content(lambda: self._containers.blob(call, change=True))
        with self._history.files.discarding_on_error(blob.path, file):
            after = self._containers.with_record(blob, replace(blob.record, metadata=metadata))
            after = self._history.as_version(after)
            self._history.add_version(blob, after, file)
        return Response(200, headers=[*stamps(after), *encrypted(call)])

    def set_properties(self, call: Call) -> Response:
        """Set Blob Properties: content headers, length, and sequence number.

        Content headers that the request omits are cleared, unless the request only changes the pages.
        """
        blob, request = self._containers.blob(call, change=True), call.request
        content_md5 = headers.stored_md5(request, "x-ms-blob-content-md5")
        content = headers.content(request, "x-ms-blob-")
        page_headers = _PAGES & request.headers.keys()
        record = blob.record
        if content or content_md5 or not page_headers:
            record = replace(record, content=content, content_md5=content_md5)
        if not page_headers:
            return self._change(blob, call, record)
        if record.kind != "PageBlob":
            raise invalid_blob_type()
        record = replace(record, sequence=pages.number(request, record.sequence))
        length = pages.length(request)
        if length is None:
            after = self._containers.with_record(blob, record)
            self._containers.put_record(after)
        else:
            cut = extents.truncate(record.extents, length, before=blob.entry.length)
            plan = self._contents.plan(blob, replace(record, extents=cut, content_md5=content_md5), length=length)
            self._contents.resize(plan)
            after = plan.after
        number = ("x-ms-blob-sequence-number", str(after.record.sequence))
        return Response(200, headers=[*stamps(after), number, *encrypted(call)])

    def lease(self, call: Call) -> Response:
        """Lease Blob."""
        blob = self._containers.find(self._containers.path(call.target))
        if blob is None:
            raise blob_not_found()
        tags.check(call.request.headers, blob.record.tags)
        conditions.check(call.request.headers, etag=blob.etag, modified=blob.entry.modified, read=False)
        action, lease = apply_request(call, blob.record.lease, endless=False)
        self._containers.put_record(StoredBlob(blob.path, blob.entry, replace(blob.record, lease=lease)))
        return lease_response(action, lease, call.now, stamps(blob))

    def _change(self, blob: StoredBlob, call: Call, record: Blob) -> Response:
        tiers.check_online(record, call.now, access="write")
        after = self._containers.with_record(blob, record)
        self._containers.put_record(after)
        return Response(200, headers=[*stamps(after), *encrypted(call)])


@dataclass(frozen=True, slots=True)
class BlobWrite:
    """A record of a blob that is about to be write, and the blob that it replaces."""

    path: BlobPath
    before: StoredBlob | None
    record: Blob


def _plain_content(call: Call) -> dict[str, str]:
    """Return the standard content headers, which Put Blob uses if its own are absent."""
    request_headers = call.request.headers
    return {
        name: request_headers[name]
        for name in ("content-type", "content-encoding", "content-language")
        if name in request_headers
    }
