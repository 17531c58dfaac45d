"""Ranges of files: write, clear, copy from elsewhere, list, compare with a snapshot."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files import extents, smb
from harness.emulator.providers.files.errors import renamed_since_snapshot
from harness.emulator.providers.files.handlers.answers import Headers, again, stamps
from harness.emulator.providers.files.handlers.files import (
    RANGE_LIMIT,
    body_md5,
    check_crc64,
    refuse_read_only,
    refuse_structured,
)
from harness.emulator.providers.files.model import Extent, Properties
from harness.emulator.providers.files.quota import Quotas
from harness.emulator.providers.files.shares import Found, Place, Shares
from harness.emulator.providers.files.writers import Writers
from harness.emulator.providers.storage import bodies, documents, errors, headers, moments, ranges, sparse
from harness.emulator.providers.storage.access import Target
from harness.emulator.providers.storage.crc64 import crc64_of
from harness.emulator.providers.storage.host import Call
from harness.emulator.providers.storage.sources import Sources


class RangeHandlers:
    """Operations on ranges of one file."""

    def __init__(self, shares: Shares, sources: Sources, quotas: Quotas) -> None:
        self._shares = shares
        self._sources = sources
        self._quotas = quotas
        self._writers = Writers()

    async def put(self, call: Call) -> Response:
        """Put Range: update or clear; or Put Range From URL."""
        request = call.request
        refuse_structured(call)
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
        found = self._shares.file(call, change=True)
        refuse_read_only(found)
        size = headers.number(request, "content-length", most=1 << 62)
        if size is None:
            raise errors.missing_length()
        if size > RANGE_LIMIT:
            raise errors.too_large(RANGE_LIMIT)
        first, count = ranges.to_write(_header(call), found.entry.length)
        if count != size:
            raise errors.invalid_header("content-length")
        await self._quotas.require(found.place, count)
        if "content-md5" in request.headers or "x-ms-content-crc64" in request.headers:
            body = await request.read(count)
            if len(body) != count:
                raise errors.invalid_header("content-length")
            await check_crc64(request.headers.get("x-ms-content-crc64"), body)
            return await self._write_checked(call, found, body, first)

        async def receive(descriptor: int) -> str:
            done, md5 = await bodies.receive(request, descriptor, first=first, limit=count)
            if done != count:
                raise errors.invalid_header("content-length")
            return md5

        return await self._write(call, found, Extent(first, first + count, found.place.share.epoch), receive)

    async def _clear(self, call: Call) -> Response:
        found = self._shares.file(call, change=True)
        refuse_read_only(found)
        first, count = ranges.to_write(_header(call), found.entry.length)
        if call.request.headers.get("content-length", "0") != "0":
            raise errors.invalid_header("content-length")

        async def clear(descriptor: int) -> str:
            await asyncio.to_thread(sparse.clear, descriptor, first, count)
            return ""

        extent = Extent(first, first + count, found.place.share.epoch, cleared=True)
        return await self._write(call, found, extent, clear)

    async def _put_from_source(self, call: Call) -> Response:
        request = call.request
        found = self._shares.file(call, change=True)
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
        await check_crc64(given("x-ms-source-content-crc64"), body)
        await _check_source(given("x-ms-source-if-match-crc64"), given("x-ms-source-if-none-match-crc64"), body)
        return await self._write_checked(call, found, body, first)

    async def _write_checked(self, call: Call, found: Found, body: bytes, first: int) -> Response:
        """Write a body that must first be what its MD5 says."""
        md5 = await body_md5(call, body)

        async def write(descriptor: int) -> str:
            await asyncio.to_thread(sparse.write_all, descriptor, body, first)
            return md5

        return await self._write(call, found, Extent(first, first + len(body), found.place.share.epoch), write)

    async def _write(
        self, call: Call, found: Found, extent: Extent, action: Callable[[int], Awaitable[str]]
    ) -> Response:
        """Change a file's bytes by an action that gives their MD5, and note which bytes they were."""
        place = found.place
        mode = call.request.headers.get("x-ms-file-last-write-time", "now").lower()
        if mode not in ("now", "preserve"):
            raise errors.invalid_header("x-ms-file-last-write-time")
        writing = self._writers.writing(place.key, extent.first, extent.end, holds=lambda: self._holds(place))
        async with writing as held:
            with place.tree.open_file(place.names, os.O_RDWR) as descriptor:
                length = os.fstat(descriptor).st_size
                if extent.end > length:  # another request cut it meanwhile
                    raise errors.invalid_range(length)
                md5 = await action(descriptor)
                now = place.tree.entry(place.names)
                if now is None or now.inode != os.fstat(descriptor).st_ino:
                    raise errors.not_found()  # deleted or replaced meanwhile: nothing of this is in the new one
                self._note(place, descriptor, extent, held=held, preserve=mode == "preserve")
        after = again(self._shares, place)
        answer = [*stamps(after), ("x-ms-request-server-encrypted", "true")]
        if md5:
            answer.append(("content-md5", md5))
        if call.version >= "2021-06-08":
            answer.append(("x-ms-file-last-write-time", smb.shown(after).written))
        return Response(201, headers=answer)

    def _holds(self, place: Place) -> bool:
        """Whether what is remembered of a file still holds: no job was there since."""
        kept, entry = self._shares.store.get(Properties, place.key), place.tree.entry(place.names)
        return kept is not None and entry is not None and kept.state == entry.state

    def _note(self, place: Place, descriptor: int, extent: Extent, *, held: bool, preserve: bool) -> None:
        """Remember what a write left."""
        kept = self._shares.store.get(Properties, place.key) or Properties(extents=None)
        extent = replace(extent, epoch=self._shares.share(place.target).epoch)  # of a snapshot taken meanwhile, too
        if not held:
            kept = replace(kept, content_md5="", extents=None, smb=replace(kept.smb, written=""))
        before = kept.state[1] or moments.nanoseconds(self._shares.clock.now())
        written = (kept.smb.written or moments.stamp(before)) if preserve else ""
        self._shares.keep_written(
            place,
            replace(
                kept,
                extents=extents.noted(kept.extents, extent),
                smb=replace(kept.smb, written=written, changed=""),
                state=self._shares.stamp(descriptor),
            ),
        )

    async def list_ranges(self, call: Call) -> Response:
        """List Ranges, or what changed since a snapshot."""
        found, query = self._shares.file(call), call.request.query
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
        return documents.answer(_document(call, written, cleared), headers=answer)

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


