"""The ranges of a file that were written or cleared, and after which snapshot; pure.

Disks keep holes in blocks of 4 KiB, Azure Files in blocks of 512 bytes, and its range diff distinguishes cleared bytes
from bytes that were never written. So every write is recorded, as long as only REST requests write to the file.
"""

import os
from collections.abc import Iterable

import msgspec

PAGE = 512  # bytes; ranges are rounded to it
MOST = 4096  # extents of one file; for a more fragmented file the holes on disk are reported

_COMPARED = 1 << 20  # bytes compared at a time

Ranges = list[tuple[int, int]]  # first and last byte


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """A range that one request wrote or cleared. ``epoch`` counts the snapshots before the request."""

    first: int
    end: int
    epoch: int
    cleared: bool = False


def add(extents: tuple[Extent, ...] | None, new: Extent) -> tuple[Extent, ...] | None:
    """The extents after one more write; None if there are too many, now or before."""
    if extents is None:
        return None
    if extents and _continues(extents[-1], new):
        return (*extents[:-1], Extent(extents[-1].first, new.end, new.epoch, new.cleared))
    extents = _insert(extents, new) if extents and new.first < extents[-1].end else (*extents, new)
    return extents if len(extents) <= MOST else None


def of_copy(extents: tuple[Extent, ...] | None) -> tuple[Extent, ...] | None:
    """The extents of a copy, which has no snapshots and no cleared ranges."""
    if extents is None:
        return None
    return tuple(Extent(extent.first, extent.end, 0) for extent in extents if not extent.cleared)


def truncate(extents: tuple[Extent, ...] | None, length: int, *, before: int) -> tuple[Extent, ...] | None:
    """The extents of a file that now has ``length`` bytes, and had ``before``: nothing remains of a cut-off range."""
    if extents is None or length >= before:
        return extents
    return tuple(
        Extent(extent.first, min(extent.end, length), extent.epoch, extent.cleared)
        for extent in extents
        if extent.first < length
    )


def written_ranges(extents: Iterable[Extent], first: int, end: int) -> Ranges:
    """The ranges that hold data, rounded to pages, from ``first`` to ``end``."""
    return _join((extent for extent in extents if not extent.cleared), first, end)


def changed_ranges(extents: Iterable[Extent], since: int, first: int, end: int) -> tuple[Ranges, Ranges]:
    """The ranges written, and the ranges cleared, after a snapshot with the epoch ``since``."""
    later = [extent for extent in extents if extent.epoch > since]
    return (
        _join((extent for extent in later if not extent.cleared), first, end),
        _join((extent for extent in later if extent.cleared), first, end),
    )


def differing_ranges(now: int, then: int, first: int, end: int) -> Ranges:
    """The pages in which two files differ. Both are read, because writes of jobs are not recorded."""
    pages: Ranges = []
    for at in range(first, end, _COMPARED):
        size = min(_COMPARED, end - at)
        new, old = os.pread(now, size, at), os.pread(then, size, at)
        if new == old:
            continue
        for page in range(0, size, PAGE):
            if new[page : page + PAGE] != old[page : page + PAGE]:
                begin, last = at + page, min(at + page + PAGE, end) - 1
                if pages and pages[-1][1] + 1 == begin:
                    pages[-1] = (pages[-1][0], last)
                else:
                    pages.append((begin, last))
    return pages


def _join(extents: Iterable[Extent], first: int, end: int) -> Ranges:
    joined: Ranges = []
    for extent in extents:
        begin = max(extent.first // PAGE * PAGE, first)
        last = min(-(-extent.end // PAGE) * PAGE, end) - 1
        if last < begin:
            continue
        if joined and begin <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((begin, last))
    return joined


def _continues(last: Extent, new: Extent) -> bool:
    return last.end == new.first and last.epoch == new.epoch and last.cleared == new.cleared


def _insert(extents: tuple[Extent, ...], new: Extent) -> tuple[Extent, ...]:
    before, after = [], []
    for extent in extents:
        if extent.first < new.first:
            before.append(Extent(extent.first, min(extent.end, new.first), extent.epoch, extent.cleared))
        if extent.end > new.end:
            after.append(Extent(max(extent.first, new.end), extent.end, extent.epoch, extent.cleared))
    merged: list[Extent] = []
    for extent in [*before, new, *after]:
        if merged and _continues(merged[-1], extent):
            merged[-1] = Extent(merged[-1].first, extent.end, extent.epoch, extent.cleared)
        else:
            merged.append(extent)
    return tuple(merged)
