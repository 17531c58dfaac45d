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
from harness.emulator.providers.files.handlers.response_headers import Headers, changed, with_smb
from harness.emulator.providers.files.model import Nfs, Properties, Smb
from harness.emulator.providers.files.places import Found, Place
from harness.emulator.providers.files.quota import Quotas
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import errors, headers, leases
from harness.emulator.storage_service.copy_sources import CopySources, Source, without_signature
from harness.emulator.storage_service.copying import PATIENCE, Copy, CopyTasks, RunningCopy, ended, move
from harness.emulator.storage_service.entries import close, staged, to_entry
from harness.emulator.storage_service.extents import Extent
from harness.emulator.storage_service.file_records import holding, set_time
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
            staged(self._shares.trash.folder) as (descriptor, beside),
        ):
            place = self._shares.place(call)
            self._replaced(call, place)
            await self._quotas.require(place, source.length)
            copy = Copy(str(uuid.uuid4()), without_signature(url), "pending", source.length)
            os.truncate(descriptor, source.length)
            running = RunningCopy()
            delay = self._sources.delay
            moving = self._tasks.start(
                move(running, os.dup(source.descriptor), os.dup(descriptor), source.length, delay)
            )
            try:
                elsewhere = self._sources.parse(url)[0].account != place.target.account
                await asyncio.wait({moving}, timeout=0 if elsewhere or delay else PATIENCE)
                if moving.done():
                    moving.result()
                    copy = replace(copy, status="success", done=copy.total, completed=self._shares.clock.now())
                async with self._shares.changing(call) as place:
                    with _duplicate(descriptor) as writing:
                        answer = self._put_in_place(call, place, source, copy, descriptor=descriptor, beside=beside)
                    if copy.status == "pending":
                        self._running[copy.id] = running
                        finishing = self._finish(place.unlinked, copy, moving, writing)
                        self._ending[copy.id] = self._tasks.start(finishing)
                    else:
                        close(writing)
            except BaseException:
                running.stop.set()
                raise
        return Response(202, headers=[*answer, ("x-ms-copy-id", copy.id), ("x-ms-copy-status", copy.status)])

    async def abort(self, call: Call) -> Response:
        """Abort Copy File: an empty file remains."""
        place = self._shares.place(call)
        found = self._shares.find(place)
        if found is None or found.entry.is_directory:
            raise errors.not_found()
        if call.request.headers.get("x-ms-copy-action", "").lower() != "abort":
            raise errors.invalid_header("x-ms-copy-action")
        given = call.request.headers.get("x-ms-lease-id", "")
        leases.check(found.properties.lease, given, call.now, noun="File", change=True)
        copy = found.properties.copy
        ending = self._ending.get(copy.id) if copy is not None else None
        if copy is None or ending is None or copy.id != call.request.query.get("copyid"):
            raise errors.no_pending_copy()
        self._running[copy.id].stop.set()
        await asyncio.wait({ending})
        after = self._shares.find(place)
        if after is not None and after.properties.copy is not None and after.properties.copy.status != "aborted":
            raise errors.no_pending_copy()  # the copy has ended before
        return Response(204)

    def _replaced(self, call: Call, place: Place) -> Found | None:
        """The file that a copy replaces, if it may."""
        before = self._shares.find(place)
        if before is not None:
            if before.entry.is_directory:
                raise errors.type_mismatch()
            if not call.credential.replaces:
                raise errors.permission_mismatch()
            self._shares.admit(call, before, change=True)
            if not headers.flag(call.request, "x-ms-file-copy-ignore-readonly"):
                refuse_read_only(before)
        return before

    def _put_in_place(
        self, call: Call, place: Place, source: Source, copy: Copy, *, descriptor: int, beside: Path
    ) -> Headers:
        """Put a file that is complete, or is still being written, at the target; returns its headers."""
        before = self._replaced(call, place)
        fresh = Properties(
            metadata=headers.metadata(call.request) or dict(source.metadata),
            content=dict(source.content),
            content_md5=source.content_md5,
            nfs=_nfs_kept(call, source),
            lease=leases.after_write(before.properties.lease, call.now) if before else Lease(),
            copy=copy,
            extents=(Extent(0, source.length, place.share.epoch),) if source.length else (),
        )
        fresh = with_smb(self._shares, call, place, fresh, shown=_shown(call, source))
        if headers.flag(call.request, "x-ms-file-copy-set-archive") and "Archive" not in fresh.smb.attributes:
            fresh = replace(fresh, smb=replace(fresh.smb, attributes=f"{fresh.smb.attributes} | Archive"))
        set_time(descriptor, self._shares.clock.now(), before.entry if before else None)
        new = Found(place, to_entry(place.names[-1], status_of(descriptor)), fresh)
        answer = changed(new, call)[:2]
        self._shares.put_in_place(new, beside)
        return answer

    async def _finish(self, place: Place, copy: Copy, moving: asyncio.Task[None], writing: int) -> None:
        """Store the outcome of a copy that continued in the background."""
        running = self._running[copy.id]
        try:
            done = await ended(moving, running, copy)
            if done.status == "aborted":
                os.truncate(writing, 0)
            async with self._shares.turns.take(lambda: place):
                self._end(place, replace(done, completed=self._shares.clock.now()), writing)
        except (OSError, sqlite3.Error) as error:
            _log.warning("what became of a copy could not be kept: %s", error)
        finally:
            del self._running[copy.id], self._ending[copy.id]
            close(writing)

    def _end(self, place: Place, copy: Copy, writing: int) -> None:
        entry = to_entry(place.names[-1], status_of(writing))
        kept = holding(self._shares.store.get(Properties, place.key), entry)
        if kept is None or kept.copy is None or kept.copy.id != copy.id:
            return  # the file was deleted or replaced in between
        set_time(writing, self._shares.clock.now(), entry)
        extents = kept.extents if copy.status == "success" else None
        properties = replace(kept, copy=copy, extents=extents, modified=0)
        self._shares.keep(Found(place, to_entry(entry.name, status_of(writing)), properties))


@contextmanager
def _duplicate(descriptor: int) -> Iterator[int]:
    """A second descriptor of a file, closed if the block fails; otherwise the caller closes it."""
    second = os.dup(descriptor)
    try:
        yield second
    except BaseException:
        close(second)
        raise


def _nfs_kept(call: Call, source: Source) -> Nfs:
    """The NFS properties of a copy: those of its source where the request says so, else those of a new file."""
    kept = Nfs()
    if not isinstance(source.nfs, Nfs):
        return kept
    given = call.request.headers.get
    if given("x-ms-file-owner-copy-mode", "").lower() == "source":
        kept = replace(kept, owner=source.nfs.owner, group=source.nfs.group)
    if given("x-ms-file-mode-copy-mode", "").lower() == "source":
        kept = replace(kept, mode=source.nfs.mode)
    return kept


def _shown(call: Call, source: Source) -> Smb:
    """The SMB properties of the source that the request wants for the copy."""
    if not isinstance(source.smb, Smb):
        return Smb()
    given = call.request.headers.get
    kept = given("x-ms-file-permission-copy-mode", "").lower() == "source"

    def chosen(name: str, value: str) -> str:
        return value if given(f"x-ms-file-{name}", "").lower() == "source" else ""

    return Smb(
        attributes=chosen("attributes", source.smb.attributes),
        permission_key=source.smb.permission_key if kept else "",
        created=chosen("creation-time", source.smb.created),
        written=chosen("last-write-time", source.smb.written),
        changed="",
    )
