"""Ranges of files: write, clear, copy from elsewhere, list, compare with a snapshot."""

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
from harness.emulator.providers.files.places import Found
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
        found = self._shares.content(call, change=True)
        refuse_read_only(found)
        size = bodies.length(request)
        if size is None:
            raise errors.missing_length()
        if size > RANGE_LIMIT:
            raise errors.too_large(RANGE_LIMIT)
        first, count = ranges.to_write(_header(call), found.entry.length)
        if count != size:
            raise errors.invalid_header("content-length")
        await self._quotas.require(found.place, count)
        body = await bodies.gather(request, limit=count)
        if sum(len(part) for part in body.parts) != count:
            raise errors.invalid_header("content-length")
        written = await self._write(call, found, first, body.parts)
        return Response(201, headers=[*written, *await body.confirmed(request)])

    async def _clear(self, call: Call) -> Response:
        found = self._shares.content(call, change=True)
        refuse_read_only(found)
        first, count = ranges.to_write(_header(call), found.entry.length)
        if call.request.headers.get("content-length", "0") != "0":
            raise errors.invalid_header("content-length")
        async with self._changing(call, found, first, first + count, cleared=True) as plan:
            answer = _written(call, plan.after)
            await self._contents.clear(plan, first, first + count)
        return Response(201, headers=answer)

    async def _put_from_source(self, call: Call) -> Response:
        request = call.request
        found = self._shares.content(call, change=True)
        refuse_read_only(found)
        if request.headers.get("x-ms-write", "update").lower() != "update":
            raise errors.invalid_header("x-ms-write")
        if request.headers.get("content-length", "0") != "0":
            raise errors.invalid_header("content-length")
        first, count = ranges.to_write(_header(call), found.entry.length)
        if count > RANGE_LIMIT:
            raise errors.too_large(RANGE_LIMIT)
        trailing = headers.flag(request, "x-ms-source-allow-trailing-dot")
        url = request.headers["x-ms-copy-source"]
        with self._sources.open(call, url, signed=True, trailing_dots=trailing) as source:
            asked = request.headers.get("x-ms-source-range")
            begin, size = (0, source.length) if asked is None else ranges.to_read(asked, source.length)
            if size != count:
                raise errors.invalid_header("x-ms-source-range")
            await self._quotas.require(found.place, count)
            body = await asyncio.to_thread(os.pread, source.descriptor, count, begin)
        given = request.headers.get
        check_crc64(given("x-ms-source-content-crc64"), body)
        _check_source(given("x-ms-source-if-match-crc64"), given("x-ms-source-if-none-match-crc64"), body)
        checked = ("content-md5", await body_md5(call, body))
        return Response(201, headers=[*await self._write(call, found, first, [body]), checked])

    async def _write(self, call: Call, found: Found, first: int, parts: Sequence[bytes]) -> Headers:
        end = first + sum(len(part) for part in parts)
        async with self._changing(call, found, first, end) as plan:
            answer = _written(call, plan.after)
            await self._contents.write(plan, first, parts)
        return answer

    @asynccontextmanager
    async def _changing(
        self, call: Call, found: Found, first: int, end: int, *, cleared: bool = False
    ) -> AsyncIterator[Plan[Found]]:
        """A block that changes a range of a file, if the request may still do so in its turn.

        Args:
            found: the file as it was before the body was received.
            cleared: whether the range becomes zeros.
        """
        mode = call.request.headers.get("x-ms-file-last-write-time", "now").lower()
        if mode not in ("now", "preserve"):
            raise errors.invalid_header("x-ms-file-last-write-time")
        async with self._shares.changing(call) as place:
            now = self._shares.content(call, change=True)
            refuse_read_only(now)
            if now.entry.file != found.entry.file:
                raise errors.not_found()  # the request is about a file that was deleted or replaced since
            if end > now.entry.length:
                raise errors.invalid_range(now.entry.length)
            written = smb.shown(now).written if mode == "preserve" else ""
            properties = replace(
                now.properties,
                extents=extents.noted(now.properties.extents, Extent(first, end, place.share.epoch, cleared)),
                smb=replace(now.properties.smb, written=written, changed=""),
            )
            yield self._contents.plan(now, properties)

    async def list_ranges(self, call: Call) -> Response:
        """List Ranges, or what changed since a snapshot."""
        found, query = self._shares.content(call), call.request.query
        asked = headers.asked_range(call.request)
        first, end = 0, found.entry.length
        if asked is not None and end:
            first, count = ranges.to_read(asked, end)
            end = first + count
        elif asked is not None:
            raise errors.invalid_range(0)
        cleared: extents.Ranges = []
        if since := query.get("prevsharesnapshot"):
            written, cleared = await self._compared(call, found, since, first, end)
        else:
            written = await self._written(found, first, end)
        answer: Headers = [*stamps(found), ("x-ms-content-length", str(found.entry.length))]
        listed = range_lists.document(call.request, root="Ranges", tag="Range", written=written, cleared=cleared)
        return documents.answer(listed, headers=answer)

    async def _written(self, found: Found, first: int, end: int) -> extents.Ranges:
        if found.properties.extents is not None:
            return extents.written(found.properties.extents, first, end)
        with found.place.tree.open_file(found.place.names, os.O_RDONLY) as descriptor:
            parts = await asyncio.to_thread(lambda: list(sparse.segments(descriptor, first, end)))
        return [(part, stop - 1) for part, stop in parts]

    async def _compared(
        self, call: Call, found: Found, since: str, first: int, end: int
    ) -> tuple[extents.Ranges, extents.Ranges]:
        target = found.place.target
        earlier = Target(target.service, target.account, target.share, target.path, since)
        share = self._shares.share(earlier)
        follows = headers.flag(call.request, "x-ms-file-support-rename")
        if found.properties.renamed > share.epoch and not follows:
            raise renamed_since_snapshot()
        if found.properties.extents is not None:
            return extents.changed(found.properties.extents, share.epoch, first, end)
        trailing = headers.flag(call.request, "x-ms-allow-trailing-dot")
        before = self._shares.find(self._shares.place_of(earlier, trailing_dots=trailing))
        if before is None or before.entry.is_directory:
            return await self._written(found, first, end), []
        with (
            found.place.tree.open_file(found.place.names, os.O_RDONLY) as now,
            before.place.tree.open_file(before.place.names, os.O_RDONLY) as then,
        ):
            return await asyncio.to_thread(extents.differing, now, then, first, end), []


def _check_source(wanted: str | None, unwanted: str | None, body: bytes) -> None:
    """Check the CRC-64 of a source against the conditions of the request.

    Raises:
        StorageError: a condition does not hold.
    """
    if wanted is None and unwanted is None:
        return
    found = crc64_of(body)
    if wanted not in (None, found) or unwanted == found:
        raise errors.condition_not_met()


def _written(call: Call, after: Found) -> Headers:
    answer = [*stamps(after), ("x-ms-request-server-encrypted", "true")]
    if call.version >= "2021-06-08":
        answer.append(("x-ms-file-last-write-time", smb.shown(after).written))
    return answer


def _header(call: Call) -> str:
    header = headers.asked_range(call.request)
    if header is None:
        raise errors.missing_header("x-ms-range")
    return header
