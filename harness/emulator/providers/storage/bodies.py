"""Bodies of requests that are too long for memory: straight into a file."""

import asyncio
import base64
import hashlib

from harness.emulator.context import BodyTooLargeError, Request
from harness.emulator.providers.storage import errors, headers, sparse

_BATCH = 1 << 20  # bytes that are hashed and written at a time, in a thread
_INLINE = 64 << 10  # bytes for which a thread is not worth its start


async def receive(request: Request, descriptor: int, *, limit: int) -> tuple[int, str]:
    """Write a body to a file; its length, and its MD5 in base64.

    Raises:
        BodyTooLargeError: it is longer than ``limit`` bytes.
        StorageError: its MD5 is not what the request says.
    """
    said = headers.md5(request, "content-md5")
    if (headers.number(request, "content-length", most=1 << 62) or 0) > limit:
        raise BodyTooLargeError(limit)
    digest = hashlib.md5(usedforsecurity=False)
    size, done, batch = 0, 0, []

    def write(parts: list[bytes], at: int) -> None:
        for part in parts:
            digest.update(part)
            sparse.write_all(descriptor, part, at)
            at += len(part)

    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise BodyTooLargeError(limit)
        batch.append(part)
        if size - done >= _BATCH:
            await asyncio.to_thread(write, batch, done)
            batch, done = [], size
    if size - done <= _INLINE:
        write(batch, done)
    else:
        await asyncio.to_thread(write, batch, done)
    found = _encoded(digest.digest())
    if said and said != found:
        raise errors.md5_mismatch()
    return size, found


def md5_of(body: bytes) -> str:
    """MD5 in base64."""
    return _encoded(hashlib.md5(body, usedforsecurity=False).digest())


def _encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
