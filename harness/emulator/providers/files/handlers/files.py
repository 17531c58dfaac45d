"""Files: create, read, delete, properties, metadata."""

import asyncio
import os

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.contents import Contents
from harness.emulator.providers.files.errors import read_only_attribute
from harness.emulator.providers.files.handlers.response_headers import Headers, changed, stamps, with_smb
from harness.emulator.providers.files.model import Properties, Smb
from harness.emulator.providers.files.places import Found, Place
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
_INLINE = 64 << 10  # bytes that are hashed and written without a thread, whose start costs as much


class FileHandlers:
    """Operations on one file."""

    def __init__(self, shares: Shares, contents: Contents) -> None:
        self._shares = shares
        self._contents = contents

    async def create(self, call: Call) -> Response:
        """Create File: of zeros, or with its first bytes, which later versions accept."""
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
        async with self._shares.changing(call) as place:
            answer = self._create(call, place, body, length)
        checked = await gathered.confirmed(request) if body else bodies.confirmed(request)
        return Response(201, headers=[*answer, *checked])

    def _create(self, call: Call, place: Place, body: bytes, length: int) -> Headers:
        request, before = call.request, self._overwritten(call, place)
        content_md5 = headers.kept_md5(request, "x-ms-content-md5")
        fresh = Properties(
            metadata=headers.metadata(request), content=headers.content(request, "x-ms-"), content_md5=content_md5
        )
        fresh = with_smb(self._shares, call, place, fresh, shown=Smb())
        written = (Extent(0, len(body), place.share.epoch),) if body else ()
        cleared = (Extent(len(body), length, place.share.epoch, cleared=True),) if before and length > len(body) else ()
        lease = leases.after_write(before.properties.lease, call.now) if before else fresh.lease
        with staged(self._shares.trash.folder) as (descriptor, beside):
            os.truncate(descriptor, length)
            sparse.write_all(descriptor, body, 0)
            set_time(descriptor, self._shares.clock.now(), before.entry if before else None)
            entry = to_entry(place.names[-1], status_of(descriptor))
            new = Found(place, entry, replace(fresh, lease=lease, extents=written + cleared))
            answer = changed(new, call)
            self._shares.put_in_place(new, beside)
        return answer

    def head(self, call: Call) -> Response:
        """Get File Properties."""
        found = self._shares.file(call)
        answer = [*file_headers(found, call), ("content-length", str(found.entry.length))]
        return Response(200, headers=answer)

    async def get(self, call: Call) -> Response:
        """Get File, or a range of it."""
        found, request = self._shares.content(call), call.request
        asked = headers.asked_range(request)
        descriptor = found.place.tree.descriptor(found.place.names, os.O_RDONLY)
        body = FileStream(descriptor)  # the stream closes the file from here on
        length = os.fstat(descriptor).st_size
        first, count = (0, length) if asked is None else ranges.to_read(asked, length)
        answer = [*file_headers(found, call, ranged=asked is not None), ("accept-ranges", "bytes")]
        if asked is not None:
            answer.append(("content-range", f"bytes {first}-{first + count - 1}/{length}"))
        if headers.flag(request, "x-ms-range-get-content-md5"):
            if asked is None or count > RANGE_LIMIT:
                raise errors.invalid_header("x-ms-range-get-content-md5")
            answer.append(("content-md5", bodies.md5_of(await asyncio.to_thread(os.pread, descriptor, count, first))))
        body.show(first, count)
        content, described = structured_body.answer(request, body, count)
        return Response(200 if asked is None else 206, content, headers=[*answer, *described])

    async def delete(self, call: Call) -> Response:
        """Delete File."""
        async with self._shares.changing(call) as place:
            found = self._shares.find(place)
            if found is None:
                raise errors.not_found()
            if found.entry.is_directory:
                raise errors.type_mismatch()
            self._shares.admit(call, found, change=True)
            refuse_read_only(found)
            self._shares.handles.refuse(place.path_key)
            with place.tree.slot(place.names) as slot:
                slot.require(directory=False)
                slot.remove_file()
            self._shares.forget(found)
        return Response(202)

    def get_metadata(self, call: Call) -> Response:
        """Get File Metadata."""
        found = self._shares.file(call)
        return Response(200, headers=[*stamps(found), *headers.metadata_headers(found.properties.metadata)])

    async def set_metadata(self, call: Call) -> Response:
        """Set File Metadata."""
        metadata = headers.metadata(call.request)
        async with self._shares.changing(call):
            found = self._shares.file(call, change=True)
            written = smb.shown(found).written  # the time of the content stays
            properties = replace(
                found.properties, metadata=metadata, smb=replace(found.properties.smb, written=written)
            )
            after = self._shares.touched(found, properties)
            answer = changed(after, call)[:3]
            self._shares.keep(after)
        return Response(200, headers=answer)

    async def set_properties(self, call: Call) -> Response:
        """Set File Properties: length, content headers (those not given are cleared) and SMB's."""
        request = call.request
        length = headers.number(request, "x-ms-content-length", most=FILE_LIMIT)
        async with self._shares.changing(call) as place:
            found = self._shares.file(call, change=True)
            content, content_md5 = headers.content(request, "x-ms-"), headers.kept_md5(request, "x-ms-content-md5")
            properties = replace(found.properties, content=content, content_md5=content_md5)
            properties = with_smb(self._shares, call, place, properties, shown=smb.shown(found))
            if length is None:
                after = self._shares.touched(found, properties)
                answer = changed(after, call)
                self._shares.keep(after)
            else:
                answer = self._resize(call, found, properties, length)
        return Response(200, headers=answer)

    def _resize(self, call: Call, found: Found, properties: Properties, length: int) -> Headers:
        refuse_read_only(found)
        if "x-ms-file-last-write-time" not in call.request.headers:
            properties = replace(properties, smb=replace(properties.smb, written=""))
        cut = extents.cut(properties.extents, length, before=found.entry.length)
        plan = self._contents.plan(found, replace(properties, extents=cut), length=length)
        answer = changed(plan.after, call)
        self._contents.resize(plan)
        return answer

    def _overwritten(self, call: Call, place: Place) -> Found | None:
        """The file that a new one replaces, if it may."""
        if not place.names:
            raise errors.invalid_uri()
        found = self._shares.find(place)
        if found is None:
            return None
        if found.entry.is_directory:
            raise errors.type_mismatch()
        if not call.credential.replaces:
            raise errors.permission_mismatch()
        self._shares.admit(call, found, change=True)
        refuse_read_only(found)
        return found


