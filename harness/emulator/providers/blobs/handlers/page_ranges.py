"""The pages of a page blob that hold data, or have changed since a snapshot."""

import heapq
from collections.abc import Iterable
from dataclasses import replace as with_fields
from urllib.parse import unquote

from harness.emulator.context import Response
from harness.emulator.providers.blobs import pages
from harness.emulator.providers.blobs.errors import (
    blob_overwritten,
    previous_snapshot_is_newer,
    previous_snapshot_not_found,
)
from harness.emulator.providers.blobs.handlers.pages import of_pages
from harness.emulator.providers.blobs.handlers.response_headers import Headers, stamps
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.places import Found
from harness.emulator.storage_service import documents, errors, extents, range_lists, sparse
from harness.emulator.storage_service.entries import close
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.threads import in_thread

_SINCE, _SINCE_URL = "prevsnapshot", "x-ms-previous-snapshot-url"


class PageRangeHandlers:
    """Get Page Ranges."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def list_pages(self, call: Call) -> Response:
        """Get Page Ranges: those that hold data, or those that were written or cleared since a snapshot."""
        found = of_pages(self._history.blob(call))
        first, end = pages.read_range(call.request, found.entry.length)
        written, cleared = await self._changed(call, found, first, end)
        shown: Headers = [*stamps(found), ("x-ms-blob-content-length", str(found.entry.length))]
        listed = range_lists.document(call.request, root="PageList", tag="PageRange", written=written, cleared=cleared)
        return documents.answer(listed, headers=shown)

    async def _changed(self, call: Call, found: Found, first: int, end: int) -> tuple[extents.Ranges, extents.Ranges]:
        """The ranges that hold data, or are written since the snapshot that the request names; and those cleared."""
        since = _since(call)
        if not since:
            return await self._held(found, first, end), []
        before = self._before(call, found, since)
        if found.blob.extents is not None:
            return extents.changed(found.blob.extents, before.blob.epoch, first, end)
        return await in_thread(self._compared, found, before, first, end), []

    def _before(self, call: Call, found: Found, moment: str) -> Found:
        """The snapshot that a request compares with.

        Raises:
            StorageError: there is none, or it is not of this blob, or a later one.
        """
        if call.target.snapshot and moment > call.target.snapshot:
            raise previous_snapshot_is_newer()
        before = self._history.find(with_fields(call.target, snapshot=moment, version=""))
        if before is None:
            raise previous_snapshot_not_found()
        now, then = found.blob, before.blob
        if then.kind != now.kind or not now.remade <= then.epoch <= now.epoch:
            raise blob_overwritten()
        return before

    async def _held(self, found: Found, first: int, end: int) -> extents.Ranges:
        if found.blob.extents is not None:
            return extents.written(found.blob.extents, first, end)
        return [(part, stop - 1) for part, stop in await in_thread(self._segments, found, first, end)]

    def _segments(self, found: Found, first: int, end: int) -> extents.Ranges:
        """The parts of a blob's file that hold data, as first byte and end."""
        descriptor, _ = self._history.files.open(found)
        try:
            return list(sparse.segments(descriptor, first, end))
        finally:
            close(descriptor)

    def _compared(self, found: Found, before: Found, first: int, end: int) -> extents.Ranges:
        """The pages in which a blob differs from its snapshot, of those that hold data in one of them."""
        now, _ = self._history.files.open(found)
        try:
            then, _ = self._history.files.open(before)
            try:
                held = heapq.merge(sparse.segments(now, first, end), sparse.segments(then, first, end))
                return [each for part in _joined(held) for each in extents.differing(now, then, *part)]
            finally:
                close(then)
        finally:
            close(now)


def _since(call: Call) -> str:
    """The snapshot that a request compares with, named by its time or, as for managed disks, by its URL."""
    request = call.request
    if (url := request.headers.get(_SINCE_URL)) is None:
        return request.query.get(_SINCE, "")
    named = [pair.partition("=")[2] for pair in url.partition("?")[2].split("&") if pair.startswith("snapshot=")]
    if len(named) != 1 or _SINCE in request.query:
        raise errors.invalid_header(_SINCE_URL)
    return unquote(named[0])


def _joined(parts: Iterable[tuple[int, int]]) -> extents.Ranges:
    """The union of parts, in order, as first byte and end."""
    found: extents.Ranges = []
    for first, end in parts:
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((first, end))
    return found
