"""Sparse files: find data, punch a hole, copy with holes."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator, Sequence

_PUNCH, _KEEP_SIZE = 2, 1  # FALLOC_FL_PUNCH_HOLE, FALLOC_FL_KEEP_SIZE
_PIECE = 4 << 20  # bytes copied between two calls of ``progress``
_ZEROS = bytes(1 << 20)
_MOST_PARTS = 1024  # IOV_MAX
_UNSUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EXDEV)

_libc = ctypes.CDLL(None, use_errno=True)


def segments(descriptor: int, first: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of a file that hold data, as first byte and end, within bounds; the file system may round them."""
    while first < end:
        try:
            data = os.lseek(descriptor, first, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole follows
                return
            raise
        if data >= end:
            return
        hole = min(os.lseek(descriptor, data, os.SEEK_HOLE), end)
        yield data, hole
        first = hole


def write_all(descriptor: int, body: bytes | memoryview, first: int) -> None:
    """Write a whole body at an offset."""
    view = memoryview(body)
    while view:
        done = os.pwrite(descriptor, view, first)
        view, first = view[done:], first + done


def write_parts(descriptor: int, parts: Sequence[bytes], first: int) -> None:
    """Write a body in parts at an offset, in as few system calls as possible."""
    waiting: list[bytes | memoryview] = [part for part in parts if part]
    while waiting:
        done = os.pwritev(descriptor, waiting[:_MOST_PARTS], first)
        first += done
        while done:
            if done < len(waiting[0]):
                waiting[0] = memoryview(waiting[0])[done:]
                break
            done -= len(waiting.pop(0))


def clear(descriptor: int, first: int, count: int) -> None:
    """Make a range of a file a hole, which reads as zeros; write zeros if the file system has no holes."""
    if count == 0:
        return
    result = _libc.fallocate(descriptor, _PUNCH | _KEEP_SIZE, ctypes.c_int64(first), ctypes.c_int64(count))
    if result == 0:
        return
    number = ctypes.get_errno()
    if number not in _UNSUPPORTED:
        raise OSError(number, os.strerror(number))
    for part, end in list(segments(descriptor, first, first + count)):
        for at in range(part, end, len(_ZEROS)):
            write_all(descriptor, _ZEROS[: end - at], at)


def copy(
    source: int, target: int, *, first: int = 0, count: int, to: int = 0, progress: Callable[[int], None] | None = None
) -> None:
    """Copy a range of a file with its holes.

    Args:
        to: the offset in the target, where the target has a hole.
        progress: called with the number of bytes copied so far, holes included; it may raise to stop the copy.
    """
    end = first + count
    for data, hole in segments(source, first, end):
        at = data
        while at < hole:
            moved = _move(source, target, min(_PIECE, hole - at), at, to + at - first)
            if moved == 0:  # the source has shrunk
                return
            at += moved
            if progress is not None:
                progress(at - first)
    if progress is not None:
        progress(count)


def _move(source: int, target: int, count: int, at: int, to: int) -> int:
    try:
        return os.copy_file_range(source, target, count, at, to)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    piece = os.pread(source, count, at)
    write_all(target, piece, to)
    return len(piece)
