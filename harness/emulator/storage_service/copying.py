"""Copies of files and blobs: their records, and the copies that are running."""

import asyncio
import threading
from collections.abc import Coroutine
from datetime import datetime
from functools import partial
from typing import Literal

import msgspec
from msgspec.structs import replace

from harness.clock import SystemClock
from harness.emulator.storage_service import sparse
from harness.emulator.storage_service.entries import close
from harness.emulator.storage_service.threads import in_thread
from harness.emulator.wire import http_date

BACKGROUND_AFTER = 0.5  # seconds after which a copy continues in the background
_POLL_INTERVAL = 0.05  # seconds between checks whether a delayed copy was aborted


class Copy(msgspec.Struct, frozen=True):
    """The last copy into a file or blob; ``source`` is shown without its signature."""

    id: str
    source: str
    status: Literal["pending", "success", "aborted", "failed"]
    total: int
    done: int = 0
    completed: datetime | None = None
    description: str = ""


class AbortedError(Exception):
    """The copy was aborted."""


class RunningCopy:
    """A running copy. A thread copies the bytes, and checks from time to time whether the copy was aborted."""

    def __init__(self) -> None:
        self.done = 0
        self.stop = threading.Event()

    def report(self, done: int) -> None:
        """Record how many bytes the thread has copied.

        Raises:
            AbortedError: the copy was aborted.
        """
        if self.stop.is_set():
            raise AbortedError
        self.done = done


class RunningCopies(dict[str, RunningCopy]):
    """The running copies by their ids."""

    def current(self, copy: Copy) -> Copy:
        """The present state of a copy. A pending copy that is not running has failed: its emulator ended before."""
        if copy.status != "pending":
            return copy
        running = self.get(copy.id)
        if running is None:
            return replace(copy, status="failed", description="The emulator was stopped during the copy.")
        return replace(copy, done=running.done)


class CopyTasks:
    """The tasks of copies. It holds a reference to each until it ends, because the event loop holds only weak ones."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run a coroutine in the background."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # marks it as retrieved, because the response was sent already


async def copy_bytes(running: RunningCopy, source: int, target: int, count: int, delay: float) -> None:
    """Copy the bytes of a file after some seconds, unless the copy is aborted before; closes both descriptors.

    Raises:
        AbortedError: the copy was aborted.
        OSError: the disk refuses.
    """
    try:
        clock = SystemClock()
        begin = clock.monotonic() + delay
        while clock.monotonic() < begin and not running.stop.is_set():
            await asyncio.sleep(_POLL_INTERVAL)
        running.report(0)
        await in_thread(
            partial(sparse.copy, source, target, count=count, progress=running.report), stop=running.stop.set
        )
    finally:
        close(source)
        close(target)


async def finished_copy(task: asyncio.Task[None], running: RunningCopy, copy: Copy) -> Copy:
    """The record of a copy after its task has ended; the caller adds the time of completion."""
    try:
        await task
    except AbortedError:
        return replace(copy, status="aborted", done=running.done)
    except OSError as error:
        description = f'500 InternalError "{error.strerror}"'
        return replace(copy, status="failed", done=running.done, description=description)
    return replace(copy, status="success", done=copy.total)


def copy_headers(copy: Copy | None) -> list[tuple[str, str]]:
    """The headers that show the last copy into a file or blob."""
    if copy is None:
        return []
    headers = [
        ("x-ms-copy-id", copy.id),
        ("x-ms-copy-source", copy.source),
        ("x-ms-copy-status", copy.status),
        ("x-ms-copy-progress", f"{copy.done}/{copy.total}"),
    ]
    if copy.completed is not None:
        headers.append(("x-ms-copy-completion-time", http_date(copy.completed)))
    if copy.description:
        headers.append(("x-ms-copy-status-description", copy.description))
    return headers
