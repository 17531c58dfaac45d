"""Changes of the content of files. Each happens as a whole or not at all, also if the process is killed.

The new record of the file and an intent are stored first. The new record contains the previous one, which holds until
the disk shows the change (``file_records``). A write that fails is undone, and ``unfinished_changes`` undoes one that a
killed process did not finish. Clearing a range and changing the length cannot be undone; it finishes them.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.storage_service import errors, sparse, timestamps
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import SAFE, Entry, close, to_entry
from harness.emulator.storage_service.file_records import FileRecord, of_file
from harness.emulator.storage_service.intents import ContentChange, Intents, Kind
from harness.emulator.storage_service.model import Service
from harness.emulator.storage_service.system_calls import status_of
from harness.emulator.storage_service.threads import in_thread
from harness.emulator.storage_service.trash import KEPT, Trash
from harness.emulator.storage_service.unfinished_changes import undo
from harness.emulator.store import Store

_INLINE = 64 << 10  # bytes that are written without a thread, or kept in an intent instead of a file

_log = logging.getLogger(__name__)


class Place(Protocol):
    """Where a file is."""

    @property
    def account(self) -> str:
        """The account."""

    @property
    def root(self) -> str:
        """The name or content by which the service finds the directory of the share or container."""

    @property
    def tree(self) -> Tree:
        """The directory of the share or container."""

    @property
    def names(self) -> list[str]:
        """The path in it."""

    @property
    def key(self) -> str:
        """The store's key of the record."""


class Recorded(Protocol):
    """A file that is there, and its record."""

    @property
    def place(self) -> Place:
        """Where it is."""

    @property
    def entry(self) -> Entry:
        """What it is on disk."""

    @property
    def record(self) -> FileRecord:
        """The record."""


F = TypeVar("F", bound=Recorded)


@dataclass(frozen=True, slots=True)
class Plan(Generic[F]):
    """A file before and after a change."""

    before: F
    after: F


class ContentChanges:
    """Writes to files of a service. The caller holds the file's turn."""

    def __init__(self, service: Service, store: Store, clock: Clock, trash: Trash, intents: Intents) -> None:
        self._service = service
        self._store = store
        self._clock = clock
        self._trash = trash
        self._intents = intents

    async def write(self, plan: Plan[F], first: int, body: Sequence[bytes]) -> None:
        """Write a body, in the file or at its end.

        Raises:
            StorageError: another file has the name by now.
            OSError: the disk refuses; nothing has changed.
        """
        end = first + sum(len(part) for part in body)
        with self._opened(plan) as descriptor:
            kind: Kind = "write" if first < plan.before.entry.length else "append"
            change = self._with_old_content(self._change(plan, kind, first, end), descriptor)
            try:
                key = self._begin(plan, change)
            except BaseException:
                self._forget_old_content(change)
                raise
            try:
                await _act(end - first, sparse.write_parts, descriptor, body, first)
                _date(descriptor, plan)
                self._intents.end(change, key, then=lambda: self._keep(plan.after))
            except BaseException:
                undo(change, descriptor, self._trash.folder)
                self._take_back(plan, change, key)
                self._forget_old_content(change)
                raise
            self._forget_old_content(change)

    async def clear(self, plan: Plan[F], first: int, end: int) -> None:
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
            except asyncio.CancelledError:  # the request was cancelled, and the clearing has ended
                self._finish(plan, change, key, descriptor)
                raise
            except Exception:
                self._take_back(plan, change, key)
                raise
            self._finish(plan, change, key, descriptor)

    def resize(self, plan: Plan[F]) -> None:
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
    def _opened(self, plan: Plan[F]) -> Iterator[int]:
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
            with _new_file(self._trash.folder / change.saved) as saved:
                sparse.copy(descriptor, saved, first=first, count=end - first, to=first)
        except BaseException:
            self._forget_old_content(change)
            raise
        return change

    def _forget_old_content(self, change: ContentChange) -> None:
        if change.saved:
            with suppress(OSError):  # the next start deletes it
                (self._trash.folder / change.saved).unlink(missing_ok=True)

    def _change(self, plan: Plan[F], kind: Kind, first: int, end: int) -> ContentChange:
        before, place = plan.before, plan.before.place
        return ContentChange(
            place.account,
            place.root,
            tuple(place.names),
            place.key,
            before.entry.file,
            before.entry.state,
            plan.after.entry.state,
            timestamps.nanoseconds(self._clock.now()),
            kind,
            first,
            end,
            service=self._service,
        )

    def _begin(self, plan: Plan[F], change: ContentChange) -> str:
        before, after = plan.before, plan.after
        over = of_file(before.record, before.entry)
        with self._intents.beginning(change) as key:
            self._store.put(change.key, of_file(after.record, after.entry, over=over))
        return key

    def _keep(self, found: Recorded) -> None:
        self._store.put(found.place.key, of_file(found.record, found.entry))

    def _take_back(self, plan: Plan[F], change: ContentChange, key: str) -> None:
        self._intents.end_if_possible(change, key, then=lambda: self._keep(plan.before))

    def _finish(self, plan: Plan[F], change: ContentChange, key: str, descriptor: int) -> None:
        """Set the time of a file whose old content is lost. The change has happened even if the disk refuses that."""
        try:
            _date(descriptor, plan)
        except OSError as error:
            _log.warning("the time of a changed file cannot be set: %s", error.strerror)
            with suppress(OSError):
                entry = to_entry(plan.after.entry.name, status_of(descriptor)).dated(plan.after.entry.modified_ns)
                record = of_file(replace(plan.after.record, modified=entry.modified_ns), entry)
                self._intents.end_if_possible(change, key, then=lambda: self._store.put(change.key, record))
                return
        self._intents.end_if_possible(change, key, then=lambda: self._keep(plan.after))


def _date(descriptor: int, plan: Plan[F]) -> None:
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
