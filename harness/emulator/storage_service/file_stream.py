"""A part of a file as the body of a response."""

import os
from collections.abc import AsyncIterator

from harness.emulator.context import BrokenAnswerError

_PIECE = 1 << 20  # bytes read at a time


class FileStream:
    """Reads an open file, and closes it when the stream is garbage-collected, whether or not it was read.

    Args:
        descriptor: the descriptor of the file, which the stream closes.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._first = self._count = 0

    def set_range(self, first: int, count: int) -> None:
        """Set the range of bytes to read, which is empty until then."""
        self._first, self._count = first, count

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes.

        Raises:
            BrokenAnswerError: a job has shortened the file since the response's length was sent.
        """
        at, end = self._first, self._first + self._count
        while at < end:
            piece = os.pread(self._descriptor, min(_PIECE, end - at), at)
            if not piece:
                raise BrokenAnswerError
            at += len(piece)
            yield piece

    def __del__(self) -> None:
        os.close(self._descriptor)
