"""Which ranges of a file were written or cleared, and after which snapshot; pure.

Disks keep holes in blocks of 4 KiB, Azure Files in blocks of 512 bytes, and its range diff distinguishes cleared bytes
from bytes that were never written. So every write is recorded, as long as only REST writes to the file.
"""

import os
from collections.abc import Iterable

import msgspec

PAGE = 512  # bytes; ranges are rounded to it
MOST = 4096  # extents of one file; for a more scattered file the holes on disk are reported

_COMPARED = 1 << 20  # bytes compared at a time

Ranges = list[tuple[int, int]]  # first and last byte


class Extent(msgspec.Struct, frozen=True, array_like=True):
    """A range that one request wrote or cleared. ``epoch`` counts the snapshots before the request."""

    first: int
    end: int
    epoch: int
    cleared: bool = False


def noted(extents: tuple[Extent, ...] | None, new: Extent) -> tuple[Extent, ...] | None:
    """The extents after one more write; None once there are too many, or if there were before."""
    if extents is None:
        return None
    if extents and _continues(extents[-1], new):
        return (*extents[:-1], Extent(extents[-1].first, new.end, new.epoch, new.cleared))
    extents = _insert(extents, new) if extents and new.first < extents[-1].end else (*extents, new)
    return extents if len(extents) <= MOST else None


def as_new(extents: tuple[Extent, ...] | None) -> tuple[Extent, ...] | None:
    """The extents of a copy, which has no snapshots yet and nothing to clear."""
    if extents is None:
        return None
    return tuple(Extent(each.first, each.end, 0) for each in extents if not each.cleared)


def cut(extents: tuple[Extent, ...] | None, length: int, *, before: int) -> tuple[Extent, ...] | None:
    """The extents of a file that now has ``length`` bytes and had ``before``: what was cut off is cleared."""
    if extents is None or length >= before:
        return extents
    return tuple(
        Extent(each.first, min(each.end, length), each.epoch, each.cleared) for each in extents if each.first < length
    )


def written(extents: Iterable[Extent], first: int, end: int) -> Ranges:
    """The ranges that hold data, in whole pages, within bounds."""
    return _joined((each for each in extents if not each.cleared), first, end)


def changed(extents: Iterable[Extent], since: int, first: int, end: int) -> tuple[Ranges, Ranges]:
    """The ranges written, and those cleared, after the snapshot that ``since`` snapshots preceded."""
    later = [each for each in extents if each.epoch > since]
    return (
        _joined((each for each in later if not each.cleared), first, end),
        _joined((each for each in later if each.cleared), first, end),
    )


def differing(now: int, then: int, first: int, end: int) -> Ranges:
    """The pages in which two files differ, found by reading both: writes of jobs are not recorded."""
    found: Ranges = []
    for at in range(first, end, _COMPARED):
        size = min(_COMPARED, end - at)
        new, old = os.pread(now, size, at), os.pread(then, size, at)
        if new == old:
            continue
        for page in range(0, size, PAGE):
            if new[page : page + PAGE] != old[page : page + PAGE]:
                begin, last = at + page, min(at + page + PAGE, end) - 1
                if found and found[-1][1] + 1 == begin:
                    found[-1] = (found[-1][0], last)
                else:
                    found.append((begin, last))
    return found


def _joined(extents: Iterable[Extent], first: int, end: int) -> Ranges:
    found: Ranges = []
    for extent in extents:
        begin = max(extent.first // PAGE * PAGE, first)
        last = min(-(-extent.end // PAGE) * PAGE, end) - 1
        if last < begin:
            continue
        if found and begin <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((begin, last))
    return found


def _continues(last: Extent, new: Extent) -> bool:
    return last.end == new.first and last.epoch == new.epoch and last.cleared == new.cleared


def _insert(extents: tuple[Extent, ...], new: Extent) -> tuple[Extent, ...]:
    before, after = [], []
    for each in extents:
        if each.first < new.first:
            before.append(Extent(each.first, min(each.end, new.first), each.epoch, each.cleared))
        if each.end > new.end:
            after.append(Extent(max(each.first, new.end), each.end, each.epoch, each.cleared))
    merged: list[Extent] = []
    for each in [*before, new, *after]:
        if merged and _continues(merged[-1], each):
            merged[-1] = Extent(merged[-1].first, each.end, each.epoch, each.cleared)
        else:
            merged.append(each)
    return tuple(merged)
