"""Changes of the content of files. Each happens as a whole or not at all, also if the process is killed.

The new record of the file and an intent are stored first. The new record contains the previous one, which holds until
the disk shows the change (``file_records``). A write that fails is undone, and ``recovery`` undoes one that a killed
process did not finish. Clearing a range and changing the length cannot be undone; ``recovery`` finishes them.
"""

import logging
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from harness.emulator.providers.files.intents import ContentChange, Intents
from harness.emulator.providers.files.model import Properties
from harness.emulator.providers.files.shares import Found, Shares
from harness.emulator.storage_service import errors, leases, sparse, timestamps
from harness.emulator.storage_service.entries import SAFE, close, to_entry
from harness.emulator.storage_service.file_records import later, of_file
from harness.emulator.storage_service.system_calls import status_of
from harness.emulator.storage_service.threads import in_thread
from harness.emulator.storage_service.trash import KEPT

_INLINE = 64 << 10  # bytes written without a thread, or kept in an intent: a file would cost as much again

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """A file before and after a change."""

    before: Found
    after: Found


class Contents:
    """Writes to files. The caller holds the file's turn."""

    def __init__(self, shares: Shares, intents: Intents) -> None:
        self._shares = shares
        self._intents = intents

    def plan(self, found: Found, properties: Properties, *, length: int | None = None) -> Plan:
        """Plan a change of a file's content.

        Args:
            properties: the properties of the file after the change.
            length: the length of the file after the change; None if it does not change.
        """
        now = self._shares.clock.now()
        time = later(timestamps.nanoseconds(now), found.entry.modified_ns)
        entry = found.entry.written(found.entry.length if length is None else length, time)
        properties = replace(properties, lease=leases.after_write(properties.lease, now), modified=0)
        return Plan(found, Found(found.place, entry, properties))

    async def write(self, plan: Plan, first: int, body: Sequence[bytes]) -> None:
        """Write a body.

        Raises:
            StorageError: another file has the name by now.
            OSError: the disk refuses; nothing has changed.
        """
        end = first + sum(len(part) for part in body)
        with self._opened(plan) as descriptor:
            change = self._with_old_content(self._change(plan, "write", first, end), descriptor)
            try:
                key = self._begin(plan, change)
            except BaseException:
                self._forget_old_content(change)
                raise
            try:
                await _act(end - first, sparse.write_parts, descriptor, body, first)
                _date(descriptor, plan)
                self._intents.end(change, key, then=lambda: self._shares.keep(plan.after))
            except Exception:
                undo(change, descriptor, self._shares.trash.folder)
                self._take_back(plan, change, key)
                self._forget_old_content(change)
                raise
            self._forget_old_content(change)

    async def clear(self, plan: Plan, first: int, end: int) -> None:
        """Make a range of the file zeros, which take no room.

        Raises:
            StorageError: another file has the name by now.
            OSError: the disk refuses; nothing has changed.
        """
        with self._opened(plan) as descriptor:
            change = self._change(plan, "clear", first, end)
            key = self._begin(plan, change)
            try:
                await _act(end - first, sparse.clear, descriptor, first, end - first)
            except Exception:
                self._take_back(plan, change, key)
                raise
            self._finish(plan, change, key, descriptor)

    def resize(self, plan: Plan) -> None:
        """Give the file the length that it is to have.

        Raises:
            StorageError: another file has the name by now.
            OSError: the disk refuses; nothing has changed.
        """
        with self._opened(plan) as descriptor:
            change = self._change(plan, "resize", 0, 0)
            key = self._begin(plan, change)
            try:
                os.truncate(descriptor, plan.after.entry.length)
            except Exception:
                self._take_back(plan, change, key)
                raise
            self._finish(plan, change, key, descriptor)

    @contextmanager
    def _opened(self, plan: Plan) -> Iterator[int]:
        place = plan.before.place
        with place.tree.open_file(place.names, os.O_RDWR) as descriptor:
            if to_entry("", status_of(descriptor)).file != plan.before.entry.file:
                raise errors.not_found()
            yield descriptor

    def _with_old_content(self, change: ContentChange, descriptor: int) -> ContentChange:
        """Add the data that a write overwrites: inline if it is short, else in a file in the trash folder."""
        first, end = change.first, change.end
        parts = list(sparse.segments(descriptor, first, end))
        if sum(stop - at for at, stop in parts) <= _INLINE:
            return replace(change, old=tuple((at, os.pread(descriptor, stop - at, at)) for at, stop in parts))
        change = replace(change, saved=uuid.uuid4().hex + KEPT)
        try:
            with _new_file(self._shares.trash.folder / change.saved) as saved:
                sparse.copy(descriptor, saved, first=first, count=end - first, to=first)
        except BaseException:
            self._forget_old_content(change)
            raise
        return change

    def _forget_old_content(self, change: ContentChange) -> None:
        if change.saved:
            with suppress(OSError):  # the next start deletes it
                (self._shares.trash.folder / change.saved).unlink(missing_ok=True)

    def _change(self, plan: Plan, kind: Literal["write", "clear", "resize"], first: int, end: int) -> ContentChange:
        before, target = plan.before, plan.before.place.target
        return ContentChange(
            target.account,
            target.place,
            tuple(before.place.names),
            before.place.key,
            before.entry.file,
            before.entry.state,
            plan.after.entry.state,
            timestamps.nanoseconds(self._shares.clock.now()),
            kind,
            first,
            end,
        )

    def _begin(self, plan: Plan, change: ContentChange) -> str:
        before, after = plan.before, plan.after
        over = of_file(before.properties, before.entry)
        with self._intents.beginning(change) as key:
            self._shares.store.put(change.key, of_file(after.properties, after.entry, over=over))
        return key

    def _take_back(self, plan: Plan, change: ContentChange, key: str) -> None:
        self._intents.end_if_possible(change, key, then=lambda: self._shares.keep(plan.before))

    def _finish(self, plan: Plan, change: ContentChange, key: str, descriptor: int) -> None:
        """Set the time of a file whose old content is lost. The change has happened even if the disk refuses that."""
        try:
            _date(descriptor, plan)
        except OSError as error:
            _log.warning("the time of a changed file cannot be set: %s", error.strerror)
            with suppress(OSError):
                entry = to_entry(plan.after.entry.name, status_of(descriptor)).dated(plan.after.entry.modified_ns)
                properties = replace(plan.after.properties, modified=entry.modified_ns)
                found = Found(plan.after.place, entry, properties)
                self._intents.end_if_possible(change, key, then=lambda: self._shares.keep(found))
                return
        self._intents.end_if_possible(change, key, then=lambda: self._shares.keep(plan.after))


def _date(descriptor: int, plan: Plan) -> None:
    """Set the time of a file to that of its record."""
    os.utime(descriptor, ns=(plan.after.entry.accessed_ns, plan.after.entry.written_ns))


async def _act(size: int, act: Callable[..., None], *arguments: object) -> None:
    """Call ``act`` directly for few bytes, and in a thread for many, so that other requests do not wait."""
    if size <= _INLINE:
        act(*arguments)
    else:
        await in_thread(act, *arguments)


@contextmanager
def _new_file(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | SAFE, 0o600)
    try:
        yield descriptor
    finally:
        close(descriptor)


def undo(change: ContentChange, descriptor: int, folder: Path) -> None:
    """Restore the content of a range and the time of its file.

    Args:
        folder: the trash folder.
    """
    sparse.clear(descriptor, change.first, change.end - change.first)
    for at, part in change.old:
        sparse.write_all(descriptor, part, at)
    if change.saved:
        saved = os.open(folder / change.saved, os.O_RDONLY)
        try:
            sparse.copy(saved, descriptor, first=change.first, count=change.end - change.first, to=change.first)
        finally:
            close(saved)
    os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, change.before[1]))
