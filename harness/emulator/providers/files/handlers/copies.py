"""Copies to files: a short copy ends before the response; a longer one runs in the background and can be aborted.

As at Azure, a copy from another account is always reported as pending, so that its client has to wait.
"""

import asyncio
import logging
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files.handlers.files import refuse_read_only
from harness.emulator.providers.files.handlers.response_headers import Headers, change_headers, with_smb
from harness.emulator.providers.files.model import Nfs, Properties, Smb
from harness.emulator.providers.files.paths import ShareItem, SharePath
from harness.emulator.providers.files.quota import Quotas
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import errors, headers, leases
from harness.emulator.storage_service.copy_sources import CopySources, Source, without_signature
from harness.emulator.storage_service.copying import (
    BACKGROUND_AFTER,
    Copy,
    CopyTasks,
    RunningCopy,
    copy_bytes,
    finished_copy,
)
from harness.emulator.storage_service.entries import close, staged, to_entry
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.file_records import set_time, valid_record
from harness.emulator.storage_service.model import Lease
from harness.emulator.storage_service.operations import Call
from harness.emulator.storage_service.system_calls import status_of

_log = logging.getLogger(__name__)


class CopyHandlers:
    """Copy File and Abort Copy File."""

    def __init__(self, shares: Shares, sources: CopySources, quotas: Quotas) -> None:
        self._shares = shares
        self._sources = sources
        self._quotas = quotas
        self._running = shares.copies
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._tasks = CopyTasks()

    async def start(self, call: Call) -> Response:
        """Copy File: the target does not change until the copy is complete, or continues in the background."""
        url = call.request.headers["x-ms-copy-source"]
        trailing = headers.flag(call.request, "x-ms-source-allow-trailing-dot")
        with (
            self._sources.open(call, url, trailing_dots=trailing) as source,
            staged(self._shares.trash.folder) as (descriptor, staged_path),
        ):
            path = self._shares.path(call)
            self._replaced_file(call, path)
            await self._quotas.require(path, source.length)
            copy = Copy(str(uuid.uuid4()), without_signature(url), "pending", source.length)
            os.truncate(descriptor, source.length)
            running = RunningCopy()
            delay = self._sources.delay
            task = self._tasks.start(
                copy_bytes(running, os.dup(source.descriptor), os.dup(descriptor), source.length, delay)
            )
            try:
                is_foreign = self._sources.parse(url)[0].account != path.target.account
                await asyncio.wait({task}, timeout=0 if is_foreign or delay else BACKGROUND_AFTER)
                if task.done():
                    task.result()
                    copy = replace(copy, status="success", done=copy.total, completed=self._shares.clock.now())
                async with self._shares.changing(call) as path:
                    with _duplicate(descriptor) as target:
                        response_headers = self._put_in_place(
                            call, path, source, copy, descriptor=descriptor, staged_path=staged_path
                        )
                    if copy.status == "pending":
                        self._running[copy.id] = running
                        finishing = self._finish(path.unlinked, copy, task, target)
                        self._ending[copy.id] = self._tasks.start(finishing)
                    else:
                        close(target)
            except BaseException:
                running.stop.set()
                raise
        return Response(202, headers=[*response_headers, ("x-ms-copy-id", copy.id), ("x-ms-copy-status", copy.status)])

    async def abort(self, call: Call) -> Response:
        """Abort Copy File: an empty file remains."""
        path = self._shares.path(call)
        file = self._shares.find(path)
        if file is None or file.entry.is_directory:
            raise errors.not_found()
        if call.request.headers.get("x-ms-copy-action", "").lower() != "abort":
            raise errors.invalid_header("x-ms-copy-action")
        lease_id = call.request.headers.get("x-ms-lease-id", "")
        leases.check(file.properties.lease, lease_id, call.now, noun="File", change=True)
        copy = file.properties.copy
        ending = self._ending.get(copy.id) if copy is not None else None
        if copy is None or ending is None or copy.id != call.request.query.get("copyid"):
            raise errors.no_pending_copy()
        self._running[copy.id].stop.set()
        await asyncio.wait({ending})
        after = self._shares.find(path)
        if after is not None and after.properties.copy is not None and after.properties.copy.status != "aborted":
            raise errors.no_pending_copy()  # the copy had already ended
        return Response(204)

    def _replaced_file(self, call: Call, path: SharePath) -> ShareItem | None:
        """The file that the copy replaces; None if there is none.

        Raises:
            StorageError: the copy may not replace it.
        """
        before = self._shares.find(path)
        if before is not None:
            if before.entry.is_directory:
                raise errors.type_mismatch()
            if not call.credential.replaces:
                raise errors.permission_mismatch()
            self._shares.check_preconditions(call, before, change=True)
            if not headers.flag(call.request, "x-ms-file-copy-ignore-readonly"):
                refuse_read_only(before)
        return before

    def _put_in_place(
        self, call: Call, path: SharePath, source: Source, copy: Copy, *, descriptor: int, staged_path: Path
    ) -> Headers:
        """Move the copy, complete or still being written, to the target path; returns its headers."""
        before = self._replaced_file(call, path)
        properties = Properties(
            metadata=headers.metadata(call.request) or dict(source.metadata),
            content=dict(source.content),
            content_md5=source.content_md5,
            nfs=_nfs_properties(call, source),
            lease=leases.after_write(before.properties.lease, call.now) if before else Lease(),
            copy=copy,
            extents=(Extent(0, source.length, path.share.epoch),) if source.length else (),
        )
        properties = with_smb(self._shares, call, path, properties, current=_smb_properties(call, source))
        if headers.flag(call.request, "x-ms-file-copy-set-archive") and "Archive" not in properties.smb.attributes:
            attributes = f"{properties.smb.attributes} | Archive"
            properties = replace(properties, smb=replace(properties.smb, attributes=attributes))
        set_time(descriptor, self._shares.clock.now(), before.entry if before else None)
        new = ShareItem(path, to_entry(path.names[-1], status_of(descriptor)), properties)
        response_headers = change_headers(new, call)[:2]
        self._shares.put_in_place(new, staged_path)
        return response_headers

    async def _finish(self, path: SharePath, copy: Copy, task: asyncio.Task[None], target: int) -> None:
        """Store the outcome of a copy that continued in the background."""
        running = self._running[copy.id]
        try:
            done = await finished_copy(task, running, copy)
            if done.status == "aborted":
                os.truncate(target, 0)
            async with self._shares.turns.take(lambda: path):
                self._store_outcome(path, replace(done, completed=self._shares.clock.now()), target)
        except (OSError, sqlite3.Error) as error:
            _log.warning("the outcome of a copy could not be stored: %s", error)
        finally:
            del self._running[copy.id], self._ending[copy.id]
            close(target)

    def _store_outcome(self, path: SharePath, copy: Copy, target: int) -> None:
        entry = to_entry(path.names[-1], status_of(target))
        record = valid_record(self._shares.store.get(Properties, path.key), entry)
        if record is None or record.copy is None or record.copy.id != copy.id:
            return  # the file was deleted or replaced in between
        set_time(target, self._shares.clock.now(), entry)
        extents = record.extents if copy.status == "success" else None
        properties = replace(record, copy=copy, extents=extents, modified=0)
        self._shares.put_record(ShareItem(path, to_entry(entry.name, status_of(target)), properties))


