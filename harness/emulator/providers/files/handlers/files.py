"""Files: create, read, delete, properties, metadata."""

import asyncio
import os

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.contents import Contents
from harness.emulator.providers.files.errors import read_only_attribute
from harness.emulator.providers.files.handlers.response_headers import Headers, change_headers, stamps, with_smb
from harness.emulator.providers.files.model import Properties, Smb
from harness.emulator.providers.files.paths import ShareItem, SharePath
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import bodies, errors, extents, headers, leases, ranges, sparse, structured_body
from harness.emulator.storage_service.copying import copy_headers
from harness.emulator.storage_service.crc64 import crc64_of
from harness.emulator.storage_service.entries import staged, to_entry
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.file_records import set_time
from harness.emulator.storage_service.file_stream import FileStream
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.system_calls import status_of

FILE_LIMIT = 4 << 40  # bytes of a file
RANGE_LIMIT = 4 << 20  # bytes that one request writes, and that one MD5 of a range covers
_INLINE = 64 << 10  # bytes that are hashed and written without a thread, because starting one costs as much


class FileHandlers:
    """Operations on one file."""

    def __init__(self, shares: Shares, contents: Contents) -> None:
        self._shares = shares
        self._contents = contents

    async def create(self, call: Call) -> Response:
        """Create File: filled with zeros, or in later versions with its first bytes."""
        request = call.request
        if request.headers.get("x-ms-type", "").lower() != "file":
            raise (errors.invalid_header if "x-ms-type" in request.headers else errors.missing_header)("x-ms-type")
        length = headers.number(request, "x-ms-content-length", most=FILE_LIMIT)
        if length is None:
            raise errors.missing_header("x-ms-content-length")
        gathered = await bodies.gather(request, limit=RANGE_LIMIT)
        body = b"".join(gathered.parts)
        if len(body) > length:
            raise errors.invalid_header("content-length")
        async with self._shares.changing(call) as path:
            response_headers = self._create(call, path, body, length)
        checksum_headers = await gathered.checksum_headers(request) if body else bodies.checksum_headers(request)
        return Response(201, headers=[*response_headers, *checksum_headers])

    def _create(self, call: Call, path: SharePath, body: bytes, length: int) -> Headers:
        request, before = call.request, self._replaced_file(call, path)
        content_md5 = headers.stored_md5(request, "x-ms-content-md5")
        properties = Properties(
            metadata=headers.metadata(request),
            content=headers.content(request, "x-ms-"),
            content_md5=content_md5,
        )
        properties = with_smb(self._shares, call, path, properties, current=Smb())
        written = (Extent(0, len(body), path.share.epoch),) if body else ()
        cleared = (Extent(len(body), length, path.share.epoch, cleared=True),) if before and length > len(body) else ()
        lease = leases.after_write(before.properties.lease, call.now) if before else properties.lease
        with staged(self._shares.trash.folder) as (descriptor, staged_path):
            os.truncate(descriptor, length)
            sparse.write_all(descriptor, body, 0)
            set_time(descriptor, self._shares.clock.now(), before.entry if before else None)
            entry = to_entry(path.names[-1], status_of(descriptor))
            new = ShareItem(path, entry, replace(properties, lease=lease, extents=written + cleared))
            response_headers = change_headers(new, call)
            self._shares.put_in_place(new, staged_path)
        return response_headers

    def head(self, call: Call) -> Response:
        """Get File Properties."""
        file = self._shares.file(call)
        response_headers = [*file_headers(file, call), ("content-length", str(file.entry.length))]
        return Response(200, headers=response_headers)

    async def get(self, call: Call) -> Response:
        """Get File, or a range of it."""
        file, request = self._shares.content(call), call.request
        range_header = headers.requested_range(request)
        descriptor = file.path.tree.descriptor(file.path.names, os.O_RDONLY)
        body = FileStream(descriptor)  # the stream closes the file from here on
        length = os.fstat(descriptor).st_size
        first, count = (0, length) if range_header is None else ranges.to_read(range_header, length)
        response_headers = [*file_headers(file, call, ranged=range_header is not None), ("accept-ranges", "bytes")]
        if range_header is not None:
            response_headers.append(("content-range", f"bytes {first}-{first + count - 1}/{length}"))
        if headers.flag(request, "x-ms-range-get-content-md5"):
            if range_header is None or count > RANGE_LIMIT:
                raise errors.invalid_header("x-ms-range-get-content-md5")
            response_headers.append(
                ("content-md5", bodies.md5_of(await asyncio.to_thread(os.pread, descriptor, count, first)))
            )
        body.set_range(first, count)
        content, length_headers = structured_body.response(request, body, count)
        return Response(200 if range_header is None else 206, content, headers=[*response_headers, *length_headers])

    async def delete(self, call: Call) -> Response:
        """Delete File."""
        async with self._shares.changing(call) as path:
            file = self._shares.find(path)
            if file is None:
                raise errors.not_found()
            if file.entry.is_directory:
                raise errors.type_mismatch()
            self._shares.check_preconditions(call, file, change=True)
            refuse_read_only(file)
            self._shares.handles.check_closed(path.path_key)
            with path.tree.slot(path.names) as slot:
                slot.require(directory=False)
                slot.remove_file()
            self._shares.delete_record(file)
        return Response(202)

    def get_metadata(self, call: Call) -> Response:
        """Get File Metadata."""
        file = self._shares.file(call)
        return Response(200, headers=[*stamps(file), *headers.metadata_headers(file.properties.metadata)])

    async def set_metadata(self, call: Call) -> Response:
        """Set File Metadata."""
        metadata = headers.metadata(call.request)
        async with self._shares.changing(call):
            file = self._shares.file(call, change=True)
            written = smb.properties(file).written  # metadata does not change it
            properties = replace(file.properties, metadata=metadata, smb=replace(file.properties.smb, written=written))
            after = self._shares.with_properties(file, properties)
            response_headers = change_headers(after, call)[:3]
            self._shares.put_record(after)
        return Response(200, headers=response_headers)

    async def set_properties(self, call: Call) -> Response:
        """Set File Properties: length, content headers (absent ones are cleared) and SMB properties."""
        request = call.request
        length = headers.number(request, "x-ms-content-length", most=FILE_LIMIT)
        async with self._shares.changing(call) as path:
            file = self._shares.file(call, change=True)
            content_md5 = headers.stored_md5(request, "x-ms-content-md5")
            properties = replace(file.properties, content=headers.content(request, "x-ms-"), content_md5=content_md5)
            properties = with_smb(self._shares, call, path, properties, current=smb.properties(file))
            if length is None:
                after = self._shares.with_properties(file, properties)
                response_headers = change_headers(after, call)
                self._shares.put_record(after)
            else:
                response_headers = self._resize(call, file, properties, length)
        return Response(200, headers=response_headers)

    def _resize(self, call: Call, file: ShareItem, properties: Properties, length: int) -> Headers:
        refuse_read_only(file)
        if "x-ms-file-last-write-time" not in call.request.headers:
            properties = replace(properties, smb=replace(properties.smb, written=""))
        truncated = extents.truncate(properties.extents, length, before=file.entry.length)
        plan = self._contents.plan(file, replace(properties, extents=truncated), length=length)
        response_headers = change_headers(plan.after, call)
        self._contents.resize(plan)
        return response_headers

    def _replaced_file(self, call: Call, path: SharePath) -> ShareItem | None:
        """The file that a new one replaces; None if there is none.

        Raises:
            StorageError: the new file may not replace it.
        """
        if not path.names:
            raise errors.invalid_uri()
        file = self._shares.find(path)
        if file is None:
            return None
        if file.entry.is_directory:
            raise errors.type_mismatch()
        if not call.credential.replaces:
            raise errors.permission_mismatch()
        self._shares.check_preconditions(call, file, change=True)
        refuse_read_only(file)
        return file


