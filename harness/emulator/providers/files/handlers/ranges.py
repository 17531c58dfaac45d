"""Ranges of files: write, clear, copy from a URL, list, compare with a snapshot."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import smb
from harness.emulator.providers.files.contents import Contents
from harness.emulator.providers.files.errors import renamed_since_snapshot
from harness.emulator.providers.files.handlers.files import (
    RANGE_LIMIT,
    body_md5,
    check_crc64,
    refuse_read_only,
)
from harness.emulator.providers.files.handlers.response_headers import Headers, stamps
from harness.emulator.providers.files.paths import ShareItem
from harness.emulator.providers.files.quota import Quotas
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import bodies, documents, errors, extents, headers, range_lists, ranges, sparse
from harness.emulator.storage_service.access import Target
from harness.emulator.storage_service.content_changes import Plan
from harness.emulator.storage_service.copy_sources import CopySources
from harness.emulator.storage_service.crc64 import crc64_of
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.operations import Call


class RangeHandlers:
    """Operations on ranges of one file."""

    def __init__(self, shares: Shares, contents: Contents, sources: CopySources, quotas: Quotas) -> None:
        self._shares = shares
        self._contents = contents
        self._sources = sources
        self._quotas = quotas

    async def put(self, call: Call) -> Response:
        """Put Range: update or clear; or Put Range From URL."""
        request = call.request
        if "x-ms-copy-source" in request.headers:
            return await self._put_from_source(call)
        write = request.headers.get("x-ms-write", "").lower()
        if write == "clear":
            return await self._clear(call)
        if write != "update":
            raise (errors.invalid_header if write else errors.missing_header)("x-ms-write")
        return await self._update(call)

    async def _update(self, call: Call) -> Response:
        request = call.request
        file = self._shares.content(call, change=True)
        refuse_read_only(file)
        size = bodies.length(request)
        if size is None:
            raise errors.missing_length()
        if size > RANGE_LIMIT:
            raise errors.too_large(RANGE_LIMIT)
        first, count = ranges.to_write(_range_header(call), file.entry.length)
        if count != size:
            raise errors.invalid_header("content-length")
        await self._quotas.require(file.path, count)
        body = await bodies.gather(request, limit=count)
        if sum(len(part) for part in body.parts) != count:
            raise errors.invalid_header("content-length")
        write_headers = await self._write(call, file, first, body.parts)
        return Response(201, headers=[*write_headers, *await body.checksum_headers(request)])

    async def _clear(self, call: Call) -> Response:
        file = self._shares.content(call, change=True)
        refuse_read_only(file)
        first, count = ranges.to_write(_range_header(call), file.entry.length)
        if call.request.headers.get("content-length", "0") != "0":
            raise errors.invalid_header("content-length")
        async with self._changing(call, file, first, first + count, cleared=True) as plan:
            response_headers = _write_headers(call, plan.after)
            await self._contents.clear(plan, first, first + count)
        return Response(201, headers=response_headers)

    async def _put_from_source(self, call: Call) -> Response:
        request = call.request
        file = self._shares.content(call, change=True)
        refuse_read_only(file)
        if request.headers.get("x-ms-write", "update").lower() != "update":
            raise errors.invalid_header("x-ms-write")
        if request.headers.get("content-length", "0") != "0":
            raise errors.invalid_header("content-length")
        first, count = ranges.to_write(_range_header(call), file.entry.length)
        if count > RANGE_LIMIT:
            raise errors.too_large(RANGE_LIMIT)
        trailing = headers.flag(request, "x-ms-source-allow-trailing-dot")
        url = request.headers["x-ms-copy-source"]
        with self._sources.open(call, url, signed=True, trailing_dots=trailing) as source:
            source_range = request.headers.get("x-ms-source-range")
            begin, size = (0, source.length) if source_range is None else ranges.to_read(source_range, source.length)
            if size != count:
                raise errors.invalid_header("x-ms-source-range")
            await self._quotas.require(file.path, count)
            body = await asyncio.to_thread(os.pread, source.descriptor, count, begin)
        header = request.headers.get
        check_crc64(header("x-ms-source-content-crc64"), body)
        _check_source(header("x-ms-source-if-match-crc64"), header("x-ms-source-if-none-match-crc64"), body)
        md5_header = ("content-md5", await body_md5(call, body))
        return Response(201, headers=[*await self._write(call, file, first, [body]), md5_header])

    async def _write(self, call: Call, file: ShareItem, first: int, parts: Sequence[bytes]) -> Headers:
        end = first + sum(len(part) for part in parts)
        async with self._changing(call, file, first, end) as plan:
            response_headers = _write_headers(call, plan.after)
            await self._contents.write(plan, first, parts)
        return response_headers

    @asynccontextmanager
    async def _changing(
        self, call: Call, file: ShareItem, first: int, end: int, *, cleared: bool = False
    ) -> AsyncIterator[Plan[ShareItem]]:
        """Plan the change of a range in the request's turn, if the request is still permitted.

        Args:
            file: the file as it was before the body was received.
            cleared: whether the range becomes zeros.
        """
        mode = call.request.headers.get("x-ms-file-last-write-time", "now").lower()
        if mode not in ("now", "preserve"):
            raise errors.invalid_header("x-ms-file-last-write-time")
        async with self._shares.changing(call) as path:
            current = self._shares.content(call, change=True)
            refuse_read_only(current)
            if current.entry.file != file.entry.file:
                raise errors.not_found()  # the file was deleted or replaced in between
            if end > current.entry.length:
                raise errors.invalid_range(current.entry.length)
            written = smb.properties(current).written if mode == "preserve" else ""
            properties = replace(
                current.properties,
                extents=extents.add(current.properties.extents, Extent(first, end, path.share.epoch, cleared)),
                smb=replace(current.properties.smb, written=written, changed=""),
            )
            yield self._contents.plan(current, properties)

    async def list_ranges(self, call: Call) -> Response:
        """List Ranges: those that hold data, or that changed since a snapshot."""
        file, query = self._shares.content(call), call.request.query
        range_header = headers.requested_range(call.request)
        first, end = 0, file.entry.length
        if range_header is not None and end:
            first, count = ranges.to_read(range_header, end)
            end = first + count
        elif range_header is not None:
            raise errors.invalid_range(0)
        cleared: extents.Ranges = []
        if since := query.get("prevsharesnapshot"):
            written, cleared = await self._changed_ranges(call, file, since, first, end)
        else:
            written = await self._written_ranges(file, first, end)
        response_headers: Headers = [*stamps(file), ("x-ms-content-length", str(file.entry.length))]
        listed = range_lists.document(call.request, root="Ranges", tag="Range", written=written, cleared=cleared)
        return documents.response(listed, headers=response_headers)

    async def _written_ranges(self, file: ShareItem, first: int, end: int) -> extents.Ranges:
        if file.properties.extents is not None:
            return extents.written_ranges(file.properties.extents, first, end)
        with file.path.tree.open_file(file.path.names, os.O_RDONLY) as descriptor:
            parts = await asyncio.to_thread(lambda: list(sparse.segments(descriptor, first, end)))
        return [(part, stop - 1) for part, stop in parts]

    async def _changed_ranges(
        self, call: Call, file: ShareItem, since: str, first: int, end: int
    ) -> tuple[extents.Ranges, extents.Ranges]:
        target = file.path.target
        earlier = Target(target.service, target.account, target.share, target.path, since)
        share = self._shares.share(earlier)
        follows_rename = headers.flag(call.request, "x-ms-file-support-rename")
        if file.properties.renamed > share.epoch and not follows_rename:
            raise renamed_since_snapshot()
        if file.properties.extents is not None:
            return extents.changed_ranges(file.properties.extents, share.epoch, first, end)
        trailing = headers.flag(call.request, "x-ms-allow-trailing-dot")
        before = self._shares.find(self._shares.path_of(earlier, trailing_dots=trailing))
        if before is None or before.entry.is_directory:
            return await self._written_ranges(file, first, end), []
        with (
            file.path.tree.open_file(file.path.names, os.O_RDONLY) as current,
            before.path.tree.open_file(before.path.names, os.O_RDONLY) as previous,
        ):
            return await asyncio.to_thread(extents.differing_ranges, current, previous, first, end), []


def _check_source(match: str | None, none_match: str | None, body: bytes) -> None:
    """Check the CRC-64 of a source against the conditions of the request.

    Raises:
        StorageError: a condition does not hold.
    """
    if match is None and none_match is None:
        return
    crc64 = crc64_of(body)
    if match not in (None, crc64) or none_match == crc64:
        raise errors.condition_not_met()


def _write_headers(call: Call, after: ShareItem) -> Headers:
    response_headers = [*stamps(after), ("x-ms-request-server-encrypted", "true")]
    if call.version >= "2021-06-08":
        response_headers.append(("x-ms-file-last-write-time", smb.properties(after).written))
    return response_headers


def _range_header(call: Call) -> str:
    header = headers.requested_range(call.request)
    if header is None:
        raise errors.missing_header("x-ms-range")
    return header