@contextmanager
def _duplicate(descriptor: int) -> Iterator[int]:
    """A second descriptor of a file, closed if the block fails; otherwise the caller closes it."""
    second = os.dup(descriptor)
    try:
        yield second
    except BaseException:
        close(second)
        raise


def _nfs_properties(call: Call, source: Source) -> Nfs:
    """The NFS properties of a copy: those of its source if the request says so, otherwise those of a new file."""
    properties = Nfs()
    if not isinstance(source.nfs, Nfs):
        return properties
    header = call.request.headers.get
    if header("x-ms-file-owner-copy-mode", "").lower() == "source":
        properties = replace(properties, owner=source.nfs.owner, group=source.nfs.group)
    if header("x-ms-file-mode-copy-mode", "").lower() == "source":
        properties = replace(properties, mode=source.nfs.mode)
    return properties


def _smb_properties(call: Call, source: Source) -> Smb:
    """The SMB properties of the source that the request wants the copy to have."""
    if not isinstance(source.smb, Smb):
        return Smb()
    header = call.request.headers.get
    copies_permission = header("x-ms-file-permission-copy-mode", "").lower() == "source"

    def copied_value(name: str, value: str) -> str:
        return value if header(f"x-ms-file-{name}", "").lower() == "source" else ""

    return Smb(
        attributes=copied_value("attributes", source.smb.attributes),
        permission_key=source.smb.permission_key if copies_permission else "",
        created=copied_value("creation-time", source.smb.created),
        written=copied_value("last-write-time", source.smb.written),
        changed="",
    )