def file_headers(file: ShareItem, call: Call, *, ranged: bool = False) -> Headers:
    """The headers of a response about a file.

    Args:
        ranged: whether the response holds a range; then the MD5 of the whole file has another name.
    """
    properties = file.properties
    response_headers = [*({"content-type": "application/octet-stream"} | properties.content).items()]
    if properties.content_md5:
        response_headers.append(("x-ms-content-md5" if ranged else "content-md5", properties.content_md5))
    response_headers += [*stamps(file), ("x-ms-type", "File"), *headers.metadata_headers(properties.metadata)]
    if call.version >= "2017-04-17":
        response_headers.append(("x-ms-server-encrypted", "true"))
    if call.version >= "2019-02-02":
        response_headers += leases.headers(properties.lease, call.now)
    return [*response_headers, *copy_headers(properties.copy), *smb.headers(file, call.version)]


def refuse_read_only(file: ShareItem) -> None:
    """Refuse to change a file with the attribute ReadOnly.

    Raises:
        StorageError: the file has it.
    """
    if "readonly" in file.properties.smb.attributes.lower():
        raise read_only_attribute()


def check_crc64(stated: str | None, body: bytes) -> None:
    """Check a body against its CRC-64, if the request states one.

    Raises:
        StorageError: they differ.
    """
    if stated is not None and crc64_of(body) != stated:
        raise errors.crc64_mismatch()


async def body_md5(call: Call, body: bytes) -> str:
    """The MD5 of a body, in base64.

    Raises:
        StorageError: the request states another MD5.
    """
    stated = headers.md5(call.request, "content-md5")
    digest = bodies.md5_of(body) if len(body) <= _INLINE else await asyncio.to_thread(bodies.md5_of, body)
    if stated and stated != digest:
        raise errors.md5_mismatch()
    return digest