async def _check_source(wanted: str | None, unwanted: str | None, body: bytes) -> None:
    """Let pass a source whose CRC-64 is the one that is wanted, and not the one that is not.

    Raises:
        StorageError: it is not so.
    """
    if wanted is None and unwanted is None:
        return
    found = await asyncio.to_thread(crc64_of, body)
    if wanted not in (None, found) or unwanted == found:
        raise errors.condition_not_met()


def _header(call: Call) -> str:
    header = headers.asked_range(call.request)
    if header is None:
        raise errors.missing_header("x-ms-range")
    return header


def _document(call: Call, written: extents.Ranges, cleared: extents.Ranges) -> str:
    """The ranges in order, a page of them where the request asks for pages."""
    tagged = sorted([(first, last, "Range") for first, last in written] + [(a, b, "ClearRange") for a, b in cleared])
    marker = call.request.query.get("marker", "")
    if marker:
        if not (marker.isascii() and marker.isdigit() and len(marker) < 20):
            raise errors.invalid_query("marker")
        tagged = [each for each in tagged if each[0] >= int(marker)]
    paged = "maxresults" in call.request.query
    size = headers.page_size(call.request) if paged else len(tagged)
    more = str(tagged[size][0]) if len(tagged) > size else ""
    items = "".join(f"<{tag}><Start>{first}</Start><End>{last}</End></{tag}>" for first, last, tag in tagged[:size])
    return f"<Ranges>{items}{f'<NextMarker>{more}</NextMarker>' if paged or marker else ''}</Ranges>"
