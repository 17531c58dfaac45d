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
from harness.emulator.providers.blobs.handlers.pages import require_page_blob
from harness.emulator.providers.blobs.handlers.response_headers import Headers, stamps
from harness.emulator.providers.blobs.history import History
from harness.emulator.providers.blobs.paths import StoredBlob
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
        blob = require_page_blob(self._history.blob(call))
        first, end = pages.read_range(call.request, blob.entry.length)
        written, cleared = await self._ranges(call, blob, first, end)
        fields: Headers = [*stamps(blob), ("x-ms-blob-content-length", str(blob.entry.length))]
        text = range_lists.document(call.request, root="PageList", tag="PageRange", written=written, cleared=cleared)
        return documents.response(text, headers=fields)

    async def _ranges(
        self, call: Call, blob: StoredBlob, first: int, end: int
    ) -> tuple[extents.Ranges, extents.Ranges]:
        """Return the ranges with data, or those written since the snapshot of the request; and the cleared ranges."""
        since = _since(call)
        if not since:
            return await self._data_ranges(blob, first, end), []
        before = self._previous_snapshot(call, blob, since)
        if blob.record.extents is not None:
            return extents.changed_ranges(blob.record.extents, before.record.epoch, first, end)
        return await in_thread(self._differences, blob, before, first, end), []

    def _previous_snapshot(self, call: Call, blob: StoredBlob, stamp: str) -> StoredBlob:
        """Return the snapshot to which a request compares.

        Raises:
            StorageError: the snapshot does not exist, is of another blob, or is newer.
        """
        if call.target.snapshot and stamp > call.target.snapshot:
            raise previous_snapshot_is_newer()
        before = self._history.find(with_fields(call.target, snapshot=stamp, version=""))
        if before is None:
            raise previous_snapshot_not_found()
        current, previous = blob.record, before.record
        if previous.kind != current.kind or not current.remade <= previous.epoch <= current.epoch:
            raise blob_overwritten()
        return before

    async def _data_ranges(self, blob: StoredBlob, first: int, end: int) -> extents.Ranges:
        if blob.record.extents is not None:
            return extents.written_ranges(blob.record.extents, first, end)
        return [(part, stop - 1) for part, stop in await in_thread(self._segments, blob, first, end)]

    def _segments(self, blob: StoredBlob, first: int, end: int) -> extents.Ranges:
        """Return the parts of a blob's file that hold data, as first byte and end."""
        descriptor, _ = self._history.files.open(blob)
        try:
            return list(sparse.segments(descriptor, first, end))
        finally:
            close(descriptor)

    def _differences(self, blob: StoredBlob, before: StoredBlob, first: int, end: int) -> extents.Ranges:
        """Return the pages in which a blob differs from its snapshot, among those that hold data in one of them."""
        current, _ = self._history.files.open(blob)
        try:
            previous, _ = self._history.files.open(before)
            try:
                parts = heapq.merge(sparse.segments(current, first, end), sparse.segments(previous, first, end))
                return [pages for part in _union(parts) for pages in extents.differing_ranges(current, previous, *part)]
            finally:
                close(previous)
        finally:
            close(current)


def _since(call: Call) -> str:
    """Return the time of the snapshot to which a request compares; the request names the time, or the URL."""
    request = call.request
    if (url := request.headers.get(_SINCE_URL)) is None:
        return request.query.get(_SINCE, "")
    stamps = [pair.partition("=")[2] for pair in url.partition("?")[2].split("&") if pair.startswith("snapshot=")]
    if len(stamps) != 1 or _SINCE in request.query:
        raise errors.invalid_header(_SINCE_URL)
    return unquote(stamps[0])


def _union(parts: Iterable[tuple[int, int]]) -> extents.Ranges:
    """Return the union of sorted parts, as first byte and end."""
    ranges: extents.Ranges = []
    for first, end in parts:
        if ranges and first <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((first, end))
    return ranges
