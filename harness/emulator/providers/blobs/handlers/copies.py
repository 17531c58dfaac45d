"""Copy Blob: a short copy ends before the response; a longer one runs in the background and can be aborted.

As at Azure, a copy from another account is always reported as pending, so that its client has to wait. Until a pending
copy ends, its place holds an empty blob, or a page blob of zeros.
"""

import asyncio
import logging
import os
import sqlite3
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.copied import checked_source, copied, replaced
from harness.emulator.providers.blobs.errors import blob_not_found, copy_id_mismatch
from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers, Written
from harness.emulator.providers.blobs.handlers.response_headers import Headers
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.places import Place
from harness.emulator.storage_service import errors, leases
from harness.emulator.storage_service.copy_sources import CopySources, without_signature
from harness.emulator.storage_service.copying import PATIENCE, Copy, CopyTasks, RunningCopy, ended, move
from harness.emulator.storage_service.entries import staged
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.operations import Call

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Arriving:
    """A blob whose bytes are copied to a file that is not in a container yet."""

    blob: Blob
    copy: Copy
    running: RunningCopy
    moving: asyncio.Task[None]
    descriptor: int
    beside: Path


class CopyHandlers:
    """Copy Blob and Abort Copy Blob."""

    def __init__(self, containers: Containers, blobs: BlobHandlers, sources: CopySources) -> None:
        self._containers = containers
        self._blobs = blobs
        self._sources = sources
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._tasks = CopyTasks()

    async def start(self, call: Call) -> Response:
        """Copy Blob: the target does not change until the copy is complete, or continues in the background."""
        url = call.request.headers["x-ms-copy-source"]
        with self._sources.open(call, url) as source, ExitStack() as stack:
            checked_source(call, source)
            replaced(self._containers, call, self._containers.place(call.target))
            descriptor, beside = stack.enter_context(staged(self._containers.trash.folder))
            os.truncate(descriptor, source.length)
            running, delay = RunningCopy(), self._sources.delay
            moving = self._tasks.start(
                move(running, os.dup(source.descriptor), os.dup(descriptor), source.length, delay)
            )
            copy = Copy(str(uuid.uuid4()), without_signature(url), "pending", source.length)
            arriving = _Arriving(copied(call, source), copy, running, moving, descriptor, beside)
            try:
                elsewhere = self._sources.parse(url)[0].account != call.target.account
                await asyncio.wait({moving}, timeout=0 if elsewhere or delay else PATIENCE)
                async with self._containers.changing(call) as place:
                    if moving.done():
                        moving.result()
                        copy = replace(copy, status="success", done=copy.total, completed=call.now)
                        shown = self._publish(call, place, arriving, copy)
                    else:
                        shown = self._stand_in(call, place, arriving)
                        self._containers.copies[copy.id] = running
                        self._ending[copy.id] = self._tasks.start(self._finish(place, arriving, stack.pop_all()))
            except BaseException:
                running.stop.set()
                raise
        return Response(202, headers=[*shown, ("x-ms-copy-id", copy.id), ("x-ms-copy-status", copy.status)])

    async def abort(self, call: Call) -> Response:
        """Abort Copy Blob: a blob without content remains."""
        found = self._containers.find(self._containers.place(call.target))
        if found is None:
            raise blob_not_found()
        if call.request.headers.get("x-ms-copy-action", "").lower() != "abort":
            raise errors.invalid_header("x-ms-copy-action")
        leases.check(
            found.blob.lease, call.request.headers.get("x-ms-lease-id", ""), call.now, noun="Blob", change=True
        )
        copy = found.blob.copy
        ending = self._ending.get(copy.id) if copy is not None else None
        if copy is None or ending is None:
            raise errors.no_pending_copy()
        if copy.id != call.request.query.get("copyid"):
            raise copy_id_mismatch()
        self._containers.copies[copy.id].stop.set()
        await asyncio.wait({ending})
        after = self._containers.find(found.place)
        if after is not None and after.blob.copy is not None and after.blob.copy.status != "aborted":
            raise errors.no_pending_copy()  # the copy has ended before
        return Response(204)

    def _publish(self, call: Call, place: Place, arriving: _Arriving, copy: Copy) -> Headers:
        """Put a complete blob in its place."""
        before = replaced(self._containers, call, place)
        blob = self._blobs.succeeding(before, replace(arriving.blob, copy=copy))
        return self._blobs.publish(Written(place, before, blob), arriving.descriptor, arriving.beside)

    def _stand_in(self, call: Call, place: Place, arriving: _Arriving) -> Headers:
        """Put the placeholder of a pending copy in its place."""
        before = replaced(self._containers, call, place)
        blob = replace(arriving.blob, copy=arriving.copy, content_md5="", blocks=(), extents=())
        with staged(self._containers.trash.folder) as (descriptor, beside):
            os.truncate(descriptor, arriving.copy.total if blob.kind == "PageBlob" else 0)
            written = Written(place, before, self._blobs.succeeding(before, blob))
            return self._blobs.publish(written, descriptor, beside)

    async def _finish(self, place: Place, arriving: _Arriving, held: ExitStack) -> None:
        """Store the outcome of a copy that continued in the background.

        Args:
            held: closes the file that the bytes move into, and deletes it where it is in no container.
        """
        copy = arriving.copy
        try:
            with held:
                done = await ended(arriving.moving, arriving.running, copy)
                async with self._containers.turns.take(lambda: place):
                    self._end(place, arriving, replace(done, completed=self._containers.clock.now()))
        except (OSError, sqlite3.Error, StorageError) as error:
            _log.warning("what became of a copy could not be kept: %s", error)
        finally:
            del self._containers.copies[copy.id], self._ending[copy.id]

    def _end(self, place: Place, arriving: _Arriving, copy: Copy) -> None:
        found = self._containers.find(place)
        if found is None or found.blob.copy is None or found.blob.copy.id != copy.id:
            return  # the blob was deleted with its container, or by a job
        if copy.status == "success":
            blob = self._blobs.succeeding(found, replace(arriving.blob, copy=copy))
            self._blobs.publish(Written(place, found, blob), arriving.descriptor, arriving.beside)
        else:
            self._containers.keep(self._containers.touched(found, replace(found.blob, copy=copy)))
