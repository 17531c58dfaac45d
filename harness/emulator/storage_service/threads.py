"""Work in threads. A cancelled request waits for its thread, because the thread uses the request's descriptors."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *arguments: object, stop: Callable[[], None] = lambda: None) -> T:
    """Call a function in a thread and return its result. A cancelled request waits for the end of the call.

    Args:
        stop: called if the request is cancelled, to make a long call end early.
    """
    return await wait_for_thread(asyncio.ensure_future(asyncio.to_thread(function, *arguments)), stop)


async def wait_for_thread(future: "asyncio.Future[T]", stop: Callable[[], None] = lambda: None) -> T:
    """Wait for a thread, and return its result. A cancelled request waits, too.

    Args:
        future: the future of the thread's result.
        stop: called if the request is cancelled, to make the thread end early.
    """
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait({future})
        raise
