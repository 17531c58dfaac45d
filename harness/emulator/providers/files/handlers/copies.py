"""Copies into files: at once where they are short, else in the background, where they can be aborted.

A copy from another account is always reported as pending, as the service does: its client has to wait for the end.
"""

import asyncio
import os
import uuid
from contextlib import ExitStack

from msgspec.structs import replace

from harness.emulator.context import Response
from harness.emulator.providers.files.copying import AbortedError, RunningCopy
from harness.emulator.providers.files.errors import no_pending_copy
from harness.emulator.providers.files.handlers.answers import again, changed, with_smb
from harness.emulator.providers.files.handlers.files import refuse_read_only
from harness.emulator.providers.files.model import Copy, Extent, Nfs, Properties, Smb
from harness.emulator.providers.files.quota import Quotas
from harness.emulator.providers.files.shares import Place, Shares
from harness.emulator.providers.storage import errors, headers, sparse
from harness.emulator.providers.storage.host import Call
from harness.emulator.providers.storage.sources import Source, Sources, without_signature

_PATIENCE = 0.5  # seconds after which a copy goes on in the background


class CopyHandlers:
    """Copy File and Abort Copy File."""

    def __init__(self, shares: Shares, sources: Sources, quotas: Quotas) -> None:
        self._shares = shares
        self._sources = sources
        self._quotas = quotas
        self._running = shares.copies
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, call: Call) -> Response:
        """Copy File."""
        request = call.request
        url = request.headers["x-ms-copy-source"]
        trailing = headers.flag(request, "x-ms-source-allow-trailing-dot")
        with self._sources.open(call, url, trailing_dots=trailing) as source:
            place = self._shares.place(call)
            await self._quotas.require(place, source.length)
            copy = Copy(str(uuid.uuid4()), without_signature(url), "pending", source.length)
            descriptor = self._begin(call, place, source, copy)
            reading = os.dup(source.descriptor)
        task = asyncio.create_task(self._move(place, copy, reading, descriptor))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        elsewhere = self._sources.parse(url)[0].account != place.target.account
        await asyncio.wait({task}, timeout=0 if elsewhere else _PATIENCE)
        found = again(self._shares, place)
        status = found.properties.copy.status if found.properties.copy else "failed"
        answer = [*changed(found, call)[:2], ("x-ms-copy-id", copy.id), ("x-ms-copy-status", status)]
        return Response(202, headers=answer)

    def abort(self, call: Call) -> Response:
        """Abort Copy File: it leaves an empty file."""
        found = self._shares.find(self._shares.place(call))
        if found is None or found.entry.is_directory:
            raise errors.not_found()
        if call.request.headers.get("x-ms-copy-action", "").lower() != "abort":
            raise errors.invalid_header("x-ms-copy-action")
        copy = found.properties.copy
        running = self._running.get(call.request.query.get("copyid", ""))
        if copy is None or running is None or copy.id != call.request.query.get("copyid"):
            raise no_pending_copy()
        running.stop.set()
        return Response(204)

    def _begin(self, call: Call, place: Place, source: Source, copy: Copy) -> int:
        """Put an empty file of the source's length at the target, to be filled; its descriptor."""
        before = self._shares.find(place)
        if before is not None:
            if before.entry.is_directory:
                raise errors.type_mismatch()
            if not call.credential.replaces:
                raise errors.permission_mismatch()
            self._shares.admit(call, before, change=True)
            if not headers.flag(call.request, "x-ms-file-copy-ignore-readonly"):
                refuse_read_only(before)
        shown = _shown(call, source)
        fresh = Properties(
            headers.metadata(call.request) or dict(source.metadata),
            dict(source.content),
            source.content_md5,
            nfs=_nfs_kept(call, source),
            copy=copy,
            extents=(Extent(0, source.length, place.share.epoch),) if source.length else (),
        )
        fresh = with_smb(self._shares, call, place, fresh, shown=shown)
        if headers.flag(call.request, "x-ms-file-copy-set-archive") and "Archive" not in fresh.smb.attributes:
            fresh = replace(fresh, smb=replace(fresh.smb, attributes=f"{fresh.smb.attributes} | Archive"))
        with ExitStack() as undo:
            with place.tree.new_file(place.names) as descriptor:
                os.truncate(descriptor, source.length)
                state = self._shares.stamp(descriptor)
                kept = os.dup(descriptor)
                undo.callback(os.close, kept)
            undo.pop_all()
        lease = before.properties.lease if before else fresh.lease
        self._shares.keep_written(place, replace(fresh, lease=lease, state=state))
        self._running[copy.id] = RunningCopy()
        return kept

    async def _move(self, place: Place, copy: Copy, reading: int, writing: int) -> None:
        """Copy the bytes, and keep what became of it."""
        running = self._running[copy.id]
        try:
            try:
                await asyncio.to_thread(sparse.copy, reading, writing, count=copy.total, progress=running.report)
                ended = replace(copy, status="success", done=copy.total)
            except AbortedError:
                os.truncate(writing, 0)
                ended = replace(copy, status="aborted", done=running.done)
            except OSError as error:
                text = f'500 InternalError "{error.strerror}"'
                ended = replace(copy, status="failed", done=running.done, description=text)
            self._end(place, replace(ended, completed=self._shares.clock.now()), writing)
        finally:
            del self._running[copy.id]
            os.close(reading)
            os.close(writing)

    def _end(self, place: Place, copy: Copy, writing: int) -> None:
        kept = self._shares.store.get(Properties, place.key)
        if kept is None or kept.copy is None or kept.copy.id != copy.id:
            return  # deleted or replaced meanwhile
        extents = kept.extents if copy.status == "success" else None
        self._shares.keep_written(place, replace(kept, copy=copy, extents=extents, state=self._shares.stamp(writing)))


def _nfs_kept(call: Call, source: Source) -> Nfs:
    """The NFS properties that a copy keeps of its source, where the request says so; others are those of a new file."""
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
    """The SMB properties that a copy keeps of its source, where the request says so."""
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
