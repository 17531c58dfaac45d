"""Copy Blob: a short copy ends before the response; a longer one runs in the background and can be aborted.

As at Azure, a copy from another account is always reported as pending, so that its client has to wait. Until a pending
copy ends, an empty blob, or a page blob of zeros, is its placeholder.
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
from harness.emulator.providers.blobs.copy_rules import blob_to_replace, check_source, copy_record
from harness.emulator.providers.blobs.errors import blob_not_found, copy_id_mismatch
from harness.emulator.providers.blobs.handlers.blobs import BlobHandlers, BlobWrite
from harness.emulator.providers.blobs.handlers.response_headers import Headers
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.providers.blobs.paths import BlobPath
from harness.emulator.storage_service import errors, leases
from harness.emulator.storage_service.copy_sources import CopySources, without_signature
from harness.emulator.storage_service.copying import (
    BACKGROUND_AFTER,
    Copy,
    CopyTasks,
    RunningCopy,
    copy_bytes,
    finished_copy,
)
from harness.emulator.storage_service.entries import staged
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.operations import Call

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _IncomingBlob:
    """A blob whose bytes are copied to a file outside of the containers."""

    record: Blob
    copy: Copy
    running: RunningCopy
    transfer: asyncio.Task[None]
    descriptor: int
    temporary: Path


class CopyHandlers:
    """Copy Blob and Abort Copy Blob."""

    def __init__(self, containers: Containers, blobs: BlobHandlers, sources: CopySources) -> None:
        self._containers = containers
        self._blobs = blobs
        self._sources = sources
        self._finishing: dict[str, asyncio.Task[None]] = {}
        self._tasks = CopyTasks()

    async def start(self, call: Call) -> Response:
        """Copy Blob: the target does not change until the copy is complete or continues in the background."""
        url = call.request.headers["x-ms-copy-source"]
        with self._sources.open(call, url) as source, ExitStack() as stack:
            check_source(call, source)
            blob_to_replace(self._containers, call, self._containers.path(call.target))
            descriptor, temporary = stack.enter_context(staged(self._containers.trash.folder))
            os.truncate(descriptor, source.length)
            running, delay = RunningCopy(), self._sources.delay
            transfer = self._tasks.start(
                copy_bytes(running, os.dup(source.descriptor), os.dup(descriptor), source.length, delay)
            )
            copy = Copy(str(uuid.uuid4()), without_signature(url), "pending", source.length)
            incoming = _IncomingBlob(copy_record(call, source), copy, running, transfer, descriptor, temporary)
            try:
                is_foreign = self._sources.parse(url)[0].account != call.target.account
                await asyncio.wait({transfer}, timeout=0 if is_foreign or delay else BACKGROUND_AFTER)
                async with self._containers.changing(call) as path:
                    if transfer.done():
                        transfer.result()
                        copy = replace(copy, status="success", done=copy.total, completed=call.now)
                        fields = self._publish(call, path, incoming, copy)
                    else:
                        fields = self._publish_placeholder(call, path, incoming)
                        self._containers.copies[copy.id] = running
                        self._finishing[copy.id] = self._tasks.start(self._finish(path, incoming, stack.pop_all()))
            except BaseException:
                running.stop.set()
                raise
        return Response(202, headers=[*fields, ("x-ms-copy-id", copy.id), ("x-ms-copy-status", copy.status)])

    async def abort(self, call: Call) -> Response:
        """Abort Copy Blob: a blob without content remains."""
        blob = self._containers.find(self._containers.path(call.target))
        if blob is None:
            raise blob_not_found()
        if call.request.headers.get("x-ms-copy-action", "").lower() != "abort":
            raise errors.invalid_header("x-ms-copy-action")
        leases.check(
            blob.record.lease, call.request.headers.get("x-ms-lease-id", ""), call.now, noun="Blob", change=True
        )
        copy = blob.record.copy
        finishing = self._finishing.get(copy.id) if copy is not None else None
        if copy is None or finishing is None:
            raise errors.no_pending_copy()
        if copy.id != call.request.query.get("copyid"):
            raise copy_id_mismatch()
        self._containers.copies[copy.id].stop.set()
        await asyncio.wait({finishing})
        after = self._containers.find(blob.path)
        if after is not None and after.record.copy is not None and after.record.copy.status != "aborted":
            raise errors.no_pending_copy()  # the copy ended before it could be stopped
        return Response(204)

    def _publish(self, call: Call, path: BlobPath, incoming: _IncomingBlob, copy: Copy) -> Headers:
        """Move a complete blob to its path."""
        before = blob_to_replace(self._containers, call, path)
        record = self._blobs.successor_record(before, replace(incoming.record, copy=copy))
        return self._blobs.publish(BlobWrite(path, before, record), incoming.descriptor, incoming.temporary)

    def _publish_placeholder(self, call: Call, path: BlobPath, incoming: _IncomingBlob) -> Headers:
        """Create the placeholder of a pending copy."""
        before = blob_to_replace(self._containers, call, path)
        record = replace(incoming.record, copy=incoming.copy, content_md5="", blocks=(), extents=())
        with staged(self._containers.trash.folder) as (descriptor, temporary):
            os.truncate(descriptor, incoming.copy.total if record.kind == "PageBlob" else 0)
            write = BlobWrite(path, before, self._blobs.successor_record(before, record))
            return self._blobs.publish(write, descriptor, temporary)

    async def _finish(self, path: BlobPath, incoming: _IncomingBlob, resources: ExitStack) -> None:
        """Store the outcome of a copy that continued in the background.

        Args:
            resources: closes the file with the bytes, and deletes it unless it was moved to a container.
        """
        copy = incoming.copy
        try:
            with resources:
                final_copy = await finished_copy(incoming.transfer, incoming.running, copy)
                async with self._containers.turns.take(lambda: path):
                    self._store_outcome(path, incoming, replace(final_copy, completed=self._containers.clock.now()))
        except (OSError, sqlite3.Error, StorageError) as error:
            _log.warning("the outcome of a copy could not be stored: %s", error)
        finally:
            del self._containers.copies[copy.id], self._finishing[copy.id]

    def _store_outcome(self, path: BlobPath, incoming: _IncomingBlob, copy: Copy) -> None:
        blob = self._containers.find(path)
        if blob is None or blob.record.copy is None or blob.record.copy.id != copy.id:
            return  # the blob was deleted with its container, or by a job
        if copy.status == "success":
            record = self._blobs.successor_record(blob, replace(incoming.record, copy=copy))
            self._blobs.publish(BlobWrite(path, blob, record), incoming.descriptor, incoming.temporary)
        else:
            self._containers.put_record(self._containers.with_record(blob, replace(blob.record, copy=copy)))