def file_headers(found: Found, call: Call, *, ranged: bool = False) -> Headers:
    """The headers of a response about a file.

    Args:
        ranged: the response holds a range, so that the MD5 of the whole file has another name.
    """
    properties = found.properties
    answer = [*({"content-type": "application/octet-stream"} | properties.content).items()]
    if properties.content_md5:
        answer.append(("x-ms-content-md5" if ranged else "content-md5", properties.content_md5))
    answer += [*stamps(found), ("x-ms-type", "File"), *headers.metadata_headers(properties.metadata)]
    if call.version >= "2017-04-17":
        answer.append(("x-ms-server-encrypted", "true"))
    if call.version >= "2019-02-02":
        answer += leases.headers(properties.lease, call.now)
    return [*answer, *copy_headers(properties.copy), *smb.headers(found, call.version)]


def refuse_read_only(found: Found) -> None:
    """Refuse to change a file with the attribute ReadOnly.

    Raises:
        StorageError: it has it.
    """
    if "readonly" in found.properties.smb.attributes.lower():
        raise read_only_attribute()


def check_crc64(said: str | None, body: bytes) -> None:
    """Check a body against its CRC-64, if one is given.

    Raises:
        StorageError: they differ.
    """
    if said is not None and crc64_of(body) != said:
        raise errors.crc64_mismatch()


async def body_md5(call: Call, body: bytes) -> str:
    """The MD5 of a body, in base64.

    Raises:
        StorageError: the request states another.
    """
    said = headers.md5(call.request, "content-md5")
    found = bodies.md5_of(body) if len(body) <= _INLINE else await asyncio.to_thread(bodies.md5_of, body)
    if said and said != found:
        raise errors.md5_mismatch()
    return found
