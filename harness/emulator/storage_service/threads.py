"""Work in a thread, for which a cancelled request waits too, because the thread uses the request's descriptors."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(act: Callable[..., T], *arguments: object, stop: Callable[[], None] = lambda: None) -> T:
    """Call ``act`` in a thread and return its result. A request that is cancelled waits for the end of ``act``.

    Args:
        stop: called if the request is cancelled, to make a long ``act`` end early.
    """
    return await ended(asyncio.ensure_future(asyncio.to_thread(act, *arguments)), stop)


async def ended(acting: "asyncio.Future[T]", stop: Callable[[], None] = lambda: None) -> T:
    """Wait for a thread, and return its result. A request that is cancelled waits for its end, too.

    Args:
        acting: what the thread will return.
        stop: called if the request is cancelled, to make the thread end early.
    """
    try:
        return await asyncio.shield(acting)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait({acting})
        raise
